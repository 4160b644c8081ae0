//! What waits to be sent, and the sending of it.
//!
//! Receives intervals, delivers them oldest first. A receiver that is away costs a bounded amount of memory and of time:
//! the oldest intervals are dropped and counted, and no delivery outlives its deadline by more than one attempt.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::embedded::Embedded;
use super::put_metric_data::PutMetricData;
use crate::telemetry::ExporterHealth;

/// Intervals that are kept for a receiver that is away.
pub(super) const INTERVALS: usize = 15;
/// Estimated bytes of them.
pub(super) const BYTES: usize = 16 * 1024 * 1024;
/// The longest a single attempt may take.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// Why a batch was not taken.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// Nobody answered, or the receiver is overloaded: worth another attempt soon.
    #[error("{0}")]
    Away(String),
    /// It will not take anything until somebody changes something.
    #[error("{0}")]
    Refused(String),
    /// It will never take this batch.
    #[error("{0}")]
    Invalid(String),
}

/// A way out.
#[derive(Debug)]
pub(super) enum Way {
    PutMetricData(PutMetricData),
    Embedded(Embedded),
}

#[derive(Debug)]
pub(super) struct Outbox {
    way: Way,
    health: Arc<ExporterHealth>,
    /// By interval, oldest first.
    waiting: VecDeque<VecDeque<Batch>>,
    /// What was last complained about, so that it is said once.
    complaint: Option<std::mem::Discriminant<Failure>>,
}

impl Outbox {
    pub fn new(way: Way, health: Arc<ExporterHealth>) -> Self {
        Self { way, health, waiting: VecDeque::new(), complaint: None }
    }

    /// Keeps an interval until it is delivered. Drops the oldest ones when there are too many.
    pub fn push(&mut self, batches: Vec<Batch>) {
        if batches.is_empty() {
            return;
        }
        self.waiting.push_back(batches.into());
        // INVARIANT: one interval may always wait, and nothing grows with the time that a receiver is away.
        while self.waiting.len() > 1 && (self.waiting.len() > INTERVALS || self.bytes() > BYTES) {
            if let Some(oldest) = self.waiting.pop_front() {
                let lost = oldest.iter().map(|batch| batch.data.len()).sum();
                self.lose(lost);
            }
        }
    }

    /// Sends what waits until nothing does, `until` has passed or `stop` is cancelled. An attempt is never cut off:
    /// what it sent would be sent again.
    pub async fn deliver(&mut self, until: Instant, stop: &CancellationToken) {
        let mut backoff = FIRST_BACKOFF;
        while let Some(batch) = self.waiting.front().and_then(VecDeque::front) {
            let sent = match &mut self.way {
                Way::PutMetricData(api) => api.send(batch).await,
                Way::Embedded(lines) => lines.send(batch).await,
            };
            self.health.exported(sent.is_ok());
            match sent {
                Ok(()) => {
                    self.taken();
                    self.resolve();
                    backoff = FIRST_BACKOFF;
                }
                Err(failure) => {
                    self.complain(&failure);
                    match failure {
                        Failure::Invalid(_) => {
                            let lost = self.taken();
                            self.lose(lost);
                        }
                        Failure::Refused(_) => return,
                        Failure::Away(_) => {
                            // Full jitter: wardens that were cut off together do not come back together.
                            let pause = jitter(backoff);
                            backoff = (backoff * 2).min(LONGEST_BACKOFF);
                            if Instant::now() + pause >= until || sleep(pause, stop).await.is_err() {
                                return;
                            }
                        }
                    }
                }
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Waits until what was accepted is out of the process.
    pub async fn finish(&mut self) {
        match &mut self.way {
            // A call that was answered is over.
            Way::PutMetricData(_) => {}
            Way::Embedded(lines) => lines.finish().await,
        }
    }

    /// Drops what still waits.
    pub fn give_up(&mut self) {
        let left: usize = self.waiting.drain(..).flatten().map(|batch| batch.data.len()).sum();
        if left > 0 {
            self.lose(left);
            tracing::warn!(
                data = left,
                "CloudWatch metrics could not be sent before the end and are dropped"
            );
        }
    }

    pub fn way(&self) -> &Way {
        &self.way
    }

    fn bytes(&self) -> usize {
        self.waiting.iter().flatten().map(|batch| batch.bytes).sum()
    }

    /// Removes the batch that was sent or given up, and says how many data it has.
    fn taken(&mut self) -> usize {
        // INVARIANT: no interval without a batch waits.
        let Some(oldest) = self.waiting.front_mut() else { return 0 };
        let data = oldest.pop_front().map_or(0, |batch| batch.data.len());
        if oldest.is_empty() {
            self.waiting.pop_front();
        }
        data
    }

    fn lose(&self, data: usize) {
        self.health.dropped(u64::try_from(data).unwrap_or(u64::MAX));
    }

    fn complain(&mut self, failure: &Failure) {
        let kind = std::mem::discriminant(failure);
        if self.complaint.replace(kind) == Some(kind) {
            return;
        }
        match failure {
            Failure::Away(_) => tracing::warn!(
                reason = %failure,
                kept_intervals = INTERVALS,
                "CloudWatch metrics cannot be delivered; the latest intervals are kept and sent later"
            ),
            Failure::Refused(_) => tracing::error!(
                reason = %failure,
                "CloudWatch refuses metrics; they are kept for a while, and each interval tries once more"
            ),
            Failure::Invalid(_) => {
                tracing::error!(reason = %failure, "CloudWatch metrics are not accepted and dropped");
            }
        }
    }

    fn resolve(&mut self) {
        if self.complaint.take().is_some() {
            tracing::info!("CloudWatch metrics are delivered again");
        }
    }
}

/// A random time up to `most`.
pub(super) fn jitter(most: Duration) -> Duration {
    let mut random = [0; 4];
    // Without randomness, the longest pause is the right one.
    match rand::fill(&mut random) {
        Ok(()) => most.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)),
        Err(_) => most,
    }
}

/// Waits for `pause`. `Err` when `stop` came first.
pub(super) async fn sleep(pause: Duration, stop: &CancellationToken) -> Result<(), ()> {
    tokio::select! {
        () = stop.cancelled() => Err(()),
        () = tokio::time::sleep(pause) => Ok(()),
    }
}

#[cfg(test)]
impl Outbox {
    pub fn waiting(&self) -> usize {
        self.waiting.iter().flatten().map(|batch| batch.data.len()).sum()
    }

    pub fn replace(&mut self, way: Way) {
        self.way = way;
    }
}
