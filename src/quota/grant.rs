//! The part of a shared limit that this process may use: what it has leased, and when it should lease more.
//!
//! Plain arithmetic, done while a lock is held. Slices grow with use and stay a fraction of the limit, so that one warden
//! leaves something for the others. INVARIANT: `amount` and `next` never say more than the store has granted.

use crate::policy::Window;

/// What is leased of one limit.
#[derive(Debug, Clone, Default)]
pub(super) struct Grant {
    /// In the window that is running.
    pub amount: u64,
    /// In the window after it, ahead of time.
    pub next: u64,
    /// Leased by all wardens together, as the store said last.
    taken: u64,
    /// How much to lease at a time; 0 until the first time.
    slice: u64,
    /// Whether the store had less to give than was asked for.
    pub is_exhausted: bool,
    /// Whether the keeper is to ask, or is asking.
    pub is_asked: bool,
    /// Whether the next window was asked about already.
    pub is_prepared: bool,
}

/// What the store has granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Granted {
    /// To this process in that window, everything together.
    pub total: u64,
    /// To all processes.
    pub taken: u64,
    /// Whether there was less than was asked for.
    pub is_short: bool,
}

impl Grant {
    /// Begins a window with what was leased for it ahead of time.
    pub fn roll(&mut self, used: u64) {
        // Half of the last window at a time, so that two steps are enough for a window like it.
        self.slice = self.slice.min(used / 2 + 1);
        self.amount = std::mem::take(&mut self.next);
        self.taken = self.amount;
        self.is_exhausted = false;
        self.is_asked = false;
        self.is_prepared = false;
    }

    /// How much to lease now so that the next requests find it; `None` while there is enough or nothing more to be had.
    pub fn wants(&self, used: u64, need: u64, limit: u64) -> Option<u64> {
        let free = self.amount.saturating_sub(used);
        let slice = self.slice_of(limit);
        let enough = free >= need && free > slice / 2;
        if self.is_asked || self.is_exhausted || enough || self.amount >= limit {
            return None;
        }
        Some(slice.max(need.saturating_add(used).saturating_sub(self.amount)))
    }

    /// How much to lease of the next window, where the running one is used and nearly over.
    pub fn prepares(&self, used: u64, limit: u64, window: Window, left: i64) -> Option<u64> {
        let early = match window {
            Window::Minute => 10,
            Window::Day | Window::Month => 60,
        };
        (used > 0 && !self.is_prepared && left <= early).then(|| self.slice_of(limit))
    }

    /// Takes what the store granted in the running window.
    pub fn take(&mut self, granted: Granted, limit: u64) {
        self.amount = granted.total;
        self.taken = granted.taken;
        self.is_exhausted = granted.is_short;
        self.is_asked = false;
        self.slice = self.slice_of(limit).saturating_mul(2).min(most(limit));
    }

    /// What all wardens together have used, as far as it is known here.
    pub fn used_by_all(&self, used: u64) -> u64 {
        self.taken.saturating_sub(self.amount).saturating_add(used)
    }

    fn slice_of(&self, limit: u64) -> u64 {
        if self.slice == 0 { (limit / 64).max(1) } else { self.slice.min(most(limit)) }
    }
}

/// The largest slice.
const fn most(limit: u64) -> u64 {
    if limit < 8 { 1 } else { limit / 8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_grow_with_use_and_stay_a_part_of_the_limit() {
        let mut grant = Grant::default();
        let mut total = 0;
        let mut slices = Vec::new();
        while let Some(slice) = grant.wants(total, 1, 1_000) {
            slices.push(slice);
            total = (total + slice).min(1_000);
            grant.take(Granted { total, taken: total, is_short: false }, 1_000);
        }
        assert_eq!(slices, [15, 30, 60, 120, 125, 125, 125, 125, 125, 125, 125]);
    }

    #[test]
    fn more_is_asked_for_before_the_last_is_used() {
        let mut grant = Grant::default();
        grant.take(Granted { total: 100, taken: 300, is_short: false }, 6_400);
        assert_eq!(grant.wants(0, 1, 6_400), Some(200), "a slice of 200 has room for more");
        grant.take(Granted { total: 500, taken: 700, is_short: false }, 6_400);
        assert_eq!(grant.wants(100, 1, 6_400), None);
        assert_eq!(grant.wants(350, 1, 6_400), Some(400));
        assert_eq!(grant.wants(350, 900, 6_400), Some(750), "at least what the request needs");
        assert_eq!(grant.used_by_all(350), 550);
        grant.take(Granted { total: 500, taken: 6_400, is_short: true }, 6_400);
        assert_eq!(grant.wants(499, 1, 6_400), None, "there is no more");
    }

    #[test]
    fn the_next_window_is_leased_before_it_begins() {
        let mut grant = Grant::default();
        grant.take(Granted { total: 64, taken: 64, is_short: false }, 6_400);
        assert_eq!(grant.prepares(10, 6_400, Window::Minute, 30), None);
        assert_eq!(grant.prepares(0, 6_400, Window::Minute, 5), None, "nobody asks");
        assert_eq!(grant.prepares(10, 6_400, Window::Minute, 5), Some(200));
        grant.next = 200;
        grant.is_prepared = true;
        assert_eq!(grant.prepares(10, 6_400, Window::Minute, 5), None);
        grant.roll(10);
        assert_eq!((grant.amount, grant.next, grant.used_by_all(0)), (200, 0, 0));
        assert_eq!(grant.wants(200, 1, 6_400), Some(6), "a slice like the last window");
    }
}
