//! OpenAI's responses: `input` in, a list of items out, or events that tell of them as they grow.
//!
//! Shapes from OpenAI's SDKs: every text of a stream comes in pieces, again when its part ends, again with its item, and
//! again in the last event; an answer repeats the request's instructions and parameters. A tool that the caller forces is
//! called with what the prompt dictates. Pure.

use serde_json::{Value, json};

use crate::simulator::fields::{Fields, Malformed};
use crate::simulator::models::{Exchange, read_blocks};
use crate::simulator::random::Random;
use crate::simulator::speech::{Completion, Prompt, Stop, pieces};
use crate::simulator::stream::Event;

const MEMBERS: &[&str] = &[
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    super::GUARDRAIL_CONFIG,
];

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(MEMBERS)?;
    body.number("temperature", 0.0..=2.0)?;
    body.number("top_p", 0.0..=1.0)?;
    let mut prompt = Prompt {
        max_tokens: body.count("max_output_tokens", 1..=u64::MAX)?,
        answers: 1,
        ..Prompt::default()
    };
    prompt.texts.extend(body.optional_text("instructions")?.map(str::to_owned));
    match body.required("input")? {
        Value::Array(items) => items.iter().for_each(|item| read_item(item, &mut prompt)),
        input => read_blocks(input, &mut prompt.texts),
    }
    Ok(prompt)
}

fn read_item(item: &Value, prompt: &mut Prompt) {
    for name in ["content", "output", "summary", "arguments", "input"] {
        if let Some(value) = item.get(name) {
            read_blocks(value, &mut prompt.texts);
        }
    }
}

pub fn whole(exchange: &Exchange<'_>, request: &Value, random: &mut Random) -> Value {
    let completion = exchange.completion();
    let (id, item) = (random.identifier(32), random.identifier(32));
    response(exchange, request, &id, &completion, Some(&finished(&item, &completion, request)))
}

pub fn events(exchange: &Exchange<'_>, request: &Value, random: &mut Random) -> Vec<Event> {
    let completion = exchange.completion();
    let (id, item) = (random.identifier(32), random.identifier(32));
    let begun = response(exchange, request, &id, &completion, None);
    let done = finished(&item, &completion, request);
    let whole = response(exchange, request, &id, &completion, Some(&done));
    let mut events = vec![
        event("response.created", json!({"response": begun})),
        event("response.in_progress", json!({"response": begun})),
    ];
    let (name, growing) = match forced(request) {
        Some(_) => {
            ("function_call", call(&item, &completion, request, &pieces(&arguments(&completion), random)))
        }
        None => ("message", message(&item, &completion, &pieces(&completion.text, random))),
    };
    let mut item = done.clone();
    if let Some(members) = item.as_object_mut() {
        members.insert("status".to_owned(), "in_progress".into());
        let (member, empty) =
            if name == "message" { ("content", json!([])) } else { ("arguments", json!("")) };
        members.insert(member.to_owned(), empty);
    }
    events.push(event("response.output_item.added", json!({"output_index": 0, "item": item})));
    events.extend(growing);
    events.push(event("response.output_item.done", json!({"output_index": 0, "item": done})));
    let last = if completion.stop == Stop::Length { "response.incomplete" } else { "response.completed" };
    events.push(event(last, json!({"response": whole})));
    for (number, event) in (0_u64..).zip(&mut events) {
        if let Some(members) = event.document.as_object_mut() {
            members.insert("sequence_number".to_owned(), number.into());
        }
    }
    events
}

fn message(item: &str, completion: &Completion, pieces: &[String]) -> Vec<Event> {
    let place = |extra: Value| {
        let mut document = json!({"item_id": format!("msg_{item}"), "output_index": 0, "content_index": 0});
        extend(&mut document, extra);
        document
    };
    let mut events = vec![event("response.content_part.added", place(json!({"part": words("")})))];
    events.extend(
        pieces
            .iter()
            .map(|piece| event("response.output_text.delta", place(json!({"delta": piece, "logprobs": []})))),
    );
    let text = completion.text.as_str();
    events.push(event("response.output_text.done", place(json!({"text": text, "logprobs": []}))));
    events.push(event("response.content_part.done", place(json!({"part": words(text)}))));
    events
}

fn call(item: &str, completion: &Completion, request: &Value, pieces: &[String]) -> Vec<Event> {
    let place = |extra: Value| {
        let mut document = json!({"item_id": format!("fc_{item}"), "output_index": 0});
        extend(&mut document, extra);
        document
    };
    let mut events: Vec<Event> = pieces
        .iter()
        .map(|piece| event("response.function_call_arguments.delta", place(json!({"delta": piece}))))
        .collect();
    let done = json!({"name": forced(request), "arguments": arguments(completion)});
    events.push(event("response.function_call_arguments.done", place(done)));
    events
}

/// The item that the answer consists of.
fn finished(item: &str, completion: &Completion, request: &Value) -> Value {
    match forced(request) {
        Some(name) => json!({
            "id": format!("fc_{item}"),
            "type": "function_call",
            "status": "completed",
            "call_id": format!("call_{item}"),
            "name": name,
            "arguments": arguments(completion),
        }),
        None => json!({
            "id": format!("msg_{item}"),
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [words(&completion.text)],
        }),
    }
}

/// What a forced tool is called with.
fn arguments(completion: &Completion) -> String {
    json!({"text": completion.text}).to_string()
}

fn words(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// The name of the function that the caller forces.
fn forced(request: &Value) -> Option<&str> {
    request.pointer("/tool_choice/name").and_then(Value::as_str)
}

/// The response around `item`, or before it.
fn response(
    exchange: &Exchange<'_>,
    request: &Value,
    id: &str,
    completion: &Completion,
    item: Option<&Value>,
) -> Value {
    let asked = |name: &str| request.get(name).cloned().unwrap_or_default();
    let or = |name: &str, default: Value| request.get(name).cloned().unwrap_or(default);
    let cut = item.is_some() && completion.stop == Stop::Length;
    let status = if item.is_none() {
        "in_progress"
    } else if cut {
        "incomplete"
    } else {
        "completed"
    };
    let (input, output) = (exchange.prompt.tokens(), completion.tokens);
    let usage = json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + output,
    });
    json!({
        "id": format!("resp_{id}"),
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": if cut { json!({"reason": "max_output_tokens"}) } else { Value::Null },
        "instructions": asked("instructions"),
        "max_output_tokens": asked("max_output_tokens"),
        "metadata": or("metadata", json!({})),
        "model": exchange.model.id,
        "output": item.into_iter().collect::<Vec<_>>(),
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "reasoning": or("reasoning", json!({"effort": null, "summary": null})),
        "store": false,
        "temperature": or("temperature", json!(1.0)),
        "text": or("text", json!({"format": {"type": "text"}})),
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_p": or("top_p", json!(1.0)),
        "truncation": "disabled",
        "usage": if item.is_some() { usage } else { Value::Null },
        "user": null,
    })
}

/// An event, which says itself what it is called.
fn event(name: &'static str, mut document: Value) -> Event {
    extend(&mut document, json!({"type": name}));
    Event { name, document }
}

fn extend(document: &mut Value, more: Value) {
    if let (Some(members), Value::Object(more)) = (document.as_object_mut(), more) {
        members.extend(more);
    }
}
