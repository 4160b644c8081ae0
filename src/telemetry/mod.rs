//! What platform teams see: the log line, metrics, CloudWatch, traces.
//!
//! Receives one [`Finished`] event for every exchange and the [`Vitals`] of the process. Must never hold up a request,
//! never grow without bound when a receiver is away, and never show text of a prompt, an answer or a match.

pub mod cloudwatch;
mod event;
mod health;
mod log;
pub mod names;
mod open;
mod vitals;

pub use event::{Caller, Finished, Parameters, Timings, Upstream};
pub use health::ExporterHealth;
pub use open::OpenEvent;
pub use vitals::{JournalVitals, Vitals};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloudwatch::CloudWatch;

/// Everything that exchanges are told to. One for the process.
#[derive(Debug, Default)]
pub struct Telemetry {
    in_flight: AtomicU64,
    cloudwatch: Option<Arc<CloudWatch>>,
}

impl Telemetry {
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells CloudWatch too.
    #[must_use]
    pub fn with_cloudwatch(mut self, cloudwatch: Option<Arc<CloudWatch>>) -> Self {
        self.cloudwatch = cloudwatch;
        self
    }

    /// Sends what has not been sent yet, within a bound. Nothing is told afterwards.
    pub async fn close(&self) {
        if let Some(cloudwatch) = &self.cloudwatch {
            cloudwatch.close().await;
        }
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
        if let Some(cloudwatch) = &self.cloudwatch {
            cloudwatch.record(event);
        }
    }
}
