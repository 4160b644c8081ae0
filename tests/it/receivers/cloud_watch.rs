//! CloudWatch, as moto adds it up.

use bedrock_warden::telemetry::names::cloudwatch as names;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::receivers::{ABSENT, Moto, NAMESPACE};
use crate::support::warden::{Setup, TestWarden};

use super::prometheus::exact;
use super::traffic::{self, DENIED, DENY_RULE, EDIT_RULE, EDITED, SHADOW_RULE, SHADOWED};

const DEPLOYMENT: &str = "receivers";

#[test]
fn cloudwatch_has_the_sums_of_what_was_sent() {
    let Some(moto) = Moto::start() else { return };
    let mut warden = start(&moto);
    traffic::send(&warden);
    // Sent by the interval, while the warden serves.
    eventually("the requests to be in CloudWatch", || {
        moto.sum(names::REQUESTS.name, &[DEPLOYED]) >= f64::from(traffic::REQUESTS)
    });
    // Sent by the drain: the interval is not over.
    warden.send(Call::converse(HAIKU, "say: one more")).assert_ok();
    warden.terminate();
    warden.wait_for_exit();
    check_totals(&moto, &warden);
    check_dimensions(&moto);
    check_series(&moto);
}

/// CloudWatch is told of what another exporter could not send.
#[test]
fn cloudwatch_has_what_a_collector_that_is_away_was_not_told() {
    let Some(moto) = Moto::start() else { return };
    let warden = configured(&moto)
        .setting("WARDEN_TELEMETRY_OTLP_ENDPOINT", &format!("http://{ABSENT}"))
        .setting("OTEL_BSP_SCHEDULE_DELAY", "200")
        .start();
    warden.send(Call::converse(HAIKU, "say: hello")).assert_ok();
    eventually("dropped spans to be in CloudWatch", || {
        moto.sum(names::TELEMETRY_DROPPED.name, &[DEPLOYED]) > 0.0
    });
}

/// The dimension that everything has.
const DEPLOYED: (&str, &str) = (names::DEPLOYMENT, DEPLOYMENT);

fn start(moto: &Moto) -> TestWarden {
    configured(moto).start()
}

fn configured(moto: &Moto) -> Setup {
    traffic::setup()
        .setting("WARDEN_TELEMETRY_CLOUDWATCH_ENDPOINT", &moto.cloudwatch_endpoint())
        .setting("WARDEN_TELEMETRY_CLOUDWATCH_DEPLOYMENT", DEPLOYMENT)
        .setting("WARDEN_TELEMETRY_CLOUDWATCH_INTERVAL", "1s")
}

fn check_totals(moto: &Moto, warden: &TestWarden) {
    let tokens = traffic::tokens(warden);
    for (metric, expected) in [
        (names::REQUESTS, f64::from(traffic::REQUESTS + 1)),
        (names::UNAUTHENTICATED, f64::from(traffic::UNPROVEN)),
        (names::INVOCATIONS, f64::from(traffic::ANSWERED + 1)),
        (names::THROTTLES, f64::from(traffic::THROTTLED)),
        (names::INPUT_TOKENS, exact(tokens.input)),
        (names::OUTPUT_TOKENS, exact(tokens.output)),
        (names::POLICY_DENIALS, f64::from(DENIED)),
        (names::SHADOW_DENIALS, f64::from(SHADOWED)),
        (names::POLICY_EDITS, f64::from(EDITED)),
        (names::SERVER_ERRORS, 0.0),
        (names::FAILURES, 0.0),
        (names::JOURNAL_LOST, 0.0),
    ] {
        expect(moto.sum(metric.name, &[DEPLOYED]), expected, metric.name);
    }
    for (metric, expected) in [
        (names::INVOCATION_LATENCY, traffic::ANSWERED + 1),
        (names::TIME_TO_FIRST_TOKEN, traffic::STREAMED),
        (names::ADDED_LATENCY, traffic::FORWARDED + 1),
    ] {
        expect(moto.samples(metric.name, &[DEPLOYED]), expected.into(), metric.name);
    }
}

fn check_dimensions(moto: &Moto) {
    for (metric, dimension, value, expected) in [
        (names::INVOCATIONS, "ModelId", HAIKU, traffic::ANSWERED + 1),
        (names::THROTTLES, "ModelId", HAIKU, traffic::THROTTLED),
        (names::INVOCATIONS, "Team", "payments", traffic::ANSWERED + 1),
        (names::REQUESTS, "Team", "payments", traffic::PROVEN + 1),
        (names::POLICY_DENIALS, "Team", "payments", DENIED),
        (names::POLICY_DENIALS, "Rule", DENY_RULE, DENIED),
        (names::SHADOW_DENIALS, "Rule", SHADOW_RULE, SHADOWED),
        (names::POLICY_EDITS, "Rule", EDIT_RULE, EDITED),
    ] {
        let (dimensions, what) = ([DEPLOYED, (dimension, value)], format!("{} by {dimension}", metric.name));
        expect(moto.sum(metric.name, &dimensions), expected.into(), &what);
        expect(moto.statistics(metric.name, &dimensions), expected.into(), &what);
    }
    // In the prompts that were redacted and in those that were denied.
    let findings = moto.sum(names::FINDINGS.name, &[DEPLOYED, ("Detector", "EMAIL")]);
    expect(findings, f64::from(EDITED + DENIED), "Findings by Detector");
}

/// Every combination of name and dimensions costs money: only those of the table may come into being.
fn check_series(moto: &Moto) {
    let series = moto.series(NAMESPACE);
    assert!(!series.is_empty());
    for series in series {
        let metric = names::ALL.iter().find(|metric| metric.name == series.metric);
        let metric = metric.unwrap_or_else(|| panic!("not in the table: {series:?}"));
        let mut dimensions = series.dimensions.clone();
        assert_eq!(dimensions.remove(names::DEPLOYMENT).as_deref(), Some(DEPLOYMENT), "{series:?}");
        let others: Vec<_> = dimensions.keys().map(String::as_str).collect();
        let listed = metric.by.iter().any(|dimension| others == [dimension.name()]);
        assert!(others.is_empty() || listed, "{series:?}");
    }
}

#[track_caller]
fn expect(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-6, "{what}: {found}, not {expected}");
}
