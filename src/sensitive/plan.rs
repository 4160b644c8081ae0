//! What a text is looked through for, and what is done with what is found.
//!
//! Holds sets of detectors by action. Detectors that act and detectors that only report are decided apart: watching for
//! something must never weaken what is done about something else.

use super::DetectorSet;

/// What becomes of a streamed text once more of it would have to be held back than a plan allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The held text is replaced, up to where it could no longer be part of a match.
    #[default]
    Redact,
    /// The text is denied.
    Deny,
}

/// What detectors do with what they find. The sets are disjoint: of all enforced rules the strongest action counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Counted only. These never hold text back.
    pub report: DetectorSet,
    pub redact: DetectorSet,
    pub deny: DetectorSet,
    /// The most text of a stream that is held back, in bytes. `usize::MAX` where the whole text is at hand anyway.
    pub hold: usize,
    pub overflow: Overflow,
}

impl Plan {
    /// Enough for every token and key that has no end of its own.
    pub const HOLD: usize = 4 * 1024;

    /// A plan with the default bounds. A detector that is named in several sets keeps the strongest action.
    pub fn new(report: DetectorSet, redact: DetectorSet, deny: DetectorSet) -> Self {
        let redact = redact.without(deny);
        let report = report.without(deny.union(redact));
        Self { report, redact, deny, hold: Self::HOLD, overflow: Overflow::default() }
    }

    /// Detectors whose findings must not stay.
    pub fn acting(&self) -> DetectorSet {
        self.redact.union(self.deny)
    }

    /// Every detector.
    pub fn all(&self) -> DetectorSet {
        self.report.union(self.acting())
    }
}
