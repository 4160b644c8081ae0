//! Every count there is.
//!
//! All counts of a request belong to its team, and a team's counts lie in one shard, so that one lock makes a reservation
//! whole. It is held for arithmetic, and for making a count that is met for the first time.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::{Bucket, Name};
use super::shared::Shared;
use super::steady::Steady;
use crate::audit::query::Tally;
use crate::policy::{Charge, Measure, Subject, Window};

/// The counts of this process. One for its lifetime; policies that are loaded anew find theirs again by name.
#[derive(Debug)]
pub struct Ledger {
    shards: [Mutex<Shard>; SHARDS],
    /// Two hashes under keys of this process make a name's key: nobody outside can choose names that share one.
    hashers: [RandomState; 2],
    time: Steady,
    /// Counts in all shards together.
    buckets: AtomicUsize,
    /// Where limits are shared with other wardens.
    shared: Option<Shared>,
}

/// Counts by key.
pub(super) type Shard = HashMap<Key, Bucket>;
pub(super) type Key = [u64; 2];

impl Default for Ledger {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hashers: [RandomState::new(), RandomState::new()],
            time: Steady::new(),
            buckets: AtomicUsize::new(0),
            shared: None,
        }
    }
}

impl Ledger {
    /// A ledger whose limits are shared: it admits what was leased, and a [`Keeper`](super::Keeper) leases.
    pub fn sharing() -> Self {
        Self { shared: Some(Shared::default()), ..Self::default() }
    }

    /// Takes over what an earlier process has counted, in windows that are still running.
    pub fn restore(&self, tallies: impl IntoIterator<Item = Tally>) {
        self.restore_at(tallies, self.time.now());
    }

    pub(super) fn restore_at(&self, tallies: impl IntoIterator<Item = Tally>, at: i64) {
        for tally in tallies {
            let (Some(measure), Some(window)) =
                (Measure::named(&tally.measure), Window::named(&tally.window))
            else {
                continue;
            };
            let running = window.start(at);
            if tally.starts < running {
                continue;
            }
            let name = Name { rule: tally.rule, measure, window, subject: tally.subject };
            self.with_bucket(&name, at, |bucket| {
                // The clock was ahead when this was counted, and is back: what was used of a later window stays used. Of no
                // window after the next, or a clock that was years ahead would stop everything for years.
                bucket.start = tally.starts.min(window.end(running));
                bucket.used = u64::try_from(tally.amount).unwrap_or(0);
            });
        }
    }

    /// The part of its limit that the fullest count of each rule has used, for rules that were asked about.
    pub fn fullest(&self) -> HashMap<String, f64> {
        let at = self.time.now();
        let mut rules: HashMap<String, f64> = HashMap::new();
        self.each(|_, counts| {
            for bucket in counts.values().filter(|bucket| bucket.limit > 0) {
                let used = if bucket.is_over(at) { 0 } else { bucket.used_by_all() };
                #[expect(clippy::cast_precision_loss, reason = "a gauge shows a few digits")]
                let ratio = used as f64 / bucket.limit as f64;
                let fullest = rules.entry(bucket.name.rule.clone()).or_default();
                *fullest = fullest.max(ratio);
            }
        });
        rules
    }

    pub(super) const fn shared(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    /// Seconds since 1970, as windows are told by.
    pub(super) fn now(&self) -> i64 {
        self.time.now()
    }

    /// Does arithmetic on the counts of a shard.
    pub(super) fn with_shard<T>(&self, shard: usize, work: impl FnOnce(&mut Shard) -> T) -> T {
        let mut counts = self.lock(shard);
        work(&mut counts)
    }

    /// Does something with one shard after the other.
    pub(super) fn each(&self, mut work: impl FnMut(usize, &mut Shard)) {
        for shard in 0..SHARDS {
            self.with_shard(shard, |counts| work(shard, counts));
        }
    }

    /// Does something with the count of that name, which is made where there is none.
    pub(super) fn with_bucket(&self, name: &Name, at: i64, work: impl FnOnce(&mut Bucket)) {
        let subject = Subject::parse(&name.subject);
        let key = self.key(&name.rule, name.measure, name.window, subject);
        let is_shared = self.shared.is_some();
        self.with_shard(self.shard_of(subject.team), |counts| {
            let bucket = match counts.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(fresh) => {
                    self.buckets.fetch_add(1, Ordering::Relaxed);
                    fresh.insert(Bucket::new(Arc::new(name.clone()), at, is_shared))
                }
            };
            work(bucket);
        });
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        let [first, ..] = &self.shards;
        self.shards.get(shard).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shard_of(&self, team: &str) -> usize {
        let [hasher, _] = &self.hashers;
        usize::try_from(hasher.hash_one(team) % SHARDS as u64).unwrap_or(0)
    }

    pub(super) fn key(&self, rule: &str, measure: Measure, window: Window, subject: Subject<'_>) -> Key {
        self.hashers.each_ref().map(|hasher| hasher.hash_one((rule, measure, window, subject)))
    }

    /// The count of a charge, in the window of `at`. `None` when there are too many counts for another one.
    pub(super) fn bucket<'c>(
        &self,
        counts: &'c mut Shard,
        key: Key,
        charge: &Charge<'_>,
        at: i64,
    ) -> Option<&'c mut Bucket> {
        if !counts.contains_key(&key) && self.buckets.load(Ordering::Relaxed) >= MOST_BUCKETS {
            let before = counts.len();
            counts.retain(|_, bucket| !bucket.is_over(at));
            let gone = before.saturating_sub(counts.len());
            if gone == 0 {
                return None;
            }
            self.buckets.fetch_sub(gone, Ordering::Relaxed);
        }
        match counts.entry(key) {
            Entry::Occupied(known) => {
                let bucket = known.into_mut();
                bucket.roll(at);
                Some(bucket)
            }
            Entry::Vacant(fresh) => {
                self.buckets.fetch_add(1, Ordering::Relaxed);
                let name = Name {
                    rule: charge.rule().as_str().to_owned(),
                    measure: charge.measure(),
                    window: charge.window(),
                    subject: charge.subject.to_string(),
                };
                Some(fresh.insert(Bucket::new(Arc::new(name), at, self.shared.is_some())))
            }
        }
    }
}

const SHARDS: usize = 64;

/// Counts that are kept at most, all together. They are made for callers that are proven, so there are as many as
/// credentials, at worst.
const MOST_BUCKETS: usize = 200_000;
