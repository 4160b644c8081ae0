//! `limits`: bounds on numbers of a request.
//!
//! Written `- maxTokens: { max: 4096, default: 512, over: clamp }`; a bare number is a `max`. Every place of the body
//! that sets a parameter must satisfy every bound. A request without `maxTokens` leaves the number to the model, so
//! where it is bounded and can be added, it is. `inputTokens` bounds an estimate: what the model counts is known too late.

mod read;
mod repair;

pub(in crate::policy) use repair::repairs;

use super::Breach;
use crate::bedrock::view::Parameter;
use crate::policy::cedar::{Rounding, any, quoted, rounded};
use crate::policy::facts::Facts;
use crate::policy::rule::Mode;

pub(in crate::policy) const KEYS: [&str; 9] =
    ["maxTokens", "temperature", "topP", "topK", "thinkingTokens", "inputTokens", "turns", "images", "tools"];

pub(in crate::policy) const BOUND_KEYS: [&str; 4] = ["max", "min", "default", "over"];

/// A section of org.yaml, as it is shown to authors.
pub(in crate::policy) const EXAMPLE: &str = "\
limits:
  - maxTokens: { max: 16384, default: 2048, over: clamp }
    temperature: { max: 1.0 }
  - id: cooler
    mode: shadow
    temperature: { max: 0.3 }
";

/// One item of `limits`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Limits {
    pub bounds: Vec<Bound>,
}

/// What one number may be. Both ends belong to the range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::policy) struct Bound {
    pub quantity: Quantity,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Set when the parameter is absent. Within `min` and `max`.
    pub default: Option<f64>,
    pub over: Over,
}

/// A number that can be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Quantity {
    Parameter(Parameter),
    Turns,
    Images,
    Tools,
    InputTokens,
}

/// Parameters that can be bounded.
pub(in crate::policy) const PARAMETERS: [Parameter; 5] = [
    Parameter::MaxTokens,
    Parameter::Temperature,
    Parameter::TopP,
    Parameter::TopK,
    Parameter::ThinkingTokens,
];

/// Whether values of a parameter are whole numbers. Those of the others have at most three decimals in policies.
pub(in crate::policy) const fn is_whole(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::MaxTokens | Parameter::TopK | Parameter::ThinkingTokens)
}

/// What happens to a value out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Over {
    Deny,
    Clamp,
}

impl Quantity {
    pub const ALL: [Self; 9] = [
        Self::Parameter(Parameter::MaxTokens),
        Self::Parameter(Parameter::Temperature),
        Self::Parameter(Parameter::TopP),
        Self::Parameter(Parameter::TopK),
        Self::Parameter(Parameter::ThinkingTokens),
        Self::Turns,
        Self::Images,
        Self::Tools,
        Self::InputTokens,
    ];

    /// The name used in policies and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameter(parameter) => parameter.name(),
            Self::Turns => "turns",
            Self::Images => "images",
            Self::Tools => "tools",
            Self::InputTokens => "inputTokens",
        }
    }
}

impl Bound {
    /// INVARIANT: false for what is not a number, which no comparison admits.
    fn admits(&self, value: f64) -> bool {
        value.is_finite()
            && self.min.is_none_or(|min| value >= min)
            && self.max.is_none_or(|max| value <= max)
    }

    /// The largest value must not be over `max`, the smallest not under `min`.
    pub fn broken_in_cedar(&self, mode: Mode) -> String {
        let name = self.quantity.name();
        let Quantity::Parameter(parameter) = self.quantity else {
            let count = if self.quantity == Quantity::Tools { "toolCount" } else { name };
            let over = self.max.map(|max| format!("context.content.{count} > {max}"));
            return any(over
                .into_iter()
                .chain(self.min.map(|min| format!("context.content.{count} < {min}"))));
        };
        let bound = |value| rounded(parameter, value, Rounding::Up);
        let beyond = |record: &str, sign: &str, value| {
            format!("({record} has {name} && {record}.{name} {sign} {})", bound(value))
        };
        let over = self.max.map(|max| beyond("context.params", ">", max));
        let under = self.min.map(|min| beyond("context.params.least", "<", min));
        let listed = |list: &str| format!("context.params.{list}.contains({})", quoted(name));
        let must_be_there = parameter == Parameter::MaxTokens && mode == Mode::Enforce && self.max.is_some();
        let absent = must_be_there.then(|| listed("absent"));
        any(over.into_iter().chain(under).chain([listed("malformed")]).chain(absent))
    }

    fn breach(&self, facts: &Facts, mode: Mode) -> Option<Breach> {
        let name = self.quantity.name();
        let value = match self.quantity {
            Quantity::Parameter(parameter) => match facts.settings.get(&parameter).map(Vec::as_slice) {
                Some(values @ [_, ..]) => values.iter().copied().find(|&value| !self.admits(value))?,
                Some([]) | None => return self.absent(parameter, facts, mode),
            },
            Quantity::Turns => f64::from(facts.turns),
            Quantity::Images => f64::from(facts.images),
            Quantity::Tools => u32::try_from(facts.tools.len()).map_or(f64::INFINITY, f64::from),
            Quantity::InputTokens => f64::from(facts.input_tokens),
        };
        let name = if self.quantity == Quantity::InputTokens { "inputTokens (an estimate)" } else { name };
        match (self.min, self.max) {
            (_, Some(max)) if value > max => Some(out_of_bounds(name, value, "over", max)),
            (Some(min), _) if value < min => Some(out_of_bounds(name, value, "under", min)),
            _ if self.admits(value) => None,
            _ => Some(Breach::validation(format!("{name} is not a number"))),
        }
    }

    /// FAIL-CLOSED: an absent `maxTokens` that could be set and still is not set was left to the model because no
    /// value satisfies all rules. A shadow rule sets nothing, and being enforced it would, so it stays silent.
    fn absent(&self, parameter: Parameter, facts: &Facts, mode: Mode) -> Option<Breach> {
        let max = self.max.filter(|_| parameter == Parameter::MaxTokens && mode == Mode::Enforce)?;
        facts.insertable.contains(&parameter).then(|| {
            let text = format!("{parameter} is missing, and must be at most {max}");
            Breach::validation(text).between("none", max.to_string())
        })
    }
}

impl Limits {
    /// One for each bound that is broken.
    pub fn breaches(&self, facts: &Facts, mode: Mode) -> Vec<Breach> {
        let breach = |bound: &Bound| {
            bound.breach(facts, mode).map(|breach| Breach { field: Some(bound.quantity.name()), ..breach })
        };
        self.bounds.iter().filter_map(breach).collect()
    }
}

fn out_of_bounds(name: &str, value: f64, word: &str, bound: f64) -> Breach {
    Breach::validation(format!("{name} {value} is {word} {bound}"))
        .between(value.to_string(), bound.to_string())
}

#[cfg(test)]
mod tests;
