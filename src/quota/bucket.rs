//! One count: how much of one measure one subject has used in the window that is running.
//!
//! Plain arithmetic, done while a lock is held. Alone, a count may go up to its limit; where the limit is shared with other
//! wardens, up to what was leased of it.

use std::sync::Arc;

use super::grant::Grant;
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
    pub name: Arc<Name>,
    /// When the window began that is counted. Only ever moves on.
    pub start: i64,
    /// Settled and reserved together.
    pub used: u64,
    /// As the policy said when it was last asked; 0 before.
    pub limit: u64,
    /// `None` where nobody shares the limit.
    pub grant: Option<Grant>,
}

/// Where a count stands for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// By all who share the limit, as far as it is known here.
    pub used: u64,
    pub start: i64,
    pub room: Room,
}

/// Whether a request fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// The limit is reached.
    None,
    /// What was leased does not suffice, and there may be more.
    Short,
}

impl Bucket {
    pub fn new(name: Arc<Name>, at: i64, is_shared: bool) -> Self {
        let start = name.window.start(at);
        Self { name, start, used: 0, limit: 0, grant: is_shared.then(Grant::default) }
    }

    /// Begins anew when the window of `at` is a later one.
    pub fn roll(&mut self, at: i64) {
        let start = self.name.window.start(at);
        if start <= self.start {
            return;
        }
        if let Some(grant) = &mut self.grant {
            // What was leased ahead is for the very next window.
            if start != self.name.window.end(self.start) {
                grant.next = 0;
            }
            grant.roll(self.used);
        }
        self.start = start;
        self.used = 0;
    }

    pub fn standing(&mut self, need: u64, limit: u64) -> Standing {
        self.limit = limit;
        let within = |most: u64| self.used.checked_add(need).is_some_and(|used| used <= most);
        let room = match &self.grant {
            _ if !within(limit) => Room::None,
            None => Room::Enough,
            Some(grant) if within(grant.amount) => Room::Enough,
            Some(grant) if grant.is_exhausted => Room::None,
            Some(_) => Room::Short,
        };
        Standing { used: self.used_by_all(), start: self.start, room }
    }

    /// What all who share the limit have used, as far as it is known here.
    pub fn used_by_all(&self) -> u64 {
        self.grant.as_ref().map_or(self.used, |grant| grant.used_by_all(self.used))
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
