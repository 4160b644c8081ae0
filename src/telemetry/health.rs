//! Whether an exporter gets its data out, counted for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one exporter has sent and dropped since the start. Shared with whoever shows it.
#[derive(Debug, Default)]
pub struct ExporterHealth {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl ExporterHealth {
    /// A batch was sent, or could not be sent.
    pub fn exported(&self, success: bool) {
        let counter = if success { &self.sent } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// `count` data points or spans will never be sent.
    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub fn sent_batches(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn failed_batches(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub fn dropped_points(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
