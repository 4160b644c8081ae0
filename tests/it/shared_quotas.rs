//! Limits that several wardens share through PostgreSQL: together they never exceed one, and its absence stops nobody who
//! has something left.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::call::{Call, HAIKU, converse_body};
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::postgres::Postgres;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

/// Far more than any budget here.
const TRIES: usize = 5_000;

const TAKEN: &str = "SELECT coalesce(sum(taken), 0) FROM warden_quota_window";
const GRANTED: &str = "SELECT coalesce(sum(granted), 0) FROM warden_quota_lease";

fn sharing(postgres: &Postgres, quotas: &str) -> TestWarden {
    let setup = Setup::new().team(&format!("{ALLOW_ALL}quotas:\n{quotas}"));
    let setup = setup.setting("WARDEN_QUOTAS_STORE", &postgres.url());
    // What is counted here are requests, on machines however busy.
    setup.setting("WARDEN_AUDIT_DEADLINE", "30s").start()
}

fn asking() -> Call {
    let mut body = converse_body("say: one two three");
    body["inferenceConfig"] = json!({ "maxTokens": 16 });
    Call::converse_with(HAIKU, &body)
}

fn send(warden: &TestWarden) -> Response {
    warden.send(asking())
}

/// Sends until the budget is used up. Returns how many were answered.
fn use_up(warden: &TestWarden, clients: usize) -> usize {
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                for _ in 0..TRIES {
                    let response = send(warden);
                    match response.status {
                        200 => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        400 => return assert_eq!(response.error_type(), "ServiceQuotaExceededException"),
                        // A busy machine may keep a slice from coming in time, and then callers try again.
                        503 => {}
                        status => panic!("{status}: {}", response.text()),
                    }
                }
                panic!("never told that the budget is used up");
            });
        }
    });
    answered.into_inner()
}

#[test]
fn two_wardens_together_never_exceed_a_budget() {
    let Some(postgres) = Postgres::start() else { return };
    let [one, other] = [(); 2].map(|()| sharing(&postgres, "  - requests: 200/day\n"));
    let (first, second) = std::thread::scope(|scope| {
        let [one, other] = [&one, &other].map(|warden| scope.spawn(|| use_up(warden, 25)));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!(first + second, 200);
    assert!(first > 0 && second > 0, "{first} and {second}: nothing was shared");
    assert_eq!(one.upstream().len() + other.upstream().len(), 200);
    assert_eq!((postgres.ask(TAKEN), postgres.ask(GRANTED)), ("200".to_owned(), "200".to_owned()));
}

#[test]
fn what_is_not_used_is_returned_by_a_drain_and_kept_over_a_crash() {
    let Some(postgres) = Postgres::start() else { return };
    let mut one = sharing(&postgres, "  - requests: 640/day\n");
    for _ in 0..4 {
        assert_eq!(send(&one).status, 200);
    }
    eventually("a slice", || postgres.ask(TAKEN).parse::<u32>().unwrap() > 4);
    one.terminate();
    one.wait_for_exit();
    assert_eq!((postgres.ask(TAKEN), postgres.ask(GRANTED)), ("4".to_owned(), "4".to_owned()));
    one.restart();
    assert_eq!(send(&one).status, 200);
    one.kill();
    let leased: usize = postgres.ask(TAKEN).parse().unwrap();
    assert!(leased > 5, "{leased}");
    one.restart();
    let other = sharing(&postgres, "  - requests: 640/day\n");
    let rest = use_up(&one, 8) + use_up(&other, 8) + use_up(&one, 1);
    assert_eq!(5 + rest, 640, "a crash has cost or given something");
}

#[test]
fn without_its_store_a_warden_serves_what_it_has_leased_and_then_nothing() {
    let Some(mut postgres) = Postgres::start() else { return };
    let warden = sharing(&postgres, "  - requests: 1K/day\n");
    assert_eq!(send(&warden).status, 200);
    eventually("a slice", || postgres.ask(TAKEN).parse::<u32>().unwrap() > 15);
    let leased: usize = postgres.ask(TAKEN).parse().unwrap();
    postgres.stop();
    let mut answered = 1;
    let refused = loop {
        let response = send(&warden);
        match response.status {
            200 => answered += 1,
            _ => break response,
        }
    };
    refused.assert_refused(503, "ServiceUnavailableException");
    assert!(warden.record_of(&refused).is_denial());
    assert_eq!(answered, leased);
    postgres.run();
    eventually("the store to be found again", || send(&warden).status == 200);
    assert!(postgres.ask(TAKEN).parse::<usize>().unwrap() <= 1_000);
}

#[test]
fn a_rule_may_let_requests_through_when_its_store_is_away() {
    let Some(mut postgres) = Postgres::start() else { return };
    let warden = sharing(&postgres, "  - { requests: 64/day, unavailable: allow }\n");
    assert_eq!(send(&warden).status, 200);
    postgres.stop();
    for _ in 0..40 {
        assert_eq!(send(&warden).status, 200);
    }
    // The limit itself holds all the same, as far as this warden knows.
    let more = use_up(&warden, 1);
    assert_eq!(41 + more, 64);
}
