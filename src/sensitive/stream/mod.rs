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
use super::{DetectorSet, Findings, Overflow, Plan, Scanner};

pub(super) use holding::{Bounds, Holding, Holdings};

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
        let (acting, reporting) = (lane(plan.acting()), lane(plan.report));
        Self { plan, acting, reporting, findings: Findings::default(), denied: false }
    }

    /// One that lets every piece go at once, to show what holding back is for.
    #[cfg(test)]
    fn without_holding(scanner: &'s Scanner, plan: &'s Plan, key: Option<&str>) -> Self {
        let mut redactor = Self::new(scanner, plan, key);
        for lane in redactor.acting.iter_mut().chain(&mut redactor.reporting) {
            lane.holds = false;
        }
        redactor
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
                        Overflow::Redact => lane.swallow(plan.hold, plan.deny, &mut sink),
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
                lane.swallow(WATCHED, DetectorSet::EMPTY, &mut sink);
            }
        }
        if self.denied {
            // SECRET: what was denied is not kept any longer than it must be.
            (self.acting, self.reporting) = (None, None);
            return Progress::Denied;
        }
        Progress::Going
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
