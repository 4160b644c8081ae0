//! The failure table: what happens to requests and records when the file misbehaves.

use std::time::Duration;

use super::*;

async fn reaches(journal: &Journal, wanted: impl FnMut(&JournalState) -> bool) -> JournalState {
    let mut states = journal.states();
    let reached = tokio::time::timeout(Duration::from_secs(10), states.wait_for(wanted)).await;
    reached.expect("the state is reached in time").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_failed_but_persisted_is_acknowledged_once() {
    ambiguous(Fault::FailedButPersisted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_failed_and_did_not_persist_is_written_again() {
    ambiguous(Fault::FailedNotPersisted).await;
}

async fn ambiguous(fault: Fault) {
    let place = Place::new();
    let journal = place.open().await;
    for round in 0..100 {
        place.faults.inject(fault.clone());
        let (receipt, open) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
        assert_eq!(receipt.seq(), 1 + round * 2);
        open.finish(complete()).await.unwrap();
    }
    assert_eq!(journal.health().state, JournalState::Healthy);
    journal.close().await;
    let rows = place.rows().await;
    assert_eq!(rows.len(), 202);
    assert_sound(&rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_twice_for_an_unknown_reason_fails_closed() {
    let place = Place::new();
    let journal = place.open().await;
    place.faults.inject(Fault::FailedNotPersisted);
    place.faults.inject(Fault::FailedNotPersisted);
    let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
    assert!(matches!(error, JournalError::Failed(_)), "{error}");
    let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
    assert!(matches!(error, JournalError::Failed(_)), "{error}");
    assert!(!journal.health().is_ready());
    journal.close().await;
    assert_eq!(kinds(&place.rows().await), ["sidecar.start"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_writer_fails_closed() {
    let place = Place::new();
    let journal = place.open().await;
    let mut intruder = SqliteConnectOptions::new().filename(place.path()).connect().await.unwrap();
    sqlx::query("INSERT INTO record (seq, kind, ts_us, record) VALUES (1, 'x', 0, '{}')")
        .execute(&mut intruder)
        .await
        .unwrap();
    let error = entry(&journal).refuse(denied()).await.unwrap_err();
    assert!(error.to_string().contains("another process writes"), "{error}");
    journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_intents_keeps_outcomes_and_resumes() {
    let place = Place::new();
    let journal = place.open().await;
    let (_receipt, admitted) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
    place.faults.inject(Fault::MaxPages(1));
    // Fills what is left of the last pages, until SQLite says that the database is full.
    let mut written = 0;
    let error = loop {
        match entry(&journal).refuse(denied()).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Degraded(_)), "{error}");
    assert!(!journal.health().is_ready());
    let started = crate::clock::instant();
    let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
    assert!(matches!(error, JournalError::Degraded(_)), "{error}");
    let error = admitted.finish(complete()).await.unwrap_err();
    assert!(matches!(error, JournalError::Degraded(_)), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1), "refused fast");

    place.faults.inject(Fault::MaxPages(1_000_000));
    reaches(&journal, |state| *state == JournalState::Healthy).await;
    drop(entry(&journal).commit_intent(Intent::default()).await.unwrap());
    journal.close().await;
    let rows = place.rows().await;
    assert_sound(&rows);
    let kinds = kinds(&rows);
    assert!(kinds.contains(&"audit.degraded") && kinds.contains(&"audit.resumed"), "{kinds:?}");
    let denials = kinds.iter().filter(|kind| **kind == "request.denied").count();
    assert_eq!(denials, written + 2, "the refused refusal and the refused intent are both on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_lock_refuses_within_a_second_and_resumes() {
    let place = Place::new();
    let options = JournalOptions { deadline: Duration::from_millis(500), ..place.options() };
    let journal = Journal::open(&place.path(), options).await.unwrap();
    let mut intruder = SqliteConnectOptions::new().filename(place.path()).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut intruder).await.unwrap();
    for _ in 0..4 {
        let started = crate::clock::instant();
        let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
        assert!(matches!(error, JournalError::Degraded(_) | JournalError::Deadline { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(1));
    }
    reaches(&journal, |state| matches!(state, JournalState::Degraded { .. })).await;
    sqlx::query("ROLLBACK").execute(&mut intruder).await.unwrap();
    reaches(&journal, |state| *state == JournalState::Healthy).await;
    entry(&journal).refuse(denied()).await.unwrap();
    journal.close().await;
    let rows = place.rows().await;
    assert_sound(&rows);
    assert_eq!(kinds(&rows).iter().filter(|kind| **kind == "request.denied").count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_is_late_is_refused_and_its_end_is_recorded() {
    let place = Place::new();
    let options = JournalOptions { deadline: Duration::from_millis(50), ..place.options() };
    let journal = Journal::open(&place.path(), options).await.unwrap();
    let (reached, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    place.faults.inject(Fault::Stall { reached: Arc::clone(&reached), resume: Arc::clone(&resume) });
    // The first is in the stalled transaction, the second still in the queue.
    let (first, second) = tokio::join!(entry(&journal).commit_intent(Intent::default()), async {
        reached.notified().await;
        entry(&journal).commit_intent(Intent::default()).await
    });
    for late in [first, second] {
        assert_eq!(late.unwrap_err(), JournalError::Deadline { deadline_ms: 50 });
    }
    resume.notify_one();
    journal.close().await;
    let rows = place.rows().await;
    assert_sound(&rows);
    assert_eq!(kinds(&rows)[1..], ["request.intent", "request.outcome", "request.denied", "sidecar.stop"]);
    assert_eq!(rows[2]["end_state"], "not_forwarded");
    assert_eq!(rows[3]["error_code"], "ServiceUnavailableException");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_do_not_fit_the_queue_are_counted_and_recorded_as_a_gap() {
    let place = Place::new();
    let journal = place.open().await;
    let (reached, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    place.faults.inject(Fault::Stall { reached: Arc::clone(&reached), resume: Arc::clone(&resume) });
    drop(entry(&journal));
    reached.notified().await;
    for _ in 0..4_096 + 5 {
        drop(Entry::open(&journal, Arrival::default()));
    }
    assert_eq!(journal.health().lost, 5);
    assert_eq!(journal.health().queued, 4_096);
    resume.notify_one();
    journal.close().await;
    let rows = place.rows().await;
    assert_sound(&rows);
    let gaps: Vec<_> = rows.iter().filter(|row| row["kind"] == "audit.gap").collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0]["details"]["records"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_or_replaced_is_noticed_and_fails_closed() {
    type Disturb = fn(&Path);
    let disturbances: [(&str, Disturb); 4] = [
        ("gone", |path| std::fs::remove_file(path).unwrap()),
        ("gone", |path| std::fs::remove_file(path.with_extension("db-wal")).unwrap()),
        ("replaced", |path| {
            std::fs::write(path.with_extension("new"), "").unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("may no longer", |path| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
        }),
    ];
    for (reason, disturb) in disturbances {
        let place = Place::new();
        let journal = place.open().await;
        disturb(&place.path());
        let state = reaches(&journal, |state| matches!(state, JournalState::Failed { .. })).await;
        assert!(format!("{state:?}").contains(reason), "{state:?}");
        let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
        assert!(matches!(error, JournalError::Failed(_)), "{error}");
        journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn low_space_refuses_intents_but_not_the_ends_of_admitted_requests() {
    let place = Place::new();
    let watch_everything = JournalOptions { reserve_bytes: 0, ..place.options() };
    let journal = Journal::open(&place.path(), watch_everything).await.unwrap();
    let (_receipt, admitted) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
    journal.pretend(JournalState::LowSpace { free_bytes: 7 });
    let error = entry(&journal).commit_intent(Intent::default()).await.unwrap_err();
    assert_eq!(error, JournalError::LowSpace { free_bytes: 7 });
    admitted.finish(complete()).await.unwrap();
    reaches(&journal, |state| *state == JournalState::Healthy).await;
    journal.close().await;
    assert_sound(&place.rows().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_journal_gives_the_space_of_its_wal_back() {
    let place = Place::new();
    let journal = place.open().await;
    entry(&journal).refuse(denied()).await.unwrap();
    let wal = place.path().with_extension("db-wal");
    assert!(std::fs::metadata(&wal).unwrap().len() > 0);
    let emptied = async {
        let mut poll = tokio::time::interval(Duration::from_millis(50));
        while std::fs::metadata(&wal).unwrap().len() > 0 {
            poll.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), emptied).await.unwrap();
    entry(&journal).refuse(denied()).await.unwrap();
    journal.close().await;
    assert_sound(&place.rows().await);
}
