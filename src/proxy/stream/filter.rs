//! What a streamed answer is looked through with, and what was found in it.
//!
//! Values only, shared by the parts of the relay.

use std::time::Duration;

use crate::proxy::issued::Issued;
use crate::sensitive::{DetectorSet, Findings, Overflow, Plan, Scanner};

/// What to look for in the texts of an answer, and what to do with it.
#[derive(Debug)]
pub struct Filter<'a> {
    pub scanner: &'a Scanner,
    /// For texts that can be changed.
    pub plan: Plan,
    /// For texts that cannot: whatever would have to be replaced is denied.
    fixed: Plan,
    /// What of the request comes back in the answer; `None` where nothing does.
    pub issued: Option<Issued>,
}

/// What was found in an answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub findings: Findings,
    /// Of these, what must go and stands where nothing can be replaced.
    pub fixed: Findings,
    /// Whether a text was too long to be looked into to its end.
    pub overlong: bool,
    /// The longest that a text was held back until it could be looked into.
    pub held: Option<Duration>,
}

impl<'a> Filter<'a> {
    pub fn new(scanner: &'a Scanner, plan: Plan) -> Self {
        let mut fixed = Plan::new(plan.report, DetectorSet::EMPTY, plan.deny.union(plan.redact));
        // FAIL-CLOSED: what is replaced because it is too long is changed, too.
        fixed.overflow = Overflow::Deny;
        Self { scanner, plan, fixed, issued: None }
    }

    /// The same, with what was tokenised in the request put back into what is left of the answer.
    #[must_use]
    pub fn restoring(self, issued: Option<Issued>) -> Self {
        Self { issued, ..self }
    }

    pub fn all(&self) -> DetectorSet {
        self.plan.report.union(self.acting())
    }

    /// Detectors whose findings must not reach the caller.
    pub fn acting(&self) -> DetectorSet {
        self.plan.redact.union(self.plan.deny)
    }

    /// Whether something may have to be taken out of the answer.
    pub fn acts(&self) -> bool {
        !self.acting().is_empty()
    }

    /// Whether the answer may have to be changed. Otherwise it is passed on as it is, whatever is found.
    pub fn changes(&self) -> bool {
        self.acts() || self.issued.is_some()
    }

    pub const fn fixed(&self) -> &Plan {
        &self.fixed
    }
}

impl Seen {
    pub fn add(&mut self, findings: &Findings) {
        add(&mut self.findings, findings);
    }

    pub fn add_fixed(&mut self, findings: &Findings) {
        add(&mut self.fixed, findings);
    }

    pub fn held(&mut self, held: Duration) {
        self.held = self.held.max(Some(held));
    }
}

fn add(sum: &mut Findings, findings: &Findings) {
    for (detector, count) in findings.iter() {
        sum.add(detector, count);
    }
}
