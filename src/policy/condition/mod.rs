//! `when` and `unless`: a typed mapping, AND across its keys, OR inside a list, which has no operators and gets none; or
//! a text, which is a Cedar condition.
//!
//! Receives an item of a section, returns a condition that answers for an inquiry. Where a model id leaves room
//! for doubt, the doubt goes against the caller: what restricts matches broadly, what loosens matches strictly.

mod cedar;
mod hours;
mod source;

use std::fmt;
use std::str::FromStr;

pub(super) use cedar::{covers_in_cedar, hits_in_cedar};
pub(super) use hours::Hours;
pub(super) use source::Network;
use source::NetworkError;

use super::analysis::mentions::Mentions;
use super::asked::{Asked, Undecided};
use super::cedar::Predicate;
use super::facts::Inquiry;
use super::glob::Glob;
use crate::bedrock::model::{ModelKind, ModelReference};
use crate::bedrock::operation::{Operation, Refused};
use crate::yaml::{Mapping, Node, Reader, Value, closest};

/// When an item concerns a request. An empty one always does.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    when: Option<Test>,
    unless: Option<Test>,
}

/// One side of a condition.
#[derive(Debug, Clone)]
enum Test {
    Clauses(Clauses),
    Cedar(Predicate),
}

impl Condition {
    /// Reads `when` and `unless` of an item; mistakes are reported and leave the condition unusable.
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Self {
        let mut read = |place| item.get(place).and_then(|node| Test::read(reader, node, place));
        Self { when: read("when"), unless: read("unless") }
    }

    /// Reads a node as what `when` would hold; `place` names it in messages.
    pub fn matching(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Self> {
        Test::read(reader, node, place).map(|test| Self { when: Some(test), unless: None })
    }

    /// Notes every value that the condition tells from others.
    pub fn mention(&self, mentions: &mut Mentions) {
        for clause in self.when.iter().chain(&self.unless).flat_map(Test::clauses) {
            clause.mention(mentions);
        }
    }

    /// Whether a part of it is Cedar, which may hang on more than can be told from outside.
    pub fn is_cedar(&self) -> bool {
        self.when.iter().chain(&self.unless).any(|test| matches!(test, Test::Cedar(_)))
    }

    pub fn is_empty(&self) -> bool {
        self.when.is_none() && self.unless.is_none()
    }

    /// All patterns that the condition holds against models.
    pub fn model_patterns(&self) -> impl Iterator<Item = &Glob> {
        let clauses = self.when.iter().chain(&self.unless).flat_map(Test::clauses);
        clauses
            .filter_map(|clause| if let Clause::Model(patterns) = clause { Some(patterns) } else { None })
            .flatten()
    }

    /// Whether a restriction under this condition concerns the request.
    pub fn restricts(&self, asked: &Asked<'_>) -> Result<bool, Undecided> {
        self.holds(asked, Matching::Broad, Matching::Strict)
    }

    /// Whether a grant under this condition holds for the request.
    pub fn grants(&self, asked: &Asked<'_>) -> Result<bool, Undecided> {
        self.holds(asked, Matching::Strict, Matching::Broad)
    }

    fn holds(&self, asked: &Asked<'_>, when: Matching, unless: Matching) -> Result<bool, Undecided> {
        let holds =
            |test: &Option<Test>, matching| test.as_ref().map(|test| test.holds(asked, matching)).transpose();
        Ok(holds(&self.when, when)?.unwrap_or(true) && !holds(&self.unless, unless)?.unwrap_or(false))
    }
}

impl Test {
    fn read(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Self> {
        if matches!(node.value, Value::Scalar { .. }) {
            return Predicate::read(reader, node, place).map(Self::Cedar);
        }
        Clauses::read(reader, node, place).map(Self::Clauses)
    }

    fn holds(&self, asked: &Asked<'_>, matching: Matching) -> Result<bool, Undecided> {
        match self {
            Self::Clauses(clauses) => Ok(clauses.hold(&asked.inquiry, matching)),
            Self::Cedar(predicate) => predicate.holds(asked),
        }
    }

    /// Empty for a Cedar condition, which speaks for itself.
    fn clauses(&self) -> &[Clause] {
        match self {
            Self::Clauses(clauses) => &clauses.0,
            Self::Cedar(_) => &[],
        }
    }
}

/// How a model pattern is held against a model reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matching {
    /// The id as sent or anything behind it, in any form.
    Broad,
    /// Every model behind it, all of which must be known, or exactly the id as sent.
    Strict,
}

/// Whether a pattern covers a model in a place where a match loosens: in a grant, or in an exemption.
///
/// A wildcard covers every spelling of a model. An id that is written out covers itself and the ARN of the same
/// catalogue model, but not the profiles around it or its context variants: who wrote one id meant one.
///
/// FAIL-CLOSED: an id that has to be looked up says nothing about the model behind it, so no wildcard covers it; only
/// the id itself does, written out. What stands behind it is for [`covered`].
pub(super) fn covers(pattern: &Glob, model: &ModelReference) -> bool {
    pattern.lists(model.raw())
        || (is_plain(model) && pattern.lists(model.canonical()))
        || (!model.kind().needs_lookup() && pattern.spans(model.canonical()))
}

/// Whether a reference is to a catalogue model, and not to a profile or context variant of one.
pub(super) fn is_plain(model: &ModelReference) -> bool {
    model.kind() == ModelKind::Foundation && model.context().is_none()
}

/// Whether a model is covered as it is named or, for an alias, whether every model behind the name is. A model with
/// weights of its own is not covered by what it was trained from.
pub(super) fn covered(model: &ModelReference, covers: &dyn Fn(&ModelReference) -> bool) -> bool {
    let behind = || {
        let behind = model.behind();
        model.kind().is_alias() && !behind.is_empty() && behind.iter().all(|next| covered(next, covers))
    };
    covers(model) || behind()
}

/// Whether a pattern hits a model in a place where a match restricts: the name, anything behind it, or what any of
/// those was trained from.
pub(super) fn hits(pattern: &Glob, model: &ModelReference) -> bool {
    let hit = |one: &ModelReference| {
        let texts = [Some(one.raw()), Some(one.canonical()), one.base()];
        texts.into_iter().flatten().any(|text| pattern.matches(text))
    };
    model.chain().into_iter().any(hit)
}

/// Clauses that must all hold.
#[derive(Debug, Clone)]
struct Clauses(Vec<Clause>);

#[derive(Debug, Clone)]
enum Clause {
    Environment(Vec<Glob>),
    App(Vec<Glob>),
    Model(Vec<Glob>),
    Kind(Vec<ModelKind>),
    Region(Vec<Glob>),
    Action(Vec<Operation>),
    Source(Vec<Network>),
    Tools(Vec<Glob>),
    Stream(bool),
    Hours(Vec<Hours>),
}

pub(super) const KEYS: [&str; 10] =
    ["env", "app", "model", "kind", "region", "action", "source", "tools", "stream", "hours"];

impl Clauses {
    fn read(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Self> {
        let mapping = reader.mapping(node, &format!("`{place}`"), &KEYS)?;
        if mapping.entries().is_empty() {
            reader.error(&node.span, format!("`{place}` must not be empty: it would always hold"));
            return None;
        }
        check_blank(reader, &mapping);
        let clauses = mapping
            .entries()
            .iter()
            .filter(|(key, value)| KEYS.contains(&key.name.as_str()) && !value.is_null());
        clauses.map(|(key, value)| Clause::read(reader, &key.name, value)).collect::<Option<_>>().map(Self)
    }

    fn hold(&self, inquiry: &Inquiry<'_>, matching: Matching) -> bool {
        self.0.iter().all(|clause| clause.holds(inquiry, matching))
    }
}

impl Clause {
    fn read(reader: &mut Reader<'_>, key: &str, node: &Node) -> Option<Self> {
        match key {
            "env" => patterns(reader, node, key).map(Self::Environment),
            "app" => patterns(reader, node, key).map(Self::App),
            "model" => patterns(reader, node, key).map(Self::Model),
            "kind" => kinds(reader, node).map(Self::Kind),
            "region" => patterns(reader, node, key).map(Self::Region),
            "action" => operations(reader, node, key).map(Self::Action),
            "source" => networks(reader, node).map(Self::Source),
            "tools" => patterns(reader, node, key).map(Self::Tools),
            "stream" => reader.boolean(node, key).map(Self::Stream),
            "hours" => parsed_list(reader, node, key).map(Self::Hours),
            _ => None,
        }
    }

    fn holds(&self, inquiry: &Inquiry<'_>, matching: Matching) -> bool {
        let any = |patterns: &[Glob], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        match self {
            Self::Environment(patterns) => any(patterns, &inquiry.context.environment),
            Self::App(patterns) => any(patterns, &inquiry.principal.app),
            Self::Model(patterns) => inquiry.model.is_some_and(|model| match matching {
                Matching::Broad => patterns.iter().any(|pattern| hits(pattern, model)),
                Matching::Strict => {
                    covered(model, &|model| patterns.iter().any(|pattern| covers(pattern, model)))
                }
            }),
            Self::Kind(kinds) => inquiry.model.is_some_and(|model| match matching {
                Matching::Broad => model.chain().into_iter().any(|model| kinds.contains(&model.kind())),
                Matching::Strict => kinds.contains(&model.kind()),
            }),
            Self::Region(patterns) => any(patterns, &inquiry.context.region),
            Self::Action(operations) => operations.contains(&inquiry.operation),
            Self::Source(networks) => networks.iter().any(|network| network.contains(inquiry.context.source)),
            Self::Tools(patterns) => inquiry.facts.tools.iter().any(|tool| any(patterns, tool)),
            Self::Stream(stream) => *stream == inquiry.facts.stream,
            Self::Hours(hours) => hours.iter().any(|hours| hours.contains(inquiry.context.now)),
        }
    }
}

impl Clause {
    fn mention(&self, mentions: &mut Mentions) {
        match self {
            Self::Environment(patterns) => mentions.environments.extend(examples(patterns)),
            Self::App(patterns) => mentions.apps.extend(examples(patterns)),
            Self::Model(patterns) => mentions.models.extend(patterns.iter().cloned()),
            Self::Kind(kinds) => mentions.kinds.extend(kinds),
            Self::Region(patterns) => mentions.regions.extend(examples(patterns)),
            Self::Action(operations) => mentions.actions.extend(operations),
            Self::Stream(_) => mentions.streams = true,
            Self::Source(networks) => {
                mentions.sources.extend(networks.iter().flat_map(Network::ends));
                mentions.networks.extend(networks);
            }
            Self::Tools(patterns) => mentions.tools.extend(examples(patterns)),
            Self::Hours(hours) => {
                mentions.instants.extend(hours.iter().flat_map(|hours| hours.edges(mentions.day)));
            }
        }
    }
}

fn examples(patterns: &[Glob]) -> impl Iterator<Item = String> {
    patterns.iter().flat_map(Glob::examples)
}

/// Reports keys after which nothing is written: a half-deleted condition must not turn into none.
pub(super) fn check_blank(reader: &mut Reader<'_>, mapping: &Mapping<'_>) {
    for (key, value) in mapping.entries() {
        if value.is_null() {
            reader.error(&key.span, format!("nothing is written after `{}`", key.name));
        }
    }
}

/// A list of patterns, or a single one.
pub(super) fn patterns(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Vec<Glob>> {
    each(reader, node, place, |reader, element, text| match Glob::parse(text) {
        Ok(glob) => Some(glob),
        Err(error) => {
            reader.error(&element.span, format!("pattern `{}` of {place} {error}", text.escape_debug()));
            None
        }
    })
}

/// A list of operation names or patterns over them, as the operations that they match.
fn operations(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Vec<Operation>> {
    let named = each(reader, node, place, |reader, element, text| {
        let glob = Glob::parse(text).ok();
        let hit = |operation: &Operation| glob.as_ref().is_some_and(|glob| glob.matches(operation.name()));
        let found: Vec<_> = Operation::ALL.into_iter().filter(hit).collect();
        if found.is_empty() {
            no_operation(reader, element, text);
            return None;
        }
        Some(found)
    });
    named.map(|named| named.concat())
}

/// Reports a word that names no operation that is passed on.
pub(super) fn no_operation(reader: &mut Reader<'_>, element: &Node, text: &str) {
    let known = || Operation::ALL.into_iter().map(Operation::name);
    let written = text.escape_debug();
    let (message, help) = if Refused::is_known(text) {
        let message = format!("`{written}` is never passed on, so that no rule can be about it");
        (message, "remove it; the refusal is recorded under its name".to_owned())
    } else {
        let help = match closest(text, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("operations: {}", known().collect::<Vec<_>>().join(", ")),
        };
        (format!("`{written}` names no operation"), help)
    };
    reader.push(reader.source.error(element.span.clone(), message).help(help));
}

fn kinds(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<ModelKind>> {
    let words = ModelKind::ALL.map(|kind| (kind.name(), kind));
    let elements = reader.list(node);
    if elements.is_empty() {
        reader.error(&node.span, "kind must not be empty");
        return None;
    }
    elements.iter().map(|element| reader.one_of(element, "kind", &words)).collect()
}

fn networks(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Network>> {
    each(reader, node, "source", |reader, element, text| match text.parse::<Network>() {
        Ok(network) => Some(network),
        Err(error) => {
            let diagnostic = reader.source.error(element.span.clone(), format!("source `{text}` {error}"));
            reader.push(match error {
                NetworkError::HostBits(range) => diagnostic.help(format!("write `{range}`")),
                NetworkError::Malformed => diagnostic,
            });
            None
        }
    })
}

fn parsed_list<T: FromStr>(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Vec<T>>
where
    T::Err: fmt::Display,
{
    each(reader, node, place, |reader, element, text| match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            reader.error(&element.span, format!("{place} `{text}` {error}"));
            None
        }
    })
}

/// Reads every element of a list that must not be empty, and reports all mistakes in it.
pub(super) fn each<T>(
    reader: &mut Reader<'_>,
    node: &Node,
    place: &str,
    read: impl Fn(&mut Reader<'_>, &Node, &str) -> Option<T>,
) -> Option<Vec<T>> {
    let elements = reader.list(node);
    if elements.is_empty() {
        reader.error(&node.span, format!("{place} must not be empty"));
        return None;
    }
    let mut values = Vec::with_capacity(elements.len());
    for element in elements {
        let value = reader.string(element, place).and_then(|text| read(reader, element, &text));
        values.extend(value);
    }
    (values.len() == elements.len()).then_some(values)
}

#[cfg(test)]
mod tests;
