//! CloudWatch metrics: summed up in the process, sent once per interval.
//!
//! Receives every exchange that is over and, once per interval, the state of the process. Sends what came together by
//! the API or as lines in the embedded metric format. Recording never waits for a receiver, and a receiver that is away
//! costs a bounded amount of memory: the oldest intervals are dropped, and counted.

mod aggregate;
mod amount;
mod batch;
mod embedded;
#[cfg(test)]
mod fixture;
mod outbox;
mod put_metric_data;
mod series;
mod stdout;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::provider::SharedCredentialsProvider;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use aggregate::{Aggregate, Past, float, milliseconds};
use batch::{Limits, split};
use embedded::Embedded;
use outbox::{Outbox, Way, jitter, sleep};
use put_metric_data::PutMetricData;
use stdout::Stdout;

use super::names::{CloudWatchMetric, cloudwatch as metrics};
use super::{ExporterHealth, Finished, VitalsSource};
use crate::clock;
use crate::config::{self, CloudWatchWay};

/// How long the last delivery may take.
const CLOSING: Duration = Duration::from_secs(5);
/// The longest a call is put off, so that wardens that flush at the same second do not call at the same second.
const LONGEST_SPREAD: Duration = Duration::from_secs(5);

/// The exporter. One for the process.
pub struct CloudWatch {
    // Held for as long as it takes to add an exchange, or to swap intervals. Never across an await.
    current: Mutex<Aggregate>,
    // Held by whoever flushes.
    flush: tokio::sync::Mutex<Flush>,
    interval: Duration,
    way: &'static str,
    health: Arc<ExporterHealth>,
}

/// What only the flush touches.
struct Flush {
    past: Past,
    /// When the current interval began.
    began: SystemTime,
    outbox: Outbox,
    limits: Limits,
    vitals: Option<VitalsSource>,
    /// Whose drops are told as `TelemetryDropped`.
    exporters: Vec<Arc<ExporterHealth>>,
    /// Totals as they were told last.
    lost: u64,
    dropped: u64,
}

impl CloudWatch {
    /// Sends as `config` says, by the API with `credentials` and in `region`. `others` are the exporters beside this one.
    /// Fails when stdout is to be written to and is not there.
    pub fn new(
        config: &config::CloudWatch,
        region: &str,
        credentials: SharedCredentialsProvider,
        others: Vec<Arc<ExporterHealth>>,
    ) -> std::io::Result<Self> {
        let health = Arc::new(ExporterHealth::default());
        let way = match &config.way {
            CloudWatchWay::PutMetricData { endpoint } => {
                let endpoint = endpoint.as_ref().map(ToString::to_string);
                Way::PutMetricData(PutMetricData::new(config, region, endpoint, credentials))
            }
            CloudWatchWay::EmbeddedMetricFormat(output) => {
                Way::Embedded(Embedded::new(config, *output, || Stdout::open(Arc::clone(&health)))?)
            }
        };
        Ok(Self::by(config, way, health, others))
    }

    fn by(
        config: &config::CloudWatch,
        way: Way,
        health: Arc<ExporterHealth>,
        others: Vec<Arc<ExporterHealth>>,
    ) -> Self {
        let (name, distinct, limits) = match &way {
            Way::PutMetricData(_) => ("cloudwatch", put_metric_data::DISTINCT, put_metric_data::LIMITS),
            Way::Embedded(_) => ("emf", embedded::DISTINCT, embedded::LIMITS),
        };
        let mut exporters = others;
        exporters.push(Arc::clone(&health));
        let flush = Flush {
            past: Past::default(),
            began: clock::system_now(),
            outbox: Outbox::new(way, Arc::clone(&health)),
            limits,
            vitals: None,
            exporters,
            lost: 0,
            dropped: 0,
        };
        Self {
            current: Mutex::new(Aggregate::new(config.series, distinct)),
            flush: tokio::sync::Mutex::new(flush),
            interval: config.interval,
            way: name,
            health,
        }
    }

    /// Adds an exchange to the current interval.
    pub fn record(&self, event: &Finished) {
        self.current().record(event);
    }

    /// The exporter's label: `cloudwatch` or `emf`.
    pub const fn exporter(&self) -> &'static str {
        self.way
    }

    pub fn health(&self) -> Arc<ExporterHealth> {
        Arc::clone(&self.health)
    }

    /// Sends every interval when it is over, until `stop`. Intervals end at whole multiples of their length, as
    /// CloudWatch's own minutes do.
    pub async fn run(self: Arc<Self>, vitals: VitalsSource, stop: CancellationToken) {
        self.flush.lock().await.vitals = Some(vitals);
        while sleep(self.until_end(), &stop).await.is_ok() {
            let mut flush = self.flush.lock().await;
            self.end_interval(&mut flush);
            let until = Instant::now() + self.until_end();
            if let Way::PutMetricData(_) = flush.outbox.way()
                && sleep(jitter(LONGEST_SPREAD.min(self.interval / 10)), &stop).await.is_err()
            {
                return;
            }
            flush.outbox.deliver(until, &stop).await;
        }
    }

    /// Sends what is left. Awaited once the last exchange is over; takes five seconds at most.
    pub async fn close(&self) {
        let deadline = Instant::now() + CLOSING;
        let sent = async {
            let mut flush = self.flush.lock().await;
            self.end_interval(&mut flush);
            flush.vitals = None;
            flush.outbox.deliver(deadline, &CancellationToken::new()).await;
            flush.outbox.finish().await;
        };
        if tokio::time::timeout_at(deadline, sent).await.is_err() {
            tracing::warn!("CloudWatch metrics could not be sent in time");
        }
        if let Ok(mut flush) = self.flush.try_lock() {
            flush.outbox.give_up();
        }
    }

    /// Moves what came together since the last time into the outbox.
    fn end_interval(&self, flush: &mut Flush) {
        let gauges = flush.gauges();
        let mut current = self.current();
        for (metric, sample) in gauges.into_iter().flatten() {
            current.gauge(metric, sample);
        }
        current.end(&mut flush.past);
        drop(current);
        let began = std::mem::replace(&mut flush.began, clock::system_now());
        let batches = split(began, flush.past.take(), flush.limits);
        flush.outbox.push(batches);
    }

    fn current(&self) -> MutexGuard<'_, Aggregate> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the current interval ends by the wall clock.
    fn until_end(&self) -> Duration {
        let now = clock::system_now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let into = now.as_millis().checked_rem(self.interval.as_millis()).unwrap_or_default();
        let into = Duration::from_millis(u64::try_from(into).unwrap_or_default());
        self.interval.saturating_sub(into)
    }
}

impl Flush {
    /// The state of the process, and what was lost since the last time.
    fn gauges(&mut self) -> Option<[(&'static CloudWatchMetric, f64); 4]> {
        let journal = self.vitals.as_ref()?.now()?.journal;
        let dropped: u64 = self.exporters.iter().map(|exporter| exporter.dropped_points()).sum();
        let lost = journal.lost.saturating_sub(std::mem::replace(&mut self.lost, journal.lost));
        let newly_dropped = dropped.saturating_sub(std::mem::replace(&mut self.dropped, dropped));
        Some([
            (&metrics::JOURNAL_LAG, milliseconds(journal.lag)),
            (&metrics::JOURNAL_LOST, float(lost)),
            (&metrics::UNSHIPPED_RECORDS, float(journal.unshipped)),
            (&metrics::TELEMETRY_DROPPED, float(newly_dropped)),
        ])
    }
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CloudWatch").field("exporter", &self.way).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
