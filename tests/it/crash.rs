//! kill -9 under load, again and again: whatever Bedrock saw is in the journal, whatever was acknowledged has its
//! outcome, and what the crash cut off is called unknown.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::call::{Call, HAIKU, KeyPair};
use crate::support::eventually;
use crate::support::http::Target;
use crate::support::warden::{Setup, TestWarden};

const CYCLES: usize = 20;
const CLIENTS: usize = 6;

#[test]
fn nothing_is_lost_by_kill_9() {
    let mut warden = Setup::new().event_gap_ms(15).start();
    let acknowledged = Mutex::new(Vec::new());
    for cycle in 0..CYCLES {
        // The point of the crash is counted in requests, so that it moves over the stages but not with the machine.
        let until = warden.upstream().len() + 1 + (cycle * 7) % 13;
        crash_under_load(&mut warden, until, &acknowledged);
        warden.restart();
    }
    let journal = warden.journal();
    journal.assert_ends();
    let unknown = journal.records.iter().filter(|record| record.is_unknown()).count();
    assert!(unknown > 0, "no crash hit a request in flight: the test has no teeth");
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > CYCLES && warden.upstream().len() > acknowledged.len(), "too little load");
    for id in acknowledged {
        let outcome = journal.end_of(&id);
        assert!(outcome.is_outcome(), "{id} was acknowledged: {outcome:?}");
        assert_eq!(outcome.text("end_state"), "complete", "{id}: {outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{id}: {outcome:?}");
    }
}

#[test]
fn a_request_cut_off_by_a_crash_becomes_unknown_and_stays_it() {
    let mut warden = Setup::new().start();
    let (connection, _) = warden.open(Call::converse_stream(HAIKU, "simulate: stall-mid-stream"));
    warden.kill();
    drop(connection);
    warden.restart();
    warden.kill();
    warden.restart();
    let journal = warden.journal();
    let unknown: Vec<_> = journal.records.iter().filter(|record| record.is_unknown()).collect();
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert_eq!(warden.send(Call::converse(HAIKU, "say: back again")).converse_text(), "back again");
}

/// Loads the warden until Bedrock has seen `until` requests, kills it, and waits until every client has noticed.
fn crash_under_load(warden: &mut TestWarden, until: usize, acknowledged: &Mutex<Vec<String>>) {
    let (target, authority, key) = (warden.tls(), warden.authority(), warden.key.clone());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (target, authority, key, stop) = (&target, &authority, &key, &stop);
            scope.spawn(move || load(client, target, authority, key, stop, acknowledged));
        }
        eventually("enough requests before the crash", || warden.upstream().len() >= until);
        warden.kill();
        stop.store(true, Ordering::Relaxed);
    });
}

/// Sends one request after the other until the connection breaks.
fn load(
    client: usize,
    target: &Target,
    authority: &str,
    key: &KeyPair,
    stop: &AtomicBool,
    acknowledged: &Mutex<Vec<String>>,
) {
    let prompt = "say: one two three four five six";
    for turn in 0.. {
        let call = match (client + turn) % 3 {
            0 => Call::converse(HAIKU, prompt),
            1 => Call::converse_stream(HAIKU, prompt),
            _ => Call::invoke_stream(HAIKU, prompt),
        };
        match target.try_send(&call.sign(key, authority)) {
            Ok(response) => {
                assert_eq!(response.status, 200, "{}", response.text());
                acknowledged.lock().unwrap().push(response.decision_id());
            }
            Err(_) => return,
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}
