//! The APIs of OpenAI and Anthropic on the runtime's host: the model in the body, server-sent events where it asks for them.
//!
//! Receives an API, a model and a body and returns what will be answered, before anything is sent or waited for. Shapes
//! from the public SDKs of both; refusals are worded by the service and come in the form that those SDKs read. Usage is in
//! the body only, and of a stream of chat completions only where the caller asks for it. Pure.

mod responses;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::bedrock::chat::Api;
use crate::bedrock::fault::Fault;

use super::catalogue::{MODELS, Model};
use super::fields::Fields;
use super::invoke::check_guardrail;
use super::models::{Exchange, Family, GUARDRAIL_CONFIG};
use super::plan::{Plan, Reply, Usage};
use super::reply::Refusal;

use super::stream::{Event, Framing};

/// The answer to a call of `api`.
pub fn answer(api: Api, model: &'static Model, headers: &HeaderMap, body: &[u8]) -> Result<Plan, Refusal> {
    let document: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(Fault::Validation, "The request body is not valid JSON."))?;
    let fields = Fields::of(&document)?;
    check_guardrail(headers, &fields)?;
    let family = speaks(api, model).ok_or_else(|| {
        Refusal::new(Fault::Validation, format!("The model does not support the {} API.", api.name()))
    })?;
    if api == Api::Messages && !headers.contains_key("anthropic-version") {
        return Err(Refusal::new(Fault::Validation, "anthropic-version: header is required"));
    }
    let streams = fields.flag("stream")?;
    let native = native(api, &document);
    let body = Fields::of(&native)?;
    let prompt = if api == Api::Responses { responses::read(&fields)? } else { family.read(&body)? };
    let mut random = prompt.random(model.id);
    let completions = prompt.complete(&mut random);
    let exchange = Exchange { model, body: &body, prompt: &prompt, completions: &completions };
    let guarded = headers.contains_key("x-amzn-bedrock-guardrailidentifier");
    let reply = if streams {
        let events = events(api, family, &exchange, &document, &mut random)?;
        Reply::Stream { framing: Framing::ServerSent(api), events, random: random.clone() }
    } else {
        let mut document = match api {
            Api::Responses => responses::whole(&exchange, &document, &mut random),
            Api::Completions | Api::Messages => family.whole(&exchange, &mut random)?,
        };
        if let (true, Some(members)) = (guarded, document.as_object_mut()) {
            members.insert("amazon-bedrock-guardrailAction".to_owned(), "NONE".into());
        }
        Reply::Conversation { document }
    };
    let usage = Usage { input: prompt.tokens(), output: Some(exchange.output_tokens()) };
    Ok(Plan { texts: prompt.texts.clone(), usage: Some(usage), reply })
}

/// The models that may be called, in OpenAI's form.
pub fn models() -> Value {
    let spoken = MODELS.iter().filter(|model| Api::ALL.iter().any(|api| speaks(*api, model).is_some()));
    let data: Vec<Value> = spoken
        .map(|model| json!({"id": model.id, "object": "model", "created": 1_700_000_000, "owned_by": model.provider}))
        .collect();
    json!({"object": "list", "data": data})
}

/// The family whose bodies the API carries for a model; `None` where it has no such model.
const fn speaks(api: Api, model: &Model) -> Option<Family> {
    match (api, model.family) {
        (Api::Messages, Family::ClaudeMessages) => Some(Family::ClaudeMessages),
        (Api::Completions | Api::Responses, Family::OpenAi) => Some(Family::OpenAi),
        (Api::Completions, Family::OpenAiChat | Family::DeepSeek | Family::Jamba | Family::MistralChat) => {
            Some(Family::OpenAiChat)
        }
        _ => None,
    }
}

/// The native body in a body of the API: without what only the API has.
fn native(api: Api, document: &Value) -> Value {
    let own: &[&str] = match api {
        Api::Completions => &[
            "model",
            "stream",
            "stream_options",
            "metadata",
            "store",
            "service_tier",
            "functions",
            "function_call",
            "prediction",
            "modalities",
            "verbosity",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
        ],
        Api::Messages => &["model", "stream"],
        Api::Responses => &[],
    };
    let mut native: Map<String, Value> = document.as_object().cloned().unwrap_or_default();
    native.retain(|name, _| !own.contains(&name.as_str()));
    if api == Api::Messages {
        native.insert("anthropic_version".to_owned(), "bedrock-2023-05-31".into());
    }
    native.into()
}

fn events(
    api: Api,
    family: Family,
    exchange: &Exchange<'_>,
    document: &Value,
    random: &mut super::random::Random,
) -> Result<Vec<Event>, Refusal> {
    if api == Api::Responses {
        return Ok(responses::events(exchange, document, random));
    }
    let unsupported = || Refusal::new(Fault::Validation, "The model is unsupported for streaming.");
    let chunks = family.chunks(exchange, random).ok_or_else(unsupported)?;
    let mut events: Vec<Event> =
        chunks.into_iter().map(|document| Event { name: event_name(api, &document), document }).collect();
    if api == Api::Completions {
        let wanted = document.pointer("/stream_options/include_usage") == Some(&true.into());
        events
            .retain(|event| event.document.is_object() && (wanted || event.document.get("usage").is_none()));
        events.push(Event { name: "", document: "[DONE]".into() });
    }
    Ok(events)
}

/// Anthropic's events are called what they are; OpenAI's chunks have no name.
fn event_name(api: Api, document: &Value) -> &'static str {
    const NAMES: &[&str] = &[
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    match api {
        Api::Messages => NAMES.iter().find(|name| document["type"] == **name).copied().unwrap_or_default(),
        Api::Completions | Api::Responses => "",
    }
}

#[cfg(test)]
mod tests;
