//! The time that a quota is for: whole minutes, days and months of the calendar, in UTC.
//!
//! Windows do not slide. Two wardens and a restarted one agree about where a window begins without asking each other, and a
//! caller can be told when it ends.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A stretch of time that repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    Minute,
    Day,
    Month,
}

impl Window {
    pub const ALL: [Self; 3] = [Self::Minute, Self::Day, Self::Month];

    /// The word in policies and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "min",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.name() == name)
    }

    /// When the window that holds `at` began. Both in seconds since 1970.
    pub fn start(self, at: i64) -> i64 {
        match self {
            Self::Minute => at - at.rem_euclid(MINUTE),
            Self::Day => at - at.rem_euclid(DAY),
            Self::Month => seconds(date(at).first_of_month()).unwrap_or(0),
        }
    }

    /// When the window that began at `start` ends, and the next one begins.
    pub fn end(self, start: i64) -> i64 {
        match self {
            Self::Minute => start.saturating_add(MINUTE),
            Self::Day => start.saturating_add(DAY),
            Self::Month => {
                let next = date(start).first_of_month().checked_add(1.month());
                next.ok().and_then(seconds).unwrap_or(i64::MAX)
            }
        }
    }
}

fn date(at: i64) -> Date {
    let at = Timestamp::from_second(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX });
    TimeZone::UTC.to_datetime(at).date()
}

fn seconds(date: Date) -> Option<i64> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(Timestamp::as_second)
}

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
