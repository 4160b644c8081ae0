//! The one door through which time enters.

use std::time::Instant;

use jiff::Timestamp;

/// Wall-clock time: for signatures, records and policies. May jump.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Monotonic time: for durations and deadlines.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn instant() -> Instant {
    Instant::now()
}
