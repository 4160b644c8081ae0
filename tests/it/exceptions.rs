//! The one file that loosens, and conditions in Cedar, from outside: what reaches Bedrock, what the caller is told, what
//! the record and the metrics say.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::support::call::{Call, HAIKU, converse_body};
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::process::run;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const RULES: &str = "shadowHeader: true
limits:
  - maxTokens: { max: 100, over: clamp }
deny:
  - id: tools
    when: { tools: \"bash*\" }
    message: Shells are for incidents.
    controls: [C5-OPS-17]
  - id: cooler
    mode: shadow
    when: { app: checkout }
";

/// The file with exceptions that end in thirty days, where it says `UNTIL`.
pub fn exceptions(items: &str) -> String {
    let until = Timestamp::now() + SignedDuration::from_hours(24 * 30);
    let items = items.replace("UNTIL", &until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    format!("version: 1\nscope: exceptions\nexceptions:\n{items}")
}

pub const META: &str = "until: UNTIL, owner: jane, approvedBy: ciso, ticket: T-1, reason: a test";

fn start() -> TestWarden {
    let items = format!(
        "  - {{ id: SEC-1, for: {{ team: payments }}, waive: [org/limits.maxTokens], instead: {{ limits: {{ maxTokens: 500 }} }}, {META} }}\n  \
           - {{ id: BG-7, for: {{ team: payments, app: checkout }}, waive: [org/deny/tools], breakGlass: true, {META} }}\n"
    );
    Setup::new().org(&format!("{ALLOW_ALL}{RULES}")).policy("exceptions.yaml", &exceptions(&items)).start()
}

fn tokens(warden: &TestWarden, count: u32) -> Response {
    let mut body = converse_body("say: hello");
    body["inferenceConfig"] = json!({ "maxTokens": count });
    warden.send(Call::converse_with(HAIKU, &body))
}

fn shell() -> Call {
    let mut body = converse_body("say: hello");
    body["inferenceConfig"] = json!({ "maxTokens": 50 });
    body["toolConfig"] = json!({ "tools": [{ "toolSpec": { "name": "bash_1", "inputSchema": { "json": { "type": "object" } } } }] });
    Call::converse_with(HAIKU, &body)
}

#[test]
fn an_exception_opens_what_it_names_within_its_terms_and_is_recorded() {
    let warden = start();
    let long = tokens(&warden, 400);
    long.assert_ok();
    assert_eq!(warden.upstream_request().json()["inferenceConfig"]["maxTokens"], 400, "not clamped");
    assert_eq!(long.header("x-warden-would-deny"), Some("org/deny/cooler"));
    let intent = warden.journal().intents().next().unwrap().clone();
    assert_eq!(intent.0["exceptions"], json!([{ "id": "SEC-1", "break_glass": false }]), "{intent:?}");
    let message = tokens(&warden, 501).assert_refused(400, "ValidationException");
    assert!(
        message.contains(
            "org/limits: maxTokens 501 is over 100 (exception SEC-1 does not help: maxTokens 501 is over 500)"
        ),
        "{message}"
    );
}

#[test]
fn broken_glass_opens_one_rule_to_who_invokes_it_and_is_loud() {
    let warden = start();
    let refused = warden.send(shell());
    let message = refused.assert_refused(403, "AccessDeniedException");
    assert!(message.contains("org/deny/tools: denied by this rule: Shells are for incidents"), "{message}");
    assert_eq!(refused.header("x-warden-rules"), Some("org/deny/tools"));
    assert!(refused.header("x-warden-decision").unwrap().starts_with("deny; id="));
    let record = warden.record_of(&refused);
    assert_eq!(record.0["rules"][0]["controls"], json!(["C5-OPS-17"]), "{record:?}");
    warden.send(shell().header("x-warden-break-glass", "BG-8")).assert_refused(403, "AccessDeniedException");

    let opened = warden.send(shell().header("x-warden-break-glass", "BG-7"));
    opened.assert_ok();
    let seen = warden.upstream_request();
    assert!(seen.header("x-warden-break-glass").is_none(), "it is ours");
    let intent = warden.journal().intents().next().unwrap().clone();
    assert_eq!(intent.0["exceptions"], json!([{ "id": "BG-7", "break_glass": true }]), "{intent:?}");
    let scrape = || {
        let call = Call::new("GET", "/metrics", "").header("host", &warden.admin().authority());
        warden.admin().send(&call).text()
    };
    // An exchange is told of after its caller has the answer.
    eventually("the broken glass to be counted", || {
        scrape().contains("warden_break_glass_total{exception=\"BG-7\"} 1")
    });
    assert!(scrape().contains("warden_policy_exceptions_total{exception=\"SEC-1\"} 0"));
    assert!(warden.stderr().contains("the glass was broken"));
}

#[test]
fn a_condition_in_cedar_decides_and_one_that_cannot_be_evaluated_fails_closed() {
    let rules = "deny:
  - id: long
    when: 'context.content.turns > 2 && !context.params.stream'
    message: Stream long conversations.
  - id: overflow
    when: 'context.app == \"checkout\" && context.content.images > 0 && 9223372036854775807 + context.content.turns > 0'
";
    let warden = Setup::new().org(&format!("{ALLOW_ALL}{rules}")).start();
    let turns = |count: usize| {
        let mut body = converse_body("say: hello");
        let first = body["messages"][0].clone();
        let answer = json!({ "role": "assistant", "content": [{ "text": "hello" }] });
        let messages: Vec<_> =
            (0..count).map(|turn| if turn % 2 == 0 { first.clone() } else { answer.clone() }).collect();
        body["messages"] = json!(messages);
        warden.send(Call::converse_with(HAIKU, &body))
    };
    turns(1).assert_ok();
    let message = turns(3).assert_refused(403, "AccessDeniedException");
    assert!(message.contains("org/deny/long"), "{message}");
    let mut body = converse_body("say: hello");
    body["messages"][0]["content"] = json!([
        { "text": "say: hello" },
        { "image": { "format": "png", "source": { "bytes": crate::support::call::tiny_png() } } },
    ]);
    let message =
        warden.send(Call::converse_with(HAIKU, &body)).assert_refused(503, "ServiceUnavailableException");
    assert!(message.contains("org/deny/overflow: its condition could not be evaluated"), "{message}");
    assert_eq!(warden.upstream().len(), 1);
}

#[test]
fn policies_are_printed_in_cedar() {
    let warden = start();
    let policies = warden.folder().join("policies");
    let printed = run(warden.home(), ["policy", "cedar", "--policies", policies.to_str().unwrap()]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(printed.stdout.contains("@id(\"org/limits.maxTokens\")"), "{}", printed.stdout);
    assert!(printed.stdout.contains("context.breakGlass == \"BG-7\""), "{}", printed.stdout);
    let schema = run(warden.home(), ["policy", "cedar", "--schema"]);
    assert!(schema.stdout.contains("namespace Warden {"), "{}", schema.stdout);
}
