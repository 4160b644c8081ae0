//! One request that nobody sent: everything a policy is asked about, owned.
//!
//! Receives the parts, returns what the request path would decide: repairs first, then a verdict on the request as it
//! would be sent.

use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Access, Operation};
use crate::identity::Principal;
use crate::policy::{Charge, Check, Context, Denial, Facts, Inquiry, PolicySet, Repair, Size, Verdict};
use crate::sensitive::Findings;

/// A request as policies see it.
#[derive(Debug, Clone)]
pub struct Probe {
    pub principal: Principal,
    pub operation: Operation,
    /// `None` for operations that call no model.
    pub model: Option<ModelReference>,
    pub context: Context,
    pub facts: Facts,
    /// Findings in parts that no repair may edit, which therefore stay.
    pub fixed: Findings,
}

/// What becomes of a probe.
#[derive(Debug, Clone)]
pub struct Judged {
    pub repairs: Vec<Repair>,
    /// The facts of the request as it would be sent.
    pub sent: Facts,
    pub verdict: Verdict,
    /// What the caller would be told.
    pub denial: Option<Denial>,
}

impl Probe {
    pub fn inquiry(&self) -> Inquiry<'_> {
        self.inquiry_with(&self.facts)
    }

    /// Repairs the request and verifies what comes out.
    pub fn judge(&self, set: &PolicySet) -> Judged {
        let reads = self.operation.access() == Access::Read;
        let repairs = if reads { Vec::new() } else { set.repair(&self.inquiry()) };
        let sent = self.repaired(&repairs);
        let inquiry = self.inquiry_with(&sent);
        let verdict = if reads { set.decide_read(&inquiry).0 } else { set.verify(&inquiry) };
        let denial = Denial::of(&inquiry, &verdict.violations);
        Judged { repairs, verdict, denial, sent }
    }

    /// Every rule that concerns the caller, about the request as it would be sent.
    pub fn checks(&self, set: &PolicySet, judged: &Judged) -> Vec<Check> {
        let inquiry = self.inquiry_with(&judged.sent);
        if self.operation.access() == Access::Read { set.read_checks(&inquiry) } else { set.checks(&inquiry) }
    }

    /// The counts that the request belongs to. How full they are, only a running warden knows.
    pub fn charges<'a>(&'a self, set: &'a PolicySet, judged: &'a Judged) -> Vec<Charge<'a>> {
        set.charges(&self.inquiry_with(&judged.sent), Size::default()).list
    }

    fn inquiry_with<'a>(&'a self, facts: &'a Facts) -> Inquiry<'a> {
        Inquiry {
            principal: &self.principal,
            operation: self.operation,
            model: self.model.as_ref(),
            context: &self.context,
            facts,
        }
    }

    fn repaired(&self, repairs: &[Repair]) -> Facts {
        let mut facts = self.facts.apply(repairs);
        let left = facts.findings.detectors();
        for (detector, count) in self.fixed.iter().filter(|(detector, _)| !left.contains(*detector)) {
            facts.findings.add(detector, count);
        }
        facts
    }
}

impl Judged {
    pub const fn is_allowed(&self) -> bool {
        self.verdict.is_allowed()
    }
}
