//! Redaction of a text that arrives in pieces.
//!
//! Receives one run of text that a reader sees as one string (a content block, a choice, a transcript) in pieces of any
//! size and returns what of it is final, redacted. Must never let go of a byte that may still belong to a match that
//! is redacted or denied, and never let the size of the pieces decide what is found.

use super::{DetectorSet, Findings, Scanner, redact};

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
/// INVARIANT: whatever the pieces, what [`push`](Self::push) and [`finish`](Self::finish) append together is what
/// redacting the whole text at once gives, and the findings are the same.
#[derive(Debug)]
pub struct Redactor<'s> {
    scanner: &'s Scanner,
    plan: &'s Plan,
    key: Option<&'s str>,
    pending: String,
    findings: Findings,
    denied: bool,
}

impl<'s> Redactor<'s> {
    /// `key` is the name of the JSON member that holds the text.
    pub fn new(scanner: &'s Scanner, plan: &'s Plan, key: Option<&'s str>) -> Self {
        Self { scanner, plan, key, pending: String::new(), findings: Findings::default(), denied: false }
    }

    /// Takes the next piece and appends to `out` what is final now.
    pub fn push(&mut self, text: &str, out: &mut String) -> Progress {
        if self.denied {
            return Progress::Denied;
        }
        if self.acts() {
            self.pending.push_str(text);
        } else {
            self.pending.push_str(text);
            out.push_str(text);
        }
        Progress::Going
    }

    /// The text has ended: settles and appends the rest.
    pub fn finish(&mut self, out: &mut String) -> Progress {
        let text = std::mem::take(&mut self.pending);
        let all = self.plan.report.union(self.plan.redact).union(self.plan.deny);
        let matches = self.scanner.scan(all, &text, self.key);
        for found in &matches {
            self.findings.add(found.detector, 1);
        }
        self.denied |= matches.iter().any(|found| self.plan.deny.contains(found.detector));
        if self.denied {
            return Progress::Denied;
        }
        if self.acts() {
            out.push_str(redact(&text, &matches, self.plan.redact).as_deref().unwrap_or(&text));
        }
        Progress::Going
    }

    /// What was found so far.
    pub const fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Whether text is held back.
    pub const fn is_holding(&self) -> bool {
        self.acts() && !self.pending.is_empty()
    }

    const fn acts(&self) -> bool {
        !self.plan.redact.union(self.plan.deny).is_empty()
    }
}
