//! Every count there is, and the way to reserve in several of them at once.
//!
//! All counts of a request belong to its team, and a team's counts lie in one shard: one lock makes a reservation whole.
//! It is held for arithmetic, and for making a count that is met for the first time.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::bucket::{Bucket, Name, Room, Standing};
use super::reservation::{Held, Reservation};
use super::shared::{Shared, Want};
use super::steady::Steady;
use crate::audit::query::Tally;
use crate::clock;
use crate::policy::{Charge, Charges, Exempted, Measure, Mode, Subject, Unavailable, Violation, Window};

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

/// Why nothing was reserved.
#[derive(Debug)]
pub struct Refused {
    /// Every enforced quota that does not admit the request.
    pub violations: Vec<Violation>,
    /// What shadow quotas would have said.
    pub shadow: Vec<Violation>,
    /// Seconds after which it is worth trying again; `None` when that is not soon.
    pub retry_after: Option<u64>,
    /// Whether it is not the caller who is at fault: counts cannot be kept.
    pub unavailable: bool,
}

/// What to do where more has to be leased first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenShort {
    Wait,
    /// Do what the rule says about a store that is away.
    Decide,
}

/// How an attempt to reserve ended.
#[derive(Debug)]
pub(super) enum Attempt {
    Admitted(Reservation),
    Refused(Refused),
    /// It may fit once more was leased.
    Short,
}

/// One charge while it is looked at.
struct Look {
    key: Key,
    /// `None` for what cannot be counted.
    need: Option<u64>,
    /// `None` when there is no room for another count.
    standing: Option<Standing>,
}

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

    /// Reserves in every count that the charges name, or in none. What is reserved is taken until the reservation is settled
    /// or dropped.
    ///
    /// Touches memory only. Where a limit is shared and its slice is too small at this moment (a subject's first request, a
    /// sudden burst), waits for the keeper, [`PATIENCE`] at most.
    pub async fn reserve(self: &Arc<Self>, charges: &Charges<'_>) -> Result<Reservation, Refused> {
        match (self.attempt(charges, self.time.now(), WhenShort::Wait), &self.shared) {
            (Attempt::Admitted(reservation), _) => Ok(reservation),
            (Attempt::Refused(refused), _) => Err(refused),
            (Attempt::Short, Some(shared)) => self.reserve_later(charges, shared).await,
            (Attempt::Short, None) => Err(Refused::unavailable()),
        }
    }

    async fn reserve_later(
        self: &Arc<Self>,
        charges: &Charges<'_>,
        shared: &Shared,
    ) -> Result<Reservation, Refused> {
        let deadline = Instant::from_std(clock::instant()) + PATIENCE;
        loop {
            // ORDER: listening before looking, so that nothing is granted in between.
            let mut granted = pin!(shared.granted.notified());
            granted.as_mut().enable();
            match self.attempt(charges, self.time.now(), WhenShort::Wait) {
                Attempt::Admitted(reservation) => return Ok(reservation),
                Attempt::Refused(refused) => return Err(refused),
                Attempt::Short => {}
            }
            if !shared.is_up() || timeout_at(deadline, granted).await.is_err() {
                return self.decide(charges);
            }
        }
    }

    /// The reservation of a request that no quota is about.
    pub fn nothing(self: &Arc<Self>) -> Reservation {
        Reservation::of_nothing(self)
    }

    /// Reserves under what the rules say about a store that is away.
    fn decide(self: &Arc<Self>, charges: &Charges<'_>) -> Result<Reservation, Refused> {
        match self.attempt(charges, self.time.now(), WhenShort::Decide) {
            Attempt::Admitted(reservation) => Ok(reservation),
            Attempt::Refused(refused) => Err(refused),
            Attempt::Short => Err(Refused::unavailable()),
        }
    }

    /// Reserves at the second `at`, if that can be done without waiting.
    pub(super) fn attempt(self: &Arc<Self>, charges: &Charges<'_>, at: i64, short: WhenShort) -> Attempt {
        let Some(first) = charges.list.first() else { return Attempt::Admitted(self.nothing()) };
        let shard = self.shard_of(first.subject.team);
        // ORDER: everything that allocates for a known count is done before the lock is taken.
        let mut looks: Vec<Look> = charges.list.iter().map(|charge| self.look(charge)).collect();
        let mut held = Vec::with_capacity(looks.len());
        let mut wants = Vec::new();
        let admitted = self.with_shard(shard, |counts| {
            for (look, charge) in looks.iter_mut().zip(&charges.list) {
                let Some(need) = look.need else { continue };
                let bucket = self.bucket(counts, look.key, charge, at);
                look.standing = bucket.map(|bucket| bucket.standing(need, charge.limit()));
            }
            let admitted = looks.iter().zip(&charges.list).all(|(look, charge)| look.admits(charge, short));
            if admitted {
                take(counts, &looks, &mut held);
            }
            for look in &looks {
                wants.extend(look.wish(counts, shard, admitted));
            }
            admitted
        });
        if let Some(shared) = &self.shared {
            shared.want(wants);
        }
        let Told { violations, shadow, exceptions } = Told::of(&looks, charges, at);
        if admitted {
            let mut reservation = Reservation::new(self, shard, held, charges.need);
            reservation.shadow = shadow;
            reservation.exceptions = exceptions;
            return Attempt::Admitted(reservation);
        }
        if violations.is_empty()
            && short == WhenShort::Wait
            && looks.iter().all(|look| look.standing.is_some())
        {
            return Attempt::Short;
        }
        // Worth it only when every count that is used up begins anew soon.
        let waits: Option<Vec<u64>> = violations.iter().map(|(wait, _)| *wait).collect();
        let retry_after = waits.and_then(|waits| waits.into_iter().max());
        let unavailable = violations.is_empty();
        let violations = violations.into_iter().map(|(_, violation)| violation).collect();
        Attempt::Refused(Refused { violations, shadow, retry_after, unavailable })
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
            self.with_bucket(name, at, |bucket| {
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
    pub(super) fn with_bucket(&self, name: Name, at: i64, work: impl FnOnce(&mut Bucket)) {
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

    fn shard_of(&self, team: &str) -> usize {
        let [hasher, _] = &self.hashers;
        usize::try_from(hasher.hash_one(team) % SHARDS as u64).unwrap_or(0)
    }

    fn look(&self, charge: &Charge<'_>) -> Look {
        let key = self.key(charge.rule().as_str(), charge.measure(), charge.window(), charge.subject);
        Look { key, need: charge.need.ok(), standing: None }
    }

    fn key(&self, rule: &str, measure: Measure, window: Window, subject: Subject<'_>) -> Key {
        self.hashers.each_ref().map(|hasher| hasher.hash_one((rule, measure, window, subject)))
    }

    /// The count of a charge, in the window of `at`. `None` when there are too many counts for another one.
    fn bucket<'c>(
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

impl Refused {
    const fn unavailable() -> Self {
        Self { violations: Vec::new(), shadow: Vec::new(), retry_after: None, unavailable: true }
    }
}

impl Look {
    /// FAIL-CLOSED: what cannot be counted is not admitted by a quota that is enforced.
    fn admits(&self, charge: &Charge<'_>, short: WhenShort) -> bool {
        if !charge.refuses() {
            return true;
        }
        match self.standing.map(|standing| standing.room) {
            Some(Room::Enough) => true,
            Some(Room::Short) => short == WhenShort::Decide && charge.unavailable() == Unavailable::Allow,
            Some(Room::None) | None => false,
        }
    }

    /// What the keeper should lease, now that the request is counted or has to wait.
    fn wish(&self, counts: &mut Shard, shard: usize, counted: bool) -> Option<Want> {
        let bucket = counts.get_mut(&self.key)?;
        let grant = bucket.grant.as_mut()?;
        let need = if counted { 0 } else { self.need? };
        let amount = grant.wants(bucket.used, need, bucket.limit)?;
        grant.is_asked = true;
        let (start, limit, name) = (bucket.start, bucket.limit, Arc::clone(&bucket.name));
        Some(Want { shard, key: self.key, name, start, amount, limit })
    }
}

/// Adds every need to its count.
fn take(counts: &mut Shard, looks: &[Look], held: &mut Vec<Held>) {
    for look in looks {
        let (Some(need), Some(bucket)) = (look.need, counts.get_mut(&look.key)) else { continue };
        bucket.add(need);
        held.push(Held {
            key: look.key,
            name: Arc::clone(&bucket.name),
            start: bucket.start,
            amount: need,
            used: bucket.used_by_all(),
            limit: bucket.limit,
        });
    }
}

/// What does not fit.
#[derive(Default)]
struct Told {
    /// Of quotas that refuse, with the seconds until it fits, for windows of minutes.
    violations: Vec<(Option<u64>, Violation)>,
    /// Of quotas in shadow.
    shadow: Vec<Violation>,
    /// Without which there would be more violations.
    exceptions: Vec<Exempted>,
}

impl Told {
    fn of(looks: &[Look], charges: &Charges<'_>, at: i64) -> Self {
        let mut told = Self::default();
        for (look, charge) in looks.iter().zip(&charges.list) {
            let (wait, violation) = match (charge.need, look.standing) {
                (Err(why), _) => (None, charge.uncountable(why)),
                (Ok(need), Some(standing)) if standing.room == Room::None => {
                    let left = charge.window().end(standing.start).saturating_sub(at);
                    let left = u64::try_from(left).unwrap_or(0).max(1);
                    let soon = charge.window() == Window::Minute && need <= charge.limit();
                    (soon.then_some(left), charge.exceeded(standing.used, left))
                }
                (Ok(_), Some(_) | None) => continue,
            };
            match (charge.mode(), &charge.exempted) {
                (Mode::Shadow, _) => told.shadow.push(violation),
                (Mode::Enforce, Some(exempted)) => told.exceptions.push(exempted.clone()),
                (Mode::Enforce, None) => told.violations.push((wait, violation)),
            }
        }
        told
    }
}

const SHARDS: usize = 64;

/// Counts that are kept at most, all together. They are made for callers that are proven, so there are as many as
/// credentials, at worst.
const MOST_BUCKETS: usize = 200_000;

/// How long a request waits where nothing was leased for it yet.
const PATIENCE: Duration = Duration::from_millis(500);
