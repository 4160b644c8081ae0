//! `Converse` and `ConverseStream`: one shape for every model that talks.
//!
//! Receives a model and a body and returns what will be answered, before anything is sent or waited for. Shapes from
//! the service model, as recorded. Pure.

use serde_json::{Value, json};

use crate::bedrock::fault::Fault;
use crate::bedrock::view::INTERVENED;

use super::catalogue::Model;
use super::fields::{Fields, Malformed};
use super::guardrails;
use super::metadata;
use super::models::read_blocks;
use super::plan::{Plan, Reply, Usage};
use super::random::Random;
use super::reply::Refusal;
use super::speech::{Completion, Prompt, Stop, pieces};
use super::stream::{Event, Framing};

/// Spellings of the token limit in the families' own bodies.
const MAX_TOKENS: &[&str] = &[
    "max_tokens",
    "maxTokens",
    "max_tokens_to_sample",
    "maxTokenCount",
    "max_gen_len",
    "max_new_tokens",
    "max_completion_tokens",
];

/// Objects of the families' own bodies in which the limit may stand.
const CONFIGS: &[&str] = &["inferenceConfig", "textGenerationConfig"];

/// The answer to `Converse`.
pub fn unary(model: &Model, body: &[u8]) -> Result<Plan, Refusal> {
    let Spoken { prompt, completion, watched, .. } = converse(model, body)?;
    let usage = Usage { input: prompt.tokens(), output: Some(completion.tokens) };
    let mut document = json!({
        "metrics": {"latencyMs": 0},
        "output": {"message": {"content": [{"text": completion.text}], "role": "assistant"}},
        "stopReason": watched.as_ref().map_or(completion.stop.turn_word(), |_| INTERVENED),
        "usage": members(usage),
    });
    trace(&mut document, watched.as_ref());
    Ok(Plan { texts: prompt.texts, usage: Some(usage), reply: Reply::Conversation { document } })
}

/// The answer to `ConverseStream`.
pub fn streaming(model: &Model, body: &[u8]) -> Result<Plan, Refusal> {
    let Spoken { prompt, completion, mut random, watched } = converse(model, body)?;
    if !model.streams {
        return Err(unsupported());
    }
    let usage = Usage { input: prompt.tokens(), output: Some(completion.tokens) };
    let mut events = vec![Event { name: "messageStart", document: json!({"role": "assistant"}) }];
    let deltas = pieces(&completion.text, &mut random).into_iter().map(|piece| Event {
        name: "contentBlockDelta",
        document: json!({"contentBlockIndex": 0, "delta": {"text": piece}}),
    });
    events.extend(deltas);
    let stop = watched.as_ref().map_or(completion.stop.turn_word(), |_| INTERVENED);
    let mut metadata = json!({"metrics": {"latencyMs": 0}, "usage": members(usage)});
    trace(&mut metadata, watched.as_ref());
    events.extend([
        Event { name: "contentBlockStop", document: json!({"contentBlockIndex": 0}) },
        Event { name: "messageStop", document: json!({"stopReason": stop}) },
        Event { name: "metadata", document: metadata },
    ]);
    let reply = Reply::Stream { framing: Framing::Member, events, random };
    Ok(Plan { texts: prompt.texts, usage: Some(usage), reply })
}

/// What a Converse body lets the model read.
pub fn prompt(model: &Model, body: &Value) -> Result<Prompt, Refusal> {
    if !model.family.talks() {
        return Err(unsupported());
    }
    read(&Fields::of(body)?)
}

/// What is said to one request, and by whom.
struct Spoken {
    prompt: Prompt,
    completion: Completion,
    random: Random,
    watched: Option<Intervention>,
}

/// A guardrail that spoke in the model's place.
struct Intervention {
    identifier: String,
    traced: bool,
}

/// Tells of an intervention where its trace was asked for.
fn trace(document: &mut Value, watched: Option<&Intervention>) {
    if let (Some(Intervention { identifier, traced: true }), Some(members)) =
        (watched, document.as_object_mut())
    {
        members.insert("trace".to_owned(), json!({"guardrail": guardrails::trace(identifier)}));
    }
}

fn converse(model: &Model, body: &[u8]) -> Result<Spoken, Refusal> {
    let unreadable = |_| Refusal::new(Fault::Validation, "The request body is not valid JSON.");
    let document: Value = serde_json::from_slice(body).map_err(unreadable)?;
    if !model.family.converses() {
        return Err(unsupported());
    }
    let body = Fields::of(&document)?;
    if !model.family.takes_system() && !body.array("system")?.unwrap_or_default().is_empty() {
        return Err(Refusal::new(
            Fault::Validation,
            "This model doesn't support system messages. Try again without system messages or use a model that \
             supports system messages.",
        ));
    }
    body.value("requestMetadata").map_or(Ok(()), metadata::check)?;
    let prompt = read(&body)?;
    let mut random = prompt.random(model.id);
    let silence = Completion { text: String::new(), stop: Stop::End, tokens: 0 };
    if let (Some(config), Some(completion)) =
        (body.object("guardrailConfig")?, guardrails::intervention(&prompt))
    {
        let traced = config.value("trace").and_then(Value::as_str).is_some_and(|trace| trace != "disabled");
        let watched =
            Some(Intervention { identifier: config.text("guardrailIdentifier")?.to_owned(), traced });
        return Ok(Spoken { prompt, completion, random, watched });
    }
    let completion = prompt.complete(&mut random).into_iter().next().unwrap_or(silence);
    Ok(Spoken { prompt, completion, random, watched: None })
}

fn read(body: &Fields<'_>) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    for block in body.array("system")?.unwrap_or_default() {
        read_blocks(block, &mut prompt.texts);
    }
    let messages = body.objects("messages")?;
    for message in &messages {
        if !["user", "assistant", "system"].contains(&message.text("role")?) {
            return Err(message.complaint("role is not a valid enum value").into());
        }
        message.objects("content")?;
        read_blocks(message.required("content")?, &mut prompt.texts);
    }
    if messages.first().and_then(|first| first.value("role")).is_some_and(|role| role == "assistant") {
        return Err(Refusal::new(
            Fault::Validation,
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message.",
        ));
    }
    if let Some(config) = body.object("inferenceConfig")? {
        config.number("temperature", 0.0..=1.0)?;
        config.number("topP", 0.0..=1.0)?;
        prompt.max_tokens = config.count("maxTokens", 1..=u64::MAX)?;
        prompt.stop_sequences = config.texts("stopSequences")?;
    }
    if let Some((name, limit)) = additional_limit(body)?
        && prompt.max_tokens.replace(limit).is_some()
    {
        let message = format!("The additional field {name} conflicts with an existing field.");
        return Err(Refusal::new(Fault::Validation, message));
    }
    Ok(prompt)
}

/// The token limit in `additionalModelRequestFields`, which are merged into the family's own body.
fn additional_limit(body: &Fields<'_>) -> Result<Option<(&'static str, usize)>, Malformed> {
    let Some(additional) = body.object("additionalModelRequestFields")? else { return Ok(None) };
    let mut places = vec![additional.clone()];
    for name in CONFIGS {
        places.extend(additional.object(name)?);
    }
    for place in places {
        for name in MAX_TOKENS {
            if let Some(limit) = place.count(name, 1..=u64::MAX)? {
                return Ok(Some((name, limit)));
            }
        }
    }
    Ok(None)
}

fn members(usage: Usage) -> Value {
    let output = usage.output.unwrap_or_default();
    json!({"inputTokens": usage.input, "outputTokens": output, "totalTokens": usage.input + output})
}

fn unsupported() -> Refusal {
    Refusal::new(
        Fault::Validation,
        "This action doesn't support the model that you provided. Try again with a supported text or chat model.",
    )
}
