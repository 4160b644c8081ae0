//! What one request holds of every count that it belongs to, from before it is sent until it is over.
//!
//! Dropped before the request has left, it gives everything back. Dropped after, it keeps all that was reserved: nobody
//! knows what the request took. Only settling replaces that by what Bedrock reported.

use std::sync::Arc;

use super::bucket::Name;
use super::ledger::{Key, Ledger};
use crate::audit::{Counted, EndState, Outcome};
use crate::policy::{Exempted, Measure, TokenNeed, Violation};

/// A request's share of its counts.
#[derive(Debug)]
pub struct Reservation {
    ledger: Arc<Ledger>,
    shard: usize,
    held: Vec<Held>,
    need: TokenNeed,
    /// What shadow quotas say about the request.
    pub shadow: Vec<Violation>,
    /// Exceptions without which the request would be refused.
    pub exceptions: Vec<Exempted>,
    has_left: bool,
}

/// A part of one count.
#[derive(Debug)]
pub(super) struct Held {
    pub key: Key,
    pub name: Arc<Name>,
    /// Of the window in which it was reserved.
    pub start: i64,
    pub amount: u64,
    /// What was used of the count with this part, and its limit.
    pub used: u64,
    pub limit: u64,
}

/// What a request took. `None` where nobody said: then what was reserved counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub requests: u64,
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// Micro-dollars.
    pub cost: Option<u64>,
}

impl Spent {
    /// Of a request that never left.
    pub const NOTHING: Self = Self { requests: 0, input: Some(0), output: Some(0), cost: Some(0) };

    /// What an outcome says. The record and the counts have the same numbers.
    pub fn of(outcome: &Outcome) -> Self {
        if outcome.end_state == EndState::NotForwarded {
            return Self::NOTHING;
        }
        // An error of Bedrock's is no answer and costs nothing.
        if outcome.upstream_status.is_some_and(|status| status != 200) {
            return Self { requests: 1, ..Self::NOTHING };
        }
        let tokens = outcome.tokens;
        let cached = tokens.cache_read.unwrap_or(0).saturating_add(tokens.cache_write.unwrap_or(0));
        Self {
            requests: 1,
            input: tokens.input.map(|input| input.saturating_add(cached)),
            output: tokens.output,
            cost: outcome.cost_micros,
        }
    }

    fn amount(self, measure: Measure, reserved: u64, need: TokenNeed) -> u64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => {
                let input = self.input.unwrap_or(need.input);
                input.saturating_add(self.output.unwrap_or(need.output))
            }
            Measure::Cost => self.cost.unwrap_or(reserved),
        }
    }
}

impl Reservation {
    pub(super) fn new(ledger: &Arc<Ledger>, shard: usize, held: Vec<Held>, need: TokenNeed) -> Self {
        let (shadow, exceptions) = (Vec::new(), Vec::new());
        Self { ledger: Arc::clone(ledger), shard, held, need, shadow, exceptions, has_left: false }
    }

    /// Of a request that no quota is about.
    pub(super) fn of_nothing(ledger: &Arc<Ledger>) -> Self {
        Self::new(ledger, 0, Vec::new(), TokenNeed::default())
    }

    /// ORDER: before the first byte leaves. From here on, letting go gives nothing back.
    pub const fn leave(&mut self) {
        self.has_left = true;
    }

    /// What is reserved, for the record of the request's intent.
    pub fn counted(&self) -> Vec<Counted> {
        self.held.iter().map(|held| held.counted(i64::try_from(held.amount).unwrap_or(i64::MAX))).collect()
    }

    /// Replaces what was reserved by what was spent. Returns what that changes, for the record of the outcome.
    pub fn settle(mut self, spent: Spent) -> Vec<Counted> {
        let held = std::mem::take(&mut self.held);
        let need = self.need;
        self.ledger.with_shard(self.shard, |counts| {
            for one in &held {
                let spent = spent.amount(one.name.measure, one.amount, need);
                if let Some(bucket) = counts.get_mut(&one.key) {
                    bucket.settle(one.start, one.amount, spent);
                }
            }
        });
        let change = |held: &Held| {
            let spent = spent.amount(held.name.measure, held.amount, need);
            let change = i128::from(spent) - i128::from(held.amount);
            (change != 0).then(|| held.counted(i64::try_from(change).unwrap_or(i64::MAX)))
        };
        held.iter().filter_map(change).collect()
    }
}

impl Held {
    fn counted(&self, amount: i64) -> Counted {
        // Where nine tenths are used, a reviewer wants to know.
        let near = self.used >= self.limit / 10 * 9;
        Counted {
            rule: self.name.rule.clone(),
            measure: self.name.measure.name(),
            window: self.name.window.name(),
            subject: self.name.subject.clone(),
            starts: self.start,
            amount,
            near: near.then_some((self.used, self.limit)),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.has_left || self.held.is_empty() {
            return;
        }
        self.ledger.with_shard(self.shard, |counts| {
            for held in &self.held {
                if let Some(bucket) = counts.get_mut(&held.key) {
                    bucket.settle(held.start, held.amount, 0);
                }
            }
        });
    }
}
