//! What is acknowledged is in the file, once, in order, and only one process writes it.

use std::os::unix::fs::PermissionsExt;

use tokio_util::task::TaskTracker;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_intent_can_be_read_by_another_connection_at_once() {
    let place = Place::new();
    let journal = place.open().await;
    let entry = entry(&journal);
    let id = entry.request_id();
    let (receipt, open) = entry.commit_intent(Intent::default()).await.unwrap();
    let rows = place.rows().await;
    assert_eq!(kinds(&rows), ["sidecar.start", "request.intent"]);
    assert_eq!((receipt.seq(), receipt.request_id()), (1, id));
    assert_eq!(rows[1]["request_id"], id.to_string());
    assert_eq!(rows[1]["team"], "payments");
    open.finish(complete()).await.unwrap();
    journal.close().await;
    let rows = place.rows().await;
    assert_eq!(kinds(&rows), ["sidecar.start", "request.intent", "request.outcome", "sidecar.stop"]);
    assert_sound(&rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_are_all_acknowledged_without_gaps() {
    let place = Place::new();
    let journal = place.open().await;
    let tasks = TaskTracker::new();
    for number in 0..600 {
        let journal = journal.clone();
        tasks.spawn(async move {
            let entry = entry(&journal);
            if number % 3 == 0 {
                entry.refuse(denied()).await.unwrap();
            } else {
                let (_receipt, open) = entry.commit_intent(Intent::default()).await.unwrap();
                open.finish(complete()).await.unwrap();
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    let rows = place.rows().await;
    assert_eq!(rows.len(), 1 + 200 + 400 * 2);
    assert_sound(&rows);
    assert_eq!(journal.health().queued, 0);
    journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_say_what_the_evidence_says() {
    let place = Place::new();
    let journal = place.open().await;
    let (_receipt, open) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
    open.finish(complete()).await.unwrap();
    entry(&journal).refuse(denied()).await.unwrap();
    journal.close().await;
    let mut connection =
        SqliteConnectOptions::new().filename(place.path()).read_only(true).connect().await.unwrap();
    let differing: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM record WHERE kind IS NOT record ->> 'kind' OR ts_us IS NOT record ->> 'ts_us'
            OR request_id IS NOT record ->> 'request_id' OR team IS NOT record ->> 'team'
            OR app IS NOT record ->> 'app' OR operation IS NOT record ->> 'operation'
            OR model IS NOT record ->> 'model_resolved' OR decision IS NOT record ->> 'decision'
            OR end_state IS NOT record ->> 'end_state'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(differing, 0);
    let hits: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT seq, rule, role FROM rule_hit").fetch_all(&mut connection).await.unwrap();
    assert_eq!(hits, [(3, "models".to_owned(), "violated".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_cannot_be_changed_or_deleted_through_sql() {
    let place = Place::new();
    place.open().await.close().await;
    let mut connection = SqliteConnectOptions::new().filename(place.path()).connect().await.unwrap();
    for statement in ["UPDATE record SET kind = 'x'", "DELETE FROM record"] {
        let error = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_handle_on_the_same_file_is_refused() {
    let place = Place::new();
    let journal = place.open().await;
    let link = place.folder.path().join("other.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    for path in [place.path(), link] {
        let error = Journal::open(&path, place.options()).await.unwrap_err();
        assert!(matches!(error, JournalError::InUse { .. }), "{error}");
    }
    journal.close().await;
    place.open().await.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_journal_refuses_appends() {
    let place = Place::new();
    let journal = place.open().await;
    journal.clone().close().await;
    let error = entry(&journal).refuse(denied()).await.unwrap_err();
    assert_eq!(error, JournalError::Closed);
    assert_eq!(journal.health().state, JournalState::Closed);
}

#[test]
fn a_writer_that_ended_is_not_ready() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let journal = runtime.block_on(place.open());
    assert!(journal.health().is_ready());
    // Takes the writer task with it, as a panic would.
    drop(runtime);
    assert!(!journal.health().is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_handle_closes_the_file() {
    let place = Place::new();
    let journal = place.open().await;
    let mut states = journal.states();
    drop(journal);
    states.wait_for(|state| *state == JournalState::Closed).await.unwrap();
    assert_eq!(kinds(&place.rows().await), ["sidecar.start", "sidecar.stop"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_readable_by_its_owner_only() {
    let place = Place::new();
    let journal = place.open().await;
    for name in ["audit.db", "audit.db-wal", "audit.db.lock"] {
        let mode = std::fs::metadata(place.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_kind_is_refused() {
    let place = Place::new();
    std::fs::write(place.path(), "this is not a database, and it is long enough to be read as one").unwrap();
    let error = Journal::open(&place.path(), place.options()).await.unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }), "{error}");
}
