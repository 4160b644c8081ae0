//! Requests described by names and values, as `policy explain` and policy tests write them.
//!
//! Receives a name and its values as text, returns facts. What a description leaves out is what a plain request has: one
//! turn of text, no tools, no guardrail, nothing found.

use std::str::FromStr;

use thiserror::Error;

use crate::bedrock::invoke::Family;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Body, Operation};
use crate::bedrock::view::{Modality, OpaqueKind, Parameter};
use crate::policy::{Facts, GuardrailReference};
use crate::sensitive::{DetectorId, Scanner};
use crate::yaml::closest;

/// Why a description says nothing. `hint` has what would work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DescriptionError {
    #[error("there is no fact `{name}`")]
    UnknownFact { name: String, near: Option<&'static str> },
    #[error("there is no {what} `{word}`")]
    UnknownWord { what: &'static str, word: String, known: String },
    #[error("{name} must be {expected}, not `{value}`")]
    Value { name: String, expected: &'static str, value: String },
    #[error("`{0}` is not a guardrail")]
    Guardrail(String),
    #[error("{0} cannot have stream={1}")]
    Stream(Operation, bool),
}

impl DescriptionError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFact { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::UnknownFact { near: None, .. } => Some(format!("facts are {}", NAMES.join(", "))),
            Self::UnknownWord { what, word, known } => Some(match closest(word, known.split(", ")) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{what}s: {known}"),
            }),
            Self::Guardrail(_) => Some("write it as ID:VERSION".to_owned()),
            Self::Value { .. } | Self::Stream(..) => None,
        }
    }
}

/// Names of all facts, parameters first.
pub const NAMES: [&str; 16] = [
    "maxTokens",
    "temperature",
    "topP",
    "topK",
    "thinkingTokens",
    "guardrail",
    "output",
    "tools",
    "modalities",
    "uninspected",
    "unread",
    "turns",
    "images",
    "inputTokens",
    "stream",
    "findings",
];

/// The facts that take a number for a parameter of inference.
pub const PARAMETERS: [Parameter; 5] = [
    Parameter::MaxTokens,
    Parameter::Temperature,
    Parameter::TopP,
    Parameter::TopK,
    Parameter::ThinkingTokens,
];

/// What a plain request for an operation on a model is.
pub fn plain(operation: Operation, model: Option<&ModelReference>) -> Facts {
    let mut facts = Facts { turns: 1, stream: operation.is_streaming(), ..Facts::default() };
    facts.insertable.extend(addable(operation, model));
    facts.modalities.insert(Modality::Text);
    facts
}

/// Adds what a name and its values say. A parameter that is named twice is set in two places. `scanner` knows the
/// detectors that findings may be of.
pub fn learn(
    facts: &mut Facts,
    name: &str,
    values: &[&str],
    scanner: &Scanner,
) -> Result<(), DescriptionError> {
    if let Some(parameter) = PARAMETERS.into_iter().find(|parameter| parameter.name() == name) {
        for value in values {
            facts.settings.entry(parameter).or_default().push(parse(name, value, "a number")?);
        }
        facts.insertable.remove(&parameter);
        return Ok(());
    }
    match name {
        "guardrail" => facts.guardrail = Some(guardrail(only(name, values)?)?),
        "output" => facts.output = Some(only(name, values)?.to_owned()),
        "tools" => facts.tools.extend(values.iter().map(|&tool| tool.to_owned())),
        "modalities" => facts.modalities = each(values, modality)?,
        "uninspected" => facts.uninspected = each(values, opaque_kind)?,
        "unread" => facts.unread = parse(name, only(name, values)?, "a whole number")?,
        "turns" => facts.turns = parse(name, only(name, values)?, "a whole number")?,
        "images" => facts.images = parse(name, only(name, values)?, "a whole number")?,
        "inputTokens" => facts.input_tokens = parse(name, only(name, values)?, "a whole number")?,
        "stream" => facts.stream = parse(name, only(name, values)?, "true or false")?,
        "findings" => {
            for finding in values {
                let (name, count) = finding.split_once(':').unwrap_or((finding, "1"));
                facts.findings.add(detector(scanner, name)?, parse(name, count, "a whole number")?);
            }
        }
        _ => {
            let near = closest(name, NAMES);
            return Err(DescriptionError::UnknownFact { name: name.to_owned(), near });
        }
    }
    Ok(())
}

/// What a request says beyond `plain`, as names and values that [`learn`] reads. Its tools and its guardrail are left to
/// whoever names them first.
pub fn told(facts: &Facts, plain: &Facts) -> Vec<(&'static str, String)> {
    let list = |words: Vec<&str>| words.join(",");
    let mut told: Vec<(&'static str, String)> = Vec::new();
    for (parameter, values) in &facts.settings {
        told.extend(values.iter().map(|value| (parameter.name(), value.to_string())));
    }
    let numbers = [
        ("turns", facts.turns, plain.turns),
        ("images", facts.images, plain.images),
        ("inputTokens", facts.input_tokens, plain.input_tokens),
        ("unread", facts.unread, plain.unread),
    ];
    let differing = numbers.into_iter().filter(|(_, value, usual)| value != usual);
    told.extend(differing.map(|(name, value, _)| (name, value.to_string())));
    if facts.modalities != plain.modalities {
        told.push(("modalities", list(facts.modalities.iter().map(|one| one.name()).collect())));
    }
    if facts.uninspected != plain.uninspected {
        told.push(("uninspected", list(facts.uninspected.iter().map(|one| one.name()).collect())));
    }
    if facts.stream != plain.stream {
        told.push(("stream", facts.stream.to_string()));
    }
    told.extend(facts.output.clone().map(|output| ("output", output)));
    if !facts.findings.is_empty() {
        told.push(("findings", list(facts.findings.iter().map(|(detector, _)| detector.short()).collect())));
    }
    told
}

/// The operation that `stream=` turns the given one into.
pub fn streamed(operation: Operation, stream: bool) -> Result<Operation, DescriptionError> {
    match (operation, stream) {
        (Operation::InvokeModel, true) => Ok(Operation::InvokeModelWithResponseStream),
        (Operation::Converse, true) => Ok(Operation::ConverseStream),
        (operation, true) if operation.may_stream() => Ok(operation),
        (operation, stream) if operation.is_streaming() == stream => Ok(operation),
        (operation, _) => Err(DescriptionError::Stream(operation, stream)),
    }
}

pub fn guardrail(value: &str) -> Result<GuardrailReference, DescriptionError> {
    GuardrailReference::parse(value).ok_or_else(|| DescriptionError::Guardrail(value.to_owned()))
}

/// The detector that `scanner` knows by a name, built-in or a policy folder's own.
pub fn detector(scanner: &Scanner, name: &str) -> Result<DetectorId, DescriptionError> {
    let known = || scanner.detectors().iter().map(DetectorId::short).collect::<Vec<_>>();
    scanner.find(name).ok_or_else(|| DescriptionError::UnknownWord {
        what: "detector",
        word: name.to_owned(),
        known: known().join(", "),
    })
}

/// Parameters that such a request could be given where it leaves them out.
fn addable(operation: Operation, model: Option<&ModelReference>) -> Vec<Parameter> {
    const TEXT: [Parameter; 3] = [Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP];
    match operation.body() {
        Body::Converse | Body::Session => return TEXT.to_vec(),
        Body::Chat(api) => return api.addable().to_vec(),
        Body::Invoke | Body::AsyncInvoke => {}
        Body::None | Body::CountTokens | Body::Guardrail | Body::GuardrailChecks => return Vec::new(),
    }
    let family = model.and_then(|model| Family::shared_by(&model.origins()));
    family.map(|family| family.addable().to_vec()).unwrap_or_default()
}

fn modality(word: &str) -> Result<Modality, DescriptionError> {
    named("modality", word, &Modality::ALL.map(|modality| (modality.name(), modality)))
}

fn opaque_kind(word: &str) -> Result<OpaqueKind, DescriptionError> {
    named("uninspected content", word, &OpaqueKind::ALL.map(|kind| (kind.name(), kind)))
}

fn named<T: Copy>(
    what: &'static str,
    word: &str,
    known: &[(&'static str, T)],
) -> Result<T, DescriptionError> {
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    found.ok_or_else(|| DescriptionError::UnknownWord {
        what,
        word: word.to_owned(),
        known: known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}

fn each<T, C: FromIterator<T>>(
    words: &[&str],
    read: impl Fn(&str) -> Result<T, DescriptionError>,
) -> Result<C, DescriptionError> {
    words.iter().map(|word| read(word)).collect()
}

fn only<'v>(name: &str, values: &[&'v str]) -> Result<&'v str, DescriptionError> {
    match values {
        [value] => Ok(value),
        _ => Err(DescriptionError::Value {
            name: name.to_owned(),
            expected: "one value",
            value: values.join(","),
        }),
    }
}

fn parse<T: FromStr>(name: &str, value: &str, expected: &'static str) -> Result<T, DescriptionError> {
    value.parse().map_err(|_| DescriptionError::Value {
        name: name.to_owned(),
        expected,
        value: value.to_owned(),
    })
}
