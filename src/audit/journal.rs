//! The journal's handle: opens the file, recovers what a crash left, and hands records to the writer task.
//!
//! Receives records, returns when they are durable or when it is certain that nobody may rely on them. Must never
//! wait longer than its deadline, and never drop a record without counting it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
#[cfg(test)]
use tokio::sync::watch;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::record::{EndState, Outcome, Record, System, SystemKind};
use super::seal::{Sealed, seal};
use super::status::{Status, new_id};
use super::store::Store;
use super::watch::{Lock, Watch, prepare};
use super::writer::{Pending, Waiter, Writer};
use super::{Health, JournalError, JournalState};
use crate::clock;

/// How a journal behaves.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// How long a request waits for its record.
    pub deadline: Duration,
    /// Intents are refused while fewer bytes are free, so that outcomes of admitted requests still fit.
    pub reserve_bytes: u64,
    /// What `sidecar.start` says beside the time: version, configuration digest, host.
    pub start: BTreeMap<String, String>,
    #[cfg(test)]
    pub(super) faults: super::tests::Faults,
}

impl JournalOptions {
    pub fn with_deadline(deadline: Duration) -> Self {
        Self { deadline, ..Self::default() }
    }
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(500),
            reserve_bytes: 256 * 1024 * 1024,
            start: BTreeMap::new(),
            #[cfg(test)]
            faults: super::tests::Faults::default(),
        }
    }
}

/// An open journal. Shared by reference count; the file is closed by [`Journal::close`], or when the last handle and
/// the last entry are gone.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    records: mpsc::Sender<Pending>,
    status: Arc<Status>,
    deadline: Duration,
    closing: CancellationToken,
    writer: TaskTracker,
}

impl Journal {
    /// Opens or creates the journal, writes `request.unknown` for every request that an earlier process left open,
    /// then `sidecar.start`. Needs a tokio runtime, on which the writer task lives until [`Journal::close`].
    pub async fn open(path: &Path, options: JournalOptions) -> Result<Self, JournalError> {
        let path = prepare(path)?;
        // ORDER: the lock before the file. SQLite's own locks let two processes write by turns.
        let lock = Lock::take(&path)?;
        let mut store = Store::open(&path).await?;
        let now = clock::now();
        let status = Arc::new(Status::new(store.chain(new_id(now), now.as_microsecond()).await?));
        recover(&mut store, &status, options.start).await?;
        #[cfg(test)]
        {
            store.faults = options.faults;
        }
        let watch = Watch::begin(&path, options.reserve_bytes)?;
        if let Some(free_bytes) = watch.low_space() {
            status.enter(JournalState::LowSpace { free_bytes });
        }
        let (records, receiver) = mpsc::channel(QUEUE);
        let closing = CancellationToken::new();
        let tracker = TaskTracker::new();
        tracker.spawn(Writer::new(store, watch, lock, Arc::clone(&status), receiver).run(closing.clone()));
        tracker.close();
        let shared = Shared { records, status, deadline: options.deadline, closing, writer: tracker };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Records something that happened to the warden itself. Returns once it is durable.
    pub async fn note(&self, system: System) -> Result<(), JournalError> {
        self.append(Record::System(system)).await.map(|_seq| ())
    }

    /// The name of the log in this file, which is the same for every process that writes it.
    pub fn chain_id(&self) -> Uuid {
        self.shared.status.chain_id()
    }

    /// What readiness and metrics ask for.
    pub fn health(&self) -> Health {
        let state = match self.shared.status.state() {
            // FAIL-CLOSED: whatever ended the writer, nothing can be recorded any more.
            JournalState::Healthy | JournalState::LowSpace { .. } | JournalState::Degraded { .. }
                if self.shared.records.is_closed() =>
            {
                JournalState::Closed
            }
            state => state,
        };
        let queued = self.shared.records.max_capacity() - self.shared.records.capacity();
        self.shared.status.health(state, queued)
    }

    /// Every change of state.
    #[cfg(test)]
    pub(super) fn states(&self) -> watch::Receiver<JournalState> {
        self.shared.status.subscribe()
    }

    /// Writes everything that is queued, then `sidecar.stop`, and closes the file. Later appends are refused.
    pub async fn close(self) {
        self.shared.closing.cancel();
        self.shared.writer.wait().await;
    }

    /// Returns its `seq` once the record is durable.
    ///
    /// After an error nobody may rely on the record. The journal still writes what it can: an intent as a refusal,
    /// everything else as it is.
    pub(super) async fn append(&self, record: Record) -> Result<i64, JournalError> {
        let handover = Handover { journal: self, record: Some(record) };
        if let Some(refusal) = self.shared.status.state().refusal() {
            let low_space = matches!(refusal, JournalError::LowSpace { .. });
            // FAIL-CLOSED: no space for new work; what was admitted before may still end.
            if !low_space || handover.is_intent() {
                return Err(refusal);
            }
        }
        let deadline = self.shared.deadline;
        let late = JournalError::Deadline { deadline_ms: deadline.as_millis() };
        tokio::time::timeout(deadline, handover.deliver()).await.unwrap_or(Err(late))
    }

    /// Puts the journal into a state that a test cannot bring about.
    #[cfg(test)]
    pub(super) fn pretend(&self, state: JournalState) {
        self.shared.status.enter(state);
    }

    /// Hands a record over without waiting. What does not fit is counted.
    pub(super) fn submit(&self, record: Record) {
        self.shared.submit(record.unattended());
    }
}

impl Shared {
    fn closed(&self) -> JournalError {
        self.status.state().refusal().unwrap_or(JournalError::Closed)
    }

    fn submit(&self, record: Record) {
        let sealed = seal(&record, &self.status.stamp());
        match self.records.try_send(Pending { record, sealed, waiter: None }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => self.status.count_lost(1),
        }
    }
}

/// A record on its way into the queue. Dropped before it is there (a deadline, a cancelled caller), it is submitted
/// as a record that nobody waits for.
struct Handover<'a> {
    journal: &'a Journal,
    record: Option<Record>,
}

impl Handover<'_> {
    const fn is_intent(&self) -> bool {
        matches!(self.record, Some(Record::Intent { .. }))
    }

    async fn deliver(mut self) -> Result<i64, JournalError> {
        let shared = &self.journal.shared;
        let slot = shared.records.reserve().await.map_err(|_closed| shared.closed())?;
        let Some(record) = self.record.take() else { return Err(JournalError::Closed) };
        let sealed = seal(&record, &shared.status.stamp());
        let (answer, written) = oneshot::channel();
        let waiter = Waiter { answer, journal: self.journal.clone() };
        slot.send(Pending { record, sealed, waiter: Some(waiter) });
        match written.await {
            Ok(answer) => answer.map(Delivery::claim),
            Err(_writer_gone) => Err(shared.closed()),
        }
    }
}

impl Drop for Handover<'_> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.journal.submit(record);
        }
    }
}

/// The answer to whoever waits for a record. When an intent's answer is dropped unread, because its request was
/// cancelled at that very moment, the intent is durable and nobody will act on it: its outcome is written here.
#[derive(Debug)]
pub(super) struct Delivery {
    seq: i64,
    unclaimed_intent: Option<(Journal, Uuid)>,
}

impl Delivery {
    pub(super) fn new(seq: i64, record: &Record, journal: Journal) -> Self {
        let intent = match record {
            Record::Intent { request_id, .. } => Some((journal, *request_id)),
            Record::Outcome { .. } | Record::Denied { .. } | Record::Unknown { .. } | Record::System(_) => {
                None
            }
        };
        Self { seq, unclaimed_intent: intent }
    }

    pub(super) fn claim(mut self) -> i64 {
        self.unclaimed_intent = None;
        self.seq
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some((journal, request_id)) = self.unclaimed_intent.take() {
            journal.submit(not_forwarded(request_id));
        }
    }
}

/// The outcome of an intent that became durable when nobody waited for it any more.
pub(super) fn not_forwarded(request_id: Uuid) -> Record {
    Record::Outcome { request_id, outcome: Box::new(Outcome::new(EndState::NotForwarded)) }
}

/// One transaction: an unknown for every orphan, then the start of this process.
async fn recover(
    store: &mut Store,
    status: &Status,
    start: BTreeMap<String, String>,
) -> Result<(), JournalError> {
    let orphans = store.orphans().await?;
    let recovered = orphans.len();
    let unknown = orphans
        .into_iter()
        .map(|orphan| Record::Unknown { request_id: orphan.request_id, intent_seq: orphan.seq });
    let start = System { kind: SystemKind::SidecarStart, details: start }.with("recovered", recovered);
    let rows: Vec<Sealed> =
        unknown.chain([Record::System(start)]).map(|record| seal(&record, &status.stamp())).collect();
    let first = store.write(&rows).await.map_err(|error| JournalError::Recovery(error.to_string()))?;
    status.count_written(first, &rows, clock::instant());
    Ok(())
}

/// Records that may wait for the writer.
const QUEUE: usize = 4_096;
