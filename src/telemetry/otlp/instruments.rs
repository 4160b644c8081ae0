//! Metrics by OTLP: what the conventions have for clients of generative models, and our own.
//!
//! Recorded once per exchange, from its one event. Every attribute has a bounded set of values, and the SDK folds what is
//! above its own limit into one overflow series.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::attributes::{Servers, call_error, generation, input_tokens};
use super::spans::scope;
use crate::audit::EndState;
use crate::bedrock::operation::Operation;
use crate::telemetry::labels::{self, ModelLabels};
use crate::telemetry::names::label;
use crate::telemetry::names::otel::{self, OtelInstrument, PROVIDER, key};
use crate::telemetry::{ExporterHealth, Finished, Vitals, VitalsSource};

/// Models that get series of their own.
const MODELS: usize = 64;
/// Series of one instrument; the SDK's own `otel.metric.overflow` takes the rest.
pub const SERIES: usize = 1000;

/// All instruments and where they report to.
#[derive(Debug)]
pub struct Instruments {
    provider: SdkMeterProvider,
    health: Arc<ExporterHealth>,
    servers: Servers,
    models: ModelLabels,
    // Set once the parts that gauges look at exist.
    vitals: Arc<OnceLock<VitalsSource>>,
    duration: Histogram<f64>,
    tokens: Histogram<u64>,
    first_chunk: Histogram<f64>,
    per_chunk: Histogram<f64>,
    requests: Counter<u64>,
    denials: Counter<u64>,
    findings: Counter<u64>,
    added: Histogram<f64>,
}

impl Instruments {
    pub fn new(provider: SdkMeterProvider, servers: Servers, health: Arc<ExporterHealth>) -> Self {
        let meter = provider.meter_with_scope(scope());
        let vitals = Arc::new(OnceLock::new());
        observe(&meter, &vitals);
        Self {
            health,
            servers,
            models: ModelLabels::new(MODELS),
            vitals,
            duration: histogram(&meter, otel::DURATION),
            tokens: tokens(&meter, otel::TOKEN_USAGE),
            first_chunk: histogram(&meter, otel::FIRST_CHUNK),
            per_chunk: histogram(&meter, otel::PER_CHUNK),
            requests: counter(&meter, otel::REQUESTS),
            denials: counter(&meter, otel::DENIALS),
            findings: counter(&meter, otel::FINDINGS),
            added: histogram(&meter, otel::ADDED),
            provider,
        }
    }

    /// Gives the gauges something to look at. The first source stays.
    pub fn watch(&self, vitals: VitalsSource) {
        self.vitals.get_or_init(|| vitals);
    }

    /// What became of the batches.
    pub fn health(&self) -> &Arc<ExporterHealth> {
        &self.health
    }

    pub(super) fn closing(&self) -> SdkMeterProvider {
        self.provider.clone()
    }

    pub fn record(&self, event: &Finished) {
        let operation = event.operation.map_or(label::NONE, Operation::name);
        let operation = KeyValue::new(key::WARDEN_OPERATION, operation);
        self.requests.add(
            1,
            &[
                operation.clone(),
                KeyValue::new(key::DECISION, event.decision.name()),
                KeyValue::new(key::END, event.end.name()),
            ],
        );
        for rule in &event.violated {
            self.denials.add(1, &[KeyValue::new(key::RULE, rule.clone())]);
        }
        for finding in &event.findings {
            let attributes = [
                KeyValue::new(key::FINDING, finding.detector.clone()),
                KeyValue::new(key::FINDING_DIRECTION, finding.direction.name()),
            ];
            self.findings.add(u64::from(finding.count), &attributes);
        }
        if event.upstream.is_some() && event.end != EndState::NotForwarded {
            self.added.record(event.timings.added().as_secs_f64(), &[operation]);
            self.call(event);
        }
    }

    /// What a client of the model would tell.
    fn call(&self, event: &Finished) {
        let (Some(generation), Some(operation)) = (generation(event), event.operation) else { return };
        let error = call_error(event).map(|error| match &event.error {
            Some(name) => labels::error(name).to_owned(),
            None => error,
        });
        let answered = event.upstream.as_ref().and_then(|upstream| upstream.status);
        let answered = answered.is_some_and(|status| status.is_success());
        let model: Arc<str> = self.models.of(event).into();
        let mut attributes = vec![
            KeyValue::new(key::OPERATION, generation),
            KeyValue::new(key::PROVIDER, PROVIDER),
            KeyValue::new(key::REQUEST_MODEL, Arc::clone(&model)),
        ];
        attributes.extend(self.servers.serving(operation));
        if answered {
            attributes.push(KeyValue::new(key::RESPONSE_MODEL, model));
        }
        let took = event.timings.upstream.unwrap_or(event.timings.total);
        match error {
            Some(error) => {
                let mut failed = attributes.clone();
                failed.push(KeyValue::new(key::ERROR, error));
                self.duration.record(took.as_secs_f64(), &failed);
            }
            None => self.duration.record(took.as_secs_f64(), &attributes),
        }
        if event.streams() && answered {
            self.pace(event, took, &attributes);
        }
        for (kind, count) in [("input", input_tokens(event)), ("output", event.tokens.output)] {
            if let Some(count) = count {
                attributes.push(KeyValue::new(key::TOKEN_TYPE, kind));
                self.tokens.record(count, &attributes);
                attributes.pop();
            }
        }
    }

    /// How fast a streamed answer came.
    fn pace(&self, event: &Finished, took: Duration, attributes: &[KeyValue]) {
        let Some(first) = event.timings.first_byte else { return };
        self.first_chunk.record(first.as_secs_f64(), attributes);
        let later = event.tokens.output.and_then(|output| u32::try_from(output).ok()?.checked_sub(1));
        if let Some(later @ 1..) = later {
            let mean = took.saturating_sub(first) / later;
            self.per_chunk.record(mean.as_secs_f64(), attributes);
        }
    }
}

fn histogram(meter: &Meter, what: OtelInstrument) -> Histogram<f64> {
    let builder = meter.f64_histogram(what.name).with_unit(what.unit).with_description(what.help);
    builder.with_boundaries(what.buckets.to_vec()).build()
}

fn tokens(meter: &Meter, what: OtelInstrument) -> Histogram<u64> {
    let builder = meter.u64_histogram(what.name).with_unit(what.unit).with_description(what.help);
    builder.with_boundaries(what.buckets.to_vec()).build()
}

fn counter(meter: &Meter, what: OtelInstrument) -> Counter<u64> {
    meter.u64_counter(what.name).with_unit(what.unit).with_description(what.help).build()
}

/// Gauges live as long as the meter does; what they are given is asked when metrics are collected.
fn observe(meter: &Meter, vitals: &Arc<OnceLock<VitalsSource>>) {
    gauge(meter, otel::IN_FLIGHT, vitals, |vitals| vitals.in_flight);
    gauge(meter, otel::JOURNAL_QUEUED, vitals, |vitals| vitals.journal.queued);
    gauge(meter, otel::JOURNAL_UNSHIPPED, vitals, |vitals| vitals.journal.unshipped);
    let source = Arc::clone(vitals);
    let what = otel::JOURNAL_LAG;
    let builder = meter.f64_observable_gauge(what.name).with_unit(what.unit).with_description(what.help);
    builder
        .with_callback(move |observer: &dyn AsyncInstrument<f64>| {
            if let Some(vitals) = source.get().and_then(VitalsSource::now) {
                observer.observe(vitals.journal.lag.as_secs_f64(), &[]);
            }
        })
        .build();
}

fn gauge(
    meter: &Meter,
    what: OtelInstrument,
    vitals: &Arc<OnceLock<VitalsSource>>,
    value: fn(&Vitals) -> u64,
) {
    let source = Arc::clone(vitals);
    let builder = meter.u64_observable_gauge(what.name).with_unit(what.unit).with_description(what.help);
    builder
        .with_callback(move |observer: &dyn AsyncInstrument<u64>| {
            if let Some(vitals) = source.get().and_then(VitalsSource::now) {
                observer.observe(value(&vitals), &[]);
            }
        })
        .build();
}
