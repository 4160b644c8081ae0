//! What the journal's handles and its writer task share: its state, its identity and its clock.
//!
//! The writer alone changes the state; everyone reads it. `lost` is raised by whoever fails to hand a record over and
//! is taken by the writer, which records it as a gap.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use uuid::{NoContext, Uuid};

use super::JournalError;
use super::seal::{Sealed, Stamp};
use crate::clock;

/// Whether records can be made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalState {
    Healthy,
    /// No new intents; records of requests that were already admitted are still written.
    LowSpace {
        free_bytes: u64,
    },
    /// The file cannot be written at the moment. Nothing is admitted until a probe succeeds.
    Degraded {
        reason: String,
    },
    /// The file can no longer be trusted. Only a restart helps.
    Failed {
        reason: String,
    },
    Closed,
}

/// What readiness and metrics ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub state: JournalState,
    /// Records handed over and not yet written.
    pub queued: usize,
    /// Records that could not even be queued, since the start.
    pub lost: u64,
    /// Records made durable, since the start.
    pub written: u64,
    /// How long the oldest record of the latest commit waited to be durable.
    pub lag: Duration,
    /// Records in the file, those of earlier processes included.
    pub records: u64,
}

impl Health {
    /// Whether requests can be admitted.
    pub fn is_ready(&self) -> bool {
        self.state == JournalState::Healthy
    }
}

impl fmt::Display for JournalState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusal() {
            None => formatter.write_str("the journal is healthy"),
            Some(refusal) => refusal.fmt(formatter),
        }
    }
}

impl JournalState {
    /// The error of an append that cannot even be tried.
    pub(super) fn refusal(&self) -> Option<JournalError> {
        match self {
            Self::Healthy => None,
            Self::LowSpace { free_bytes } => Some(JournalError::LowSpace { free_bytes: *free_bytes }),
            Self::Degraded { reason } => Some(JournalError::Degraded(reason.clone())),
            Self::Failed { reason } => Some(JournalError::Failed(reason.clone())),
            Self::Closed => Some(JournalError::Closed),
        }
    }
}

#[derive(Debug)]
pub(super) struct Status {
    state: watch::Sender<JournalState>,
    lost: AtomicU64,
    written: AtomicU64,
    lag_ns: AtomicU64,
    records: AtomicU64,
    boot_id: Uuid,
    chain_id: Uuid,
    epoch: Instant,
}

impl Status {
    pub(super) const fn chain_id(&self) -> Uuid {
        self.chain_id
    }

    pub(super) fn new(chain_id: Uuid) -> Self {
        Self {
            state: watch::Sender::new(JournalState::Healthy),
            lost: AtomicU64::new(0),
            written: AtomicU64::new(0),
            lag_ns: AtomicU64::new(0),
            records: AtomicU64::new(0),
            boot_id: new_id(clock::now()),
            chain_id,
            epoch: clock::instant(),
        }
    }

    pub(super) fn state(&self) -> JournalState {
        self.state.borrow().clone()
    }

    #[cfg(test)]
    pub(super) fn subscribe(&self) -> watch::Receiver<JournalState> {
        self.state.subscribe()
    }

    /// Moves to a state. Nothing leads back from `Failed` or `Closed`.
    pub(super) fn enter(&self, next: JournalState) {
        self.state.send_if_modified(|state| {
            let settled = matches!(state, JournalState::Failed { .. } | JournalState::Closed);
            let moves = !settled && *state != next;
            if moves {
                *state = next;
            }
            moves
        });
    }

    pub(super) fn count_lost(&self, records: u64) {
        if self.lost.fetch_add(records, Ordering::Relaxed) == 0 {
            tracing::error!(
                "audit records are being lost: the journal cannot take them; a gap will be recorded"
            );
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Counts a commit that ended at `at`: rows with consecutive `seq` from `first` on.
    pub(super) fn count_written(&self, first: i64, rows: &[Sealed], at: Instant) {
        let count = rows.len() as u64;
        self.written.fetch_add(count, Ordering::Relaxed);
        // `seq` counts from 0 without gaps.
        self.records.store(u64::try_from(first).unwrap_or(0) + count, Ordering::Relaxed);
        if let Some(oldest) = rows.iter().map(|row| row.ts_mono_ns).min() {
            self.lag_ns.store(self.since_epoch(at).saturating_sub(oldest), Ordering::Relaxed);
        }
    }

    pub(super) fn health(&self, state: JournalState, queued: usize) -> Health {
        Health {
            state,
            queued,
            lost: self.lost(),
            written: self.written.load(Ordering::Relaxed),
            lag: Duration::from_nanos(self.lag_ns.load(Ordering::Relaxed)),
            records: self.records.load(Ordering::Relaxed),
        }
    }

    pub(super) fn stamp(&self) -> Stamp {
        let now = clock::now();
        Stamp {
            event_id: new_id(now),
            boot_id: self.boot_id,
            chain_id: self.chain_id,
            ts_us: now.as_microsecond(),
            ts_mono_ns: self.since_epoch(clock::instant()),
        }
    }

    fn since_epoch(&self, instant: Instant) -> u64 {
        let elapsed = instant.saturating_duration_since(self.epoch);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A time-ordered identifier of our own: what a client or the upstream sends is never a key.
pub(super) fn new_id(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds))
}
