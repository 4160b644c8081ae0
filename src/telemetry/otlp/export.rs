//! Exporters and processors that count what becomes of what they are given.
//!
//! Between the SDK and its OTLP exporters: nothing is changed on the way. A receiver that is away is told of once, and
//! once more when it is back; what is lost in between is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use crate::telemetry::ExporterHealth;

/// What became of the batches of one signal.
#[derive(Debug)]
pub struct Delivery {
    signal: &'static str,
    health: Arc<ExporterHealth>,
    failing: AtomicBool,
}

impl Delivery {
    pub fn new(signal: &'static str, health: Arc<ExporterHealth>) -> Self {
        Self { signal, health, failing: AtomicBool::new(false) }
    }

    /// Counts one batch of `items`, and logs when a receiver goes away or comes back.
    fn ended(&self, result: &OTelSdkResult, items: usize) {
        self.health.exported(result.is_ok());
        let signal = self.signal;
        match result {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(signal, "the OTLP receiver takes telemetry again");
                }
            }
            Err(error) => {
                self.health.dropped(items as u64);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(signal, %error, "the OTLP receiver takes no telemetry: it is dropped until it does");
                }
            }
        }
    }
}

/// Spans on their way out.
#[derive(Debug)]
pub struct CountedSpans<E> {
    pub exporter: E,
    pub delivery: Delivery,
    /// Shared with the [`BoundedQueue`] in front.
    pub waiting: Arc<AtomicUsize>,
}

impl<E: SpanExporter> SpanExporter for CountedSpans<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        self.waiting.fetch_sub(items, Ordering::Relaxed);
        let result = self.exporter.export(batch).await;
        self.delivery.ended(&result, items);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The SDK's queue, with its drops counted: it keeps the number of spans that it dropped to itself.
#[derive(Debug)]
pub struct BoundedQueue {
    pub inner: BatchSpanProcessor,
    pub capacity: usize,
    pub waiting: Arc<AtomicUsize>,
    pub health: Arc<ExporterHealth>,
}

impl SpanProcessor for BoundedQueue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        // INVARIANT: no more spans are in the SDK's queue than are counted here, so that it never drops any itself.
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.capacity {
            self.inner.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.health.dropped(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Metrics on their way out.
#[derive(Debug)]
pub struct CountedMetrics<E> {
    pub exporter: E,
    pub delivery: Delivery,
}

impl<E: PushMetricExporter> PushMetricExporter for CountedMetrics<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.exporter.export(metrics).await;
        self.delivery.ended(&result, points(metrics));
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

fn points(metrics: &ResourceMetrics) -> usize {
    let all = metrics.scope_metrics().flat_map(ScopeMetrics::metrics);
    all.map(|metric| match metric.data() {
        AggregatedMetrics::F64(data) => points_of(data),
        AggregatedMetrics::U64(data) => points_of(data),
        AggregatedMetrics::I64(data) => points_of(data),
    })
    .sum()
}

fn points_of<T>(data: &MetricData<T>) -> usize {
    match data {
        MetricData::Gauge(gauge) => gauge.data_points().count(),
        MetricData::Sum(sum) => sum.data_points().count(),
        MetricData::Histogram(histogram) => histogram.data_points().count(),
        MetricData::ExponentialHistogram(histogram) => histogram.data_points().count(),
    }
}
