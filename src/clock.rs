//! The one door through which time enters.

use std::time::{Instant, SystemTime};

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

/// Wall-clock time for the libraries that speak the standard library's type.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn system_now() -> SystemTime {
    SystemTime::now()
}
