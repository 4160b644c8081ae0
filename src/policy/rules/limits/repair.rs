//! How a request is brought within bounds, when its rules say so. Minima and maxima only, so that the order of the
//! rules changes nothing.

use super::{Bound, Over, PARAMETERS, Quantity};
use crate::bedrock::view::Parameter;
use crate::policy::Repair;
use crate::policy::facts::Facts;
use crate::policy::rule::RuleId;

/// What to set so that the request keeps the given bounds, which must be the enforced ones that concern it. A value
/// that would still break one of them is not touched: the denial then speaks of what the caller wrote.
pub(in crate::policy) fn repairs(bounds: &[(&RuleId, &Bound)], facts: &Facts) -> Vec<Repair> {
    let of = |parameter| {
        let bounds = bounds.iter().copied();
        let bounds = bounds.filter(|(_, bound)| bound.quantity == Quantity::Parameter(parameter)).collect();
        Bounds { parameter, bounds }
    };
    PARAMETERS.into_iter().filter_map(|parameter| of(parameter).repair(facts)).collect()
}

/// All bounds of one parameter, with the rules they belong to.
struct Bounds<'r> {
    parameter: Parameter,
    bounds: Vec<(&'r RuleId, &'r Bound)>,
}

type Limit<'r> = Option<(&'r RuleId, f64)>;

impl<'r> Bounds<'r> {
    fn repair(&self, facts: &Facts) -> Option<Repair> {
        match facts.settings.get(&self.parameter).map(Vec::as_slice) {
            Some(values @ [_, ..]) => self.clamp(values),
            Some([]) | None if facts.insertable.contains(&self.parameter) => self.fill(),
            Some([]) | None => None,
        }
    }

    /// Brings values into the range of the rules that clamp. Several places of a body get one value, made from the
    /// largest, because which of them the model reads is not known.
    fn clamp(&self, values: &[f64]) -> Option<Repair> {
        if values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let clamping = |bound: &&Bound| bound.over == Over::Clamp;
        let high = smallest(self.each(clamping, |bound| bound.max));
        let low = largest(self.each(clamping, |bound| bound.min));
        let previous = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let too_high = high.filter(|(_, max)| previous > *max);
        let too_low = low.filter(|(_, min)| values.iter().any(|value| value < min));
        let (rule, _) = too_high.or(too_low)?;
        let value = high.map_or(previous, |(_, max)| previous.min(max));
        let value = low.map_or(value, |(_, min)| value.max(min));
        self.set(rule, value, Some(previous))
    }

    /// The smallest default; for `maxTokens` the smallest maximum when there is no default. Never out of bounds.
    fn fill(&self) -> Option<Repair> {
        let every = |_: &&Bound| true;
        let high = smallest(self.each(every, |bound| bound.max));
        let low = largest(self.each(every, |bound| bound.min));
        let default = smallest(self.each(every, |bound| bound.default));
        let chosen = default.or(high.filter(|_| self.parameter == Parameter::MaxTokens));
        let capped = match (chosen, high) {
            (Some((_, value)), Some((rule, max))) if value > max => Some((rule, max)),
            (chosen, _) => chosen,
        };
        let (rule, value) = match (capped?, low) {
            ((_, value), Some((rule, min))) if value < min => (rule, min),
            (capped, _) => capped,
        };
        self.set(rule, value, None)
    }

    fn set(&self, rule: &RuleId, value: f64, previous: Option<f64>) -> Option<Repair> {
        let kept = self.bounds.iter().all(|(_, bound)| bound.admits(value));
        kept.then(|| Repair::Set { parameter: self.parameter, value, previous, rule: rule.clone() })
    }

    fn each(
        &self,
        which: impl Fn(&&Bound) -> bool,
        end: impl Fn(&Bound) -> Option<f64>,
    ) -> impl Iterator<Item = (&'r RuleId, f64)> {
        let chosen = self.bounds.iter().filter(move |(_, bound)| which(bound));
        chosen.filter_map(move |(rule, bound)| end(bound).map(|value| (*rule, value)))
    }
}

/// Equal values go to the rule that comes first.
fn smallest<'r>(values: impl Iterator<Item = (&'r RuleId, f64)>) -> Limit<'r> {
    values.reduce(|best, next| if next.1 < best.1 { next } else { best })
}

fn largest<'r>(values: impl Iterator<Item = (&'r RuleId, f64)>) -> Limit<'r> {
    values.reduce(|best, next| if next.1 > best.1 { next } else { best })
}
