//! One count: how much of one measure one subject has used in the window that is running.
//!
//! Plain arithmetic, done while a lock is held.

use crate::policy::{Measure, Window};

/// What a bucket is for. Made once, shared by every request that counts in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub rule: String,
    pub measure: Measure,
    pub window: Window,
    /// `team`, `team/app` or `team/app/credential`.
    pub subject: String,
}

/// A count and where it stands.
#[derive(Debug)]
pub(super) struct Bucket {
    pub name: std::sync::Arc<Name>,
    /// When the window began that is counted. Only ever moves on.
    pub start: i64,
    /// Settled and reserved together.
    pub used: u64,
    /// As the policy said when it was last asked; 0 before.
    pub limit: u64,
}

/// Where a count stands for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub used: u64,
    pub start: i64,
    pub fits: bool,
}

impl Bucket {
    pub fn new(name: std::sync::Arc<Name>, at: i64) -> Self {
        let start = name.window.start(at);
        Self { name, start, used: 0, limit: 0 }
    }

    /// Begins anew when the window of `at` is a later one.
    pub fn roll(&mut self, at: i64) {
        let start = self.name.window.start(at);
        if start > self.start {
            self.start = start;
            self.used = 0;
        }
    }

    pub fn standing(&mut self, need: u64, limit: u64) -> Standing {
        self.limit = limit;
        let fits = self.used.checked_add(need).is_some_and(|used| used <= limit);
        Standing { used: self.used, start: self.start, fits }
    }

    pub fn add(&mut self, amount: u64) {
        self.used = self.used.saturating_add(amount);
    }

    /// Replaces what was reserved in the window that began at `start` by what was spent. Later windows are no concern of
    /// that request.
    pub fn settle(&mut self, start: i64, reserved: u64, spent: u64) {
        if self.start == start {
            self.used = self.used.saturating_sub(reserved).saturating_add(spent);
        }
    }

    /// Whether the window is over, so that nothing is lost with the bucket.
    pub fn is_over(&self, at: i64) -> bool {
        self.name.window.end(self.start) <= at
    }
}
