//! Receivers that are away: requests are answered and recorded all the same, the loss is counted, the drain has an end.

use std::thread;

use bedrock_warden::telemetry::names::{exporter, prometheus as names};

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::receivers::{ABSENT, Stalled};
use crate::support::warden::{Setup, TestWarden};

use super::prometheus::{scrape, sum};

const CALLERS: usize = 16;
const CALLS: usize = 13;

#[test]
fn receivers_that_refuse_connections_cost_nobody_a_request() {
    serve_without(&format!("http://{ABSENT}"));
}

#[test]
fn receivers_that_never_answer_cost_nobody_a_request() {
    let stalled = Stalled::start();
    serve_without(&stalled.url());
}

fn serve_without(receiver: &str) {
    let mut warden = start(receiver);
    load(&warden, CALLERS, CALLS);
    for exporter in [exporter::CLOUDWATCH, exporter::OTLP_TRACES, exporter::OTLP_METRICS] {
        eventually(&format!("{exporter} to count a failure"), || {
            let failed = [("exporter", exporter), ("result", "failure")];
            sum(&scrape(&warden), names::EXPORTED.name, &failed) > 0.0
        });
    }
    // Spans that could not be sent are not sent later.
    eventually("dropped spans to be counted", || {
        let dropped = [("exporter", exporter::OTLP_TRACES)];
        sum(&scrape(&warden), names::DROPPED.name, &dropped) > 0.0
    });
    warden.terminate();
    warden.wait_for_exit();
    let journal = warden.journal();
    let complete = journal.records.iter().filter(|record| record.text("end_state") == "complete").count();
    assert_eq!(complete, CALLERS * CALLS);
}

/// A warden that tells one receiver everything.
pub fn start(receiver: &str) -> TestWarden {
    telling(Setup::new(), receiver).start()
}

pub fn telling(setup: Setup, receiver: &str) -> Setup {
    setup
        .setting("WARDEN_TELEMETRY_CLOUDWATCH_ENDPOINT", receiver)
        .setting("WARDEN_TELEMETRY_CLOUDWATCH_INTERVAL", "1s")
        .setting("WARDEN_TELEMETRY_OTLP_ENDPOINT", receiver)
        .setting("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")
        .setting("OTEL_BSP_SCHEDULE_DELAY", "200")
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "500")
}

/// `callers` at once, each with `calls` requests, one after another. All must succeed.
pub fn load(warden: &TestWarden, callers: usize, calls: usize) {
    thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                for _ in 0..calls {
                    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
                }
            });
        }
    });
}
