//! Reserving in several counts at once: all of them, or none.
//!
//! Receives the charges of one request and returns its reservation, or everything that does not admit it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::bucket::{Room, Standing};
use super::ledger::{Key, Ledger, Shard};
use super::reservation::{Held, Reservation};
use super::shared::{Shared, Want};
use crate::clock;
use crate::policy::{Charge, Charges, Exempted, Mode, Unavailable, Violation, Window};

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

impl Ledger {
    /// Reserves in every count that the charges name, or in none. What is reserved is taken until the reservation is settled
    /// or dropped.
    ///
    /// Touches memory only. Where a limit is shared and its slice is too small at this moment (a subject's first request, a
    /// sudden burst), waits for the keeper, half a second at most.
    pub async fn reserve(self: &Arc<Self>, charges: &Charges<'_>) -> Result<Reservation, Refused> {
        match (self.attempt(charges, self.now(), WhenShort::Wait), self.shared()) {
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
            match self.attempt(charges, self.now(), WhenShort::Wait) {
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
        match self.attempt(charges, self.now(), WhenShort::Decide) {
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
        if let Some(shared) = self.shared() {
            shared.want(wants);
        }
        let Told { violations, shadow, exceptions } = Told::of(&looks, charges, at);
        if admitted {
            let mut reservation = Reservation::new(self, shard, held, charges.need);
            reservation.shadow = shadow;
            reservation.exceptions = exceptions;
            return Attempt::Admitted(reservation);
        }
        let has_room = |look: &Look| look.need.is_none() || look.standing.is_some();
        if violations.is_empty() && short == WhenShort::Wait && looks.iter().all(has_room) {
            return Attempt::Short;
        }
        // Worth it only when every count that is used up begins anew soon.
        let seconds: Option<Vec<u64>> = violations.iter().map(|(left, _)| *left).collect();
        let retry_after = seconds.and_then(|seconds| seconds.into_iter().max());
        let unavailable = violations.is_empty();
        let violations = violations.into_iter().map(|(_, violation)| violation).collect();
        Attempt::Refused(Refused { violations, shadow, retry_after, unavailable })
    }

    fn look(&self, charge: &Charge<'_>) -> Look {
        let key = self.key(charge.rule().as_str(), charge.measure(), charge.window(), charge.subject);
        Look { key, need: charge.need.ok(), standing: None }
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

/// How long a request waits where nothing was leased for it yet.
const PATIENCE: Duration = Duration::from_millis(500);
