//! Hours of the day in a time zone, as `hours` conditions write them: `06:00-20:00 Europe/Berlin`.
//!
//! Receives text and returns a range that answers for any instant. The start belongs to the range, the end does not;
//! a range whose end is earlier than its start passes midnight. Zones come from the built-in database, so that a
//! policy means the same on every machine.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use thiserror::Error;

/// A daily range of minutes in one time zone.
#[derive(Debug, Clone)]
pub struct Hours {
    /// Minutes since midnight, 0 to 1439.
    start: u16,
    /// Minutes since midnight, 1 to 1440.
    end: u16,
    zone: TimeZone,
}

/// Why a text is not a range of hours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoursError {
    #[error("is not a range of hours with a zone such as `06:00-20:00 Europe/Berlin`")]
    Malformed,
    #[error("starts when it ends")]
    Empty,
    #[error("names the time zone `{0}`, which does not exist")]
    Zone(String),
}

impl Hours {
    pub fn contains(&self, instant: Timestamp) -> bool {
        let time = self.zone.to_datetime(instant).time();
        let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        if self.start < self.end {
            (self.start..self.end).contains(&minute)
        } else {
            minute >= self.start || minute < self.end
        }
    }
}

/// As conditions write it.
impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end, zone } = self;
        let zone = zone.iana_name().unwrap_or_default();
        write!(formatter, "{:02}:{:02}-{:02}:{:02} {zone}", start / 60, start % 60, end / 60, end % 60)
    }
}

impl FromStr for Hours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (range, zone) = text.split_once(' ').ok_or(HoursError::Malformed)?;
        let (start, end) = range.split_once('-').ok_or(HoursError::Malformed)?;
        let start = minute(start).filter(|&start| start < 1440).ok_or(HoursError::Malformed)?;
        let end = minute(end).ok_or(HoursError::Malformed)?;
        if start == end {
            return Err(HoursError::Empty);
        }
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| HoursError::Zone(zone.to_owned()))?;
        Ok(Self { start, end, zone })
    }
}

/// `hh:mm` as minutes since midnight, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        two.then(|| digits.parse().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_zone() {
        let table = [
            ("06:00-20:00 Europe/Berlin", "2026-11-20T05:00:00Z", true),
            ("06:00-20:00 Europe/Berlin", "2026-11-20T04:59:59Z", false),
            ("06:00-20:00 Europe/Berlin", "2026-11-20T18:59:59Z", true),
            ("06:00-20:00 Europe/Berlin", "2026-11-20T19:00:00Z", false),
            // Summer time: the same wall clock is an hour earlier in UTC.
            ("06:00-20:00 Europe/Berlin", "2026-07-20T04:00:00Z", true),
            ("22:00-06:00 UTC", "2026-11-20T23:30:00Z", true),
            ("22:00-06:00 UTC", "2026-11-20T05:59:00Z", true),
            ("22:00-06:00 UTC", "2026-11-20T06:00:00Z", false),
            ("22:00-06:00 UTC", "2026-11-20T12:00:00Z", false),
            ("22:00-24:00 UTC", "2026-11-20T23:59:59Z", true),
            ("22:00-24:00 UTC", "2026-11-20T00:00:00Z", false),
        ];
        for (hours, instant, expected) in table {
            let parsed: Hours = hours.parse().unwrap();
            assert_eq!(parsed.contains(instant.parse().unwrap()), expected, "{hours} {instant}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["06:00-20:00", "6:00-20:00 UTC", "06:00-25:00 UTC", "24:00-06:00 UTC", "06:60-20:00 UTC", ""]
        {
            assert_eq!(text.parse::<Hours>().unwrap_err(), HoursError::Malformed, "{text}");
        }
        assert_eq!("06:00-06:00 UTC".parse::<Hours>().unwrap_err(), HoursError::Empty);
        let error = "06:00-20:00 Europe/Bärlin".parse::<Hours>().unwrap_err();
        assert_eq!(error, HoursError::Zone("Europe/Bärlin".to_owned()));
    }
}
