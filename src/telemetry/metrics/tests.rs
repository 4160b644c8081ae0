//! What `/metrics` says of events, read back from its text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use prometheus::proto::{LabelPair, MetricType};

use super::*;
use crate::audit::{Decision, Direction, EndState, Finding};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::telemetry::fixture::{finished, refused};
use crate::telemetry::names::Kind;
use crate::telemetry::{Caller, JournalVitals};

/// Every sample by its name with labels.
fn samples(metrics: &Metrics) -> BTreeMap<String, f64> {
    samples_with(metrics, &Vitals::default())
}

fn samples_with(metrics: &Metrics, vitals: &Vitals) -> BTreeMap<String, f64> {
    let text = metrics.render(vitals).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The samples that differ from those of a registry that nothing has happened to.
fn changes(metrics: &Metrics) -> BTreeMap<String, f64> {
    let before = samples(&Metrics::new().unwrap());
    let own = |series: &str| !series.starts_with("process_");
    let changed = |series: &str, value: f64| {
        before.get(series).copied().unwrap_or_default().to_bits() != value.to_bits()
    };
    let mut after = samples(metrics);
    after.retain(|series, value| own(series) && changed(series, *value));
    after
}

fn recorded(events: &[Finished]) -> BTreeMap<String, f64> {
    let metrics = Metrics::new().unwrap();
    for event in events {
        metrics.record(event);
    }
    changes(&metrics)
}

/// Without the buckets, which sums and counts speak for.
fn counted(events: &[Finished]) -> BTreeMap<String, f64> {
    let mut changes = recorded(events);
    changes.retain(|series, _| !series.contains("_seconds_"));
    changes
}

fn table(rows: &[(&str, f64)]) -> BTreeMap<String, f64> {
    rows.iter().map(|(series, value)| ((*series).to_owned(), *value)).collect()
}

#[test]
fn the_registry_holds_exactly_what_the_table_of_names_says() {
    let metrics = Metrics::new().unwrap();
    metrics.render(&Vitals::default()).unwrap();
    let mut left: BTreeMap<_, _> = names::ALL.iter().map(|row| (row.name, row)).collect();
    assert_eq!(left.len(), names::ALL.len(), "a name stands twice in the table");
    for family in metrics.registry.gather() {
        if family.name().starts_with("process_") {
            continue;
        }
        let row = left.remove(family.name()).unwrap_or_else(|| panic!("`{}` is in no table", family.name()));
        assert_eq!(family.help(), row.help);
        let kind = match row.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        };
        assert_eq!(family.get_field_type(), kind, "{}", row.name);
        assert!(!family.get_metric().is_empty(), "{}", row.name);
        for metric in family.get_metric() {
            let labels: BTreeSet<_> = metric.get_label().iter().map(LabelPair::name).collect();
            assert_eq!(labels, row.labels.iter().copied().collect(), "{}", row.name);
        }
    }
    assert!(left.is_empty(), "not registered: {:?}", left.keys());
}

#[test]
fn names_follow_the_guidelines_of_prometheus() {
    for row in names::ALL {
        let word = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        assert!(word(row.name) && row.name.starts_with("warden_"), "{}", row.name);
        assert!(row.labels.iter().all(|label| word(label) && *label != "le"), "{}", row.name);
        assert!(row.help.ends_with('.') && !row.help.contains('\n'), "{}: {}", row.name, row.help);
        assert_eq!(row.name.ends_with("_total"), row.kind == Kind::Counter, "{}", row.name);
        if let Kind::Histogram(bounds) = row.kind {
            assert!(row.name.ends_with("_seconds"), "{}", row.name);
            assert!(bounds.is_sorted_by(|left, right| left < right), "{}", row.name);
        }
    }
}

#[test]
fn everything_is_at_zero_before_anything_has_happened() {
    let metrics = Metrics::new().unwrap();
    metrics.know_rule("org/limits", false);
    metrics.know_rule("payments/deny/watched", true);
    metrics.know_caller("payments", "checkout");
    let mut samples = samples(&metrics);
    samples.retain(|series, _| !series.starts_with("process_") && !series.starts_with("warden_build_info"));
    let counting: Vec<_> = samples.iter().filter(|(_, value)| **value != 0.0).collect();
    assert!(counting.is_empty(), "{counting:?}");
    for series in [
        "warden_requests_total{decision=\"deny\",end=\"refused\",operation=\"Converse\"}",
        "warden_caller_requests_total{app=\"checkout\",decision=\"deny\",team=\"payments\"}",
        "warden_model_requests_total{decision=\"allow\",model=\"other\",team=\"payments\"}",
        "warden_tokens_total{model=\"other\",team=\"payments\",type=\"cache_write\"}",
        "warden_errors_total{error=\"ThrottlingException\",operation=\"none\"}",
        "warden_policy_denials_total{rule=\"org/limits\"}",
        "warden_policy_edits_total{rule=\"org/limits\"}",
        "warden_policy_shadow_denials_total{rule=\"payments/deny/watched\"}",
        "warden_findings_total{detector=\"EMAIL\",direction=\"in\"}",
        "warden_request_duration_seconds_count{operation=\"none\"}",
        "warden_time_to_first_token_seconds_bucket{operation=\"ConverseStream\",le=\"+Inf\"}",
        "warden_upstream_responses_total{code=\"429\"}",
        "warden_upstream_responses_total{code=\"none\"}",
        "warden_telemetry_exports_total{exporter=\"emf\",result=\"failure\"}",
        "warden_policy_info{digest=\"none\"}",
        "warden_quota_used_ratio{rule=\"none\"}",
    ] {
        assert!(samples.contains_key(series), "{series}");
    }
}

#[test]
fn an_answered_request_counts_for_its_caller_its_model_and_its_tokens() {
    let haiku = "anthropic.claude-3-haiku-20240307-v1:0";
    let expected = table(&[
        ("warden_requests_total{decision=\"allow\",end=\"complete\",operation=\"Converse\"}", 2.0),
        ("warden_caller_requests_total{app=\"checkout\",decision=\"allow\",team=\"payments\"}", 2.0),
        (
            &format!("warden_model_requests_total{{decision=\"allow\",model=\"{haiku}\",team=\"payments\"}}"),
            2.0,
        ),
        (&format!("warden_tokens_total{{model=\"{haiku}\",team=\"payments\",type=\"input\"}}"), 24.0),
        (&format!("warden_tokens_total{{model=\"{haiku}\",team=\"payments\",type=\"output\"}}"), 10.0),
        (&format!("warden_cost_dollars_total{{model=\"{haiku}\",team=\"payments\"}}"), 0.0025),
        ("warden_upstream_responses_total{code=\"200\"}", 2.0),
    ]);
    assert_eq!(counted(&[finished(), finished()]), expected);
}

#[test]
fn a_refusal_counts_once_for_every_rule_and_never_for_bedrock() {
    let mut event = refused();
    event.violated = ["org/limits", "org/limits", "payments/allow"].map(str::to_owned).to_vec();
    event.shadow = vec!["org/deny/watched".to_owned()];
    event.edited = ["org/limits", "org/limits"].map(str::to_owned).to_vec();
    event.findings = vec![
        Finding { direction: Direction::In, detector: "EMAIL".to_owned(), count: 3 },
        Finding { direction: Direction::Out, detector: "EMAIL".to_owned(), count: 1 },
    ];
    let expected = table(&[
        ("warden_requests_total{decision=\"deny\",end=\"refused\",operation=\"Converse\"}", 1.0),
        ("warden_caller_requests_total{app=\"checkout\",decision=\"deny\",team=\"payments\"}", 1.0),
        ("warden_model_requests_total{decision=\"deny\",model=\"other\",team=\"payments\"}", 1.0),
        ("warden_errors_total{error=\"AccessDeniedException\",operation=\"Converse\"}", 1.0),
        ("warden_policy_denials_total{rule=\"org/limits\"}", 1.0),
        ("warden_policy_denials_total{rule=\"payments/allow\"}", 1.0),
        ("warden_policy_shadow_denials_total{rule=\"org/deny/watched\"}", 1.0),
        ("warden_policy_edits_total{rule=\"org/limits\"}", 1.0),
        ("warden_findings_total{detector=\"EMAIL\",direction=\"in\"}", 3.0),
        ("warden_findings_total{detector=\"EMAIL\",direction=\"out\"}", 1.0),
    ]);
    assert_eq!(counted(&[event.clone()]), expected);
    let times = recorded(&[event]);
    assert_eq!(times.get("warden_request_duration_seconds_sum{operation=\"Converse\"}"), Some(&0.002));
    assert!(
        !times
            .keys()
            .any(|series| series.starts_with("warden_overhead") || series.starts_with("warden_upstream"))
    );
}

#[test]
fn a_stranger_counts_without_a_team() {
    let event = Finished { caller: None, operation: None, model: None, violated: Vec::new(), ..refused() };
    let expected = table(&[
        ("warden_requests_total{decision=\"deny\",end=\"refused\",operation=\"none\"}", 1.0),
        ("warden_caller_requests_total{app=\"none\",decision=\"deny\",team=\"none\"}", 1.0),
        ("warden_model_requests_total{decision=\"deny\",model=\"none\",team=\"none\"}", 1.0),
        ("warden_errors_total{error=\"AccessDeniedException\",operation=\"none\"}", 1.0),
    ]);
    assert_eq!(counted(&[event]), expected);
}

#[test]
fn times_of_a_stream_are_cut_at_its_first_byte() {
    let mut event = finished();
    event.operation = Some(Operation::ConverseStream);
    event.tokens.output = Some(5);
    let times = recorded(&[event.clone()]);
    let sum = |name: &str| times[&format!("warden_{name}_seconds_sum{{operation=\"ConverseStream\"}}")];
    let near = |left: f64, right: f64| assert!((left - right).abs() < 1e-9, "{left} is not {right}");
    near(sum("request_duration"), 0.12);
    near(sum("upstream_duration"), 0.1);
    near(sum("overhead"), 0.02);
    near(sum("time_to_first_token"), 0.02);
    near(sum("time_per_output_token"), 0.08 / 4.0);
    // One token has no time between tokens, and an error answer has no tokens at all.
    event.tokens.output = Some(1);
    assert!(!recorded(&[event.clone()]).keys().any(|series| series.contains("per_output_token")));
    event.upstream.as_mut().unwrap().status = StatusCode::from_u16(429).ok();
    assert!(!recorded(&[event]).keys().any(|series| series.contains("first_token")));
}

#[test]
fn an_answer_that_never_came_is_told_apart_from_a_request_that_was_never_sent() {
    let mut lost = finished();
    lost.end = EndState::UpstreamAbort;
    lost.upstream.as_mut().unwrap().status = None;
    lost.error = Some("SomethingNew".to_owned());
    let counts = counted(&[lost, refused()]);
    assert_eq!(counts.get("warden_upstream_responses_total{code=\"none\"}"), Some(&1.0));
    assert_eq!(counts.get("warden_errors_total{error=\"other\",operation=\"Converse\"}"), Some(&1.0));
}

#[test]
fn callers_cannot_make_series() {
    let metrics = Metrics::new().unwrap();
    let before = samples(&metrics).len();
    for index in 0..10_000 {
        let mut event = refused();
        event.model = ModelReference::parse(&format!("anthropic.claude-{index}")).ok();
        event.error = Some(format!("Error{index}"));
        event.caller = None;
        metrics.record(&event);
        event.end = EndState::Complete;
        event.decision = Decision::Allow;
        event.status = Some(StatusCode::OK);
        metrics.record(&event);
    }
    // At most 200 models get a name, and here there is one team and one decision that they come with.
    let made = samples(&metrics).len() - before;
    assert!(made <= 2 * 200 + 10, "{made} series");
}

#[test]
fn series_are_told_apart_label_by_label() {
    let call = |team: &str, app: &str| {
        let caller = Some(Caller { team: team.to_owned(), app: app.to_owned() });
        Finished { caller, ..finished() }
    };
    let counts = counted(&[call("pay", "roll1"), call("payroll", "1"), call("payroll", "1")]);
    assert_eq!(
        counts.get("warden_caller_requests_total{app=\"roll1\",decision=\"allow\",team=\"pay\"}"),
        Some(&1.0)
    );
    assert_eq!(
        counts.get("warden_caller_requests_total{app=\"1\",decision=\"allow\",team=\"payroll\"}"),
        Some(&2.0)
    );
}

#[test]
fn gauges_show_the_moment_of_the_scrape() {
    let metrics = Metrics::new().unwrap();
    let at = |seconds: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let mut vitals = Vitals {
        in_flight: 3,
        journal: JournalVitals {
            ready: true,
            queued: 4,
            lag: Duration::from_micros(2500),
            written: 10,
            lost: 1,
            unshipped: 110,
        },
        policy_digest: Some("sha256:one".to_owned()),
        quotas: vec![("org/quotas".to_owned(), 0.25)],
        reload_succeeded: true,
        rules_loaded: at(1_900_000_000),
        credentials_expire: None,
        certificate_expires: at(2_000_000_000),
    };
    for _ in 0..2 {
        let shown = samples_with(&metrics, &vitals);
        for (series, value) in [
            ("warden_requests_in_flight", 3.0),
            ("warden_journal_ready", 1.0),
            ("warden_journal_queued_records", 4.0),
            ("warden_journal_lag_seconds", 0.0025),
            ("warden_journal_records_total", 10.0),
            ("warden_journal_lost_records_total", 1.0),
            ("warden_journal_unshipped_records", 110.0),
            ("warden_policy_info{digest=\"sha256:one\"}", 1.0),
            ("warden_quota_used_ratio{rule=\"org/quotas\"}", 0.25),
            ("warden_config_last_reload_successful", 1.0),
            ("warden_config_last_reload_success_timestamp_seconds", 1_900_000_000.0),
            ("warden_credentials_expiry_timestamp_seconds", 0.0),
            ("warden_certificate_expiry_timestamp_seconds", 2_000_000_000.0),
        ] {
            assert_eq!(shown.get(series), Some(&value), "{series}");
        }
    }
    vitals.policy_digest = Some("sha256:two".to_owned());
    let shown = samples_with(&metrics, &vitals);
    assert!(!shown.contains_key("warden_policy_info{digest=\"sha256:one\"}"), "only one set is in force");
    assert_eq!(shown.get("warden_policy_info{digest=\"sha256:two\"}"), Some(&1.0));
}

#[test]
fn exporters_show_what_they_sent_and_dropped() {
    let metrics = Metrics::new().unwrap();
    let health = Arc::new(ExporterHealth::default());
    metrics.watch(exporter::EMF, Arc::clone(&health));
    health.exported(true);
    health.exported(true);
    health.exported(false);
    health.dropped(7);
    for _ in 0..2 {
        let expected = table(&[
            ("warden_telemetry_exports_total{exporter=\"emf\",result=\"failure\"}", 1.0),
            ("warden_telemetry_exports_total{exporter=\"emf\",result=\"success\"}", 2.0),
            ("warden_telemetry_dropped_total{exporter=\"emf\"}", 7.0),
        ]);
        assert_eq!(changes(&metrics), expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_of_its_own_memory() {
    let shown = samples(&Metrics::new().unwrap());
    assert!(shown["process_resident_memory_bytes"] > 1_000_000.0);
}
