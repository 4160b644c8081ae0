//! Policies: what a principal may send to Bedrock, and in what form.
//!
//! Receives policy files and returns a [`PolicySet`]; receives an [`Inquiry`] and returns repairs and a [`Verdict`].
//! First a request is repaired, then the repaired request is verified. Pure: no files, no clock, no logging.

pub mod analysis;
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
mod quotas;
mod rule;
mod rules;
mod scope;
mod slice;
mod unsupported;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use catalogue::Catalogue;
use detectors::Detectors;
use document::Level;
use evaluate::quota_of;
use exceptions::Exception;
use rule::{Head, Place};

use crate::bedrock::catalogue::MicroDollars;
use crate::bedrock::model::ModelReference;
use crate::bedrock::view::Usage;
use crate::sensitive::Scanner;
use crate::yaml::{Diagnostic, Source};

pub use cedar::{Statement, schema as cedar_schema};
pub use compile::{compile, digest};
pub use evaluate::Check;
pub use exceptions::Exempted;
pub use facts::{Context, Facts, Found, GuardrailReference, Inquiry, estimated_tokens};
pub use quotas::{Charge, Charges, Need, Size, TokenNeed, Unbounded, quota_denial};
pub use rule::{Mode, RuleId, Section};
pub use rules::quotas::{Measure, Subject, Unavailable, Window};
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

/// One item of a policy file.
#[derive(Debug, Clone)]
pub struct Written {
    pub rule: RuleId,
    pub section: Section,
    /// `file:line`.
    pub at: Arc<str>,
    pub mode: Mode,
    /// Where it stands, for diagnostics.
    source: Source,
    span: Range<usize>,
}

impl Written {
    fn of(head: &Head, section: Section) -> Self {
        let Place { source, span, at } = head.place.clone();
        Self { rule: head.id.clone(), section, at, mode: head.mode, source, span }
    }

    /// A warning about the item.
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        self.source.warning(self.span.clone(), message)
    }
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

    /// Rules of `quotas`.
    pub fn quotas(&self) -> impl Iterator<Item = &RuleId> {
        let rules = self.all_levels().flat_map(|level| &level.rules);
        rules.filter(|rule| quota_of(rule).is_some()).map(|rule| &rule.head.id)
    }

    /// Every item that is written in a file, grants included.
    pub fn written(&self) -> impl Iterator<Item = Written> {
        self.all_levels().flat_map(|level| {
            let grants = level.grants.iter().flat_map(|grants| &grants.items);
            let grants = grants.map(|grant| Written::of(&grant.head, Section::Allow));
            grants.chain(level.rules.iter().map(|rule| Written::of(&rule.head, rule.kind.section())))
        })
    }

    /// The levels that concern some app of a team, the floor first.
    fn levels_of(&self, team: &str) -> impl Iterator<Item = &Level> {
        let team = self.teams.get(team);
        let own = team.into_iter().flat_map(|team| std::iter::once(&team.level).chain(team.apps.values()));
        std::iter::once(&self.org).chain(own)
    }

    /// The exceptions of all teams, in force or not.
    pub fn exceptions(&self) -> impl Iterator<Item = Exempted> {
        self.teams.values().flat_map(|team| &team.exceptions).map(Exception::exempted)
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
