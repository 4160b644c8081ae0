//! What the two spans of an exchange say.

use std::collections::BTreeMap;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::*;

fn on() -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::AlwaysOn))
}

fn told(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    attributes.iter().map(|pair| (pair.key.as_str(), pair.value.to_string())).collect()
}

/// The spans of the exchange and of its call.
fn both(kept: &Kept) -> (SpanData, Option<SpanData>) {
    let spans = kept.0.lock().unwrap().clone();
    let of = |kind: SpanKind| spans.iter().find(|span| span.span_kind == kind).cloned();
    (of(SpanKind::Server).unwrap(), of(SpanKind::Client))
}

fn parent_of(to: &HeaderMap) -> String {
    to.get("traceparent").unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_callers_span_is_the_parent_and_bedrock_sees_the_span_of_the_call() {
    let (telemetry, kept) = traced(on());
    let mut exchange = open(&telemetry, &headers(&[("traceparent", PARENT), ("tracestate", "a=b")]));
    learn(&mut exchange.event, Operation::Converse);
    let to = send(&mut exchange);
    answered(&mut exchange.event, StatusCode::OK);
    drop(exchange);
    let (server, call) = both(&kept);
    let call = call.unwrap();
    assert_eq!(server.parent_span_id.to_string(), "b7ad6b7169203331");
    assert!(server.parent_span_is_remote && !call.parent_span_is_remote);
    assert_eq!(call.parent_span_id, server.span_context.span_id());
    for span in [&server, &call] {
        assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    }
    let span_id = call.span_context.span_id();
    assert_eq!(parent_of(&to), format!("00-0af7651916cd43dd8448eb211c80319c-{span_id}-01"));
    assert_eq!(to.get("tracestate").unwrap(), "a=b");
    assert!(server.start_time <= call.start_time);
    let took = call.end_time.duration_since(call.start_time).unwrap();
    assert_eq!(took, Duration::from_millis(900), "what was measured, to the nanosecond");
}

#[test]
fn a_caller_without_a_valid_context_gets_a_trace_of_its_own() {
    for from in [headers(&[]), headers(&[("traceparent", "00-0-0-01"), ("tracestate", "a=b")])] {
        let (telemetry, kept) = traced(on());
        let mut exchange = open(&telemetry, &from);
        let to = send(&mut exchange);
        drop(exchange);
        let (server, call) = both(&kept);
        assert_eq!(server.parent_span_id, opentelemetry::SpanId::INVALID);
        let context = call.unwrap().span_context;
        assert_eq!(parent_of(&to), format!("00-{}-{}-01", context.trace_id(), context.span_id()));
        assert!(to.get("tracestate").is_none());
    }
}

#[test]
fn an_unsampled_trace_stays_unsampled_and_whole() {
    let unsampled = PARENT.replace("-01", "-00");
    let ratio = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
    for (sampler, parent) in [(on(), Some(unsampled.as_str())), (ratio, None)] {
        let (telemetry, kept) = traced(sampler);
        let from = parent.map(|parent| headers(&[("traceparent", parent), ("tracestate", "a=b")]));
        let mut exchange = open(&telemetry, &from.unwrap_or_default());
        let to = send(&mut exchange);
        drop(exchange);
        assert!(kept.0.lock().unwrap().is_empty());
        let sent = parent_of(&to);
        assert!(sent.ends_with("-00"), "{sent}");
        if let Some(parent) = parent {
            assert_eq!(sent.get(..36), parent.get(..36), "the same trace");
            assert_ne!(sent, parent, "and a span of ours");
            assert_eq!(to.get("tracestate").unwrap(), "a=b");
        }
    }
}

#[test]
fn a_callers_decision_holds_only_where_the_sampler_says_so() {
    for (sampler, spans) in [(Sampler::AlwaysOff, 0), (Sampler::ParentBased(Box::new(Sampler::AlwaysOff)), 2)]
    {
        let (telemetry, kept) = traced(sampler);
        let mut exchange = open(&telemetry, &headers(&[("traceparent", PARENT)]));
        send(&mut exchange);
        drop(exchange);
        assert_eq!(kept.0.lock().unwrap().len(), spans);
    }
}

#[test]
fn without_tracing_a_valid_context_crosses_as_it_came() {
    type Headers = &'static [(&'static str, &'static str)];
    const AHEAD: &str = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-next";
    let telemetry = Arc::new(Telemetry::new(None, Otlp::default(), None));
    let table: [(Headers, Headers); 4] = [
        (
            &[("traceparent", PARENT), ("tracestate", "a=b")],
            &[("traceparent", PARENT), ("tracestate", "a=b")],
        ),
        (&[("traceparent", AHEAD), ("tracestate", "A=b"), ("baggage", "a=b")], &[("traceparent", AHEAD)]),
        (&[("traceparent", "00-nonsense"), ("tracestate", "a=b")], &[]),
        (&[("tracestate", "a=b")], &[]),
    ];
    for (from, to) in table {
        let mut exchange = open(&telemetry, &headers(from));
        assert_eq!(send(&mut exchange), headers(to), "{from:?}");
    }
}

#[test]
fn a_provider_that_was_shut_down_does_not_break_the_trace() {
    let (telemetry, _) = traced(on());
    telemetry.otlp.traces.closing().unwrap().shutdown().unwrap();
    let mut exchange = open(&telemetry, &headers(&[("traceparent", PARENT)]));
    assert_eq!(parent_of(&send(&mut exchange)), PARENT);
}

#[test]
fn the_spans_of_an_answered_request_say_what_the_conventions_ask_for() {
    let (telemetry, kept) = traced(on());
    let mut exchange = open(&telemetry, &headers(&[]));
    learn(&mut exchange.event, Operation::ConverseStream);
    exchange.event.guardrail = Some("arn:aws:bedrock:us-east-1:111122223333:guardrail/gr:3".to_owned());
    send(&mut exchange);
    answered(&mut exchange.event, StatusCode::OK);
    let id = exchange.event.request_id.to_string();
    drop(exchange);
    let (server, call) = both(&kept);
    let call = call.unwrap();
    assert_eq!(server.name, "POST /model/{modelId}/converse-stream");
    assert_eq!(call.name, format!("chat {MODEL}"));
    assert_eq!((server.status.clone(), call.status.clone()), (Status::Unset, Status::Unset));
    let expected = BTreeMap::from([
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "aws.bedrock"),
        ("gen_ai.request.model", MODEL),
        ("gen_ai.request.max_tokens", "500"),
        ("gen_ai.request.temperature", "0.2"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.response.model", CANONICAL),
        ("gen_ai.response.finish_reasons", "[\"end_turn\"]"),
        ("gen_ai.response.time_to_first_chunk", "0.1"),
        ("gen_ai.usage.input_tokens", "117"),
        ("gen_ai.usage.output_tokens", "5"),
        ("gen_ai.usage.cache_read.input_tokens", "100"),
        ("gen_ai.usage.cache_creation.input_tokens", "7"),
        ("aws.bedrock.guardrail.id", "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr"),
        ("aws.request_id", "aws-request"),
        ("http.response.status_code", "200"),
        ("server.address", "bedrock-runtime.eu-west-1.amazonaws.com"),
        ("server.port", "443"),
        ("warden.operation", "ConverseStream"),
    ]);
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    assert_eq!(told(&call.attributes), expected);
    let expected = BTreeMap::from([
        ("http.request.method", "POST"),
        ("http.route", "/model/{modelId}/converse-stream"),
        ("url.path", "/model/{modelId}/converse-stream"),
        ("url.scheme", "https"),
        ("http.response.status_code", "200"),
        ("warden.model", MODEL),
        ("warden.operation", "ConverseStream"),
        ("warden.decision", "allow"),
        ("warden.end", "complete"),
        ("warden.audit.id", &id),
        ("warden.policy.digest", "sha256:digest"),
        ("warden.team", "payments"),
        ("warden.app", "checkout"),
    ]);
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    assert_eq!(told(&server.attributes), expected);
}

#[test]
fn a_denial_is_no_error_and_names_its_rules() {
    let (telemetry, kept) = traced(on());
    let mut exchange = open(&telemetry, &headers(&[]));
    learn(&mut exchange.event, Operation::InvokeModel);
    let event = &mut exchange.event;
    event.decision = Decision::Deny;
    event.end = EndState::NotForwarded;
    event.status = Some(StatusCode::FORBIDDEN);
    event.error = Some("AccessDeniedException".to_owned());
    event.violated = vec!["org/models".to_owned(), "payments/limits".to_owned()];
    event.shadow = vec!["org/next".to_owned()];
    event.findings = vec![finding(Direction::In, 3)];
    drop(exchange);
    let (server, call) = both(&kept);
    assert!(call.is_none());
    assert_eq!(server.status, Status::Unset);
    let told_of = told(&server.attributes);
    assert_eq!(told_of["warden.decision"], "deny");
    assert_eq!(told_of["warden.rule.ids"], "[\"org/models\",\"payments/limits\"]");
    assert_eq!(told_of["warden.shadow_rule.ids"], "[\"org/next\"]");
    assert_eq!(
        (told_of["warden.error"].as_str(), told_of.get("error.type")),
        ("AccessDeniedException", None)
    );
    let events: Vec<_> =
        server.events.iter().map(|event| (event.name.as_ref(), told(&event.attributes))).collect();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(events[0].0, "warden.finding");
    assert_eq!(
        events[0].1,
        BTreeMap::from([
            ("warden.finding.type", "EMAIL".to_owned()),
            ("warden.finding.direction", "in".to_owned()),
            ("warden.finding.count", "3".to_owned()),
        ])
    );
    assert_eq!(events[2].0, "warden.denial");
    assert_eq!(events[2].1, BTreeMap::from([("warden.rule.id", "payments/limits".to_owned())]));
}

#[test]
fn a_changed_request_names_the_rules_that_changed_it() {
    let (telemetry, kept) = traced(on());
    let mut exchange = open(&telemetry, &headers(&[]));
    learn(&mut exchange.event, Operation::Converse);
    exchange.event.decision = Decision::Modify;
    exchange.event.edited = vec!["org/redact".to_owned()];
    exchange.event.findings = vec![finding(Direction::In, 1)];
    send(&mut exchange);
    answered(&mut exchange.event, StatusCode::OK);
    exchange.event.findings.push(finding(Direction::Out, 2));
    drop(exchange);
    let (server, call) = both(&kept);
    let told_of = told(&server.attributes);
    assert_eq!(told_of["warden.rule.ids"], "[\"org/redact\"]");
    let at: Vec<_> = server.events.iter().map(|event| (event.name.as_ref(), event.timestamp)).collect();
    let (sent, ended) = (call.unwrap().start_time, server.end_time);
    assert_eq!(at, [("warden.edit", sent), ("warden.finding", sent), ("warden.finding", ended)]);
}

#[test]
fn failures_are_errors_of_the_span_that_they_belong_to() {
    type Change = fn(&mut Finished);
    let ok = None;
    let table: [(&str, Change, Option<&str>, Option<&str>); 7] = [
        (
            "throttled",
            |event| told_error(event, 429, 429, "ThrottlingException"),
            ok,
            Some("ThrottlingException"),
        ),
        (
            "unavailable",
            |event| told_error(event, 503, 503, "ServiceUnavailableException"),
            Some("ServiceUnavailableException"),
            Some("ServiceUnavailableException"),
        ),
        (
            "our credentials are refused",
            |event| told_error(event, 403, 403, "AccessDeniedException"),
            ok,
            Some("AccessDeniedException"),
        ),
        (
            "no answer",
            |event| {
                told_error(event, 503, 503, "ServiceUnavailableException");
                event.end = EndState::UpstreamAbort;
                event.upstream = Some(Upstream::default());
            },
            Some("ServiceUnavailableException"),
            Some("ServiceUnavailableException"),
        ),
        (
            "a stream that broke",
            |event| {
                answered(event, StatusCode::OK);
                event.end = EndState::UpstreamAbort;
            },
            Some("upstream_abort"),
            Some("upstream_abort"),
        ),
        (
            "the caller left",
            |event| {
                answered(event, StatusCode::OK);
                event.end = EndState::ClientAbort;
                event.status = None;
            },
            ok,
            ok,
        ),
        ("a panic", |_| (), Some("abandoned"), Some("abandoned")),
    ];
    for (what, change, of_exchange, of_call) in table {
        let (telemetry, kept) = traced(on());
        let mut exchange = open(&telemetry, &headers(&[]));
        learn(&mut exchange.event, Operation::ConverseStream);
        send(&mut exchange);
        change(&mut exchange.event);
        drop(exchange);
        let (server, call) = both(&kept);
        for (span, error) in [(server, of_exchange), (call.unwrap(), of_call)] {
            let status = error.map_or(Status::Unset, |error| Status::error(error.to_owned()));
            assert_eq!(span.status, status, "{what}: {}", span.name);
            let class = told(&span.attributes).get("error.type").cloned();
            assert_eq!(class.as_deref(), error, "{what}: {}", span.name);
        }
    }
}

fn told_error(event: &mut Finished, upstream: u16, status: u16, name: &str) {
    answered(event, StatusCode::from_u16(upstream).unwrap());
    event.status = StatusCode::from_u16(status).ok();
    event.error = Some(name.to_owned());
}

#[test]
fn operations_are_named_by_what_they_generate() {
    let table = [
        (Operation::InvokeModel, "amazon.titan-embed-text-v2:0", "embeddings amazon.titan-embed-text-v2:0"),
        (Operation::InvokeModel, "anthropic.claude-v2:1", "text_completion anthropic.claude-v2:1"),
        (Operation::InvokeModelWithResponseStream, MODEL, "chat us.anthropic.claude-3-haiku-20240307-v1:0"),
        (
            Operation::InvokeModel,
            "stability.stable-diffusion-xl-v1",
            "generate_content stability.stable-diffusion-xl-v1",
        ),
    ];
    for (operation, model, name) in table {
        let (telemetry, kept) = traced(on());
        let mut exchange = open(&telemetry, &headers(&[]));
        let model = ModelReference::parse(model).unwrap();
        exchange.event.operation = Some(operation);
        exchange.event.format = Format::of(operation, Some(&model)).ok();
        exchange.event.model = Some(model);
        send(&mut exchange);
        drop(exchange);
        assert_eq!(both(&kept).1.unwrap().name, name);
    }
    let (telemetry, kept) = traced(on());
    let mut exchange = open(&telemetry, &headers(&[]));
    exchange.event.operation = Some(Operation::ListFoundationModels);
    send(&mut exchange);
    drop(exchange);
    let (server, call) = both(&kept);
    let call = call.unwrap();
    assert_eq!(
        (server.name.as_ref(), call.name.as_ref()),
        ("GET /foundation-models", "ListFoundationModels")
    );
    assert_eq!(told(&call.attributes)["server.address"], "bedrock.eu-west-1.amazonaws.com");
}

#[test]
fn what_others_write_is_bounded_and_strangers_write_nothing() {
    let long = format!("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/{}", "x".repeat(1500));
    for proven in [true, false] {
        let (telemetry, kept) = traced(on());
        let mut exchange = open(&telemetry, &headers(&[]));
        learn(&mut exchange.event, Operation::Converse);
        exchange.event.model = Some(ModelReference::parse(&long).unwrap());
        if !proven {
            exchange.event.caller = None;
        }
        exchange.event.error = Some("é".repeat(1000));
        send(&mut exchange);
        drop(exchange);
        let (server, call) = both(&kept);
        assert_eq!(told(&server.attributes).contains_key("warden.model"), proven);
        for span in [server, call.unwrap()] {
            assert!(span.name.len() < 300, "{}", span.name);
            for pair in &span.attributes {
                let Value::String(text) = &pair.value else { continue };
                assert!(text.as_str().len() <= 256, "{pair:?}");
            }
        }
    }
}
