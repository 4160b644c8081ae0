//! `guardrail`: which Bedrock guardrail a request must carry.
//!
//! Written `- oneOf: [id:version]`, with `missing: inject` to add one to a request that has none. A request carries one
//! guardrail at most, so what several rules ask for is the intersection of their lists. Where one is demanded, ways around
//! it are refused: its trace and unchecked streams, which show what it holds back, and marks by which a caller picks the
//! parts that it looks at. `parts: marked` lets callers pick, since some filters of a guardrail work on marked parts only.

use super::Breach;
use crate::bedrock::operation::GuardrailPlace;
use crate::bedrock::view::Leak;
use crate::policy::Repair;
use crate::policy::cedar::{any, not, set};
use crate::policy::facts::{Facts, GuardrailReference, Inquiry};
use crate::policy::rule::RuleId;
use crate::yaml::{Mapping, Reader};

pub(in crate::policy) const KEYS: [&str; 3] = ["oneOf", "missing", "parts"];

/// A section of org.yaml, as it is shown to authors.
pub(in crate::policy) const EXAMPLE: &str = "\
guardrail:
  - oneOf: [gr1a2b3c:7]
    missing: inject
";

/// One item of `guardrail`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Guardrail {
    pub one_of: Vec<GuardrailReference>,
    /// Whether a request without a guardrail gets one.
    inject: bool,
    /// Whether callers may mark the parts that the guardrail looks at.
    marked: bool,
}

impl Guardrail {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        let words = [("deny", false), ("inject", true)];
        let inject = match item.get("missing") {
            Some(node) => reader.one_of(node, "missing", &words),
            None => Some(false),
        };
        let marked = match item.get("parts") {
            Some(node) => reader.one_of(node, "parts", &[("all", false), ("marked", true)]),
            None => Some(false),
        };
        let node = reader.required(item, "an item of `guardrail`", "oneOf")?;
        let texts = reader.strings(node, "oneOf")?;
        let mut one_of = Vec::with_capacity(texts.len());
        for (text, element) in texts.iter().zip(reader.list(node)) {
            match GuardrailReference::parse(text) {
                Some(reference) => one_of.push(reference),
                None => reader.error(
                    &element.span,
                    format!(
                        "`{}` is not a guardrail with its version such as `gr1a2b3c:7`",
                        text.escape_debug()
                    ),
                ),
            }
        }
        (one_of.len() == texts.len()).then_some(Self { one_of, inject: inject?, marked: marked? })
    }

    pub fn broken_in_cedar(&self) -> String {
        let allowed: Vec<String> = self.one_of.iter().map(ToString::to_string).collect();
        let allowed = set(allowed.iter().map(String::as_str));
        let named = format!("(context has guardrail && {allowed}.contains(context.guardrail))");
        let narrowed = (!self.marked).then(|| "context.guardrailNarrowed".to_owned());
        any([not(&named), "context.guardrailLeaks".to_owned()].into_iter().chain(narrowed))
    }

    pub fn breach(&self, facts: &Facts) -> Option<Breach> {
        let allowed = self.one_of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &facts.guardrail {
            Some(reference) if self.one_of.contains(reference) => self.leak(facts),
            Some(reference) if reference.is_well_formed() => {
                let text = format!("guardrail {reference} is not one of {allowed}");
                Some(Breach::access(text).between(reference.to_string(), allowed))
            }
            Some(_) => {
                let text = format!("the guardrail asked for is malformed; allowed: {allowed}");
                Some(Breach::access(text).between("malformed", allowed))
            }
            None => {
                let text = format!("a guardrail is missing; allowed: {allowed}");
                Some(Breach::access(text).between("none", allowed))
            }
        }
    }

    /// A guardrail that is demanded must not be called in a way that gets around it.
    fn leak(&self, facts: &Facts) -> Option<Breach> {
        let mut leaks = facts.leaks.iter().filter(|leak| **leak != Leak::Narrowed || !self.marked);
        let text = match leaks.next()? {
            Leak::Trace => "the trace of a guardrail shows what it holds back; leave it out",
            Leak::Unchecked => {
                "a guardrail must check an answer before it is passed on; leave `streamProcessingMode` out"
            }
            Leak::Narrowed => {
                "a guardrail must look at the whole prompt; leave `guardContent` and `tagSuffix` out"
            }
        };
        Some(Breach::access(text))
    }
}

/// What all lists have in common, in the order of the first.
pub(in crate::policy) fn intersection<'r>(
    rules: impl IntoIterator<Item = &'r Guardrail>,
) -> Option<Vec<&'r GuardrailReference>> {
    let mut rules = rules.into_iter();
    let first = rules.next()?;
    let mut common: Vec<_> = first.one_of.iter().collect();
    for rule in rules {
        common.retain(|reference| rule.one_of.contains(reference));
    }
    Some(common)
}

/// The guardrail to add to a request that has none, when one of the rules says so and the operation can carry one.
pub(in crate::policy) fn repair(rules: &[(&RuleId, &Guardrail)], inquiry: &Inquiry<'_>) -> Option<Repair> {
    let place = inquiry.operation.guardrail();
    if inquiry.facts.guardrail.is_some() || !matches!(place, GuardrailPlace::Headers | GuardrailPlace::Body) {
        return None;
    }
    let (rule, _) = rules.iter().find(|(_, guardrail)| guardrail.inject)?;
    let common = intersection(rules.iter().map(|(_, guardrail)| *guardrail))?;
    let reference = common.first()?;
    Some(Repair::Guardrail { reference: (*reference).clone(), rule: (*rule).clone() })
}
