//! The time that windows are told by: wall-clock time that never goes back and never stands still.
//!
//! A wall clock that is set back would begin a window anew that was used up already. So the furthest that it was ever ahead of
//! the monotonic clock is kept, and time goes on from there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use crate::clock;

/// One per ledger.
#[derive(Debug)]
pub(super) struct Steady {
    origin: Instant,
    /// Milliseconds since 1970 at `origin`, as the wall clock says when it says most.
    lead: AtomicI64,
}

impl Steady {
    pub fn new() -> Self {
        Self { origin: clock::instant(), lead: AtomicI64::new(i64::MIN) }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        let elapsed = clock::instant().saturating_duration_since(self.origin).as_millis();
        self.tell(clock::now().as_millisecond(), i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    fn tell(&self, wall: i64, elapsed: i64) -> i64 {
        let lead = wall.saturating_sub(elapsed);
        let furthest = self.lead.fetch_max(lead, Ordering::Relaxed).max(lead);
        furthest.saturating_add(elapsed).div_euclid(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_clock_goes_back() {
        let steady = Steady::new();
        let table = [
            (100_000, 0, 100),
            (101_000, 1_000, 101),
            // Set back by a minute, and running.
            (42_000, 2_000, 102),
            (43_000, 3_000, 103),
            // Set right again.
            (104_000, 4_000, 104),
            // Set ahead by an hour, and back.
            (3_705_000, 5_000, 3_705),
            (106_000, 6_000, 3_706),
        ];
        for (wall, elapsed, expected) in table {
            assert_eq!(steady.tell(wall, elapsed), expected, "{wall} {elapsed}");
        }
    }
}
