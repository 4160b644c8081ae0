//! What platform teams see: the log line, metrics, CloudWatch, traces.
//!
//! Receives one [`Finished`] event for every exchange and the [`Vitals`] of the process. Must never hold up a request,
//! never grow without bound when a receiver is away, and never show text of a prompt, an answer or a match.

pub mod cloudwatch;
mod event;
mod health;
mod labels;
mod log;
mod metrics;
pub mod names;
mod open;
mod otlp;
mod vitals;

#[cfg(test)]
mod fixture;

pub use event::{Caller, Finished, Parameters, Timings, Upstream};
pub use health::ExporterHealth;
pub use metrics::{Metrics, MetricsError, TEXT_FORMAT};
pub use open::OpenEvent;
pub use otlp::{Instruments, Otlp, OtlpError, Servers, Trace, Traces};
pub use vitals::{JournalVitals, Vitals, VitalsSource};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloudwatch::CloudWatch;

/// Everything that exchanges are told to. One for the process.
#[derive(Debug)]
pub struct Telemetry {
    in_flight: AtomicU64,
    /// Spans and metrics by OTLP, as far as they are turned on.
    pub otlp: Otlp,
    /// `None` when nobody may ask for them.
    metrics: Option<Metrics>,
    cloudwatch: Option<Arc<CloudWatch>>,
}

impl Telemetry {
    pub fn new(metrics: Option<Metrics>, otlp: Otlp, cloudwatch: Option<Arc<CloudWatch>>) -> Self {
        if let Some(metrics) = &metrics {
            let cloudwatch = cloudwatch.as_ref().map(|exporter| (exporter.exporter(), exporter.health()));
            for (exporter, health) in otlp.exporters().chain(cloudwatch) {
                metrics.watch(exporter, health);
            }
        }
        Self { in_flight: AtomicU64::new(0), otlp, metrics, cloudwatch }
    }

    /// What `/metrics` shows; `None` when it is turned off.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// The exporter to CloudWatch, which sends while somebody runs it.
    pub fn cloudwatch(&self) -> Option<Arc<CloudWatch>> {
        self.cloudwatch.clone()
    }

    /// Sends what has not been sent yet, within a bound. Nothing is told afterwards.
    pub async fn close(&self) {
        let cloudwatch = async {
            if let Some(cloudwatch) = &self.cloudwatch {
                cloudwatch.close().await;
            }
        };
        tokio::join!(cloudwatch, self.otlp.close());
    }

    /// Exchanges that have begun and are not over.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// The one place where an exchange that is over is told of.
    fn finished(&self, event: &Finished) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        log::line(event);
        if let Some(instruments) = &self.otlp.instruments {
            instruments.record(event);
        }
        if let Some(metrics) = &self.metrics {
            metrics.record(event);
        }
        if let Some(cloudwatch) = &self.cloudwatch {
            cloudwatch.record(event);
        }
    }
}
