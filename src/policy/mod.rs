//! Policies: what a principal may send to Bedrock, and in what form.
//!
//! Receives policy files and returns a [`PolicySet`]; receives an [`Inquiry`] and returns repairs and a [`Verdict`].
//! First a request is repaired, then the repaired request is verified. Pure: no files, no clock, no logging.

mod asked;
mod catalogue;
mod cedar;
mod compile;
mod condition;
mod detectors;
mod document;
mod evaluate;
mod exceptions;
mod facts;
mod glob;
mod lint;
mod rule;
mod rules;
mod scope;
mod slice;
mod unsupported;
mod verdict;

use std::collections::BTreeMap;

use catalogue::Catalogue;
use detectors::Detectors;
use document::Level;
use exceptions::Exception;

use crate::bedrock::catalogue::MicroDollars;
use crate::bedrock::model::ModelReference;
use crate::bedrock::view::Usage;
use crate::sensitive::Scanner;

pub use cedar::{Statement, schema as cedar_schema};
pub use compile::compile;
pub use evaluate::Check;
pub use exceptions::{ExceptionSummary, Exempted};
pub use facts::{Context, Facts, Found, GuardrailReference, Inquiry, estimated_tokens};
pub use rule::{Mode, RuleId, Section};
pub use rules::sensitive::Direction;
pub use scope::Scope;
pub use verdict::{Allowed, AnswerVerdict, Denial, Repair, Verdict, Violation};

/// A policy folder that was read without an error.
#[derive(Debug, Clone)]
pub struct PolicySet {
    digest: String,
    org: Level,
    teams: BTreeMap<String, Team>,
    catalogue: Catalogue,
    detectors: Detectors,
}

/// A team's file and those of its apps.
#[derive(Debug, Clone)]
struct Team {
    level: Level,
    apps: BTreeMap<String, Level>,
    /// Those for the team or one of its apps, in force or not.
    exceptions: Vec<Exception>,
}

/// What one file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub path: String,
    pub scope: Scope,
    pub owner: Option<String>,
    /// Items of `allow`.
    pub grants: usize,
    /// Items of all other sections.
    pub rules: usize,
    /// Those of them that are in shadow.
    pub shadow: usize,
}

impl PolicySet {
    /// `sha256:` and the digest of the files it was compiled from.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What finds sensitive data for these policies: the built-in detectors, and those of detectors.yaml.
    pub const fn scanner(&self) -> &Scanner {
        self.detectors.scanner()
    }

    /// `reference` with what catalog.yaml says stands behind it; `None` when that is to be looked up.
    pub fn alias(&self, reference: &ModelReference) -> Option<ModelReference> {
        self.catalogue.resolve(reference)
    }

    /// What a call of `model` costs that took `usage`, in micro-dollars: an estimate at the price in catalog.yaml, or else
    /// at the list price of the built-in catalogue, which is that of one region. `None` where no price is known.
    pub fn cost(&self, model: &ModelReference, usage: Usage) -> Option<MicroDollars> {
        self.catalogue.cost(model, usage)
    }

    /// Whether callers are told, in a header, what rules in shadow mode would have refused.
    pub fn tells_shadow(&self) -> bool {
        self.org.floor.shadow_header
    }

    /// The same rules in Cedar, over the schema of [`cedar_schema`].
    pub fn in_cedar(&self) -> Vec<Statement> {
        cedar::translate(self)
    }

    /// The files, from the floor down.
    pub fn summaries(&self) -> Vec<Summary> {
        self.all_levels().map(Level::summary).collect()
    }

    /// Every rule that a verdict can name, with its mode. A rule that several items share comes as often.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, Mode)> {
        // A floor is checked for residency whether it says anything about it or not.
        let residency = RuleId::new(&Scope::Org, Section::Residency, None);
        let written = self.all_levels().flat_map(|level| {
            let grants = level.grants.iter().map(|grants| (grants.id.clone(), Mode::Enforce));
            grants.chain(level.rules.iter().map(|rule| (rule.head.id.clone(), rule.head.mode)))
        });
        std::iter::once((residency, Mode::Enforce)).chain(written)
    }

    /// Everything that exceptions.yaml says, by team.
    pub fn exceptions(&self) -> impl Iterator<Item = ExceptionSummary> {
        self.teams.values().flat_map(|team| &team.exceptions).map(Exception::summary)
    }

    fn all_levels(&self) -> impl Iterator<Item = &Level> {
        let teams =
            self.teams.values().flat_map(|team| std::iter::once(&team.level).chain(team.apps.values()));
        std::iter::once(&self.org).chain(teams)
    }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
