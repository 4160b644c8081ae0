//! Two spans for an exchange: one around all of it, one around the call to Bedrock.
//!
//! Opened when the exchange is and when the call is sent, ended from the one event of the exchange. A trace that is not
//! sampled has its identifiers and nothing else; with tracing off, a caller's context is passed on as it came.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};

use super::attributes::{self, Servers, call_error, exchange_error, generation};
use super::context::{self, Incoming};
use crate::audit::{Direction, Finding};
use crate::bedrock::operation::Operation;
use crate::clock;
use crate::telemetry::names::otel::{SCHEMA_URL, SCOPE, event as events, key};
use crate::telemetry::{ExporterHealth, Finished};

/// Where spans come from. Without a provider, contexts are passed on and nothing is told.
#[derive(Debug, Default)]
pub struct Traces(Option<Source>);

#[derive(Debug)]
struct Source {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    servers: Servers,
    health: Arc<ExporterHealth>,
}

/// The spans of one exchange.
#[derive(Debug, Default)]
pub struct Trace(State);

#[derive(Debug, Default)]
enum State {
    #[default]
    Nothing,
    /// Tracing is off.
    Passed(Box<Incoming>),
    Open(Box<Open>),
}

#[derive(Debug)]
struct Open {
    exchange: Span,
    arrived: SystemTime,
    call: Option<Call>,
}

#[derive(Debug)]
struct Call {
    span: Span,
    sent: SystemTime,
}

impl Traces {
    pub fn new(provider: SdkTracerProvider, servers: Servers, health: Arc<ExporterHealth>) -> Self {
        let tracer = provider.tracer_with_scope(scope());
        Self(Some(Source { provider, tracer, servers, health }))
    }

    /// What became of the spans; `None` when nothing is told.
    pub fn health(&self) -> Option<&Arc<ExporterHealth>> {
        self.0.as_ref().map(|source| &source.health)
    }

    /// The way to end it all: blocks until what is left is sent, or for `limit`.
    pub(super) fn closing(&self) -> Option<SdkTracerProvider> {
        self.0.as_ref().map(|source| source.provider.clone())
    }
}

/// Who tells, for spans and for metrics.
pub fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

impl Trace {
    /// Opens the span of the exchange whose request has just arrived, below the caller's own if it sent a valid context.
    pub fn open(traces: &Traces, method: &Method, encrypted: bool, headers: &HeaderMap) -> Self {
        let incoming = Incoming::read(headers);
        let Some(source) = &traces.0 else {
            return Self::passed(incoming);
        };
        let parent = match &incoming {
            Some(incoming) => Context::new().with_remote_span_context(incoming.span_context()),
            None => Context::new(),
        };
        let arrived = clock::system_now();
        let builder = SpanBuilder::from_name(method_name(method)).with_kind(SpanKind::Server);
        let mut exchange = source.tracer.build_with_context(builder.with_start_time(arrived), &parent);
        // A provider that was shut down gives none.
        if !exchange.span_context().is_valid() {
            return Self::passed(incoming);
        }
        if exchange.is_recording() {
            exchange.set_attribute(KeyValue::new(key::HTTP_METHOD, method_name(method)));
            exchange.set_attribute(KeyValue::new(key::URL_SCHEME, if encrypted { "https" } else { "http" }));
        }
        Self(State::Open(Box::new(Open { exchange, arrived, call: None })))
    }

    fn passed(incoming: Option<Incoming>) -> Self {
        Self(incoming.map_or(State::Nothing, |incoming| State::Passed(Box::new(incoming))))
    }

    /// Opens the span of the call that is sent now, `after` the arrival, and puts its context into `headers`.
    pub fn send(&mut self, traces: &Traces, after: Duration, headers: &mut HeaderMap) {
        let open = match &mut self.0 {
            State::Nothing => return,
            State::Passed(incoming) => return incoming.place(headers),
            State::Open(open) => open,
        };
        let Some(source) = &traces.0 else { return };
        let sent = open.arrived + after;
        let parent = Context::new().with_remote_span_context(open.exchange.span_context().clone());
        let builder = SpanBuilder::from_name("call").with_kind(SpanKind::Client).with_start_time(sent);
        let span = source.tracer.build_with_context(builder, &parent);
        // Spans that began before a shutdown are still the parents of what Bedrock tells.
        let context: &SpanContext =
            if span.span_context().is_valid() { span.span_context() } else { open.exchange.span_context() };
        context::place(context, headers);
        open.call = Some(Call { span, sent });
    }

    /// Ends what is open with what is known of the exchange.
    pub fn finish(&mut self, traces: &Traces, event: &Finished) {
        let (State::Open(open), Some(source)) = (std::mem::take(&mut self.0), &traces.0) else { return };
        let Open { exchange, arrived, call } = *open;
        let ended = arrived + event.timings.total;
        let sent = call.as_ref().map(|call| call.sent);
        if let Some(call) = call {
            call.finish(source, event, ended);
        }
        if exchange.is_recording() {
            finish_exchange(exchange, event, sent, ended);
        }
    }
}

impl Call {
    fn finish(mut self, source: &Source, event: &Finished, exchange_ended: SystemTime) {
        let span = &mut self.span;
        if !span.is_recording() {
            return;
        }
        let name = generation(event).or_else(|| event.operation.map(Operation::name));
        let model = event.model.as_ref().map(|model| attributes::cut(model.raw()));
        span.update_name(match (name, model) {
            (Some(name), Some(model)) => format!("{name} {model}"),
            (Some(name), None) => name.to_owned(),
            (None, _) => "call".to_owned(),
        });
        span.set_attributes(attributes::of_call(event, &source.servers));
        if let Some(error) = call_error(event) {
            span.set_status(Status::error(error));
        }
        let ended = event.timings.upstream.map_or(exchange_ended, |took| self.sent + took);
        span.end_with_timestamp(ended);
    }
}

/// What the request caused is told at the moment that it was sent, or else at the end.
fn finish_exchange(mut span: Span, event: &Finished, sent: Option<SystemTime>, ended: SystemTime) {
    if let Some(operation) = event.operation {
        span.update_name(format!("{} {}", operation.method(), operation.path()));
    }
    let judged = sent.unwrap_or(ended);
    for rule in &event.edited {
        span.add_event_with_timestamp(events::EDIT, judged, vec![KeyValue::new(key::RULE, rule.clone())]);
    }
    for finding in &event.findings {
        let at = match finding.direction {
            Direction::In => judged,
            Direction::Out => ended,
        };
        span.add_event_with_timestamp(events::FINDING, at, of_finding(finding));
    }
    for rule in &event.violated {
        span.add_event_with_timestamp(events::DENIAL, ended, vec![KeyValue::new(key::RULE, rule.clone())]);
    }
    span.set_attributes(attributes::of_exchange(event));
    if let Some(error) = exchange_error(event) {
        span.set_status(Status::error(error));
    }
    span.end_with_timestamp(ended);
}

fn of_finding(finding: &Finding) -> Vec<KeyValue> {
    vec![
        KeyValue::new(key::FINDING, finding.detector.clone()),
        KeyValue::new(key::FINDING_DIRECTION, finding.direction.name()),
        KeyValue::new(key::FINDING_COUNT, i64::from(finding.count)),
    ]
}

/// Callers may invent methods; the conventions have one word for all of those.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 9] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
        (Method::CONNECT, "CONNECT"),
        (Method::TRACE, "TRACE"),
    ];
    KNOWN.iter().find(|(known, _)| known == method).map_or("_OTHER", |(_, name)| name)
}
