//! What `/metrics` shows, on a registry of its own.
//!
//! Receives finished exchanges, the vitals of the moment of a scrape, and what rules and callers there are; returns
//! Prometheus' text format. Every series whose labels are known beforehand is there from the first scrape. Must never
//! let a caller choose a label.

mod exchanges;
mod family;
mod gauges;

use std::sync::{Arc, Mutex, PoisonError};

#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntCounter, Registry, TextEncoder};
use thiserror::Error;

use super::names::prometheus as names;
use super::names::{exporter, label};
use super::{ExporterHealth, Finished, Vitals};
use exchanges::Exchanges;
use family::Family;
use gauges::{Gauges, raise};

/// Content type of what [`Metrics::render`] returns.
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Metrics that cannot be registered or shown.
#[derive(Debug, Error)]
#[error("metrics cannot be shown: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

/// Every metric of the process. Shared by reference.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    exchanges: Exchanges,
    gauges: Gauges,
    exported: Family<IntCounter, 2>,
    dropped: Family<IntCounter, 1>,
    // Exporters that tell of themselves. Held during a scrape, so that two scrapes do not set gauges by turns.
    exporters: Mutex<Vec<(&'static str, Arc<ExporterHealth>)>>,
}

impl Metrics {
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let metrics = Self {
            exchanges: Exchanges::register(&registry)?,
            gauges: Gauges::register(&registry)?,
            exported: Family::register(&registry, &names::EXPORTED)?,
            dropped: Family::register(&registry, &names::DROPPED)?,
            exporters: Mutex::default(),
            registry,
        };
        for exporter in exporter::ALL {
            for result in exporter::RESULTS {
                metrics.exported.show([exporter, result]);
            }
            metrics.dropped.show([exporter]);
        }
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Counts an exchange that is over.
    pub fn record(&self, event: &Finished) {
        self.exchanges.record(event);
    }

    /// Shows the series of an exception from now on.
    pub fn know_exception(&self, id: &str, break_glass: bool) {
        self.exchanges.know_exception(id, break_glass);
    }

    /// Shows the series of a rule from now on. `shadow` rules are watched and never enforced.
    pub fn know_rule(&self, rule: &str, shadow: bool) {
        self.exchanges.know_rule(rule, shadow);
    }

    /// Shows the series of a caller from now on.
    pub fn know_caller(&self, team: &str, app: &str) {
        self.exchanges.know_caller(team, app);
    }

    /// Shows what an exporter tells of itself, under one of the names in [`exporter`].
    pub fn watch(&self, exporter: &'static str, health: Arc<ExporterHealth>) {
        self.exporters.lock().unwrap_or_else(PoisonError::into_inner).push((exporter, health));
    }

    /// Everything, in the text format [`TEXT_FORMAT`].
    pub fn render(&self, vitals: &Vitals) -> Result<String, MetricsError> {
        let exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner);
        self.gauges.set(vitals);
        for (exporter, health) in exporters.iter() {
            let [success, failure] = exporter::RESULTS;
            self.exported.with([exporter, success], |counter| raise(counter, health.sent_batches()));
            self.exported.with([exporter, failure], |counter| raise(counter, health.failed_batches()));
            self.dropped.with([exporter], |counter| raise(counter, health.dropped_points()));
        }
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

/// The value of a label, or the word for none.
fn or_none(value: Option<&str>) -> &str {
    value.unwrap_or(label::NONE)
}

#[cfg(test)]
mod tests;
