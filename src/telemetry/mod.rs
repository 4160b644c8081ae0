//! What platform teams see: the log line, metrics, CloudWatch, traces.
//!
//! Receives one [`Finished`] event for every exchange and the [`Vitals`] of the process. Must never hold up a request,
//! never grow without bound when a receiver is away, and never show text of a prompt, an answer or a match.

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

use std::sync::atomic::{AtomicU64, Ordering};

/// Everything that exchanges are told to. One for the process.
#[derive(Debug)]
pub struct Telemetry {
    in_flight: AtomicU64,
    /// Spans and metrics by OTLP, as far as they are turned on.
    pub otlp: Otlp,
    /// `None` when nobody may ask for them.
    metrics: Option<Metrics>,
}

impl Telemetry {
    pub fn new(metrics: Option<Metrics>) -> Self {
        Self { in_flight: AtomicU64::new(0), otlp: Otlp::default(), metrics }
    }

    /// What `/metrics` shows; `None` when it is turned off.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    #[must_use]
    pub fn with_otlp(mut self, otlp: Otlp) -> Self {
        self.otlp = otlp;
        self
    }

    /// Sends what is left, within a bound. Awaited when nobody is left to tell of.
    pub async fn close(&self) {
        self.otlp.close().await;
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
    }
}
