//! The finite grid: one request for every way in which the rules of some policy sets can tell requests apart.
//!
//! Receives policy sets and a team, returns its apps, circumstances and models to ask about. Models that every pattern treats alike
//! are one class with one representative, which makes the grid small and loses nothing. What a condition in Cedar tells
//! apart beyond these values is not on the grid.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;

use super::description;
use super::mentions::Mentions;
use super::probe::Probe;
use crate::bedrock::catalogue::{self, Output};
use crate::bedrock::model::resolution::Found;
use crate::bedrock::model::{GEOGRAPHIES, ModelKind, ModelReference};
use crate::bedrock::operation::{Access, Operation};
use crate::identity::{CredentialKind, Principal};
use crate::policy::condition::{Condition, covers, hits};
use crate::policy::document::Level;
use crate::policy::exceptions::Exception;
use crate::policy::facts::{Context, GuardrailReference};
use crate::policy::glob::Glob;
use crate::policy::{Facts, PolicySet, RuleId};
use crate::sensitive::Findings;

/// A word of a dimension: a value that rules mention, or one that stands for all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    Named(String),
    Other,
}

impl Word {
    /// As a request would say it.
    pub(super) fn spoken(&self) -> String {
        match self {
            Self::Named(word) => word.clone(),
            Self::Other => "any-other".to_owned(),
        }
    }

    /// As reports show it: `*` for all others.
    pub fn shown(&self) -> &str {
        match self {
            Self::Named(word) => word,
            Self::Other => "*",
        }
    }
}

/// What surrounds a request and the caller does not choose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Around {
    pub environment: Word,
    pub source: IpAddr,
    pub now: Timestamp,
    /// An exception that the caller invokes.
    pub break_glass: Option<String>,
}

/// Models that no rule tells apart.
#[derive(Debug, Clone)]
pub struct Class {
    pub example: ModelReference,
    /// All of them, the example first.
    pub members: Vec<ModelReference>,
    /// Where they run: a geography, or the region that is called.
    pub place: String,
}

/// Every value that requests of one team are made of.
#[derive(Debug)]
pub struct Grid {
    pub region: String,
    pub team: String,
    pub apps: Vec<Word>,
    pub around: Vec<Around>,
    pub classes: Vec<Class>,
    pub tools: BTreeSet<String>,
    pub guardrails: BTreeSet<GuardrailReference>,
    pub(super) mentions: Mentions,
}

impl Class {
    /// Whether it stands for all names of a kind, and not for one that somebody could call.
    pub fn is_invented(&self) -> bool {
        ALIASES.iter().any(|(_, resource)| self.example.raw().ends_with(resource))
    }

    /// What the members are called in reports.
    pub fn labels(&self) -> Vec<String> {
        let label = |model: &ModelReference| match model.behind() {
            [behind] if self.is_invented() => format!("any {} over {behind}", model.kind()),
            _ => model.raw().to_owned(),
        };
        self.members.iter().map(label).collect()
    }
}

impl Grid {
    /// The grid of everything that `sets` tell apart in requests of `team` to `region`, on the day of `now`.
    pub fn of(sets: &[&PolicySet], team: &str, region: &str, now: Timestamp) -> Self {
        Self::with(sets, team, region, now, &[])
    }

    /// The same, and of what `conditions` tell apart.
    pub(super) fn with(
        sets: &[&PolicySet],
        team: &str,
        region: &str,
        now: Timestamp,
        conditions: &[&Condition],
    ) -> Self {
        let mut mentions = Mentions::on(now);
        let exceptions = sets.iter().filter_map(|set| set.teams.get(team)).flat_map(|team| &team.exceptions);
        for exception in exceptions {
            mentions.note_exception(exception);
        }
        sets.iter().flat_map(|set| set.levels_of(team)).for_each(|level| mentions.note(level));
        for condition in conditions {
            condition.mention(&mut mentions);
        }
        mentions.tidy();
        Self {
            region: region.to_owned(),
            team: team.to_owned(),
            apps: apps(sets, team, &mentions),
            around: around(&mentions, now),
            classes: classes(sets, region, &mentions),
            tools: mentions.tools.clone(),
            guardrails: mentions.guardrails.clone(),
            mentions,
        }
    }

    /// A plain request.
    pub fn probe(&self, app: &Word, around: &Around, class: &Class, operation: Operation) -> Probe {
        let model = operation.takes_model().then(|| class.example.clone());
        let facts = description::plain(operation, model.as_ref());
        let principal = Principal {
            team: self.team.clone(),
            app: app.spoken(),
            credential: CredentialKind::SigV4,
            credential_id: String::new(),
        };
        let context = Context {
            environment: around.environment.spoken(),
            region: self.region.clone(),
            source: around.source,
            now: around.now,
            break_glass: around.break_glass.clone(),
        };
        Probe { principal, operation, model, context, facts, fixed: Findings::default() }
    }

    /// The guardrails that a caller can ask for, none first.
    pub fn choices(&self, facts: &Facts) -> Vec<Facts> {
        let named = self.guardrails.iter().cloned().map(Some);
        std::iter::once(None).chain(named).map(|guardrail| Facts { guardrail, ..facts.clone() }).collect()
    }

    /// The operations to ask about: those that call a model and are granted without being named, no more of them than
    /// rules tell apart.
    pub fn operations(&self, class: &Class) -> Vec<Operation> {
        let mut operations = vec![usual(class)];
        if self.mentions.streams || !self.mentions.actions.is_empty() {
            operations.extend([
                Operation::InvokeModel,
                Operation::InvokeModelWithResponseStream,
                Operation::Converse,
                Operation::ConverseStream,
            ]);
        }
        let named = self.mentions.actions.iter().copied();
        operations.extend(named.filter(|operation| operation.access() == Access::Model));
        operations.sort_unstable();
        operations.dedup();
        operations
    }

    /// The same, and all others that conditions name.
    pub(super) fn named_operations(&self, class: &Class) -> Vec<Operation> {
        let mut operations = self.operations(class);
        operations.extend(&self.mentions.actions);
        operations.sort_unstable();
        operations.dedup();
        operations
    }

    /// Whether some request for the class could be granted: what no pattern of a level covers, no request gets, whatever
    /// else it says. Spares the rest of the grid.
    pub fn could_be_granted(&self, set: &PolicySet, class: &Class) -> bool {
        let Some(team) = set.teams.get(&self.team) else { return false };
        let covers = |level: &Level| {
            let grants = level.grants.iter().flat_map(|grants| &grants.items);
            let patterns = || grants.clone().flat_map(|grant| &grant.models);
            class.example.chain().into_iter().any(|model| patterns().any(|pattern| covers(pattern, model)))
        };
        let waived = team.exceptions.iter().any(Exception::waives_grants);
        waived || (covers(&set.org) && covers(&team.level))
    }
}

/// How a model of the class is usually called.
fn usual(class: &Class) -> Operation {
    let talks = class.example.origins().iter().all(|model| {
        let known = catalogue::find(model.canonical());
        known.is_none_or(|known| matches!(known.output, Output::Text | Output::Speech))
    });
    if talks { Operation::Converse } else { Operation::InvokeModel }
}

/// Teams that have a policy in one of the sets.
pub fn teams(sets: &[&PolicySet]) -> BTreeSet<String> {
    sets.iter().flat_map(|set| set.teams.keys().cloned()).collect()
}

fn apps(sets: &[&PolicySet], team: &str, mentions: &Mentions) -> Vec<Word> {
    let files = sets.iter().filter_map(|set| set.teams.get(team)).flat_map(|team| team.apps.keys());
    let named: BTreeSet<&String> = mentions.apps.iter().chain(files).collect();
    named.into_iter().cloned().map(Word::Named).chain([Word::Other]).collect()
}

fn around(mentions: &Mentions, now: Timestamp) -> Vec<Around> {
    // Addresses that documents use, and thus no network has.
    let outside =
        ["192.0.2.1", "2001:db8::1", "203.0.113.1"].into_iter().filter_map(|text| text.parse().ok());
    let sources: Vec<IpAddr> = if mentions.sources.is_empty() {
        outside.take(1).collect()
    } else {
        // Of the addresses that lie in the same networks, one stands for all.
        let mut told = BTreeMap::new();
        for source in mentions.sources.iter().copied().chain(outside) {
            let within: Vec<bool> = mentions.networks.iter().map(|one| one.contains(source)).collect();
            told.entry((source.is_ipv6(), within)).or_insert(source);
        }
        told.into_values().collect()
    };
    let instants: Vec<Timestamp> =
        if mentions.instants.is_empty() { vec![now] } else { mentions.instants.iter().copied().collect() };
    let environments = mentions.environments.iter().cloned().map(Word::Named).chain([Word::Other]);
    let invoked: Vec<Option<String>> =
        std::iter::once(None).chain(mentions.break_glass.iter().cloned().map(Some)).collect();
    let mut around = Vec::new();
    for environment in environments {
        for &source in &sources {
            for &now in &instants {
                around.extend(invoked.iter().cloned().map(|break_glass| Around {
                    environment: environment.clone(),
                    source,
                    now,
                    break_glass,
                }));
            }
        }
    }
    around
}

/// An ARN of each kind that hides its model, for rules that speak of the kind.
const ALIASES: [(ModelKind, &str); 5] = [
    (ModelKind::ApplicationProfile, "application-inference-profile/any"),
    (ModelKind::Provisioned, "provisioned-model/any"),
    (ModelKind::CustomDeployment, "custom-model-deployment/any"),
    (ModelKind::Router, "prompt-router/any"),
    (ModelKind::Prompt, "prompt/ANY1234567"),
];

fn classes(sets: &[&PolicySet], region: &str, mentions: &Mentions) -> Vec<Class> {
    let mut classes: BTreeMap<Signature, Class> = BTreeMap::new();
    for model in models(sets, region, mentions) {
        let signature = Signature::of(&model, region, mentions);
        let class = classes.entry(signature).or_insert_with(|| Class {
            place: places(&model, region),
            example: model.clone(),
            members: Vec::new(),
        });
        if !class.members.contains(&model) {
            class.members.push(model);
        }
    }
    let mut classes: Vec<Class> = classes.into_values().collect();
    classes.sort_by(|left, right| left.example.raw().cmp(right.example.raw()));
    classes
}

fn places(model: &ModelReference, region: &str) -> String {
    let places: BTreeSet<&str> = model.running().into_iter().map(|one| one.runs_in(region)).collect();
    places.into_iter().collect::<Vec<_>>().join(",")
}

/// Everything that rules can ask of a model.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Signature {
    kind: ModelKind,
    place: String,
    resolved: bool,
    speaks: bool,
    /// What can be added to its requests, which depends on the family.
    added: Vec<&'static str>,
    /// By pattern: covered by it, hit by it.
    patterns: Vec<(bool, bool)>,
}

impl Signature {
    fn of(model: &ModelReference, region: &str, mentions: &Mentions) -> Self {
        let of = |pattern| {
            (crate::policy::condition::covered(model, &|one| covers(pattern, one)), hits(pattern, model))
        };
        let invoked = description::plain(Operation::InvokeModel, Some(model));
        let known = catalogue::find(model.canonical());
        Self {
            kind: model.kind(),
            place: places(model, region),
            resolved: model.is_resolved(),
            speaks: known.is_none_or(|known| matches!(known.output, Output::Text | Output::Speech)),
            added: invoked.insertable.iter().map(|parameter| parameter.name()).collect(),
            patterns: mentions.models.iter().map(of).collect(),
        }
    }
}

/// Every model of the catalogue, called directly and through the profiles of every geography, what patterns name
/// besides, and names that hide a model where a rule speaks of such.
fn models(sets: &[&PolicySet], region: &str, mentions: &Mentions) -> Vec<ModelReference> {
    let ids: BTreeSet<&str> = sets.iter().flat_map(|set| set.catalogue.ids()).collect();
    let literals = mentions.models.iter().flat_map(Glob::literals);
    let named = literals.filter_map(|literal| ModelReference::parse(literal).ok());
    let resolve = |model: ModelReference| sets.iter().find_map(|set| set.alias(&model)).unwrap_or(model);
    let mut models: Vec<ModelReference> = named.map(resolve).collect();
    for id in ids {
        let profiles = GEOGRAPHIES.iter().map(|geography| format!("{geography}.{id}"));
        let spelled = std::iter::once(id.to_owned()).chain(profiles);
        models.extend(spelled.filter_map(|label| ModelReference::parse(&label).ok()));
        for (_, resource) in ALIASES.iter().filter(|(kind, _)| mentions.kinds.contains(kind)) {
            let alias = format!("arn:aws:bedrock:{region}:111122223333:{resource}");
            let parsed = ModelReference::parse(&alias).ok().zip(ModelReference::parse(id).ok());
            models.extend(parsed.map(|(alias, behind)| alias.with(Found::stated(vec![behind]))));
        }
    }
    models
}

impl PolicySet {
    /// Items of all files with a condition in Cedar.
    pub(super) fn cedar_items(&self) -> impl Iterator<Item = RuleId> {
        self.all_levels().flat_map(cedar_heads).cloned()
    }

    /// Rules with a condition in Cedar that concern an app, or any app of the team that no file names.
    pub(super) fn cedar_rules(&self, team: &str, app: &Word) -> impl Iterator<Item = &RuleId> {
        let files = self.teams.get(team);
        let own = files.and_then(|team| team.apps.get(&app.spoken()));
        let levels = std::iter::once(&self.org).chain(files.map(|team| &team.level)).chain(own);
        levels.flat_map(cedar_heads)
    }
}

fn cedar_heads(level: &Level) -> impl Iterator<Item = &RuleId> {
    let grants = level.grants.iter().flat_map(|grants| &grants.items).map(|grant| &grant.head);
    let heads = grants.chain(level.rules.iter().filter(|rule| rule.is_enforced()).map(|rule| &rule.head));
    heads.filter(|head| head.condition.is_cedar()).map(|head| &head.id)
}
