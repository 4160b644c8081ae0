//! Redaction of a text that arrives in pieces.
//!
//! Receives one run of text that a reader sees as one string (a content block, a choice, a transcript) in pieces of any
//! size and returns what of it is final, redacted. Must never let go of a byte that may still belong to a match that
//! is redacted or denied, and never let the size of the pieces decide what is found.

mod holding;
mod lane;
mod window;

use lane::{Lane, Part};

use super::redact::push_placeholder;
use super::{DetectorSet, Findings, Scanner};

pub(super) use holding::{Bounds, Holding, Holdings};

/// What becomes of the text once more of it would have to be held back than a plan allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The held text is replaced, up to where it could no longer be part of a match.
    #[default]
    Redact,
    /// The text is denied.
    Deny,
}

/// What an answer's detectors do with what they find. The sets are disjoint: of all enforced rules the strongest action
/// counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Counted only. These never hold text back.
    pub report: DetectorSet,
    pub redact: DetectorSet,
    pub deny: DetectorSet,
    /// The most text that is held back, in bytes.
    pub hold: usize,
    pub overflow: Overflow,
}

impl Plan {
    /// Enough for every token and key that has no end of its own.
    pub const HOLD: usize = 4 * 1024;

    /// A plan with the default bounds. A detector that is named in several sets keeps the strongest action.
    pub fn new(report: DetectorSet, redact: DetectorSet, deny: DetectorSet) -> Self {
        let redact = without(redact, deny);
        let report = without(report, deny.union(redact));
        Self { report, redact, deny, hold: Self::HOLD, overflow: Overflow::default() }
    }
}

fn without(set: DetectorSet, other: DetectorSet) -> DetectorSet {
    set.iter().filter(|&id| !other.contains(id)).collect()
}

/// Text that is kept for detectors that only report, in bytes: nobody waits for it.
const WATCHED: usize = 64 * 1024;

/// Whether a text may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    Going,
    /// A denied detector has found something, or the bound was exceeded and the plan denies then. Nothing more will be
    /// appended; what was appended before holds nothing of it.
    Denied,
}

/// Redacts one text as it arrives.
///
/// What is redacted or denied is decided as if the detectors that only report were not there, and the other way round:
/// watching for something must neither delay nor weaken what is done about something else.
///
/// INVARIANT: whatever the pieces, what [`push`](Self::push) and [`finish`](Self::finish) append together is what
/// redacting the whole text at once gives, and the findings are the same. Only text that would have to be held beyond the
/// plan's bound is treated more strictly.
#[derive(Debug)]
pub struct Redactor<'s> {
    plan: &'s Plan,
    /// What is redacted and denied; `None` when that is nothing.
    acting: Option<Lane<'s>>,
    /// What is counted only.
    reporting: Option<Lane<'s>>,
    findings: Findings,
    denied: bool,
}

impl<'s> Redactor<'s> {
    /// `key` is the name of the JSON member that holds the text.
    pub fn new(scanner: &'s Scanner, plan: &'s Plan, key: Option<&str>) -> Self {
        let lane =
            |detectors: DetectorSet| (!detectors.is_empty()).then(|| Lane::new(scanner, detectors, key));
        let (acting, reporting) = (lane(plan.redact.union(plan.deny)), lane(plan.report));
        Self { plan, acting, reporting, findings: Findings::default(), denied: false }
    }

    /// Takes the next piece and appends to `out` what is final now.
    pub fn push(&mut self, text: &str, out: &mut String) -> Progress {
        self.advance(Some(text), out)
    }

    /// The text has ended: settles and appends the rest.
    pub fn finish(&mut self, out: &mut String) -> Progress {
        self.advance(None, out)
    }

    fn advance(&mut self, text: Option<&str>, out: &mut String) -> Progress {
        if self.denied {
            return Progress::Denied;
        }
        let Self { plan, acting, reporting, findings, denied } = self;
        match (acting, text) {
            (Some(lane), text) => {
                let mut sink = |part: Part<'_>| match part {
                    // ORDER: nothing that follows what was denied is let go.
                    _ if *denied => {}
                    Part::Plain(text) => out.push_str(text),
                    Part::Found(detector) => {
                        findings.add(detector, 1);
                        *denied = plan.deny.contains(detector);
                        if !*denied {
                            push_placeholder(out, detector);
                        }
                    }
                };
                lane.advance(text, &mut sink);
                if lane.pending() > plan.hold {
                    match plan.overflow {
                        Overflow::Redact => lane.swallow(plan.deny, &mut sink),
                        Overflow::Deny => *denied = true,
                    }
                }
            }
            (None, Some(text)) => out.push_str(text),
            (None, None) => {}
        }
        if let Some(lane) = reporting {
            let mut sink = |part: Part<'_>| {
                if let Part::Found(detector) = part {
                    findings.add(detector, 1);
                }
            };
            lane.advance(text, &mut sink);
            if lane.pending() > WATCHED {
                lane.swallow(DetectorSet::EMPTY, &mut sink);
            }
        }
        if self.denied { Progress::Denied } else { Progress::Going }
    }

    /// What was found so far.
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Whether text is held back.
    pub fn is_holding(&self) -> bool {
        self.held() > 0
    }

    /// How much text is held back, in bytes as detectors count them: what folds to one ASCII character is one.
    pub fn held(&self) -> usize {
        self.acting.as_ref().map_or(0, Lane::pending)
    }
}

#[cfg(test)]
mod tests;
