//! OpenTelemetry: what a receiver is told, what Bedrock sees of the trace, and what a receiver's bad day costs: nothing.

use std::time::{Duration, Instant};

use hex::encode as hex;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::support::call::{Call, HAIKU, PROMPT_CANARY};
use crate::support::eventually;
use crate::support::otlp::{CLIENT, ERROR, Mood, Receiver, SERVER, told};
use crate::support::simulator::SECRET_ACCESS_KEY;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const EMAIL: &str = "alice.example@mail.example.com";

/// A warden that tells `receiver` of everything at once.
fn telling(receiver: &Receiver) -> Setup {
    Setup::new()
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url())
        .setting("OTEL_BSP_SCHEDULE_DELAY", "50")
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "100")
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == ERROR)
}

fn traced(call: Call) -> Call {
    call.header("traceparent", PARENT).header("tracestate", "vendor=opaque")
}

#[test]
fn an_exchange_is_two_spans_of_the_callers_trace_and_bedrock_sees_the_second() {
    let receiver = Receiver::start(Mood::Takes);
    let warden = telling(&receiver).start();
    let response = warden.send(traced(Call::converse(HAIKU, "say: hello")).header("baggage", "user=jane"));
    let spans = receiver.spans_of(&response.assert_ok().decision_id(), 2);
    let (exchange, call) = (&spans[0], &spans[1]);
    assert_eq!((exchange.kind, call.kind), (SERVER, CLIENT));
    assert_eq!(hex(&exchange.parent_span_id), "b7ad6b7169203331");
    assert_eq!([hex(&exchange.trace_id), hex(&call.trace_id)], [TRACE, TRACE]);
    assert_eq!(exchange.name, "POST /model/{modelId}/converse");
    assert_eq!(call.name, format!("chat {HAIKU}"));
    assert!(!is_error(exchange) && !is_error(call));
    assert!(exchange.start_time_unix_nano <= call.start_time_unix_nano);
    assert!(call.start_time_unix_nano < call.end_time_unix_nano);
    assert!(call.end_time_unix_nano <= exchange.end_time_unix_nano);

    let seen = warden.upstream_request();
    assert!(seen.signature_ok());
    let sent = format!("00-{TRACE}-{}-01", hex(&call.span_id));
    assert_eq!(seen.header("traceparent"), Some(sent.as_str()));
    assert_eq!(seen.header("tracestate"), Some("vendor=opaque"));
    assert_eq!(seen.header("baggage"), None);

    let record = warden.record_of(&response);
    let says = told(&call.attributes);
    assert_eq!(says["gen_ai.provider.name"], "aws.bedrock");
    assert_eq!(says["gen_ai.usage.input_tokens"].parse().ok(), record.number("in_tokens"));
    assert_eq!(says["gen_ai.usage.output_tokens"].parse().ok(), record.number("out_tokens"));
    assert_eq!(says["gen_ai.response.finish_reasons"], record.text("stop_reason"));
    assert_eq!(says["aws.request_id"], response.request_id());
    assert_eq!(says["server.address"], "127.0.0.1");
    let says = told(&exchange.attributes);
    assert_eq!((says["warden.decision"].as_str(), says["warden.end"].as_str()), ("allow", "complete"));
    assert_eq!(says["warden.team"], "payments");
    let resource = receiver.resources().pop().unwrap();
    assert_eq!(resource["service.name"], "bedrock-warden");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_denial_is_one_span_with_its_rule() {
    let receiver = Receiver::start(Mood::Takes);
    let deny = "allow:\n  - models: [\"amazon.*\"]\n";
    let warden = telling(&receiver).team(deny).start();
    let response = warden.send(traced(Call::converse(HAIKU, "say: hello")));
    response.assert_refused(403, "AccessDeniedException");
    let spans = receiver.spans_of(&response.decision_id(), 1);
    let says = told(&spans[0].attributes);
    assert_eq!(hex(&spans[0].trace_id), TRACE);
    assert!(!is_error(&spans[0]), "it is what the policies ask for");
    assert_eq!(
        (says["warden.decision"].as_str(), says["http.response.status_code"].as_str()),
        ("deny", "403")
    );
    assert_eq!(says["warden.error"], "AccessDeniedException");
    let denials: Vec<_> = spans[0].events.iter().filter(|event| event.name == "warden.denial").collect();
    assert!(!denials.is_empty() && says.contains_key("warden.rule.ids"), "{:?} {says:?}", spans[0].events);
}

#[test]
fn a_changed_request_and_what_was_found_are_told_without_what_was_found() {
    let receiver = Receiver::start(Mood::Takes);
    let rule = format!(
        "{ALLOW_ALL}sensitive:\n  - id: pii\n    detect: [email]\n    prompt: redact\n    response: report\n"
    );
    let warden = telling(&receiver).org(&rule).start();
    let call = traced(Call::converse(HAIKU, &format!("say: noted\nmail {EMAIL}")))
        .header("user-agent", &format!("app/1 ({EMAIL})"));
    let response = warden.send(call);
    let spans = receiver.spans_of(&response.assert_ok().decision_id(), 2);
    let says = told(&spans[0].attributes);
    assert_eq!(
        (says["warden.decision"].as_str(), says["warden.rule.ids"].as_str()),
        ("modify", "org/sensitive/pii")
    );
    let events: Vec<_> =
        spans[0].events.iter().map(|event| (event.name.as_str(), told(&event.attributes))).collect();
    assert_eq!(events[0].0, "warden.edit");
    assert_eq!(events[1].0, "warden.finding");
    assert_eq!(
        (events[1].1["warden.finding.type"].as_str(), events[1].1["warden.finding.direction"].as_str()),
        ("EMAIL", "in")
    );
    receiver.metric("gen_ai.client.token.usage");
    assert_tells_no_secrets(&receiver, &warden);
}

fn assert_tells_no_secrets(receiver: &Receiver, warden: &TestWarden) {
    for secret in
        [EMAIL, "mail.example.com", PROMPT_CANARY, SECRET_ACCESS_KEY, &warden.key.secret, &warden.key.id]
    {
        assert!(!receiver.was_told(secret), "`{secret}` was told");
    }
}

#[test]
fn a_stream_is_told_with_its_first_chunk() {
    let receiver = Receiver::start(Mood::Takes);
    let warden = telling(&receiver).event_gap_ms(5).start();
    let response = warden.send(Call::converse_stream(HAIKU, "say: one two three four"));
    let spans = receiver.spans_of(&response.assert_ok().decision_id(), 2);
    let says = told(&spans[1].attributes);
    assert_eq!(says["gen_ai.request.stream"], "true");
    assert!(says["gen_ai.response.time_to_first_chunk"].parse::<f64>().unwrap() > 0.0, "{says:?}");
    for name in ["time_to_first_chunk", "time_per_output_chunk", "duration"] {
        let metric = receiver.metric(&format!("gen_ai.client.operation.{name}"));
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
        let point = &histogram.data_points[0];
        assert_eq!((metric.unit.as_str(), point.count, point.explicit_bounds.len()), ("s", 1, 14), "{name}");
        assert_eq!(told(&point.attributes)["gen_ai.request.model"], HAIKU);
    }
    assert_tells_no_secrets(&receiver, &warden);
}

#[test]
fn failures_are_errors_of_the_spans_that_they_belong_to() {
    let receiver = Receiver::start(Mood::Takes);
    let mut warden = telling(&receiver).event_gap_ms(20).start();
    let throttled = warden.send(Call::converse(HAIKU, "simulate: throttle"));
    assert_eq!(throttled.status, 429, "{}", throttled.text());
    let spans = receiver.spans_of(&throttled.decision_id(), 2);
    assert!(!is_error(&spans[0]) && is_error(&spans[1]));
    let says = told(&spans[1].attributes);
    assert_eq!(
        (says["error.type"].as_str(), says["http.response.status_code"].as_str()),
        ("ThrottlingException", "429")
    );

    let broken = warden.send(Call::converse_stream(HAIKU, "simulate: exception-mid-stream"));
    let spans = receiver.spans_of(&broken.decision_id(), 2);
    assert!(is_error(&spans[0]) && is_error(&spans[1]));
    assert_eq!(told(&spans[0].attributes)["warden.end"], "upstream_abort");

    let (connection, head) = warden.open(Call::converse_stream(HAIKU, "say: one two three four five"));
    drop(connection);
    let spans = receiver.spans_of(&head.decision_id(), 2);
    assert!(!is_error(&spans[1]), "Bedrock did well: {:?}", spans[1]);

    warden.simulator.kill();
    let unreachable = warden.send(Call::converse(HAIKU, "say: hello"));
    assert_eq!(unreachable.status, 503);
    let spans = receiver.spans_of(&unreachable.decision_id(), 2);
    assert!(is_error(&spans[0]) && is_error(&spans[1]));
}

#[test]
fn an_unsampled_trace_stays_unsampled() {
    let receiver = Receiver::start(Mood::Takes);
    let warden = telling(&receiver).start();
    let unsampled = PARENT.replace("-01", "-00");
    let quiet = warden.send(Call::converse(HAIKU, "say: quiet").header("traceparent", &unsampled));
    let loud = warden.send(Call::converse(HAIKU, "say: loud").header("traceparent", PARENT));
    receiver.spans_of(&loud.assert_ok().decision_id(), 2);
    let told_of = receiver
        .spans()
        .iter()
        .filter(|span| {
            told(&span.attributes).get("warden.audit.id") == Some(&quiet.assert_ok().decision_id())
        })
        .count();
    assert_eq!((told_of, receiver.spans().len()), (0, 2));
    let sent = warden.upstream()[0].header("traceparent").unwrap().to_owned();
    assert!(
        sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-00") && sent != unsampled,
        "{sent}"
    );
}

#[test]
fn the_samplers_of_the_standard_are_honoured() {
    let receiver = Receiver::start(Mood::Takes);
    let warden = telling(&receiver)
        .setting("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .setting("OTEL_TRACES_SAMPLER_ARG", "0")
        .start();
    warden.send(Call::converse(HAIKU, "say: quiet")).assert_ok();
    let asked = warden.send(traced(Call::converse(HAIKU, "say: asked for")));
    receiver.spans_of(&asked.assert_ok().decision_id(), 2);
    assert_eq!(receiver.spans().len(), 2);
    assert!(warden.upstream()[0].header("traceparent").unwrap().ends_with("-00"));
}

#[test]
fn without_a_receiver_a_trace_crosses_as_it_came() {
    for settings in
        [&[][..], &[("OTEL_SDK_DISABLED", "true"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]]
    {
        let warden =
            settings.iter().fold(Setup::new(), |setup, (name, value)| setup.setting(name, value)).start();
        warden.send(traced(Call::converse(HAIKU, "say: hello")).header("baggage", "user=jane")).assert_ok();
        warden.send(Call::converse(HAIKU, "say: hello").header("traceparent", "00-not-valid-01")).assert_ok();
        let seen = warden.upstream();
        assert_eq!(seen[0].header("traceparent"), Some(PARENT));
        assert_eq!(seen[0].header("tracestate"), Some("vendor=opaque"));
        assert_eq!((seen[0].header("baggage"), seen[1].header("traceparent")), (None, None));
    }
}

#[test]
fn a_receiver_on_a_bad_day_costs_requests_nothing() {
    for mood in [Mood::Refuses, Mood::Stalls] {
        let receiver = Receiver::start(mood);
        let mut warden = telling(&receiver)
            .setting("OTEL_BSP_MAX_QUEUE_SIZE", "4")
            .setting("OTEL_EXPORTER_OTLP_TIMEOUT", "300")
            .start();
        let begun = Instant::now();
        for _ in 0..12 {
            warden.send(Call::converse(HAIKU, "say: hello")).assert_ok();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{mood:?}: {:?}", begun.elapsed());
        eventually("both signals to have failed more than once", || receiver.requests() > 5);
        eventually("the log to say so", || warden.stderr().matches("takes no telemetry").count() == 2);
        assert!(dropped(&warden, "otlp_traces") > 0 && dropped(&warden, "otlp_metrics") > 0, "{mood:?}");
        receiver.feel(Mood::Takes);
        let response = warden.send(Call::converse(HAIKU, "say: hello"));
        eventually("the log to say that it is over", || warden.stderr().contains("takes telemetry again"));
        eventually("spans again", || !receiver.spans().is_empty());
        response.assert_ok();
        receiver.feel(mood);
        warden.terminate();
        let begun = Instant::now();
        warden.wait_for_exit();
        assert!(begun.elapsed() < Duration::from_secs(10), "{mood:?}: {:?}", begun.elapsed());
    }
}

/// What `/metrics` says that an exporter has dropped.
fn dropped(warden: &TestWarden, exporter: &str) -> u64 {
    let shown = warden.admin().send(&Call::new("GET", "/metrics", "").header("host", "localhost")).text();
    let name = format!("warden_telemetry_dropped_total{{exporter=\"{exporter}\"}} ");
    shown
        .lines()
        .find_map(|line| line.strip_prefix(name.as_str()))
        .unwrap_or_else(|| panic!("{shown}"))
        .parse()
        .unwrap()
}

#[test]
fn what_waits_is_sent_when_the_warden_drains() {
    let receiver = Receiver::start(Mood::Takes);
    let mut warden = Setup::new()
        .setting("WARDEN_TELEMETRY_OTLP_ENDPOINT", &receiver.url())
        .setting("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
        .setting("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .setting("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret%20of%20the%20receiver")
        .setting("OTEL_SERVICE_NAME", "bedrock-at-payments")
        .setting("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod,service.version=7")
        .start();
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    assert_eq!(receiver.requests(), 0);
    warden.terminate();
    warden.wait_for_exit();
    receiver.spans_of(&response.assert_ok().decision_id(), 2);
    receiver.metric("warden.requests");
    let queued = receiver.metric("warden.journal.unshipped");
    let Some(Data::Gauge(gauge)) = &queued.data else { panic!("{queued:?}") };
    assert_eq!(gauge.data_points.len(), 1, "{gauge:?}");
    for headers in receiver.headers() {
        assert_eq!(headers["content-encoding"], "gzip");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-key"], "secret of the receiver");
    }
    for resource in receiver.resources() {
        let of = |key: &str| resource[key].as_str();
        assert_eq!((of("service.name"), of("service.version")), ("bedrock-at-payments", "7"));
        assert_eq!(of("deployment.environment.name"), "prod");
    }
    assert!(!warden.stderr().contains("secret of"));
}
