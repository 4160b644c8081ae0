//! `exceptions.yaml`: the one file that can loosen anything, and only what it names.
//!
//! An exception waives rules for one team or app until a moment, under terms of its own (`instead`). It never stands in
//! the way of a request that keeps the rules: a rule is kept when its own predicate holds, or when an exception that
//! waives it is in force and its terms are kept. So removing one never lets more be sent. Locked rules are out of reach.

mod read;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub(super) use read::{Around, FILE, FILE_KEYS, KEYS, read};

use super::document::Items;
use super::facts::Inquiry;
use super::rule::{Place, RuleId, Section};

/// One item of exceptions.yaml.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    pub id: Arc<str>,
    pub place: Place,
    pub team: String,
    /// `None` for all apps of the team.
    pub app: Option<String>,
    pub waives: Vec<Waiver>,
    /// What must be kept in place of what is waived.
    pub instead: Items,
    /// The first moment at which it is over.
    pub until: Timestamp,
    /// Whether it opens only to callers who invoke it by name.
    pub break_glass: bool,
}

/// A rule that is waived, or one field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiver {
    pub rule: RuleId,
    pub section: Section,
    /// A quantity of `limits`; `None` for the whole rule.
    pub field: Option<&'static str>,
}

/// An exception, as whoever counts or records it knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exempted {
    pub id: Arc<str>,
    /// Whether the caller had to invoke it by name.
    pub break_glass: bool,
}

impl Exception {
    /// Whether a condition among its terms is Cedar.
    pub fn has_cedar(&self) -> bool {
        let grants = self.instead.grants.iter().map(|grant| &grant.head);
        grants.chain(self.instead.rules.iter().map(|rule| &rule.head)).any(|head| head.condition.is_cedar())
    }

    /// Whether the exception is open to such a request. What it waives then depends on its terms.
    pub fn is_in_force(&self, inquiry: &Inquiry<'_>) -> bool {
        let invoked = inquiry.context.break_glass.as_deref() == Some(&*self.id);
        inquiry.context.now < self.until
            && inquiry.principal.team == self.team
            && self.app.as_ref().is_none_or(|app| *app == inquiry.principal.app)
            && (!self.break_glass || invoked)
    }

    /// Whether it waives a field of a rule or, with `None`, the whole of it.
    pub fn waives(&self, rule: &RuleId, field: Option<&str>) -> bool {
        self.waivers(rule).any(|waiver| waiver.field.is_none_or(|waived| Some(waived) == field))
    }

    pub fn waivers(&self, rule: &RuleId) -> impl Iterator<Item = &Waiver> {
        self.waives.iter().filter(move |waiver| waiver.rule == *rule)
    }

    /// Whether it waives what `allow` of some level does not list.
    pub fn waives_grants(&self) -> bool {
        self.waives.iter().any(|waiver| waiver.section == Section::Allow)
    }

    pub fn exempted(&self) -> Exempted {
        Exempted { id: Arc::clone(&self.id), break_glass: self.break_glass }
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(formatter, "{}.{field}", self.rule),
            None => write!(formatter, "{}", self.rule),
        }
    }
}

#[cfg(test)]
mod tests;
