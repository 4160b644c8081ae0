//! Policy tests: tables of requests with what must become of them, and invariants over all requests.
//!
//! Receives the files below `tests/` of a policy folder and a policy set, returns what held and what did not. Tests are no
//! rules: they decide nothing, and the digest of a policy set does not cover them.

mod invariant;
pub(in crate::policy) mod keys;
mod read;
mod run;

use std::collections::{BTreeMap, BTreeSet};

pub use invariant::Counterexample;
pub use run::{CaseResult, InvariantResult, Mismatch, Results, Stopped, changes};

use super::probe::Probe;
use crate::bedrock::fault::Fault;
use crate::policy::condition::Condition;
use crate::policy::facts::Inquiry;
use crate::policy::rule::Place;
use crate::yaml::Source;

/// Whether a file of a policy folder holds tests.
pub fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
}

/// All tests of a policy folder.
#[derive(Debug, Default)]
pub struct Suite {
    cases: Vec<Case>,
    pub(super) invariants: Vec<Invariant>,
}

impl Suite {
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.invariants.is_empty()
    }
}

/// One request, and what must become of it.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    place: Place,
    probe: Probe,
    expect: Expect,
}

/// A sentence about all requests.
#[derive(Debug)]
pub struct Invariant {
    pub name: String,
    place: Place,
    pub(super) given: Given,
    /// Requests that must never be allowed.
    pub(super) allowed: Condition,
}

impl Case {
    /// `file:line`.
    pub fn at(&self) -> &str {
        &self.place.at
    }

    pub const fn file(&self) -> &Source {
        &self.place.source
    }
}

impl Invariant {
    /// `file:line`.
    pub fn at(&self) -> &str {
        &self.place.at
    }

    pub const fn file(&self) -> &Source {
        &self.place.source
    }
}

/// What must become of a request. What is `None` is not looked at.
#[derive(Debug, Clone)]
struct Expect {
    allowed: bool,
    fault: Option<Fault>,
    /// Exactly the rules that deny.
    rules: Option<BTreeSet<String>>,
    /// Exactly what is changed, by field.
    modified: Option<BTreeMap<String, String>>,
    /// Exactly the rules in shadow that would have denied.
    shadow: Option<BTreeSet<String>>,
    /// Exactly the exceptions without which something would be denied.
    exceptions: Option<BTreeSet<String>>,
}

/// Who asks, where and when, as far as it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub team: Option<String>,
    pub app: Option<String>,
    pub environment: Option<String>,
    pub region: Option<String>,
    pub source: Option<std::net::IpAddr>,
    pub now: Option<jiff::Timestamp>,
    /// The exception that the caller invokes.
    pub break_glass: Option<String>,
}

impl Given {
    /// Whether a request comes from there.
    pub fn admits(&self, inquiry: &Inquiry<'_>) -> bool {
        let Inquiry { principal, context, .. } = inquiry;
        self.team.as_ref().is_none_or(|team| *team == principal.team)
            && self.app.as_ref().is_none_or(|app| *app == principal.app)
            && self.environment.as_ref().is_none_or(|environment| *environment == context.environment)
            && self.region.as_ref().is_none_or(|region| *region == context.region)
            && self.source.is_none_or(|source| source == context.source)
            && self.now.is_none_or(|now| now == context.now)
            && (self.break_glass.is_none() || self.break_glass == context.break_glass)
    }

    /// `self` where it says something, else `base`.
    fn over(self, base: &Self) -> Self {
        Self {
            team: self.team.or_else(|| base.team.clone()),
            app: self.app.or_else(|| base.app.clone()),
            environment: self.environment.or_else(|| base.environment.clone()),
            region: self.region.or_else(|| base.region.clone()),
            source: self.source.or(base.source),
            now: self.now.or(base.now),
            break_glass: self.break_glass.or_else(|| base.break_glass.clone()),
        }
    }
}

/// Where requests go that do not say.
const DEFAULT_REGION: &str = "us-east-1";

#[cfg(test)]
mod tests;
