//! The request that `policy explain` asks about, described by `NAME=VALUE`.
//!
//! Receives words of the command line, returns facts. What a description leaves out is what a plain request has: one
//! turn of text, no tools, no guardrail, nothing found.

use crate::bedrock::invoke::Family;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Body, Operation};
use crate::bedrock::view::{Modality, OpaqueKind, Parameter};
use crate::cli::Failure;
use crate::policy::{Facts, GuardrailReference};
use crate::sensitive::find;
use crate::yaml::closest;

/// Reads facts of a request for an operation on a model.
pub(super) fn facts(
    words: &[String],
    operation: Operation,
    model: Option<&ModelReference>,
) -> Result<Facts, Failure> {
    let mut facts = Facts { turns: 1, stream: operation.is_streaming(), ..Facts::default() };
    facts.insertable.extend(addable(operation, model));
    facts.modalities.insert(Modality::Text);
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{word}` is not a fact")).hint("write NAME=VALUE"))?;
        learn(&mut facts, name, value)?;
    }
    Ok(facts)
}

/// The guardrail among facts, when nothing else may be there.
pub(super) fn guardrail_only(words: &[String]) -> Result<Option<GuardrailReference>, Failure> {
    words.iter().try_fold(None, |_, word| match word.strip_prefix("guardrail=") {
        Some(value) => guardrail(value).map(Some),
        None => Err(Failure::usage(format!("`{word}` cannot be given beside --request"))
            .hint("the body says it; only guardrail=ID:VERSION stands in headers")),
    })
}

fn learn(facts: &mut Facts, name: &str, value: &str) -> Result<(), Failure> {
    if let Some(parameter) = PARAMETERS.into_iter().find(|parameter| parameter.name() == name) {
        let number: f64 = parse(name, value, "a number")?;
        facts.settings.entry(parameter).or_default().push(number);
        facts.insertable.remove(&parameter);
        return Ok(());
    }
    match name {
        "guardrail" => facts.guardrail = Some(guardrail(value)?),
        "output" => facts.output = Some(value.to_owned()),
        "tools" => facts.tools.extend(value.split(',').map(ToOwned::to_owned)),
        "modalities" => facts.modalities = value.split(',').map(modality).collect::<Result<_, _>>()?,
        "uninspected" => {
            facts.uninspected = value.split(',').map(opaque_kind).collect::<Result<_, _>>()?;
        }
        "turns" => facts.turns = parse(name, value, "a whole number")?,
        "images" => facts.images = parse(name, value, "a whole number")?,
        "stream" => facts.stream = parse(name, value, "true or false")?,
        "findings" => {
            for finding in value.split(',') {
                let (detector, count) = finding.split_once(':').unwrap_or((finding, "1"));
                let id = find(detector)
                    .ok_or_else(|| Failure::usage(format!("there is no detector `{detector}`")))?;
                facts.findings.add(id, parse(detector, count, "a whole number")?);
            }
        }
        _ => {
            let known: Vec<&str> =
                PARAMETERS.iter().map(|parameter| parameter.name()).chain(OTHERS).collect();
            let hint = match closest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("facts are {}", known.join(", ")),
            };
            return Err(Failure::usage(format!("there is no fact `{name}`")).hint(hint));
        }
    }
    Ok(())
}

const PARAMETERS: [Parameter; 5] = [
    Parameter::MaxTokens,
    Parameter::Temperature,
    Parameter::TopP,
    Parameter::TopK,
    Parameter::ThinkingTokens,
];

const OTHERS: [&str; 9] =
    ["guardrail", "output", "tools", "modalities", "uninspected", "turns", "images", "stream", "findings"];

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

fn guardrail(value: &str) -> Result<GuardrailReference, Failure> {
    GuardrailReference::parse(value).ok_or_else(|| {
        Failure::usage(format!("`{value}` is not a guardrail")).hint("write guardrail=ID:VERSION")
    })
}

fn modality(word: &str) -> Result<Modality, Failure> {
    let known = Modality::ALL.into_iter().find(|modality| modality.name() == word);
    known.ok_or_else(|| {
        let names = Modality::ALL.map(Modality::name).join(", ");
        Failure::usage(format!("there is no modality `{word}`")).hint(format!("modalities are {names}"))
    })
}

fn opaque_kind(word: &str) -> Result<OpaqueKind, Failure> {
    let known = OpaqueKind::ALL.into_iter().find(|kind| kind.name() == word);
    known.ok_or_else(|| {
        let names = OpaqueKind::ALL.map(OpaqueKind::name).join(", ");
        Failure::usage(format!("there is no uninspected content `{word}`")).hint(format!("kinds are {names}"))
    })
}

fn parse<T: std::str::FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| Failure::usage(format!("{name} must be {expected}, not `{value}`")))
}
