//! However a request ends, it leaves one opening and one ending.

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio_util::task::TaskTracker;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Path {
    Finish,
    Refuse,
    DropEarly,
    DropOpen,
    /// The task is cancelled while it waits for the intent.
    CancelCommit,
    /// The task is cancelled while it waits for the outcome.
    CancelFinish,
}

async fn walk(journal: Journal, path: Path) {
    let entry = entry(&journal);
    match path {
        Path::Finish => {
            let (_receipt, open) = entry.commit_intent(Intent::default()).await.unwrap();
            open.finish(complete()).await.unwrap();
        }
        Path::Refuse => entry.refuse(denied()).await.unwrap(),
        Path::DropEarly => drop(entry),
        Path::DropOpen => drop(entry.commit_intent(Intent::default()).await.unwrap()),
        Path::CancelCommit => {
            tokio::select! {
                biased;
                _ = entry.commit_intent(Intent::default()) => {},
                () = tokio::task::yield_now() => {},
            }
        }
        Path::CancelFinish => {
            let (_receipt, open) = entry.commit_intent(Intent::default()).await.unwrap();
            tokio::select! {
                biased;
                _ = open.finish(complete()) => {},
                () = tokio::task::yield_now() => {},
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_interleaving_leaves_one_opening_and_one_ending_per_request(
        paths in prop::collection::vec(
            prop::sample::select(vec![
                Path::Finish, Path::Refuse, Path::DropEarly, Path::DropOpen, Path::CancelCommit, Path::CancelFinish,
            ]),
            1..60,
        ),
        lies in prop::collection::vec(any::<bool>(), 0..4),
    ) {
        let place = Place::new();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let requests = paths.len();
        runtime.block_on(async {
            let journal = place.open().await;
            for persisted in lies {
                // Two in a row would be a broken file; an honest transaction in between keeps it a hiccup.
                place.faults.inject(if persisted { Fault::FailedButPersisted } else { Fault::FailedNotPersisted });
                place.faults.inject(Fault::Honest);
            }
            let tasks = TaskTracker::new();
            for path in paths {
                tasks.spawn(walk(journal.clone(), path));
            }
            tasks.close();
            tasks.wait().await;
            journal.close().await;
            let rows = place.rows().await;
            assert_sound(&rows);
            let opened = kinds(&rows)
                .iter()
                .filter(|kind| ["request.intent", "request.denied"].contains(kind))
                .count();
            assert_eq!(opened, requests);
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_dropped_before_a_decision_is_recorded_with_what_was_known() {
    let place = Place::new();
    let journal = place.open().await;
    drop(Entry::open(&journal, arrival()));
    journal.close().await;
    let rows = place.rows().await;
    assert_eq!(rows[1]["kind"], "request.denied");
    assert_eq!((&rows[1]["decision"], &rows[1]["end_state"]), (&"error".into(), &"abandoned".into()));
    assert_eq!(rows[1]["claimed_cred_id"], "AKIAWARDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_entry_dropped_is_recorded_as_abandoned() {
    let place = Place::new();
    let journal = place.open().await;
    drop(entry(&journal).commit_intent(Intent::default()).await.unwrap());
    journal.close().await;
    let rows = place.rows().await;
    assert_eq!(rows[2]["end_state"], "abandoned");
    assert_sound(&rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_make_the_decision_a_modification() {
    let place = Place::new();
    let journal = place.open().await;
    let intent = Intent {
        edits: vec![Edit {
            field: "max_tokens".to_owned(),
            from: Some("4000".to_owned()),
            to: Some("1000".to_owned()),
            rule: "limits".to_owned(),
        }],
        ..Intent::default()
    };
    drop(entry(&journal).commit_intent(intent).await.unwrap());
    journal.close().await;
    let rows = place.rows().await;
    assert_eq!(rows[1]["decision"], "modify");
    assert_eq!(rows[1]["edits"][0]["to"], "1000");
}
