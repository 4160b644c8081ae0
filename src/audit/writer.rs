//! The writer task: the only one that touches the file.
//!
//! Receives records from the queue, writes everything that is waiting in one transaction, and answers the waiters.
//! The `fsync` under way is what forms the next batch; there is no timer. Must never answer before `COMMIT`, and
//! never retry into a file that may have lost what it acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::journal::{Delivery, Journal, not_forwarded};
use super::record::{Record, System, SystemKind};
use super::seal::{Sealed, seal};
use super::status::Status;
use super::store::{Store, WriteError};
use super::watch::{Lock, Watch};
use super::{JournalError, JournalState};
use crate::clock;

/// A record in the queue, and who waits for it.
#[derive(Debug)]
pub(super) struct Pending {
    pub record: Record,
    pub sealed: Sealed,
    pub waiter: Option<Waiter>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub answer: oneshot::Sender<Result<Delivery, JournalError>>,
    pub journal: Journal,
}

pub(super) struct Writer {
    store: Store,
    watch: Watch,
    /// Dropped last: only then may another process open the file.
    lock: Lock,
    status: Arc<Status>,
    records: mpsc::Receiver<Pending>,
    /// Records to be written with the next batch: follow-ups, and what waits for a degraded journal to recover.
    held: Vec<Pending>,
    /// How much of `status.lost()` is already recorded.
    reported_lost: u64,
    /// An estimate of what a checkpoint would move.
    wal_bytes: usize,
    last_write: Instant,
    last_look: Instant,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        watch: Watch,
        lock: Lock,
        status: Arc<Status>,
        records: mpsc::Receiver<Pending>,
    ) -> Self {
        let now = clock::instant();
        Self {
            store,
            watch,
            lock,
            status,
            records,
            held: Vec::new(),
            reported_lost: 0,
            wal_bytes: 0,
            last_write: now,
            last_look: now,
        }
    }

    /// Runs until the journal is closed and everything queued before that is dealt with.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = closing.cancelled(), if !self.records.is_closed() => self.records.close(),
                received = self.records.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        break;
                    }
                    self.take(std::mem::take(&mut batch)).await;
                },
                _ = tick.tick() => self.look_around().await,
            }
        }
        self.stop().await;
    }

    /// Deals with what came out of the queue.
    async fn take(&mut self, batch: Vec<Pending>) {
        let mut batch: Vec<Pending> = batch.into_iter().map(|pending| self.attended(pending)).collect();
        match self.status.state() {
            JournalState::Healthy | JournalState::LowSpace { .. } => {
                batch.extend(self.gap());
                self.write(batch).await;
            }
            JournalState::Degraded { reason } => self.hold(batch, &JournalError::Degraded(reason)),
            JournalState::Failed { reason } => self.abandon(batch, &JournalError::Failed(reason)),
            JournalState::Closed => self.abandon(batch, &JournalError::Closed),
        }
    }

    /// An intent whose request has stopped waiting becomes a refusal: nothing will be forwarded.
    fn attended(&self, pending: Pending) -> Pending {
        match &pending.waiter {
            Some(waiter) if waiter.answer.is_closed() => self.unattended(pending.record),
            Some(_) | None => pending,
        }
    }

    fn unattended(&self, record: Record) -> Pending {
        let record = record.unattended();
        let sealed = seal(&record, &self.status.stamp());
        Pending { record, sealed, waiter: None }
    }

    fn system(&self, system: System) -> Pending {
        self.unattended(Record::System(system))
    }

    /// Says how many records were lost since this was last said.
    fn gap(&mut self) -> Option<Pending> {
        let lost = self.status.lost();
        let unreported = lost - self.reported_lost;
        if unreported == 0 {
            return None;
        }
        self.reported_lost = lost;
        Some(self.system(System::new(SystemKind::AuditGap).with("records", unreported)))
    }

    /// Writes a batch and whatever it leads to.
    async fn write(&mut self, batch: Vec<Pending>) {
        let mut batch = batch;
        while !batch.is_empty() {
            let (rows, waiting) = split(batch);
            match self.commit(&rows).await {
                Ok(first) => batch = self.answer(first, waiting),
                Err(error) => {
                    let batch = rows.into_iter().zip(waiting).map(|(sealed, (record, waiter))| Pending {
                        record,
                        sealed,
                        waiter,
                    });
                    self.refuse(batch.collect(), error);
                    return;
                }
            }
        }
        self.limit_wal().await;
    }

    /// Writes rows. When the volume is full, what the WAL already holds may still fit into the database file; then
    /// the WAL starts over and has room again.
    async fn commit(&mut self, rows: &[Sealed]) -> Result<i64, WriteError> {
        let mut written = self.store.write(rows).await;
        if matches!(written, Err(WriteError::Full(_)))
            && self.watch.disturbance().is_none()
            && self.store.checkpoint().await == Ok(true)
        {
            self.wal_bytes = 0;
            written = self.store.write(rows).await;
        }
        if let Ok(first) = written {
            self.last_write = clock::instant();
            self.status.count_written(first, rows, self.last_write);
            self.wal_bytes += COMMIT_BYTES + rows.iter().map(|row| 2 * row.text.len()).sum::<usize>();
        }
        written
    }

    /// Tells the waiters. An intent whose request has gone away in the meantime is durable, so it needs an outcome.
    fn answer(&self, first: i64, written: Vec<(Record, Option<Waiter>)>) -> Vec<Pending> {
        let mut follow_ups = Vec::new();
        for (seq, (record, waiter)) in (first..).zip(written) {
            let Some(Waiter { answer, journal }) = waiter else { continue };
            if let Err(Ok(unread)) = answer.send(Ok(Delivery::new(seq, &record, journal))) {
                unread.claim();
                if let Record::Intent { request_id, .. } = record {
                    follow_ups.push(self.unattended(not_forwarded(request_id)));
                }
            }
        }
        follow_ups
    }

    /// The file did not take a batch.
    fn refuse(&mut self, batch: Vec<Pending>, error: WriteError) {
        match error {
            WriteError::Full(reason) => self.degrade(batch, format!("no space: {reason}")),
            WriteError::Busy => self.degrade(batch, "another process holds the database lock".to_owned()),
            WriteError::Broken(reason) => {
                self.fail(&reason);
                self.abandon(batch, &JournalError::Failed(reason));
            }
        }
    }

    fn degrade(&mut self, batch: Vec<Pending>, reason: String) {
        tracing::error!(%reason, "the audit journal cannot write; requests are refused until it can");
        self.status.enter(JournalState::Degraded { reason: reason.clone() });
        let degraded = self.system(System::new(SystemKind::AuditDegraded).with("reason", &reason));
        self.held.insert(0, degraded);
        self.hold(batch, &JournalError::Degraded(reason));
    }

    fn fail(&mut self, reason: &str) {
        tracing::error!(%reason, "the audit journal has failed; requests are refused until a restart");
        self.status.enter(JournalState::Failed { reason: reason.to_owned() });
        let held = std::mem::take(&mut self.held);
        self.abandon(held, &JournalError::Failed(reason.to_owned()));
    }

    /// Refuses the waiters and keeps the records until the file can be written again.
    fn hold(&mut self, batch: Vec<Pending>, error: &JournalError) {
        for pending in batch {
            let Pending { record, sealed, waiter } = pending;
            let kept = if matches!(record, Record::Intent { .. }) {
                self.unattended(record)
            } else {
                Pending { record, sealed, waiter: None }
            };
            tell(waiter, error);
            if self.held.len() < HELD {
                self.held.push(kept);
            } else {
                self.status.count_lost(1);
            }
        }
    }

    /// Refuses the waiters and gives the records up, counted.
    fn abandon(&self, batch: Vec<Pending>, error: &JournalError) {
        if batch.is_empty() {
            return;
        }
        self.status.count_lost(u64::try_from(batch.len()).unwrap_or(u64::MAX));
        for pending in batch {
            tell(pending.waiter, error);
        }
    }

    /// Everything that does not wait for a record: probe, watch, space, checkpoints.
    async fn look_around(&mut self) {
        let now = clock::instant();
        if now.duration_since(self.last_look) >= LOOK {
            self.last_look = now;
            self.look_at_files();
        }
        match self.status.state() {
            JournalState::Degraded { .. } => self.probe().await,
            JournalState::Healthy => {
                if self.wal_bytes > 0 && now.duration_since(self.last_write) >= IDLE {
                    self.checkpoint(true).await;
                }
            }
            // The WAL of a few small commits is many times their size.
            JournalState::LowSpace { .. } => {
                if self.wal_bytes > 0 {
                    self.checkpoint(true).await;
                }
            }
            JournalState::Failed { .. } | JournalState::Closed => {}
        }
    }

    /// Whether the path still leads to the open file, and whether its volume has room.
    fn look_at_files(&mut self) {
        if let Some(reason) = self.watch.disturbance() {
            self.fail(&reason);
            return;
        }
        match (self.status.state(), self.watch.low_space()) {
            (JournalState::Healthy | JournalState::LowSpace { .. }, Some(free_bytes)) => {
                self.status.enter(JournalState::LowSpace { free_bytes });
            }
            (JournalState::LowSpace { .. }, None) => self.status.enter(JournalState::Healthy),
            (
                JournalState::Healthy
                | JournalState::Degraded { .. }
                | JournalState::Failed { .. }
                | JournalState::Closed,
                _,
            ) => {}
        }
    }

    /// Tries to write what was held back. Success ends the degraded state.
    async fn probe(&mut self) {
        // Without room for what the WAL holds, a single success would only lead to the next failure.
        match self.store.checkpoint().await {
            Ok(_) => {}
            Err(WriteError::Full(_) | WriteError::Busy) => return,
            Err(WriteError::Broken(reason)) => return self.fail(&reason),
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend(self.gap());
        let resumed = System::new(SystemKind::AuditResumed).with("held_records", held.len());
        let rows: Vec<Sealed> =
            held.iter().map(|pending| pending.sealed.clone()).chain([self.system(resumed).sealed]).collect();
        match self.commit(&rows).await {
            Ok(_first) => {
                tracing::info!(records = held.len(), "the audit journal writes again");
                self.status.enter(JournalState::Healthy);
            }
            Err(WriteError::Full(_) | WriteError::Busy) => self.held = held,
            Err(WriteError::Broken(reason)) => {
                self.held = held;
                self.fail(&reason);
            }
        }
    }

    /// Between batches, so that no request meets a checkpoint inside its own commit.
    async fn limit_wal(&mut self) {
        let share = usize::try_from(self.watch.wal_share()).unwrap_or(usize::MAX);
        if self.wal_bytes >= CHECKPOINT_BYTES.min(share) {
            let truncate = self.watch.wal_bytes() >= TRUNCATE_BYTES;
            self.checkpoint(truncate).await;
        }
    }

    async fn checkpoint(&mut self, truncate: bool) {
        // ORDER: a checkpoint into a deleted file would throw away the WAL, the only copy.
        if let Some(reason) = self.watch.disturbance() {
            self.fail(&reason);
            return;
        }
        let moved = match self.store.checkpoint().await {
            Ok(true) if truncate => self.store.truncate_wal().await,
            moved => moved,
        };
        match moved {
            Ok(_complete) => self.wal_bytes = 0,
            Err(WriteError::Full(reason)) => self.degrade(Vec::new(), format!("no space: {reason}")),
            // A reader is in the way; the next checkpoint moves the rest.
            Err(WriteError::Busy) => self.wal_bytes = 0,
            Err(WriteError::Broken(reason)) => self.fail(&reason),
        }
    }

    async fn stop(mut self) {
        if matches!(self.status.state(), JournalState::Degraded { .. }) {
            self.probe().await;
        }
        if matches!(self.status.state(), JournalState::Healthy | JournalState::LowSpace { .. }) {
            let mut last: Vec<Pending> = self.gap().into_iter().collect();
            last.push(self.system(System::new(SystemKind::SidecarStop)));
            self.write(last).await;
            self.checkpoint(true).await;
        }
        let held = std::mem::take(&mut self.held);
        self.abandon(held, &JournalError::Closed);
        self.status.enter(JournalState::Closed);
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "the audit journal was not closed cleanly");
        }
        drop(self.lock);
    }
}

/// Rows to write, and who is to be told about each.
fn split(batch: Vec<Pending>) -> (Vec<Sealed>, Vec<(Record, Option<Waiter>)>) {
    batch.into_iter().map(|pending| (pending.sealed, (pending.record, pending.waiter))).unzip()
}

fn tell(waiter: Option<Waiter>, error: &JournalError) {
    if let Some(waiter) = waiter
        && waiter.answer.send(Err(error.clone())).is_err()
    {
        tracing::debug!("a request stopped waiting for its record");
    }
}

/// Records per transaction.
const BATCH: usize = 1_024;
/// Records kept while the file cannot be written.
const HELD: usize = 4_096;
const TICK: Duration = Duration::from_millis(250);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(1);
/// What a commit of one small row costs in the WAL: three to four pages.
const COMMIT_BYTES: usize = 16 * 1024;
const CHECKPOINT_BYTES: usize = 8 * 1024 * 1024;
const TRUNCATE_BYTES: u64 = 64 * 1024 * 1024;
