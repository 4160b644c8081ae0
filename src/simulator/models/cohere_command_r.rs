//! Cohere Command R: a message with its history; a stream of events, the last of which repeats the whole answer.
//!
//! Shapes as documented by the provider. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(MEMBERS)?;
    body.number("temperature", 0.0..=1.0)?;
    body.number("p", 0.0..=1.0)?;
    let mut texts = Vec::new();
    texts.extend(body.optional_text("preamble")?.map(str::to_owned));
    if body.has("chat_history") {
        for turn in body.objects("chat_history")? {
            texts.extend(turn.optional_text("message")?.map(str::to_owned));
        }
    }
    for name in ["documents", "tool_results"] {
        let listed = body.array(name)?.unwrap_or_default();
        texts.extend(listed.iter().map(ToString::to_string));
    }
    texts.push(body.text("message")?.to_owned());
    Ok(Prompt {
        texts,
        max_tokens: body.count("max_tokens", 1..=u64::MAX)?,
        stop_sequences: body.texts("stop_sequences")?,
        answers: 1,
    })
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
    let completion = exchange.completion();
    let message = exchange.body.text("message")?;
    Ok(json!({
        "chat_history": [
            {"message": message, "role": "USER"},
            {"message": completion.text, "role": "CHATBOT"},
        ],
        "finish_reason": reason(&completion.stop),
        "generation_id": random.uuid(),
        "response_id": random.uuid(),
        "text": completion.text,
    }))
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Result<Vec<Value>, Malformed> {
    let completion = exchange.completion();
    let mut chunks: Vec<Value> = pieces(&completion.text, random)
        .into_iter()
        .map(|piece| json!({"event_type": "text-generation", "is_finished": false, "text": piece}))
        .collect();
    chunks.push(json!({
        "event_type": "stream-end",
        "finish_reason": reason(&completion.stop),
        "is_finished": true,
        "response": whole(exchange, random)?,
    }));
    Ok(chunks)
}

const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
    }
}

const MEMBERS: &[&str] = &[
    "message",
    "preamble",
    "chat_history",
    "documents",
    "tools",
    "tool_results",
    "max_tokens",
    "temperature",
    "p",
    "k",
    "stop_sequences",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "raw_prompting",
    "return_prompt",
    "search_queries_only",
    "prompt_truncation",
    "force_single_step",
    GUARDRAIL_CONFIG,
];
