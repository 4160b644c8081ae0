//! What other policies would have decided about requests that were decided already.
//!
//! Receives a recorded request and what was decided, returns the difference that a candidate makes. Three-valued: where a
//! record does not hold what the candidate asks about, nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::probe::{Judged, Probe};
use super::suite::changes;
use crate::policy::{Direction, PolicySet};
use crate::sensitive::DetectorSet;

/// A request out of a record.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The decision's id.
    pub id: String,
    pub probe: Probe,
    /// The detectors that looked at it.
    pub looked_for: DetectorSet,
    /// Something that rules may ask about and the record does not hold.
    pub missing: Option<Missing>,
    pub decided: Decided,
}

/// What was decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    pub allowed: bool,
    /// The rules that denied.
    pub rules: BTreeSet<String>,
    /// What was changed, by field.
    pub changes: BTreeMap<String, String>,
}

/// What a record does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// Whether a detector would have found something: it did not look.
    Detector,
    /// The name of a tool.
    Tool,
    /// The place in S3 that the answer goes to, of which only the bucket is kept.
    Output,
}

impl Missing {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detector => "what a new detector would find",
            Self::Tool => "names of tools",
            Self::Output => "the key in S3",
        }
    }
}

/// What a candidate decides otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Same,
    /// With the rules that deny.
    NewlyDenied(BTreeSet<String>),
    /// With the rules that denied.
    NewlyAllowed(BTreeSet<String>),
    /// With the fields that come out otherwise.
    Rewritten(BTreeSet<String>),
    CannotTell(Missing),
}

impl Decided {
    /// What `set` decides about a request.
    pub fn by(set: &PolicySet, probe: &Probe) -> Self {
        Self::of(&probe.judge(set))
    }

    fn of(judged: &Judged) -> Self {
        let rules = judged.verdict.violations.iter().map(|violation| violation.rule.to_string());
        Self { allowed: judged.is_allowed(), rules: rules.collect(), changes: changes(&judged.repairs) }
    }
}

impl Recorded {
    /// What `candidate` decides otherwise than `before` or, without one, than was decided.
    pub fn compare(&self, before: Option<&PolicySet>, candidate: &PolicySet) -> Difference {
        let then = before.map_or_else(|| self.decided.clone(), |before| Decided::by(before, &self.probe));
        let now = Decided::by(candidate, &self.probe);
        match self.missing.or_else(|| self.unsearched(candidate)) {
            // A denial that needs nothing of what is missing stands.
            Some(missing) if now.allowed => Difference::CannotTell(missing),
            Some(_) | None => then.against(now),
        }
    }

    /// Detectors that the candidate has and that did not look. They could only find more, and so deny or redact more.
    fn unsearched(&self, candidate: &PolicySet) -> Option<Missing> {
        let wanted = candidate.detectors(&self.probe.principal, Direction::Prompt);
        let all = wanted.iter().all(|detector| self.looked_for.contains(detector));
        (!all).then_some(Missing::Detector)
    }
}

impl Decided {
    fn against(self, now: Self) -> Difference {
        match (self.allowed, now.allowed) {
            (true, false) => Difference::NewlyDenied(now.rules),
            (false, true) => Difference::NewlyAllowed(self.rules),
            (false, false) => Difference::Same,
            (true, true) => {
                let fields = self.changes.keys().chain(now.changes.keys());
                let changed = fields.filter(|field| self.changes.get(*field) != now.changes.get(*field));
                let changed: BTreeSet<String> = changed.cloned().collect();
                if changed.is_empty() { Difference::Same } else { Difference::Rewritten(changed) }
            }
        }
    }
}
