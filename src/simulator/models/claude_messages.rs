//! Anthropic messages.
//!
//! Shapes as captured and recorded from the service and Anthropic's SDKs. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop, read_blocks};
use crate::simulator::speech::pieces;

const MEMBERS: &[&str] = &[
    "anthropic_beta",
    "anthropic_version",
    "container",
    "context_management",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    GUARDRAIL_CONFIG,
];

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(MEMBERS)?;
    body.text("anthropic_version")?;
    body.required("max_tokens")?;
    body.number("temperature", 0.0..=1.0)?;
    body.number("top_p", 0.0..=1.0)?;
    body.count("top_k", 0..=u64::MAX)?;
    let mut prompt = Prompt {
        max_tokens: body.count("max_tokens", 1..=u64::MAX)?,
        stop_sequences: body.texts("stop_sequences")?,
        ..Prompt::default()
    };
    if let Some(system) = body.value("system") {
        read_blocks(system, &mut prompt.texts);
    }
    for message in body.objects("messages")? {
        if !["user", "assistant", "system"].contains(&message.text("role")?) {
            return Err(message.complaint("role is not a valid enum value"));
        }
        let content = message.required("content")?;
        if !content.is_string() && !content.is_array() {
            return Err(message.complaint("content must be a String or a JSONArray"));
        }
        read_blocks(content, &mut prompt.texts);
    }
    Ok(prompt)
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Value {
    let completion = exchange.completion();
    json!({
        "id": message_id(random),
        "type": "message",
        "role": "assistant",
        "model": name(exchange.model.id),
        "content": [{"type": "text", "text": completion.text}],
        "stop_reason": completion.stop.turn_word(),
        "stop_sequence": sequence(&completion.stop),
        "usage": {"input_tokens": exchange.prompt.tokens(), "output_tokens": completion.tokens},
    })
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let mut chunks = vec![
        json!({"type": "message_start", "message": {
            "id": message_id(random),
            "type": "message",
            "role": "assistant",
            "model": name(exchange.model.id),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": {"input_tokens": exchange.prompt.tokens(), "output_tokens": 1},
        }}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ];
    let deltas = pieces(&completion.text, random).into_iter().map(|piece| {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
    });
    chunks.extend(deltas);
    chunks.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": completion.stop.turn_word(), "stop_sequence": sequence(&completion.stop)},
            "usage": {"output_tokens": completion.tokens},
        }),
        json!({"type": "message_stop"}),
    ]);
    chunks
}

fn message_id(random: &mut Random) -> String {
    format!("msg_bdrk_{}", random.identifier(24))
}

/// The model's name as Anthropic spells it: without provider and version.
fn name(id: &str) -> &str {
    let name = id.strip_prefix("anthropic.").unwrap_or(id);
    name.rsplit_once("-v").filter(|(_, version)| version.contains(':')).map_or(name, |(name, _)| name)
}

fn sequence(stop: &Stop) -> Option<&str> {
    match stop {
        Stop::Sequence(sequence) => Some(sequence),
        Stop::End | Stop::Length => None,
    }
}
