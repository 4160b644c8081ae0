//! Exchanges in, spans and metrics out, as processors and exporters see them.

mod export;
mod instruments;
mod spans;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanProcessor};
use uuid::Uuid;

use super::*;
use crate::audit::{Decision, Direction, EndState, Finding, Tokens};
use crate::bedrock::format::Format;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::clock;
use crate::telemetry::{Caller, Finished, OpenEvent, Telemetry, Upstream};

const MODEL: &str = "us.anthropic.claude-3-haiku-20240307-v1:0";
const CANONICAL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Keeps every span that has ended.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<opentelemetry_sdk::trace::SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: opentelemetry_sdk::trace::SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn upstream() -> config::Upstream {
    let text = "listen: { address: 127.0.0.1:0, tls: { certificate: c, key: k } }\nupstream: { region: eu-west-1 }\n\
                policies: p\ncallers: c\naudit: { journal: j }\n";
    let source = crate::yaml::Source::new("warden.yaml", text);
    config::Config::parse(&source, std::path::Path::new(""), &[]).unwrap().upstream
}

fn traced(sampler: Sampler) -> (Arc<Telemetry>, Kept) {
    let kept = Kept::default();
    let provider =
        SdkTracerProvider::builder().with_span_processor(kept.clone()).with_sampler(sampler).build();
    let traces = Traces::new(provider, Servers::of(&upstream()), Arc::default());
    let otlp = Otlp { traces, instruments: None };
    (Arc::new(Telemetry::new(None, otlp, None)), kept)
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn open(telemetry: &Arc<Telemetry>, headers: &HeaderMap) -> OpenEvent {
    let trace = Trace::open(&telemetry.otlp.traces, &Method::POST, true, headers);
    OpenEvent::begin(telemetry, trace, Uuid::now_v7(), "sha256:digest")
}

/// Sends the call of `open` and returns the context that Bedrock receives.
fn send(open: &mut OpenEvent) -> HeaderMap {
    let mut to = HeaderMap::new();
    open.sent(clock::instant(), &mut to);
    to
}

/// What is learnt of every request that is understood.
fn learn(event: &mut Finished, operation: Operation) {
    event.operation = Some(operation);
    let model = ModelReference::parse(MODEL).unwrap();
    event.format = Format::of(operation, Some(&model)).ok();
    event.model = Some(model);
    event.caller = Some(Caller { team: "payments".to_owned(), app: "checkout".to_owned() });
    event.decision = Decision::Allow;
    event.parameters.max_tokens = Some(500.0);
    event.parameters.temperature = Some(0.2);
}

/// A whole answer of Bedrock's.
fn answered(event: &mut Finished, status: StatusCode) {
    event.end = EndState::Complete;
    event.status = Some(status);
    event.upstream = Some(Upstream { status: Some(status), request_id: Some("aws-request".to_owned()) });
    event.timings.upstream = Some(Duration::from_millis(900));
    event.timings.first_byte = Some(Duration::from_millis(100));
    if status.is_success() {
        event.stop_reason = Some("end_turn".to_owned());
        event.tokens =
            Tokens { input: Some(10), output: Some(5), cache_read: Some(100), cache_write: Some(7) };
    }
}

fn finding(direction: Direction, count: u32) -> Finding {
    Finding { direction, detector: "EMAIL".to_owned(), count }
}
