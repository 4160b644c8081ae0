//! `/metrics`, read by Prometheus's own parser and linter.

use std::collections::BTreeMap;

use bedrock_warden::telemetry::names::prometheus as names;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::receivers::Promtool;
use crate::support::warden::TestWarden;

use super::traffic::{self, DENIED, DENY_RULE, EDIT_RULE, EDITED, SHADOW_RULE, SHADOWED, UNPROVEN};

#[test]
fn promtool_has_nothing_to_complain_of() {
    let warden = traffic::setup().start();
    traffic::send(&warden);
    let text = scrape(&warden);
    traffic::assert_innocent(&warden, &text);
    let Some(promtool) = Promtool::find() else { return };
    let checked = promtool.check_metrics(&text);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{text}");
}

#[test]
fn every_metric_there_is_is_shown_and_no_other() {
    let warden = traffic::setup().start();
    traffic::send(&warden);
    let text = scrape(&warden);
    let kinds: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let ours: Vec<_> = kinds.keys().filter(|name| name.starts_with("warden_")).copied().collect();
    let mut named: Vec<_> = names::ALL.iter().map(|instrument| instrument.name).collect();
    named.sort_unstable();
    assert_eq!(ours, named);
}

#[test]
fn what_was_sent_is_what_is_counted() {
    let warden = traffic::setup().start();
    traffic::send(&warden);
    let mut text = String::new();
    eventually("the last request to be counted", || {
        text = scrape(&warden);
        sum(&text, names::REQUESTS.name, &[]) >= f64::from(traffic::REQUESTS)
    });
    let tokens = traffic::tokens(&warden);
    let expect = |name: &str, labels: &[(&str, &str)], expected: f64| {
        let found = sum(&text, name, labels);
        assert!((found - expected).abs() < f64::EPSILON, "{name}{labels:?}: {found}, not {expected}\n{text}");
    };
    expect(names::REQUESTS.name, &[], traffic::REQUESTS.into());
    expect(names::REQUESTS.name, &[("decision", "deny")], (DENIED + UNPROVEN).into());
    expect(names::CALLER_REQUESTS.name, &[("team", "payments")], traffic::PROVEN.into());
    expect(names::DENIALS.name, &[("rule", DENY_RULE)], DENIED.into());
    expect(names::EDITS.name, &[("rule", EDIT_RULE)], EDITED.into());
    expect(names::SHADOW_DENIALS.name, &[("rule", SHADOW_RULE)], SHADOWED.into());
    let model = |kind| [("team", "payments"), ("model", HAIKU), ("type", kind)];
    expect(names::TOKENS.name, &model("input"), exact(tokens.input));
    expect(names::TOKENS.name, &model("output"), exact(tokens.output));
    expect(names::UPSTREAM_RESPONSES.name, &[("code", "200")], traffic::ANSWERED.into());
    expect(names::UPSTREAM_RESPONSES.name, &[("code", "429")], traffic::THROTTLED.into());
    expect("warden_upstream_duration_seconds_count", &[], traffic::FORWARDED.into());
    expect("warden_time_to_first_token_seconds_count", &[], traffic::STREAMED.into());
}

pub fn scrape(warden: &TestWarden) -> String {
    let host = warden.admin().authority();
    warden.admin().send(&Call::new("GET", "/metrics", "").header("host", &host)).assert_ok().text()
}

/// The sum over the series of `name` that have these labels.
pub fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    let series = text.lines().filter_map(|line| {
        let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
        let whole = labels.is_empty() || labels.starts_with('{');
        (whole && wanted.iter().all(|wanted| labels.contains(wanted))).then(|| value.parse::<f64>().unwrap())
    });
    series.sum()
}

#[expect(clippy::cast_precision_loss, reason = "tokens of a test are few")]
pub fn exact(count: u64) -> f64 {
    count as f64
}
