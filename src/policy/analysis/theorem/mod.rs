//! Sentences about all requests, in a form that a solver can prove or refute: what must never be allowed.
//!
//! Receives a policy set with its tests and returns [`Claim`]s, and for a claim one [`Trial`] for each team and operation:
//! a set of Cedar policies that denies everything exactly when the claim holds there. Runs no solver. What a solver finds
//! is put before the real evaluator by [`Trial::replay`], so that nothing is called refuted on a solver's word.

mod assumption;
mod candidate;

use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicyId, PolicySet as Policies};
use jiff::Timestamp;

use self::assumption::Assumption;
use super::grid::{self, Grid};
use super::suite::{Given, Suite};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Access, Operation};
use crate::policy::cedar::{Statement, locked};
use crate::policy::condition::Condition;
use crate::policy::exceptions::Exception;
use crate::policy::{Context, Mode, PolicySet, Scope};

/// Requests that must never be allowed.
#[derive(Debug)]
pub struct Claim {
    pub name: String,
    /// `file:line`.
    pub at: String,
    /// Whether it follows from the language itself: what is locked holds whatever exceptions say.
    pub built_in: bool,
    given: Given,
    condition: Condition,
    /// In Cedar: holds for the requests that the claim is about.
    never: String,
}

/// A claim about the requests of one team for one operation.
#[derive(Debug)]
pub struct Trial<'c> {
    pub claim: &'c Claim,
    pub team: String,
    pub operation: Operation,
    /// Denies everything exactly when the claim holds.
    pub policies: Policies,
    /// The same without the rules of policy files: denies everything when the claim is about no request at all.
    pub subjects: Policies,
    models: Vec<ModelReference>,
    context: Context,
}

/// A text that is put together here and is no Cedar. Never the fault of who wrote the policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the question about `{name}` cannot be put: {why}")]
pub struct Unspeakable {
    name: String,
    why: String,
}

/// Everything to prove: the invariants of the tests, and that each locked rule of the floor holds.
pub fn claims(suite: &Suite, set: &PolicySet) -> Vec<Claim> {
    let invariants = suite.invariants.iter().map(|invariant| Claim {
        name: invariant.name.clone(),
        at: invariant.at().to_owned(),
        built_in: false,
        given: invariant.given.clone(),
        condition: invariant.allowed.clone(),
        never: invariant.allowed.restricts_in_cedar(),
    });
    let floor = locked(set).into_iter().map(|(head, broken)| Claim {
        name: format!("{} is broken, whatever exceptions say", head.id),
        at: head.place.at.to_string(),
        built_in: true,
        given: Given::default(),
        condition: head.condition.clone(),
        never: broken,
    });
    invariants.chain(floor).collect()
}

/// What is taken for granted in every proof, for people.
pub fn assumptions() -> impl Iterator<Item = &'static str> {
    assumption::SAID.into_iter()
}

impl Claim {
    /// The region that requests are taken to be sent to, on which it depends where models run.
    pub fn region(&self) -> String {
        self.given.context().region
    }

    /// One trial for each team that the claim is about, and each operation that teams can be granted.
    pub fn trials(&self, set: &PolicySet) -> Result<Vec<Trial<'_>>, Unspeakable> {
        let context = self.given.context();
        let statements: Vec<Statement> =
            set.in_cedar().into_iter().filter(|statement| statement.mode == Mode::Enforce).collect();
        let operations = || Operation::ALL.into_iter().filter(|one| one.access() != Access::Read);
        let mut trials = Vec::new();
        for team in grid::teams(&[set]).into_iter().filter(|team| self.concerns(team)) {
            let models = self.models(set, &team, &context.region, context.now);
            for operation in operations() {
                let models = if operation.takes_model() { models.clone() } else { Vec::new() };
                let trial = Draft { claim: self, set, team: &team, operation, context: &context, models };
                trials.push(trial.finish(&statements)?);
            }
        }
        Ok(trials)
    }

    fn concerns(&self, team: &str) -> bool {
        self.given.team.as_ref().is_none_or(|only| only == team)
    }

    /// Models that a team could be granted at all. Where no condition is Cedar, one stands for all that rules treat alike.
    fn models(&self, set: &PolicySet, team: &str, region: &str, now: Timestamp) -> Vec<ModelReference> {
        let grid = Grid::with(&[set], team, region, now, &[&self.condition]);
        let terms = set.teams.values().flat_map(|team| &team.exceptions).any(Exception::has_cedar);
        let told_apart = terms || self.condition.is_cedar() || set.cedar_items().next().is_some();
        let open = grid.classes.iter().filter(|class| grid.could_be_granted(set, class));
        open.flat_map(|class| if told_apart { class.members.clone() } else { vec![class.example.clone()] })
            .collect()
    }
}

/// A trial under construction.
struct Draft<'c, 's> {
    claim: &'c Claim,
    set: &'s PolicySet,
    team: &'s str,
    operation: Operation,
    context: &'s Context,
    models: Vec<ModelReference>,
}

impl<'c> Draft<'c, '_> {
    fn finish(self, statements: &[Statement]) -> Result<Trial<'c>, Unspeakable> {
        let own = statements.iter().filter(|statement| match &statement.scope {
            Scope::Org => true,
            Scope::Team(team) | Scope::App(team, _) => team == self.team,
        });
        let rules: Vec<&str> = own.map(|statement| statement.text.as_str()).collect();
        let texts = rules.iter().copied().chain([self.claim.never.as_str()]);
        let atoms = crate::policy::cedar::named_atoms(texts);
        let mut narrowing: Vec<String> =
            self.assumptions(&atoms).iter().map(|text| denied_unless(text)).collect();
        narrowing.push(denied_unless(&self.claim.never));
        let narrowing = || narrowing.iter().map(String::as_str);
        let policies = self.parsed(rules.into_iter().chain(narrowing()))?;
        let subjects = self.parsed(std::iter::once(EVERYTHING).chain(narrowing()))?;
        let Self { claim, team, operation, context, models, .. } = self;
        Ok(Trial {
            claim,
            team: team.to_owned(),
            operation,
            policies,
            subjects,
            models,
            context: context.clone(),
        })
    }

    fn assumptions(&self, atoms: &BTreeSet<&str>) -> Vec<String> {
        Assumption {
            set: self.set,
            given: &self.claim.given,
            team: self.team,
            operation: self.operation,
            context: self.context,
            models: &self.models,
            atoms,
        }
        .texts()
    }

    fn parsed<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Result<Policies, Unspeakable> {
        let unspeakable = |why: String| Unspeakable { name: self.claim.name.clone(), why };
        let mut policies = Policies::new();
        for (text, index) in texts.zip(0_usize..) {
            let id = PolicyId::new(index.to_string());
            let policy = Policy::parse(Some(id), text).map_err(|error| unspeakable(error.to_string()))?;
            policies.add(policy).map_err(|error| unspeakable(error.to_string()))?;
        }
        Ok(policies)
    }
}

const EVERYTHING: &str = "permit (principal, action, resource);";

fn denied_unless(text: &str) -> String {
    format!("forbid (principal, action, resource) unless {{ {text} }};")
}

#[cfg(test)]
mod tests;
