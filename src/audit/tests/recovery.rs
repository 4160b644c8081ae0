//! What a restart finds, and what it writes.

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Leaves `open` intents and one finished request behind, then dies without closing anything.
fn crash(place: &Place, open: usize) {
    let runtime = runtime();
    runtime.block_on(async {
        let journal = place.open().await;
        let (_receipt, done) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
        done.finish(complete()).await.unwrap();
        entry(&journal).refuse(denied()).await.unwrap();
        for _ in 0..open {
            let (_receipt, lost) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
            std::mem::forget(lost);
        }
    });
    // Dropping a runtime drops its tasks where they stand: no drain, no stop record.
    drop(runtime);
}

#[test]
fn intents_without_outcome_become_unknown_before_the_next_start() {
    let place = Place::new();
    crash(&place, 3);
    let runtime = runtime();
    runtime.block_on(async {
        let before = place.rows().await;
        let journal = place.open().await;
        let rows = place.rows().await;
        let new = &rows[before.len()..];
        assert_eq!(kinds(new), ["request.unknown", "request.unknown", "request.unknown", "sidecar.start"]);
        assert_eq!(new[0]["end_state"], "crash_unknown");
        assert_eq!(new[0]["intent_seq"], 4);
        assert_eq!(new[3]["details"]["recovered"], "3");
        assert_ne!(new[3]["boot_id"], before[0]["boot_id"]);
        assert_eq!(new[3]["chain_id"], before[0]["chain_id"]);
        assert_sound(&rows);
        journal.close().await;
    });
}

#[test]
fn a_request_is_recovered_once_only() {
    let place = Place::new();
    crash(&place, 2);
    crash(&place, 1);
    crash(&place, 0);
    let runtime = runtime();
    runtime.block_on(async {
        place.open().await.close().await;
        let rows = place.rows().await;
        assert_sound(&rows);
        assert_eq!(kinds(&rows).iter().filter(|kind| **kind == "request.unknown").count(), 3);
    });
}

#[test]
fn a_clean_stop_leaves_nothing_to_recover() {
    let place = Place::new();
    runtime().block_on(async {
        let journal = place.open().await;
        let (_receipt, open) = entry(&journal).commit_intent(Intent::default()).await.unwrap();
        open.finish(complete()).await.unwrap();
        journal.close().await;
        place.open().await.close().await;
        let rows = place.rows().await;
        assert_eq!(rows[4]["details"]["recovered"], "0");
        assert_sound(&rows);
    });
}
