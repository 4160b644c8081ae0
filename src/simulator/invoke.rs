//! `InvokeModel` and `InvokeModelWithResponseStream`: a family's own body in, its own documents out.
//!
//! Receives a model, headers and body and returns what will be answered, before anything is sent or waited for. Pure.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::bedrock::fault::Fault;

use super::catalogue::Model;
use super::fields::{Fields, Malformed};
use super::guardrails;
use super::metadata;
use super::models::{Counts, Exchange, Family, GUARDRAIL_CONFIG};
use super::plan::{Plan, Reply, Usage};
use super::reply::Refusal;
use super::speech::Prompt;
use super::stream::{Event, Framing};

const GUARDRAIL_IDENTIFIER: &str = "x-amzn-bedrock-guardrailidentifier";

/// The answer to `InvokeModel`.
pub fn unary(model: &Model, headers: &HeaderMap, body: &[u8]) -> Result<Plan, Refusal> {
    plan(model, headers, body, |family, exchange, random| {
        let mut document = family.whole(exchange, random)?;
        watch(headers, exchange.prompt, &mut document);
        Ok(Reply::Whole { document })
    })
}

/// The answer to `InvokeModelWithResponseStream`.
pub fn streaming(model: &Model, headers: &HeaderMap, body: &[u8]) -> Result<Plan, Refusal> {
    plan(model, headers, body, |family, exchange, random| {
        let unsupported = || Refusal::new(Fault::Validation, "The model is unsupported for streaming.");
        let mut documents =
            family.chunks(exchange, random).filter(|_| model.streams).ok_or_else(unsupported)?;
        if let Some(last) = documents.last_mut() {
            watch(headers, exchange.prompt, last);
        }
        let events = documents.into_iter().map(|document| Event { name: "chunk", document }).collect();
        Ok(Reply::Stream { framing: Framing::Chunk, events, random: random.clone() })
    })
}

/// Says in an answer, or in the last chunk of one, what the guardrail did.
fn watch(headers: &HeaderMap, prompt: &Prompt, document: &mut Value) {
    let identifier = headers.get(GUARDRAIL_IDENTIFIER).and_then(|value| value.to_str().ok());
    let (Some(identifier), Some(members)) = (identifier, document.as_object_mut()) else { return };
    let intervened = guardrails::intervention(prompt).is_some();
    let action = if intervened { "INTERVENED" } else { "NONE" };
    members.insert("amazon-bedrock-guardrailAction".to_owned(), action.into());
    let traced = headers.get("x-amzn-bedrock-trace").is_some_and(|trace| trace.as_bytes() != b"DISABLED");
    if intervened && traced {
        let trace = json!({"guardrail": guardrails::trace(identifier)});
        members.insert("amazon-bedrock-trace".to_owned(), trace);
    }
}

/// What a family's own body lets the model read.
pub fn prompt(model: &Model, body: &Value) -> Result<Prompt, Refusal> {
    let body = Fields::of(body)?;
    Ok(model.family.of_body(&body).read(&body)?)
}

fn plan(
    model: &Model,
    headers: &HeaderMap,
    body: &[u8],
    reply: impl FnOnce(Family, &Exchange<'_>, &mut super::random::Random) -> Result<Reply, Refusal>,
) -> Result<Plan, Refusal> {
    let document: Value = serde_json::from_slice(body).map_err(|_| {
        Refusal::new(Fault::Validation, "Malformed input request, please reformat your input and try again.")
    })?;
    let body = Fields::of(&document)?;
    check_guardrail(headers, &body)?;
    metadata::check_header(headers)?;
    let family = model.family.of_body(&body);
    let prompt = family.read(&body)?;
    let mut random = prompt.random(model.id);
    let watched = headers.contains_key(GUARDRAIL_IDENTIFIER);
    let completions = match guardrails::intervention(&prompt).filter(|_| watched) {
        Some(said) => vec![said],
        None if family.talks() => prompt.complete(&mut random),
        None => Vec::new(),
    };
    let exchange = Exchange { model, body: &body, prompt: &prompt, completions: &completions };
    let reply = reply(family, &exchange, &mut random)?;
    let usage = match family.counts() {
        Counts::Nothing => None,
        Counts::Input => Some(Usage { input: prompt.tokens(), output: None }),
        Counts::InputAndOutput => {
            Some(Usage { input: prompt.tokens(), output: Some(exchange.output_tokens()) })
        }
    };
    Ok(Plan { texts: prompt.texts, usage, reply })
}

/// Headers and body must agree about guardrails. Service model: description of `guardrailIdentifier`.
pub fn check_guardrail(headers: &HeaderMap, body: &Fields<'_>) -> Result<(), Refusal> {
    let identifier = headers.contains_key(GUARDRAIL_IDENTIFIER);
    let version = headers.contains_key("x-amzn-bedrock-guardrailversion");
    let complaint = if identifier != version {
        "Guardrail identifier and version must be given together."
    } else if body.has(GUARDRAIL_CONFIG) && !identifier {
        "The request holds a guardrail configuration but no guardrail identifier."
    } else {
        return Ok(());
    };
    Err(Refusal::new(Fault::Validation, complaint))
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::new(Fault::Validation, malformed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::bedrock::model::ModelReference;

    fn answer(headers: &[&'static str], body: &Value) -> Result<Value, String> {
        let reference = ModelReference::parse("amazon.titan-text-lite-v1").unwrap();
        let model = Model::resolve(&reference, "us-east-1").unwrap();
        let headers =
            headers.iter().map(|&name| (name.parse().unwrap(), HeaderValue::from_static("1"))).collect();
        match unary(model, &headers, body.to_string().as_bytes()) {
            Ok(Plan { reply: Reply::Whole { document }, .. }) => Ok(document),
            Ok(plan) => panic!("{plan:?}"),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    #[test]
    fn a_guardrail_is_named_whole_and_its_action_is_told() {
        const VERSION: &str = "x-amzn-bedrock-guardrailversion";
        let plain = json!({"inputText": "hi"});
        let tagged = json!({"inputText": "hi", GUARDRAIL_CONFIG: {"tagSuffix": "x"}});
        assert!(answer(&[], &plain).unwrap().get("amazon-bedrock-guardrailAction").is_none());
        for body in [&plain, &tagged] {
            let document = answer(&[GUARDRAIL_IDENTIFIER, VERSION], body).unwrap();
            assert_eq!(document["amazon-bedrock-guardrailAction"], "NONE");
        }
        for (headers, body) in [(&[GUARDRAIL_IDENTIFIER][..], &plain), (&[VERSION], &plain), (&[], &tagged)] {
            let refusal = answer(headers, body).unwrap_err();
            assert!(refusal.starts_with("ValidationException:"), "{refusal}");
        }
    }
}
