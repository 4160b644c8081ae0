//! What receivers cost the callers. Measures and prints; asserts nothing about time.
//!
//! `cargo test --test it receivers::latency -- --ignored --nocapture`

use std::time::{Duration, Instant};

use crate::support::call::{Call, HAIKU};
use crate::support::hostile_upstream::HostileUpstream;
use crate::support::http::Connection;
use crate::support::receivers::{ABSENT, Stalled};
use crate::support::warden::{Setup, TestWarden};

use super::away::telling;

/// Calls of each warden. They take turns, so that whatever else the machine does hits all of them.
const CALLS: usize = 1_500;

#[test]
#[ignore = "measures for minutes"]
fn latency_with_receivers_that_answer_refuse_and_stall() {
    let good = HostileUpstream::start(|_| {
        b"HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            .to_vec()
    });
    let stalled = Stalled::start();
    let mut callers = [
        Caller::of("no receivers", Setup::new()),
        Caller::of("receivers that answer", telling(Setup::new(), &good.endpoint())),
        Caller::of("receivers that refuse", telling(Setup::new(), &format!("http://{ABSENT}"))),
        Caller::of("receivers that stall", telling(Setup::new(), &stalled.url())),
    ];
    for _ in 0..CALLS {
        callers.iter_mut().for_each(Caller::call);
    }
    eprintln!("{:<26}{:>10}{:>10}", "milliseconds, one caller", "p50", "p99");
    callers.iter_mut().for_each(Caller::report);
}

/// One application on one connection.
struct Caller {
    what: &'static str,
    warden: TestWarden,
    connection: Connection,
    times: Vec<Duration>,
}

impl Caller {
    fn of(what: &'static str, setup: Setup) -> Self {
        let warden = setup.start();
        let connection = Connection::open(&warden.tls()).unwrap();
        Self { what, warden, connection, times: Vec::new() }
    }

    fn call(&mut self) {
        let request = self.warden.sign(Call::converse(HAIKU, "say: hello")).to_bytes();
        let started = Instant::now();
        self.connection.write(&request).unwrap();
        self.connection.response().unwrap().assert_ok();
        self.times.push(started.elapsed());
    }

    fn report(&mut self) {
        self.times.sort_unstable();
        let at = |share: usize| self.times[self.times.len() * share / 100].as_secs_f64() * 1e3;
        eprintln!("{:<26}{:>10.2}{:>10.2}", self.what, at(50), at(99));
    }
}
