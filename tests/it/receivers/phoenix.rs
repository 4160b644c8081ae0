//! Traces, as Arize Phoenix understands them.

use std::collections::BTreeMap;

use bedrock_warden::telemetry::names::otel::key;
use serde_json::Value;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::receivers::{Phoenix, Span};
use crate::support::warden::TestWarden;

use super::traffic::{self, DENIED, FORWARDED, PLANTED, REQUESTS, STREAMED, THROTTLED};

/// The caller's own trace, as W3C writes it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[test]
fn phoenix_takes_forwarded_requests_for_calls_of_a_language_model() {
    let Some(phoenix) = Phoenix::start() else { return };
    let mut warden = start(&phoenix);
    traffic::send(&warden);
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

/// One span for every request, and one more for every request that was forwarded.
fn received(phoenix: &Phoenix) -> Vec<Span> {
    let mut spans = Vec::new();
    eventually("all spans to be in Phoenix", || {
        spans = phoenix.spans();
        spans.len() >= (REQUESTS + 1 + FORWARDED + 1) as usize
    });
    assert_eq!(spans.len(), (REQUESTS + 1 + FORWARDED + 1) as usize, "{spans:?}");
    spans
}

fn calls(spans: &[Span]) -> Vec<&Span> {
    spans.iter().filter(|span| span.kind() == "LLM").collect()
}

fn check_calls(warden: &TestWarden, spans: &[Span]) {
    let calls = calls(spans);
    assert_eq!(calls.len(), (FORWARDED + 1) as usize, "{spans:?}");
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
    assert_eq!(attribute(failed[0], key::ERROR), "ThrottlingException");
    let streams = calls.iter().filter(|call| attribute(call, key::STREAM) == true).count();
    assert_eq!(streams, STREAMED as usize);
}

/// Every call of the model hangs under the request that asked for it.
fn check_parents(spans: &[Span]) {
    let requests: BTreeMap<&str, &Span> =
        spans.iter().filter(|span| span.kind() != "LLM").map(|span| (span.id(), span)).collect();
    assert_eq!(requests.len(), (REQUESTS + 1) as usize);
    for call in calls(spans) {
        let parent = call.parent().and_then(|parent| requests.get(parent));
        let parent = parent.unwrap_or_else(|| panic!("no parent of {call:?}"));
        assert_eq!(parent.trace_id(), call.trace_id());
    }
}

fn check_denials(spans: &[Span]) {
    let denied: Vec<_> = spans
        .iter()
        .filter(|span| attribute(span, key::DECISION) == "deny" && attribute(span, key::TEAM) == "payments")
        .collect();
    assert_eq!(denied.len(), DENIED as usize);
    for span in denied {
        assert!(attribute(span, key::RULES).to_string().contains(traffic::DENY_RULE), "{span:?}");
        assert_ne!(span.kind(), "LLM", "no model was called: {span:?}");
    }
}

/// A caller's own trace goes on, and its span is found by the record's id.
fn check_trace(spans: &[Span], audit_id: &str) {
    let request = spans
        .iter()
        .find(|span| span.kind() != "LLM" && attribute(span, key::AUDIT_ID) == audit_id)
        .unwrap_or_else(|| panic!("no span of {audit_id}"));
    assert_eq!((request.trace_id(), request.parent()), (TRACE, Some(PARENT)));
}

/// An attribute under its OpenTelemetry name. Phoenix nests the parts of some names.
fn attribute<'a>(span: &'a Span, name: &str) -> &'a Value {
    span.attribute(name)
}

#[test]
fn nothing_that_was_planted_is_in_a_span_of_a_denied_request() {
    let Some(phoenix) = Phoenix::start() else { return };
    let mut warden = start(&phoenix);
    let hidden = format!("say: no\n{}", PLANTED.join("\n"));
    let body = serde_json::json!({ "messages": [{ "role": hidden, "content": [{ "text": hidden, hidden.as_str(): 1 }] }] });
    assert_eq!(warden.send(Call::converse_with(HAIKU, &body)).status, 400);
    warden.terminate();
    warden.wait_for_exit();
    let mut spans = Vec::new();
    eventually("the span to be in Phoenix", || {
        spans = phoenix.spans();
        !spans.is_empty()
    });
    traffic::assert_innocent(&warden, &format!("{spans:?}"));
}
