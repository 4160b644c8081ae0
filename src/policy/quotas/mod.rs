//! What a request counts for, under every quota that concerns it.
//!
//! Receives a request as it will be sent and its size, returns one [`Charge`] per count that must admit it, with the most
//! that it can take. Pure: what was used already is not known here. A need that has no bound is said to have none, and is
//! never guessed.

use super::document::Level;
use super::evaluate::quota_of;
use super::exceptions::Exempted;
use super::facts::Inquiry;
use super::rule::{Mode, Rule, RuleId};
use super::rules::Breach;
use super::rules::quotas::{Cap, Measure, Subject, Unavailable, Window};
use super::slice::Slice;
use super::{Denial, PolicySet, Violation};
use crate::bedrock::catalogue::{self, Model, Output};
use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Body;
use crate::bedrock::view::{OpaqueKind, Parameter, Uninspected, Usage};

/// How much is sent: what the facts of a request do not say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size<'a> {
    /// Bytes of the body as it will be sent.
    pub body: u64,
    /// What of it is no text.
    pub opaque: &'a [Uninspected],
}

/// The most that a request can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    pub tokens: Result<TokenNeed, Unbounded>,
    /// Micro-dollars.
    pub cost: Result<u64, Unbounded>,
}

/// The most tokens that a request can take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenNeed {
    pub input: u64,
    pub output: u64,
}

/// Why nobody can say how much a request takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbounded {
    /// It goes on for as long as both sides speak.
    Session,
    /// It says no `maxTokens`, and how much its model can say is not known.
    NoMaximum,
    /// No price is known.
    NoPrice,
}

/// Every count that must admit a request.
#[derive(Debug)]
pub struct Charges<'p> {
    /// Nothing, where the most is not known.
    pub need: TokenNeed,
    pub list: Vec<Charge<'p>>,
}

/// One count that must admit a request.
#[derive(Debug, Clone)]
pub struct Charge<'p> {
    set: &'p PolicySet,
    level: &'p Level,
    rule: &'p Rule,
    cap: &'p Cap,
    unavailable: Unavailable,
    /// The exception that waives the rule. The request counts all the same.
    pub exempted: Option<Exempted>,
    pub subject: Subject<'p>,
    /// The most that the request adds to the count.
    pub need: Result<u64, Unbounded>,
}

impl PolicySet {
    /// Every count that the request belongs to. Shadow quotas count as well, and refuse nothing.
    pub fn charges<'p>(&'p self, inquiry: &Inquiry<'p>, size: Size<'_>) -> Charges<'p> {
        let slice = self.slice(inquiry);
        let rules = slice.levels().flat_map(|level| level.rules.iter().map(move |rule| (level, rule)));
        let quotas = rules.filter_map(|(level, rule)| quota_of(rule).map(|quota| (level, rule, quota)));
        // FAIL-CLOSED: a rule of which it cannot be said whether it applies, counts.
        let quotas = quotas.filter(|(_, rule, _)| rule.applies(&slice.asked) != Ok(false));
        let mut need = None;
        let mut list = Vec::new();
        for (level, rule, quota) in quotas {
            let need = *need.get_or_insert_with(|| self.need(inquiry, size));
            let exempted = exemption(&slice, rule);
            list.extend(quota.caps.iter().map(|cap| Charge {
                set: self,
                level,
                rule,
                cap,
                unavailable: quota.unavailable,
                exempted: exempted.clone(),
                subject: quota.subject(inquiry),
                need: need.of(cap.measure),
            }));
        }
        let tokens = need.and_then(|need: Need| need.tokens.ok());
        Charges { need: tokens.unwrap_or_default(), list }
    }

    /// The most that a request can take.
    pub fn need(&self, inquiry: &Inquiry<'_>, size: Size<'_>) -> Need {
        let operation = inquiry.operation;
        let Some(model) = inquiry.model.filter(|_| operation.body() != Body::CountTokens) else {
            // No model answers: there is nothing to pay by the token.
            return Need { tokens: Ok(TokenNeed::default()), cost: Ok(0) };
        };
        if operation.is_bidirectional() {
            return Need { tokens: Err(Unbounded::Session), cost: Err(Unbounded::Session) };
        }
        let tokens = tokens(inquiry, model, size);
        let cost = tokens.and_then(|tokens| self.most_cost(model, tokens).ok_or(Unbounded::NoPrice));
        Need { tokens, cost }
    }

    /// What `need` costs at most. Input may be written to a cache, which costs more than reading it plainly; of the models
    /// that a router chooses among, the dearest counts.
    fn most_cost(&self, model: &ModelReference, need: TokenNeed) -> Option<u64> {
        let output = Some(need.output);
        let plain = Usage { input: Some(need.input), output, ..Usage::default() };
        let written = Usage { input: Some(0), output, cache_write: Some(need.input), cache_read: None };
        let Some(cost) = self.cost(model, plain) else {
            let behind = model.behind().iter().map(|model| self.most_cost(model, need));
            return behind.collect::<Option<Vec<_>>>()?.into_iter().max();
        };
        Some(self.cost(model, written).unwrap_or_default().max(cost).0)
    }
}

impl Need {
    fn of(self, measure: Measure) -> Result<u64, Unbounded> {
        match measure {
            Measure::Requests => Ok(1),
            Measure::Tokens => self.tokens.map(TokenNeed::sum),
            Measure::Cost => self.cost,
        }
    }
}

impl TokenNeed {
    pub const fn sum(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl<'p> Charge<'p> {
    pub const fn rule(&self) -> &'p RuleId {
        &self.rule.head.id
    }

    pub const fn mode(&self) -> Mode {
        self.rule.head.mode
    }

    /// Whether a request that does not fit is refused.
    pub fn refuses(&self) -> bool {
        self.mode() == Mode::Enforce && self.exempted.is_none()
    }

    pub const fn measure(&self) -> Measure {
        self.cap.measure
    }

    pub const fn window(&self) -> Window {
        self.cap.window
    }

    pub const fn limit(&self) -> u64 {
        self.cap.limit
    }

    pub const fn unavailable(&self) -> Unavailable {
        self.unavailable
    }

    /// `600 requests/min`.
    pub fn bound(&self) -> String {
        format!("{}/{}", self.measure().amount(self.limit()), self.window().name())
    }

    /// The violation of a request that does not fit beside what is `used`. `left` are the seconds until the count
    /// begins anew.
    pub fn exceeded(&self, used: u64, left: u64) -> Violation {
        let (measure, window, limit) = (self.measure(), self.window(), self.limit());
        let need = self.need.unwrap_or(0);
        let bound = self.bound();
        // What never fits must not be tried again, and SDKs repeat what is throttled.
        if need > limit {
            let needs = measure.amount(need);
            let text = format!(
                "this request may take {needs}, and {bound} is all there is; lower maxTokens or send less"
            );
            return self.violation(Fault::ServiceQuotaExceeded, text, needs, bound);
        }
        let fault = match window {
            Window::Minute => Fault::Throttling,
            Window::Day | Window::Month => Fault::ServiceQuotaExceeded,
        };
        let asked = match measure {
            Measure::Requests => String::new(),
            Measure::Tokens | Measure::Cost => {
                format!(", and this request may take {}", measure.amount(need))
            }
        };
        let text = format!(
            "{} has used {} of {bound}{asked}; the count begins anew in {}",
            self.subject,
            measure.amount(used),
            duration(left),
        );
        self.violation(fault, text, measure.amount(used), bound)
    }

    /// The violation of a request of which nobody can say what it takes. FAIL-CLOSED: it is not let through uncounted.
    pub fn uncountable(&self, why: Unbounded) -> Violation {
        let name = self.measure().name();
        let (fault, text) = match why {
            Unbounded::Session => {
                (Fault::AccessDenied, format!("a live session has no most {name}, so none can be counted"))
            }
            Unbounded::NoMaximum => (
                Fault::Validation,
                format!(
                    "maxTokens is missing and the model's own maximum is not known, so {name} cannot be counted; \
                     send maxTokens (or let `limits` of the policy set its default)"
                ),
            ),
            Unbounded::NoPrice => (
                Fault::AccessDenied,
                "no price of the model is known, so its cost cannot be counted (`catalog.yaml` of the policy can \
                 state one)"
                    .to_owned(),
            ),
        };
        self.violation(fault, text, "unknown".to_owned(), self.bound())
    }

    fn violation(&self, fault: Fault, text: String, value: String, bound: String) -> Violation {
        let breach = Breach { fault, text, value: Some(value), bound: Some(bound), ..Breach::access("") };
        self.set.violation(self.level, &self.rule.head, breach)
    }
}

/// What a caller is told who is over a quota. `None` when nothing is violated.
pub fn quota_denial(inquiry: &Inquiry<'_>, violations: &[Violation]) -> Option<Denial> {
    let Inquiry { principal, operation, model, .. } = *inquiry;
    let on = model.map(|model| format!(" on {model}")).unwrap_or_default();
    // INVARIANT: as among all faults, what says more comes first: a used-up month before a used-up minute.
    let fault = violations.iter().map(|violation| violation.fault).min()?;
    let list: Vec<String> =
        violations.iter().map(|violation| format!("{}: {}", violation.rule, violation.message)).collect();
    let message = format!(
        "{}/{} may not call bedrock:{}{on} now: {}",
        principal.team,
        principal.app,
        operation.name(),
        list.join("; "),
    );
    Some(Denial { fault, message })
}

/// The exception whose terms the request keeps and that waives the rule.
fn exemption(slice: &Slice<'_>, rule: &Rule) -> Option<Exempted> {
    if !slice.waives(&rule.head.id, None) {
        return None;
    }
    let (left, mut exempted) = slice.excused(&rule.head.id, vec![Breach::access("over its quota")]);
    exempted.pop().filter(|_| left.is_empty())
}

/// The most tokens that a request takes: as many as its text has bytes and its attachments are worth, and what the model
/// may answer.
fn tokens(inquiry: &Inquiry<'_>, model: &ModelReference, size: Size<'_>) -> Result<TokenNeed, Unbounded> {
    let known = Known::of(model);
    let input = input(inquiry, known.context, size);
    if known.is_silent {
        return Ok(TokenNeed { input, output: 0 });
    }
    let largest = |parameter| largest(inquiry, parameter);
    let choices = largest(Parameter::Choices)?.unwrap_or(1).max(1);
    let each = match largest(Parameter::MaxTokens)? {
        // Where thinking is counted apart, it is at most what was allowed for it.
        Some(most) => most.max(largest(Parameter::ThinkingTokens)?.unwrap_or(0)),
        // What goes in and what comes out fit into the context together.
        None => known.context.ok_or(Unbounded::NoMaximum)?.saturating_sub(input),
    };
    let each = known.context.map_or(each, |context| each.min(context.max(LARGEST_CONTEXT)));
    Ok(TokenNeed { input, output: each.saturating_mul(choices) })
}

/// The largest value that the body gives to a parameter. FAIL-CLOSED: what is no number bounds nothing.
fn largest(inquiry: &Inquiry<'_>, parameter: Parameter) -> Result<Option<u64>, Unbounded> {
    let Some(values) = inquiry.facts.settings.get(&parameter) else { return Ok(None) };
    let mut most = None;
    for value in values {
        if !value.is_finite() {
            return Err(Unbounded::NoMaximum);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates at both ends")]
        let value = value.ceil() as u64;
        most = most.max(Some(value));
    }
    Ok(most)
}

/// What the catalogue knows of every model that may answer.
struct Known {
    /// The largest context, when all are known.
    context: Option<u64>,
    /// Whether no model answers in tokens.
    is_silent: bool,
}

impl Known {
    fn of(model: &ModelReference) -> Self {
        let models: Option<Vec<&Model>> = model.origin_ids().into_iter().map(catalogue::find).collect();
        let models = models.filter(|models| !models.is_empty()).unwrap_or_default();
        let contexts: Option<Vec<u32>> = models.iter().map(|model| model.context).collect();
        let silent = |model: &&Model| match model.output {
            Output::Embedding | Output::Ranking | Output::Image | Output::Video => true,
            Output::Text | Output::Speech => false,
        };
        Self {
            context: contexts.and_then(|contexts| contexts.into_iter().max()).map(u64::from),
            is_silent: !models.is_empty() && models.iter().all(silent),
        }
    }
}

/// No token is shorter than a byte. Attachments are taken for what providers say they are worth at most, and what lies in S3
/// for as much as a model can read.
fn input(inquiry: &Inquiry<'_>, context: Option<u64>, size: Size<'_>) -> u64 {
    let whole = context.unwrap_or(LARGEST_CONTEXT);
    let mut text = size.body;
    let mut attached: u64 = 0;
    for entry in size.opaque {
        text = text.saturating_sub(entry.bytes);
        let count = u64::from(entry.count);
        let worth = match entry.kind {
            OpaqueKind::Image => count.saturating_mul(IMAGE),
            OpaqueKind::Audio | OpaqueKind::Video | OpaqueKind::Document => {
                entry.bytes.max(count.saturating_mul(IMAGE))
            }
            OpaqueKind::S3Reference | OpaqueKind::StoredPrompt => whole,
            OpaqueKind::EncryptedReasoning => entry.bytes,
        };
        attached = attached.saturating_add(worth);
    }
    let tools = if inquiry.facts.tools.is_empty() { 0 } else { TOOL_PROMPT };
    let sum = text.saturating_add(attached).saturating_add(tools);
    sum.min(whole.max(LARGEST_CONTEXT))
}

/// `3 h 12 min`, `45 s`: the two largest units.
fn duration(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        if left >= size {
            parts.push(format!("{} {name}", left / size));
            left %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "1 s".to_owned() } else { parts.join(" ") }
}

/// Tokens of a picture: above what Anthropic and Amazon state for the largest that they do not shrink.
const IMAGE: u64 = 5_000;

/// Tokens that a provider adds by itself when tools are offered (Anthropic states up to about 700).
const TOOL_PROMPT: u64 = 1_000;

/// More than the context of most models, and of those that can be asked for a longer one.
const LARGEST_CONTEXT: u64 = 1_000_000;

#[cfg(test)]
mod tests;
