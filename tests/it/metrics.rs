//! What `/metrics` shows of real requests, and when.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bedrock_warden::telemetry::names::{Kind, prometheus as names};
use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, converse_body};
use crate::support::eventually;
use crate::support::frames::decode;
use crate::support::http::{Connection, Response};
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

/// A scrape: comments by metric, values by series.
struct Scrape {
    text: String,
    values: BTreeMap<String, f64>,
}

impl Scrape {
    fn of(warden: &TestWarden) -> Self {
        let response = admin(warden, "GET", "/metrics");
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4"));
        let text = response.text();
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        };
        let values = series.map(value).collect();
        Self { text, values }
    }

    /// The first scrape that has counted `requests` ends. An exchange is told of after its caller has the answer.
    fn after(warden: &TestWarden, requests: u32) -> Self {
        let mut scrape = Self::of(warden);
        eventually("every request to be counted", || {
            scrape = Self::of(warden);
            scrape.sum("warden_requests_total").total_cmp(&f64::from(requests)).is_ge()
        });
        scrape
    }

    fn get(&self, series: &str) -> Option<f64> {
        self.values.get(series).copied()
    }

    /// All series of one metric together.
    fn sum(&self, metric: &str) -> f64 {
        self.samples(metric).map(|(_, value)| value).sum()
    }

    fn samples<'a>(&'a self, metric: &str) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        let start = format!("{metric}{{");
        self.values
            .iter()
            .filter(move |(series, _)| series.starts_with(&start))
            .map(|(series, value)| (series.as_str(), *value))
    }

    /// The series of counters that are not at zero, without buckets, sums and what the process tells of itself.
    fn counted(&self) -> BTreeMap<String, f64> {
        let counters: Vec<_> = names::ALL
            .iter()
            .filter(|row| row.kind == Kind::Counter)
            .map(|row| format!("{}{{", row.name))
            .collect();
        let counter = |series: &str| counters.iter().any(|start| series.starts_with(start));
        let values = self.values.iter().filter(|(series, value)| **value != 0.0 && counter(series));
        values.map(|(series, value)| (series.clone(), *value)).collect()
    }
}

fn admin(warden: &TestWarden, method: &str, path: &str) -> Response {
    let target = warden.admin();
    let mut call = Call::new(method, path, "");
    call.replace_header("host", &target.authority());
    target.send(&call)
}

#[test]
fn the_first_scrape_shows_every_metric_there_is() {
    let scrape = Scrape::of(&Setup::new().start());
    for row in names::ALL {
        let kind = match row.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert!(scrape.text.contains(&format!("# HELP {} {}\n", row.name, row.help)), "{}", row.name);
        assert!(scrape.text.contains(&format!("# TYPE {} {kind}\n", row.name)), "{}", row.name);
        let shown = |series: &String| series.split(['{', ' ']).next().unwrap().starts_with(row.name);
        assert!(scrape.values.keys().any(shown), "{} has no series", row.name);
    }
    // What is known of policies and callers is there before it has happened.
    for series in [
        "warden_policy_denials_total{rule=\"payments/allow\"}",
        "warden_caller_requests_total{app=\"checkout\",decision=\"deny\",team=\"payments\"}",
        "warden_tokens_total{model=\"other\",team=\"payments\",type=\"input\"}",
        "warden_requests_total{decision=\"deny\",end=\"refused\",operation=\"InvokeModel\"}",
    ] {
        assert_eq!(scrape.get(series), Some(0.0), "{series}");
    }
    assert!(scrape.counted().is_empty(), "{:?}", scrape.counted());
}

const RULES: &str = "deny:\n\
    \x20 - id: no-opus\n    models: [\"anthropic.claude-opus-*\"]\n\
    limits:\n  - topP: { max: 0.9, over: clamp }\n\
    \x20 - id: cooler\n    mode: shadow\n    temperature: { max: 0.3, over: deny }\n\
    sensitive:\n  - id: pii\n    detect: [email]\n    prompt: redact\n    response: report\n";

const EMAIL: &str = "alice.example@mail.example.com";

/// Tokens that Bedrock counted, input and output.
fn usage(usage: &Value) -> [u64; 2] {
    ["inputTokens", "outputTokens"].map(|name| usage[name].as_u64().unwrap())
}

/// Sends one request of every kind. Returns the tokens of those that were answered.
fn exercise(warden: &TestWarden) -> [u64; 2] {
    let with = |settings: Value| {
        let mut body = converse_body("say: one two three");
        body["inferenceConfig"] = settings;
        Call::converse_with(HAIKU, &body)
    };
    let allowed = warden.send(Call::converse(HAIKU, "say: hello"));
    let clamped = warden.send(with(json!({ "topP": 0.95, "temperature": 0.7 })));
    assert!(
        clamped.header("x-warden-modified").unwrap_or_default().contains("0.95->0.9"),
        "{:?}",
        clamped.headers
    );
    let redacted = warden.send(Call::converse(HAIKU, &format!("say: noted\nwrite to {EMAIL}")));
    let streamed = warden.send(Call::converse_stream(HAIKU, "say: one two three four five six"));
    let mut tokens: Vec<_> =
        [&allowed, &clamped, &redacted].map(|answer| usage(&answer.assert_ok().json()["usage"])).to_vec();
    tokens.push(usage(&decode(&streamed.assert_ok().body).last().unwrap().payload["usage"]));

    let denied = warden.send(Call::converse("anthropic.claude-opus-4-20250514-v1:0", "say: hello"));
    denied.assert_refused(403, "AccessDeniedException");
    let throttled = warden.send(Call::converse(HAIKU, "simulate: throttle"));
    assert_eq!(throttled.status, 429);
    let mut stranger = Call::converse(HAIKU, "say: hello");
    stranger.replace_header("host", &warden.authority());
    warden.tls().send(&stranger).assert_refused(403, "MissingAuthenticationTokenException");
    tokens.into_iter().fold([0, 0], |[input, output], [more, further]| [input + more, output + further])
}

#[test]
fn every_request_is_counted_once_and_under_the_right_names() {
    let warden = Setup::new().org(&format!("{ALLOW_ALL}{RULES}")).start();
    let began = Instant::now();
    let [input, output] = exercise(&warden);
    let took = began.elapsed().as_secs_f64();
    let scrape = Scrape::after(&warden, 7);
    let requests = |labels: &str| format!("warden_requests_total{{{labels}}}");
    let tokens =
        |kind: &str| format!("warden_tokens_total{{model=\"{HAIKU}\",team=\"payments\",type=\"{kind}\"}}");
    let models = |decision: &str, model: &str, team: &str| {
        format!("warden_model_requests_total{{decision=\"{decision}\",model=\"{model}\",team=\"{team}\"}}")
    };
    let callers = |decision: &str| {
        format!("warden_caller_requests_total{{app=\"checkout\",decision=\"{decision}\",team=\"payments\"}}")
    };
    #[expect(clippy::cast_precision_loss, reason = "a few tokens")]
    let expected: BTreeMap<String, f64> = [
        (requests("decision=\"allow\",end=\"complete\",operation=\"Converse\""), 2.0),
        (requests("decision=\"modify\",end=\"complete\",operation=\"Converse\""), 2.0),
        (requests("decision=\"allow\",end=\"complete\",operation=\"ConverseStream\""), 1.0),
        (requests("decision=\"deny\",end=\"refused\",operation=\"Converse\""), 1.0),
        (requests("decision=\"deny\",end=\"refused\",operation=\"none\""), 1.0),
        (callers("allow"), 3.0),
        (callers("modify"), 2.0),
        (callers("deny"), 1.0),
        ("warden_caller_requests_total{app=\"none\",decision=\"deny\",team=\"none\"}".to_owned(), 1.0),
        (models("allow", HAIKU, "payments"), 3.0),
        (models("modify", HAIKU, "payments"), 2.0),
        (models("deny", "other", "payments"), 1.0),
        (models("deny", "none", "none"), 1.0),
        (tokens("input"), input as f64),
        (tokens("output"), output as f64),
        ("warden_errors_total{error=\"AccessDeniedException\",operation=\"Converse\"}".to_owned(), 1.0),
        ("warden_errors_total{error=\"ThrottlingException\",operation=\"Converse\"}".to_owned(), 1.0),
        (
            "warden_errors_total{error=\"MissingAuthenticationTokenException\",operation=\"none\"}"
                .to_owned(),
            1.0,
        ),
        ("warden_policy_denials_total{rule=\"org/deny/no-opus\"}".to_owned(), 1.0),
        ("warden_policy_shadow_denials_total{rule=\"org/limits/cooler\"}".to_owned(), 1.0),
        ("warden_policy_edits_total{rule=\"org/limits\"}".to_owned(), 1.0),
        ("warden_policy_edits_total{rule=\"org/sensitive/pii\"}".to_owned(), 1.0),
        ("warden_findings_total{detector=\"EMAIL\",direction=\"in\"}".to_owned(), 1.0),
        ("warden_upstream_responses_total{code=\"200\"}".to_owned(), 4.0),
        ("warden_upstream_responses_total{code=\"429\"}".to_owned(), 1.0),
    ]
    .into();
    assert_eq!(scrape.counted(), expected);
    assert_times(&scrape, took);
}

/// Sums and counts of the histograms, after `exercise` took `took` seconds.
fn assert_times(scrape: &Scrape, took: f64) {
    let count = |metric: &str| scrape.sum(&format!("{metric}_count"));
    let sum = |metric: &str| scrape.sum(&format!("{metric}_sum"));
    for (metric, expected) in [
        ("warden_request_duration_seconds", 7.0),
        ("warden_overhead_seconds", 5.0),
        ("warden_upstream_duration_seconds", 5.0),
        ("warden_time_to_first_token_seconds", 1.0),
        ("warden_time_per_output_token_seconds", 1.0),
    ] {
        assert!((count(metric) - expected).abs() < 0.5, "{metric}: {}", count(metric));
        assert!(sum(metric) >= 0.0 && sum(metric) <= took, "{metric}: {} of {took}", sum(metric));
        let buckets =
            scrape.samples(&format!("{metric}_bucket")).filter(|(series, _)| series.contains("le=\"+Inf\""));
        assert!((buckets.map(|(_, value)| value).sum::<f64>() - expected).abs() < 0.5, "{metric}");
    }
    let (total, own) = (sum("warden_request_duration_seconds"), sum("warden_overhead_seconds"));
    let upstream = sum("warden_upstream_duration_seconds");
    assert!(total > 0.0 && own > 0.0 && upstream > 0.0);
    assert!(own + upstream <= total + 1e-6, "{own} + {upstream} > {total}");
}

#[test]
fn gauges_tell_the_state_of_the_process() {
    let mut warden = Setup::new().start();
    warden.send(Call::converse(HAIKU, "say: hello")).assert_ok();
    let scrape = Scrape::after(&warden, 1);
    let digest = admin(&warden, "GET", "/readyz").json()["policy"].as_str().unwrap().to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    for (series, value) in [
        ("warden_requests_in_flight", 0.0),
        ("warden_journal_ready", 1.0),
        ("warden_journal_queued_records", 0.0),
        // Its start, the load of its policies, an intent, an outcome.
        ("warden_journal_records_total", 4.0),
        ("warden_journal_lost_records_total", 0.0),
        ("warden_journal_unshipped_records", 4.0),
        (&format!("warden_policy_info{{digest=\"{digest}\"}}"), 1.0),
        ("warden_config_last_reload_successful", 1.0),
        // The simulator's credentials have no end.
        ("warden_credentials_expiry_timestamp_seconds", 0.0),
        (&format!("warden_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        assert_eq!(scrape.get(series), Some(value), "{series}");
    }
    let lag = scrape.get("warden_journal_lag_seconds").unwrap();
    assert!(lag > 0.0 && lag < 30.0, "{lag}");
    let loaded = scrape.get("warden_config_last_reload_success_timestamp_seconds").unwrap();
    assert!((now - loaded).abs() < 600.0, "{loaded}");
    let expiry = scrape.get("warden_certificate_expiry_timestamp_seconds").unwrap();
    assert!(expiry > now, "{expiry}");

    let (mut stalled, head) = warden.open(Call::converse_stream(HAIKU, "simulate: stall-mid-stream"));
    assert_eq!(head.status, 200);
    assert!(stalled.piece().unwrap().is_some());
    assert_eq!(Scrape::of(&warden).get("warden_requests_in_flight"), Some(1.0));
    warden.simulator.kill();
    while_open(&mut stalled);
    let scrape = Scrape::after(&warden, 2);
    let named = "warden_errors_total{error=\"ModelStreamErrorException\",operation=\"ConverseStream\"}";
    assert_eq!(scrape.get(named), Some(1.0));
    let cut = "warden_requests_total{decision=\"allow\",end=\"upstream_abort\",operation=\"ConverseStream\"}";
    assert_eq!((scrape.get(cut), scrape.get("warden_requests_in_flight")), (Some(1.0), Some(0.0)));
}

fn while_open(connection: &mut Connection) {
    while matches!(connection.piece(), Ok(Some(_))) {}
}

#[test]
fn new_rules_and_callers_are_shown_when_they_come_into_force() {
    let warden = Setup::new().start();
    let rule = "warden_policy_denials_total{rule=\"org/deny/no-opus\"}";
    let caller = "warden_caller_requests_total{app=\"reports\",decision=\"allow\",team=\"research\"}";
    let before = Scrape::of(&warden);
    assert_eq!((before.get(rule), before.get(caller)), (None, None));
    warden.add_caller("research", "reports");
    warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{ALLOW_ALL}{RULES}"));
    eventually("the new rule and caller", || {
        let scrape = Scrape::of(&warden);
        scrape.get(rule) == Some(0.0) && scrape.get(caller) == Some(0.0)
    });
    let policies = |scrape: &Scrape| scrape.samples("warden_policy_info").count();
    assert_eq!(policies(&Scrape::of(&warden)), 1, "one set is in force");

    warden.write_policy("org.yaml", "version: 1\nscope: org\nalow: []\n");
    let successful = "warden_config_last_reload_successful";
    eventually("the failed reload", || Scrape::of(&warden).get(successful) == Some(0.0));
    warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{ALLOW_ALL}"));
    eventually("the mended reload", || Scrape::of(&warden).get(successful) == Some(1.0));
}

#[test]
fn strangers_and_refused_callers_make_no_series() {
    let warden = Setup::new().org("allow:\n  - models: [\"anthropic.claude-3-haiku-*\"]\n").start();
    let before = Scrape::of(&warden).values.len();
    for index in 0..20 {
        let model = format!("anthropic.claude-{index}");
        warden.send(Call::converse(&model, "say: hello")).assert_refused(403, "AccessDeniedException");
    }
    let after = Scrape::after(&warden, 20);
    assert!(!after.text.contains("anthropic.claude-1"), "{}", after.text);
    assert!(after.values.len() <= before + 1, "{} series, then {}", before, after.values.len());
}

#[test]
fn metrics_are_read_only_and_can_be_turned_off() {
    let warden = Setup::new().start();
    assert_eq!(admin(&warden, "POST", "/metrics").status, 405);
    let target = warden.admin();
    let mut head = Call::new("HEAD", "/metrics", "");
    head.replace_header("host", &target.authority());
    let (_, head) = target.start(&head);
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/plain; version=0.0.4")));

    let silent = Setup::new().setting("WARDEN_TELEMETRY_PROMETHEUS", "false").start();
    let response = admin(&silent, "GET", "/metrics");
    assert_eq!(response.status, 404);
    assert!(response.text().contains("telemetry.prometheus"), "{}", response.text());
    silent.send(Call::converse(HAIKU, "say: hello")).assert_ok();
}
