//! Traces, as Arize Phoenix understands them.

use std::collections::BTreeMap;

use bedrock_warden::telemetry::names::otel::key;
use serde_json::json;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::receivers::{Phoenix, Span};
use crate::support::warden::TestWarden;

use super::traffic::{self, DENIED, FORWARDED, PLANTED, REQUESTS, STREAMED, THROTTLED};

/// The caller's own trace, as W3C writes it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The round of traffic, the hidden request and the traced one.
const SERVED: u32 = REQUESTS + 2;
/// Of these, what was forwarded.
const CALLED: u32 = FORWARDED + 1;

#[test]
fn phoenix_takes_forwarded_requests_for_calls_of_a_language_model() {
    let Some(phoenix) = Phoenix::start() else { return };
    let mut warden = start(&phoenix);
    traffic::send(&warden);
    send_hidden(&warden);
    let traced =
        Call::converse(HAIKU, "say: traced").header("traceparent", &format!("00-{TRACE}-{PARENT}-01"));
    let traced = warden.send(traced);
    warden.terminate();
    warden.wait_for_exit();
    let spans = received(&phoenix);
    let text = format!("{spans:?}");
    traffic::assert_innocent(&warden, &text);
    check_calls(&warden, &spans);
    check_parents(&spans);
    check_denials(&spans);
    check_trace(&spans, &traced.decision_id());
}

fn start(phoenix: &Phoenix) -> TestWarden {
    traffic::setup()
        .setting("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &phoenix.traces_endpoint())
        .setting("OTEL_METRICS_EXPORTER", "none")
        .setting("OTEL_BSP_SCHEDULE_DELAY", "200")
        .start()
}

/// A request that nobody understands, with planted text in the places of names.
fn send_hidden(warden: &TestWarden) {
    let hidden = PLANTED.join(" ");
    let body =
        json!({ "messages": [{ "role": hidden, "content": [{ "text": "say: no", hidden.as_str(): 1 }] }] });
    assert!(warden.send(Call::converse_with(HAIKU, &body)).status >= 400);
}

/// One span for every request, and one more for every request that was forwarded.
fn received(phoenix: &Phoenix) -> Vec<Span> {
    let mut spans = Vec::new();
    eventually("all spans to be in Phoenix", || {
        spans = phoenix.spans();
        spans.len() >= (SERVED + CALLED) as usize
    });
    assert_eq!(spans.len(), (SERVED + CALLED) as usize, "{spans:?}");
    spans
}

fn calls(spans: &[Span]) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind() == "LLM").collect()
}

fn check_calls(warden: &TestWarden, spans: &[Span]) {
    let calls = calls(spans);
    assert_eq!(calls.len(), CALLED as usize, "{spans:?}");
    let (mut input, mut output) = (0, 0);
    for call in &calls {
        assert_eq!(call.name(), format!("chat {HAIKU}"));
        assert_eq!(call.attribute("llm.model_name"), HAIKU, "{call:?}");
        input += call.attribute("llm.token_count.prompt").as_u64().unwrap_or_default();
        output += call.attribute("llm.token_count.completion").as_u64().unwrap_or_default();
    }
    let tokens = traffic::tokens(warden);
    assert_eq!((input, output), (tokens.input, tokens.output));
    let failed: Vec<_> = calls.iter().filter(|call| call.status() == "ERROR").collect();
    assert_eq!(failed.len(), THROTTLED as usize, "{calls:?}");
    assert_eq!(failed[0].attribute(key::ERROR), "ThrottlingException");
    let streams = calls.iter().filter(|call| call.attribute(key::STREAM) == true).count();
    assert_eq!(streams, STREAMED as usize);
}

/// Every call of the model hangs under the request that asked for it.
fn check_parents(spans: &[Span]) {
    let requests: BTreeMap<&str, &Span> =
        spans.iter().filter(|span| span.kind() != "LLM").map(|span| (span.id(), span)).collect();
    assert_eq!(requests.len(), SERVED as usize);
    for call in calls(spans) {
        let parent = call.parent().and_then(|parent| requests.get(parent));
        let parent = parent.unwrap_or_else(|| panic!("no parent of {call:?}"));
        assert_eq!(parent.trace_id(), call.trace_id());
    }
}

fn check_denials(spans: &[Span]) {
    let denied: Vec<_> = spans
        .iter()
        .filter(|span| span.attribute(key::DECISION) == "deny" && span.attribute(key::TEAM) == "payments")
        .collect();
    // The hidden request was refused too, by no rule.
    assert_eq!(denied.len(), DENIED as usize + 1);
    let denied: Vec<_> = denied.into_iter().filter(|span| !span.attribute(key::RULES).is_null()).collect();
    assert_eq!(denied.len(), DENIED as usize);
    for span in denied {
        assert!(span.attribute(key::RULES).to_string().contains(traffic::DENY_RULE), "{span:?}");
        assert_ne!(span.kind(), "LLM", "no model was called: {span:?}");
        assert!(format!("{span:?}").contains(traffic::OPUS), "the model that was asked for: {span:?}");
    }
}

/// A caller's own trace goes on, and its span is found by the record's id.
fn check_trace(spans: &[Span], audit_id: &str) {
    let request = spans
        .iter()
        .find(|span| span.kind() != "LLM" && span.attribute(key::AUDIT_ID) == audit_id)
        .unwrap_or_else(|| panic!("no span of {audit_id}"));
    assert_eq!((request.trace_id(), request.parent()), (TRACE, Some(PARENT)));
}
