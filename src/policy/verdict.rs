//! What a policy says: repairs, violations, and the sentence that a caller reads.
//!
//! Values only. No message repeats matched text or anything of a prompt.

use super::exceptions::Exempted;
use super::facts::{GuardrailReference, Inquiry};
use super::rule::RuleId;
use crate::bedrock::fault::Fault;
use crate::bedrock::view::Parameter;
use crate::sensitive::DetectorSet;

/// A change that makes a request keep a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// Every place of the body that sets the parameter gets `value`; where there is none, one is added. `previous` is
    /// the largest value that was there.
    Set { parameter: Parameter, value: f64, previous: Option<f64>, rule: RuleId },
    /// The request gets this guardrail.
    Guardrail { reference: GuardrailReference, rule: RuleId },
    /// Findings of these detectors are replaced in every text of the request.
    Redact { detectors: DetectorSet, rule: RuleId },
    /// Each value that these detectors find gets a placeholder of its own, in every text of the request, and comes back
    /// in the answer.
    Tokenize { detectors: DetectorSet, rule: RuleId },
}

impl Repair {
    pub const fn rule(&self) -> &RuleId {
        match self {
            Self::Set { rule, .. }
            | Self::Guardrail { rule, .. }
            | Self::Redact { rule, .. }
            | Self::Tokenize { rule, .. } => rule,
        }
    }
}

/// Whether a request may be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Every enforced rule that is broken. The request may be sent exactly when there is none.
    pub violations: Vec<Violation>,
    /// What shadow rules would have said.
    pub shadow: Vec<Violation>,
    /// The items of `allow` that cover the request, on every level.
    pub granted_by: Vec<RuleId>,
    /// Exceptions without which an enforced rule would be broken, each once.
    pub exceptions: Vec<Exempted>,
}

impl Verdict {
    pub const fn is_allowed(&self) -> bool {
        self.violations.is_empty()
    }
}

/// What happens to an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerVerdict {
    /// Detectors whose findings must be replaced.
    pub redact: DetectorSet,
    /// Rules that keep the answer from the caller.
    pub violations: Vec<Violation>,
    pub shadow: Vec<Violation>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: RuleId,
    /// `file:line`, for records and `policy explain`; not for callers.
    pub at: String,
    pub fault: Fault,
    /// For the caller: what is wrong and what would work.
    pub message: String,
    pub value: Option<String>,
    pub bound: Option<String>,
    /// Controls of compliance catalogues that the rule implements.
    pub controls: Vec<String>,
}

/// Proof that a policy set allowed one request as it will be sent. Only [`super::PolicySet::decide`] and
/// [`super::PolicySet::decide_read`] make one.
#[derive(Debug)]
pub struct Allowed(());

impl Allowed {
    /// INVARIANT: called where a verdict without violations was just reached, and nowhere else.
    pub(super) const fn vouched() -> Self {
        Self(())
    }
}

/// The error that a caller gets for violations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub fault: Fault,
    pub message: String,
}

impl Denial {
    /// One error for all violations, worded as IAM words its own, so that eyes and log parsers that know those know
    /// these. `None` when nothing is violated.
    pub fn of(inquiry: &Inquiry<'_>, violations: &[Violation]) -> Option<Self> {
        let Inquiry { principal, operation, model, .. } = *inquiry;
        let on = match model {
            None => String::new(),
            Some(model) if model.behind().is_empty() => format!(" on {model}"),
            Some(model) => format!(" on {model} (which is {})", model.origin_ids().join(", ")),
        };
        // INVARIANT: faults are ordered by how much they say: access before validation.
        let fault = violations.iter().map(|violation| violation.fault).min()?;
        let list: Vec<String> =
            violations.iter().map(|violation| format!("{}: {}", violation.rule, violation.message)).collect();
        let message = format!(
            "{}/{} is not authorized to perform bedrock:{}{on} with an explicit deny in policy: {}",
            principal.team,
            principal.app,
            operation.name(),
            list.join("; "),
        );
        Some(Self { fault, message })
    }
}
