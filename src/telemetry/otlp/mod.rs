//! OpenTelemetry: spans and metrics, sent by OTLP over HTTP.
//!
//! Receives the configuration, returns [`Traces`] and [`Instruments`] that exchanges are told to. Everything is sent from
//! threads of its own, from bounded queues: a receiver that is slow or away costs requests nothing, and what is dropped
//! is counted. Never sends text of a prompt, an answer or a match, and calls nobody but the configured receivers.

mod attributes;
mod context;
mod export;
mod instruments;
mod spans;
mod transport;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    Compression, ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use thiserror::Error;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::config::{self, Receiver};
use crate::telemetry::names::exporter;
use crate::telemetry::names::otel::key;
use crate::telemetry::{ExporterHealth, VitalsSource};
use crate::tls::TlsError;

pub use attributes::Servers;
use export::{BoundedQueue, CountedMetrics, CountedSpans, Delivery};
pub use instruments::Instruments;
pub use spans::{Trace, Traces};
use transport::Transport;

/// How long the last batch may take when the process ends.
const LAST: Duration = Duration::from_secs(5);

/// Why nothing can be exported.
#[derive(Debug, Error)]
pub enum OtlpError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the OTLP exporter of {signal} cannot be built: {reason}")]
    Exporter { signal: &'static str, reason: ExporterBuildError },
}

/// Both signals, as far as they are turned on.
#[derive(Debug, Default)]
pub struct Otlp {
    pub traces: Traces,
    pub instruments: Option<Instruments>,
}

impl Otlp {
    /// Starts the threads that export. Must be called on the runtime that is to send.
    pub fn start(config: &config::Otlp, upstream: &config::Upstream) -> Result<Self, OtlpError> {
        let (resource, servers, runtime) = (resource(config), Servers::of(upstream), Handle::current());
        let mut otlp = Self::default();
        if let Some(receiver) = &config.traces {
            let health = Arc::new(ExporterHealth::default());
            let provider = tracer_provider(config, receiver, &runtime, resource.clone(), &health)?;
            otlp.traces = Traces::new(provider, servers.clone(), health);
        }
        if let Some(receiver) = &config.metrics {
            let health = Arc::new(ExporterHealth::default());
            let delivery = Delivery::new("metrics", Arc::clone(&health));
            let exporter = CountedMetrics { exporter: metric_exporter(receiver, &runtime)?, delivery };
            let provider = meter_provider(exporter, config.interval, resource);
            otlp.instruments = Some(Instruments::new(provider, servers, health));
        }
        Ok(otlp)
    }

    /// Gives gauges something to look at.
    pub fn watch(&self, vitals: VitalsSource) {
        if let Some(instruments) = &self.instruments {
            instruments.watch(vitals);
        }
    }

    /// Every exporter that is turned on, by the name that `/metrics` shows it by.
    pub fn exporters(&self) -> impl Iterator<Item = (&'static str, Arc<ExporterHealth>)> {
        let traces = self.traces.health().map(|health| (exporter::OTLP_TRACES, Arc::clone(health)));
        let metrics = self.instruments.as_ref().map(Instruments::health);
        let metrics = metrics.map(|health| (exporter::OTLP_METRICS, Arc::clone(health)));
        traces.into_iter().chain(metrics)
    }

    /// Sends what is left, for at most five seconds, off the runtime's own threads.
    pub async fn close(&self) {
        let traces = self.traces.closing();
        let traces = tokio::task::spawn_blocking(move || {
            traces.is_none_or(|provider| provider.shutdown_with_timeout(LAST).is_ok())
        });
        let metrics = self.instruments.as_ref().map(Instruments::closing);
        let metrics = tokio::task::spawn_blocking(move || {
            metrics.is_none_or(|provider| provider.shutdown_with_timeout(LAST).is_ok())
        });
        for (signal, closing) in [("traces", traces), ("metrics", metrics)] {
            if !matches!(closing.await, Ok(true)) {
                tracing::warn!(signal, "the last telemetry could not be sent in time");
            }
        }
    }
}

impl Drop for Otlp {
    /// The SDK waits for its receivers when it is let go of. After a second signal nobody has that time, and a thread
    /// that is still sending does not keep the process.
    fn drop(&mut self) {
        let (traces, metrics) = (self.traces.closing(), self.instruments.as_ref().map(Instruments::closing));
        if traces.is_none() && metrics.is_none() {
            return;
        }
        let left = move || {
            let spans = traces.map(|provider| provider.shutdown_with_timeout(LAST));
            drop((spans, metrics.map(|provider| provider.shutdown_with_timeout(LAST))));
        };
        // Without a thread the closure is dropped here, and waits as the SDK has it.
        drop(std::thread::Builder::new().name("otlp-close".to_owned()).spawn(left));
    }
}

fn tracer_provider(
    config: &config::Otlp,
    receiver: &Receiver,
    runtime: &Handle,
    resource: Resource,
    health: &Arc<ExporterHealth>,
) -> Result<SdkTracerProvider, OtlpError> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let delivery = Delivery::new("traces", Arc::clone(health));
    let exporter = span_exporter(receiver, runtime)?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(config.batches.queue)
        .with_max_export_batch_size(config.batches.size)
        .with_scheduled_delay(config.batches.delay)
        .build();
    let exporter = CountedSpans { exporter, delivery, waiting: Arc::clone(&waiting) };
    let queue = BoundedQueue {
        inner: BatchSpanProcessor::new(exporter, batches),
        capacity: config.batches.queue,
        waiting,
        health: Arc::clone(health),
    };
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(queue);
    Ok(provider.with_sampler(sampler(config.sampler)).build())
}

/// Instruments keep their own shape; only the number of their series is set.
fn meter_provider(
    exporter: impl PushMetricExporter,
    interval: Duration,
    resource: Resource,
) -> SdkMeterProvider {
    SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).with_interval(interval).build())
        .with_resource(resource)
        .with_view(|_: &Instrument| {
            Stream::builder().with_cardinality_limit(instruments::SERIES).build().ok()
        })
        .build()
}

fn span_exporter(receiver: &Receiver, runtime: &Handle) -> Result<SpanExporter, OtlpError> {
    let mut builder = SpanExporter::builder()
        .with_http()
        .with_http_client(Transport::new(receiver, runtime.clone())?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(receiver.url.as_str())
        .with_timeout(receiver.timeout);
    if receiver.gzip {
        builder = builder.with_compression(Compression::Gzip);
    }
    builder.build().map_err(|reason| OtlpError::Exporter { signal: "traces", reason })
}

fn metric_exporter(receiver: &Receiver, runtime: &Handle) -> Result<MetricExporter, OtlpError> {
    let mut builder = MetricExporter::builder()
        .with_http()
        .with_http_client(Transport::new(receiver, runtime.clone())?)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(receiver.url.as_str())
        .with_timeout(receiver.timeout);
    if receiver.gzip {
        builder = builder.with_compression(Compression::Gzip);
    }
    builder.build().map_err(|reason| OtlpError::Exporter { signal: "metrics", reason })
}

fn sampler(config: config::Sampler) -> Sampler {
    let root = match config.share {
        share if share >= 1.0 => Sampler::AlwaysOn,
        share if share <= 0.0 => Sampler::AlwaysOff,
        share => Sampler::TraceIdRatioBased(share),
    };
    if config.follow_parent { Sampler::ParentBased(Box::new(root)) } else { root }
}

/// Who is telling. What the environment says of it goes before what we say.
fn resource(config: &config::Otlp) -> Resource {
    let own = [
        KeyValue::new(key::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        // Two wardens of one service must not overwrite each other's sums.
        KeyValue::new(key::SERVICE_INSTANCE, Uuid::now_v7().to_string()),
    ];
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(own)
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_service_name(config.service_name.clone())
        .build()
}

#[cfg(test)]
mod tests;
