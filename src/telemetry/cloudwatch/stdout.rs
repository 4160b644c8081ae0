//! Lines on stdout, written by a thread of their own.
//!
//! Receives whole lines, never waits for the reader: what does not fit into the queue is refused. The thread is not one
//! of the runtime's, because a reader that stalls must not keep the process from ending.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::outbox::Failure;
use crate::telemetry::ExporterHealth;

/// Lines that wait for the reader: at most 4 MB.
const QUEUE: usize = 256;

struct Line {
    bytes: Vec<u8>,
    data: usize,
}

/// The queue's end and the thread's.
#[derive(Debug)]
pub(super) struct Stdout {
    lines: Option<SyncSender<Line>>,
    written: Option<oneshot::Receiver<()>>,
}

impl Stdout {
    /// Writes to the process's stdout, past the buffer and the lock that the standard library keeps: nobody else who
    /// prints may wait for a reader on our account.
    pub fn open(health: Arc<ExporterHealth>) -> io::Result<Self> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned()?;
        Self::of(File::from(descriptor), health)
    }

    pub fn of(writer: impl Write + Send + 'static, health: Arc<ExporterHealth>) -> io::Result<Self> {
        let (lines, queue) = sync_channel(QUEUE);
        let (done, written) = oneshot::channel();
        let work = move || {
            write(&queue, writer, &health);
            drop(done);
        };
        std::thread::Builder::new().name("metric-lines".to_owned()).spawn(work)?;
        Ok(Self { lines: Some(lines), written: Some(written) })
    }

    /// Hands over a line with its `data` data.
    pub fn send(&mut self, bytes: Vec<u8>, data: usize) -> Result<(), Failure> {
        let Some(lines) = &self.lines else { return Err(Failure::Refused("stdout is closed".to_owned())) };
        lines.try_send(Line { bytes, data }).map_err(|refused| match refused {
            TrySendError::Full(_) => Failure::Away("nobody reads stdout".to_owned()),
            TrySendError::Disconnected(_) => Failure::Refused("stdout is closed".to_owned()),
        })
    }

    /// Waits until every line that was accepted is written.
    pub async fn finish(&mut self) {
        self.lines = None;
        if let Some(written) = self.written.take() {
            // The thread says nothing; it lets go of its end when it is through.
            written.await.unwrap_or_default();
        }
    }
}

/// Writes lines until there are no more, or nobody can read them. ORDER: a line is one write, so that lines of others
/// do not end up inside it.
fn write(queue: &Receiver<Line>, mut writer: impl Write, health: &ExporterHealth) {
    while let Ok(line) = queue.recv() {
        if let Err(error) = writer.write_all(&line.bytes) {
            tracing::error!(%error, "metrics cannot be written to stdout");
            health.exported(false);
            let lost = std::iter::once(line).chain(queue.try_iter()).map(|line| line.data).sum::<usize>();
            health.dropped(u64::try_from(lost).unwrap_or(u64::MAX));
            return;
        }
    }
}
