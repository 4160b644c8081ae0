//! What of a policy set concerns one inquiry: its levels, and the exceptions that are in force for it.
//!
//! Receives levels and exceptions of a team and picks those that matter, so that a decision costs the same however many
//! teams there are. Says which rules act on the request, and whether a broken rule is excused.

use super::asked::Asked;
use super::document::Level;
use super::evaluate::sensitive_of;
use super::exceptions::{Exception, Exempted};
use super::facts::Inquiry;
use super::rule::{Mode, Rule, RuleId, Section};
use super::rules::limits::Bound;
use super::rules::sensitive::{Direction, Sensitive, Strongest};
use super::rules::{Breach, Kind, allow};

/// The part of a policy set that one inquiry is judged by.
#[derive(Debug)]
pub(super) struct Slice<'s> {
    levels: Vec<&'s Level>,
    exceptions: Vec<&'s Exception>,
    pub asked: Asked<'s>,
}

impl<'s> Slice<'s> {
    pub fn new(
        levels: impl Iterator<Item = &'s Level>,
        exceptions: &'s [Exception],
        inquiry: &Inquiry<'s>,
    ) -> Self {
        let exceptions = exceptions.iter().filter(|exception| exception.is_in_force(inquiry)).collect();
        Self { levels: levels.collect(), exceptions, asked: Asked::new(inquiry) }
    }

    pub fn levels(&self) -> impl Iterator<Item = &'s Level> {
        self.levels.iter().copied()
    }

    /// Whether an exception in force waives a field of a rule or, with `None`, the whole of it.
    pub fn waives(&self, rule: &RuleId, field: Option<&str>) -> bool {
        self.exceptions.iter().any(|exception| exception.waives(rule, field))
    }

    /// Rules of any mode that are not waived whole, and the terms of the exceptions, with the level that explains them.
    pub fn unwaived(&self) -> impl Iterator<Item = (&'s Level, &'s Rule)> {
        let rules = self.levels().flat_map(|level| level.rules.iter().map(move |rule| (level, rule)));
        let kept = rules.filter(|(_, rule)| !self.waives(&rule.head.id, None));
        let floor = self.levels.first().copied();
        let terms = floor.into_iter().flat_map(|floor| self.terms().map(move |rule| (floor, rule)));
        kept.chain(terms)
    }

    fn terms(&self) -> impl Iterator<Item = &'s Rule> {
        self.exceptions.iter().flat_map(|exception| &exception.instead.rules)
    }

    /// The enforced rules that act on the request.
    pub fn in_force(&self) -> Vec<&'s Rule> {
        let rules = self.unwaived().map(|(_, rule)| rule);
        rules.filter(|rule| rule.is_enforced() && rule.applies(&self.asked) == Ok(true)).collect()
    }

    /// The bounds of `rules` without those that are waived one by one.
    pub fn bounds_in_force<'r>(&self, rules: &[&'r Rule]) -> Vec<(&'r RuleId, &'r Bound)> {
        let mut bounds = Vec::new();
        for rule in rules {
            if let Kind::Limits(limits) = &rule.kind {
                let id = &rule.head.id;
                let acts = |bound: &&Bound| !self.waives(id, Some(bound.quantity.name()));
                bounds.extend(limits.bounds.iter().filter(acts).map(|bound| (id, bound)));
            }
        }
        bounds
    }

    /// The sensitive rules that act on the request. FAIL-CLOSED: a term that denies keeps no rule from redacting, because
    /// it is asked only when the rule that it stands for is broken.
    pub fn sensitive_in_force<'r>(&self, rules: &[&'r Rule]) -> Vec<(&'r RuleId, &'r Sensitive)> {
        let is_term = |rule: &Rule| self.terms().any(|term| std::ptr::eq(term, rule));
        let sensitive = rules.iter().filter_map(|rule| Some((&rule.head.id, sensitive_of(rule)?, *rule)));
        let acting = sensitive.filter(|(_, sensitive, rule)| !sensitive.denies_prompts() || !is_term(rule));
        acting.map(|(id, sensitive, _)| (id, sensitive)).collect()
    }

    /// The strongest actions of all that acts on an answer.
    pub fn strongest_in_answers(&self) -> Strongest {
        self.strongest_in_force(Direction::Response)
    }

    /// The strongest actions of all that acts on texts of a direction, terms of exceptions included.
    pub fn strongest_in_force(&self, direction: Direction) -> Strongest {
        Strongest::of(self.in_force().into_iter().filter_map(sensitive_of), direction)
    }

    /// The strongest actions on prompts of the rules that are written and not waived.
    pub fn strongest(&self) -> Strongest {
        self.strongest_with(std::iter::empty())
    }

    /// The same with some others, as if they were not waived or were rules themselves.
    pub fn strongest_with<'r>(&'r self, others: impl Iterator<Item = &'r Rule>) -> Strongest {
        let rules = self.levels().flat_map(|level| &level.rules);
        let unwaived = rules.filter(|rule| !self.waives(&rule.head.id, None));
        let acting =
            unwaived.chain(others).filter(|rule| rule.is_enforced() && rule.applies(&self.asked) == Ok(true));
        Strongest::of(acting.filter_map(sensitive_of), Direction::Prompt)
    }

    /// Of the breaches of a rule those that no exception excuses, with what the terms of an exception would have wanted;
    /// and the exceptions that excused the others.
    pub fn excused(&self, rule: &RuleId, breaches: Vec<Breach>) -> (Vec<Breach>, Vec<Exempted>) {
        if self.exceptions.is_empty() {
            return (breaches, Vec::new());
        }
        let (mut left, mut exempted) = (Vec::new(), Vec::new());
        for mut breach in breaches {
            match self.excuse(rule, &breach) {
                Ok(exception) => exempted.push(exception.exempted()),
                Err(terms) => {
                    for text in terms {
                        breach.text.push_str(&text);
                    }
                    left.push(breach);
                }
            }
        }
        (left, exempted)
    }

    /// The exception that excuses a breach, or why those that waive the rule do not.
    fn excuse(&self, rule: &RuleId, breach: &Breach) -> Result<&'s Exception, Vec<String>> {
        let mut terms = Vec::new();
        // FAIL-CLOSED: an exception is from what a rule says, not from not knowing.
        let waiving = self
            .exceptions
            .iter()
            .copied()
            .filter(|exception| !breach.undecided && exception.waives(rule, breach.field));
        for exception in waiving {
            let about_grants = exception.waivers(rule).any(|waiver| waiver.section == Section::Allow);
            match self.broken_terms(exception, about_grants) {
                None => return Ok(exception),
                Some(text) => terms.push(format!(" (exception {} does not help: {text})", exception.id)),
            }
        }
        Err(terms)
    }

    /// What of an exception's own terms the request does not keep. Its grants stand for the `allow` that it waives only.
    fn broken_terms(&self, exception: &Exception, about_grants: bool) -> Option<String> {
        let strongest = self.strongest_with(exception.instead.rules.iter());
        let mut broken = Vec::new();
        for rule in &exception.instead.rules {
            match rule.applies(&self.asked) {
                Ok(true) => {
                    let breaches = rule.kind.breaches(&self.asked.inquiry, Mode::Enforce, strongest);
                    broken.extend(breaches.into_iter().map(|breach| breach.text));
                }
                Ok(false) => {}
                Err(undecided) => broken.push(undecided.to_string()),
            }
        }
        if about_grants {
            let grants = &exception.instead.grants;
            match allow::granting(grants, &self.asked) {
                Ok(granting) if !granting.is_empty() => {}
                Ok(_) => broken.extend(allow::breach(grants, &self.asked).map(|breach| breach.text).ok()),
                Err(undecided) => broken.push(undecided.to_string()),
            }
        }
        (!broken.is_empty()).then(|| broken.join("; "))
    }
}
