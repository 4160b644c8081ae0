//! Answers of the control plane that are remembered for a while.
//!
//! Bounded by number, evicted by age of use. Never gives out an answer beyond its time. Keeps what exists apart from what
//! does not, so that names nobody has cannot push out answers that are in use.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::bedrock::model::resolution::{Found, Lifetime};

/// How long an answer about what never changes is kept.
pub const FIXED: Duration = Duration::from_hours(1);
/// How long it is remembered that something does not exist.
pub const ABSENT: Duration = Duration::from_secs(10);

/// Answers of each sort, at most.
pub const MOST: usize = 1024;

/// What is known about one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Found(Found),
    Absent,
}

#[derive(Debug)]
pub struct Cache {
    /// How long an answer about what may be pointed at another model is kept.
    changing: Duration,
    found: Table<Found>,
    absent: Table<()>,
}

impl Cache {
    pub fn new(changing: Duration) -> Self {
        Self { changing, found: Table::default(), absent: Table::default() }
    }

    /// What is known about `raw` at `now`.
    pub fn recall(&mut self, raw: &str, now: Instant) -> Option<Known> {
        let found = self.found.recall(raw, now).map(Known::Found);
        found.or_else(|| self.absent.recall(raw, now).map(|()| Known::Absent))
    }

    /// Remembers what was asked at `asked`: what it says was true then, and may not be later.
    pub fn remember(&mut self, raw: &str, known: Known, lifetime: Lifetime, asked: Instant) {
        match known {
            Known::Found(found) => {
                let kept = match lifetime {
                    Lifetime::Fixed => FIXED,
                    Lifetime::Changing => self.changing,
                };
                self.found.remember(raw, found, asked + kept, asked);
                self.absent.entries.remove(raw);
            }
            Known::Absent => {
                self.absent.remember(raw, (), asked + ABSENT, asked);
                self.found.entries.remove(raw);
            }
        }
    }
}

#[derive(Debug)]
struct Table<V> {
    entries: HashMap<String, Entry<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    until: Instant,
    used: Instant,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<V: Clone> Table<V> {
    fn recall(&mut self, raw: &str, now: Instant) -> Option<V> {
        let entry = self.entries.get_mut(raw).filter(|entry| now < entry.until)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    fn remember(&mut self, raw: &str, value: V, until: Instant, now: Instant) {
        if self.entries.len() >= MOST && !self.entries.contains_key(raw) {
            self.entries.retain(|_, entry| now < entry.until);
            if self.entries.len() >= MOST {
                let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
                if let Some(oldest) = oldest.map(|(raw, _)| raw.clone()) {
                    self.entries.remove(&oldest);
                }
            }
        }
        self.entries.insert(raw.to_owned(), Entry { value, until, used: now });
    }
}
