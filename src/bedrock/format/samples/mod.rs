//! A request of each format that uses every kind of content it has, for tests. Made up, in the shapes real clients send.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Format, aliases};
use crate::bedrock::invoke::Family;
use crate::bedrock::view::Parameter;

mod apis;
mod families;

pub(crate) use families::opaque;

/// At least one request of every format.
pub(crate) fn samples() -> Vec<(Format, Value)> {
    let invoke = Format::of_family;
    let mut samples = vec![
        (Format::converse(), converse()),
        (invoke(Family::ClaudeMessages), claude_messages()),
        (
            invoke(Family::TitanText),
            json!({
                "inputText": "User: hi", "textGenerationConfig": {"stopSequences": ["User:"]}
            }),
        ),
        (
            invoke(Family::TitanEmbed),
            json!({
                "inputText": "embed me", "dimensions": 256, "normalize": true, "embeddingTypes": ["float"]
            }),
        ),
        (
            invoke(Family::Jurassic2),
            json!({
                "prompt": "hello", "numResults": 2, "stopSequences": ["##"], "topKReturn": 0,
                "countPenalty": {"scale": 0.5, "applyToPunctuations": true, "applyToEmojis": false}
            }),
        ),
        (
            invoke(Family::ClaudeText),
            json!({
                "prompt": "\n\nHuman: hi\n\nAssistant:", "temperature": 1, "stop_sequences": ["\n\nHuman:"],
                "anthropic_version": "bedrock-2023-05-31"
            }),
        ),
        (invoke(Family::ClaudeText), json!({"messages": [{"role": "user", "content": "hi"}], "top_k": 4})),
        (
            invoke(Family::CohereCommand),
            json!({
                "prompt": "write", "k": 0, "stop_sequences": ["END"], "return_likelihoods": "NONE", "truncate": "END",
                "stream": true, "logit_bias": {"11": 1}
            }),
        ),
        (
            invoke(Family::CohereEmbed),
            json!({
                "texts": ["one", "two"], "input_type": "search_query", "embedding_types": ["int8"],
                "images": ["https://not.a/data-uri"],
                "inputs": [{"content": [
                    {"type": "text", "text": "mixed"},
                    {"type": "image_url", "image_url": {"url": "words", "detail": "low"}}
                ]}]
            }),
        ),
        (
            invoke(Family::StableDiffusionXl),
            json!({
                "text_prompts": [{"text": "a cat", "weight": 1.0}, {"text": "blurry", "weight": -1.0}],
                "cfg_scale": 7, "style_preset": "anime", "extras": {}
            }),
        ),
        (
            invoke(Family::Nova),
            json!({
                "schemaVersion": "messages-v1", "system": [{"text": "calm"}],
                "messages": [{"role": "user", "content": [{"text": "hey", "cachePoint": {"type": "default"}}]}],
                "inferenceConfig": {"top_p": 0.9, "stopSequences": ["x"]},
                "toolConfig": {"tools": [{"toolSpec": {"name": "n", "inputSchema": {"json": {}}}}]}
            }),
        ),
    ];
    samples.extend(families::samples());
    samples.extend(apis::samples());
    samples
}

/// A numeric parameter under a name by which some provider might know it: as providers write it, or spelled anyhow.
pub(crate) fn any_alias() -> impl Strategy<Value = (String, Parameter)> {
    let numeric: Vec<_> =
        aliases::ALIASES.iter().copied().filter(|(_, parameter)| parameter.is_numeric()).collect();
    let anyhow = (proptest::sample::select(numeric), any::<u32>(), any::<u32>()).prop_map(
        |((alias, parameter), upper, underscores)| {
            let mut name = String::new();
            for (position, character) in alias.chars().enumerate() {
                if position > 0 && underscores >> position & 1 == 1 {
                    name.push('_');
                }
                let is_upper = upper >> position & 1 == 1;
                name.push(if is_upper { character.to_ascii_uppercase() } else { character });
            }
            (name, parameter)
        },
    );
    let written = proptest::sample::select(WRITTEN).prop_map(|name| {
        (name.to_owned(), aliases::parameter(name).unwrap_or_else(|| panic!("{name} is no alias")))
    });
    prop_oneof![anyhow, written]
}

/// Names as providers write them.
pub(crate) const WRITTEN: &[&str] = &[
    "maxTokens",
    "max_tokens",
    "max_tokens_to_sample",
    "maxTokenCount",
    "max_gen_len",
    "max_new_tokens",
    "maxNewTokens",
    "max_completion_tokens",
    "max_output_tokens",
    "maxOutputTokens",
    "max_length",
    "temperature",
    "topP",
    "top_p",
    "p",
    "topK",
    "top_k",
    "k",
    "min_p",
    "budget_tokens",
    "budgetTokens",
    "thinking_budget",
    "n",
    "numResults",
    "num_generations",
    "numberOfImages",
    "samples",
    "presencePenalty",
    "presence_penalty",
    "frequency_penalty",
    "frequencyPenalty",
    "countPenalty",
    "seed",
    "random_seed",
];

fn converse() -> Value {
    json!({
        "messages": [
            {"role": "user", "content": [
                {"text": "first"},
                {"document": {"format": "pdf", "name": "doc name", "context": "doc context",
                    "source": {"text": "doc text"}, "citations": {"enabled": true}}},
                {"document": {"format": "md", "name": "more", "source": {"content": [{"text": "chunk"}]}}},
                {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}}}},
                {"guardContent": {"text": {"text": "guarded", "qualifiers": ["query"]}}},
                {"searchResult": {"source": "src", "title": "ttl", "content": [{"text": "found"}],
                    "citations": {"enabled": false}}},
                {"cachePoint": {"type": "default", "ttl": "1h"}}
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "thought", "signature": "not base64!"}}},
                {"toolUse": {"toolUseId": "id-1", "name": "lookup", "input": {"inner": ["deep"]}}},
                {"citationsContent": {"content": [{"text": "cited"}],
                    "citations": [{"title": "c-title", "sourceContent": [{"text": "c-source"}]}]}}
            ]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "id-2", "status": "success",
                "content": [{"text": "result"}, {"json": {"secret": "value"}}]}}]},
            {"role": "system", "content": [
                {"toolAddition": {"tool": {"type": "tool", "name": "added"}}},
                {"toolRemoval": {"tool": {"toolSpec": {"name": "removed", "inputSchema": {"json": {}}}}}}
            ]}
        ],
        "system": [{"text": "be brief"}, {"guardContent": {"text": {"text": "sys guarded"}}}],
        "inferenceConfig": {"temperature": 0.5, "stopSequences": ["halt"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "lookup", "description": "looks up",
                    "inputSchema": {"json": {"enum": ["choice"]}}}},
                {"systemTool": {"name": "nova_grounding"}}
            ],
            "toolChoice": {"tool": {"name": "lookup"}}
        },
        "additionalModelRequestFields": {"top_k": 5, "anthropic_beta": ["beta-1"],
            "thinking": {"type": "enabled", "budget_tokens": 2048}},
        "promptVariables": {"who": {"text": "whoever"}},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "requestMetadata": {"cost": "centre"},
        "outputConfig": {"effort": "low", "textFormat": {"structure": {"jsonSchema": {"schema": "{}"}}}},
        "serviceTier": {"type": "default"},
        "performanceConfig": {"latency": "standard"}
    })
}

fn claude_messages() -> Value {
    json!({
        "anthropic_version": "2026-10-21", "anthropic_beta": ["b-1"], "metadata": {"user_id": "user-7"},
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "plain"},
            {"role": "user", "content": [
                {"type": "text", "text": "block", "citations": null},
                {"type": "document", "title": "t", "context": "ctx",
                    "source": {"type": "text", "media_type": "text/plain", "data": "doc words"}},
                {"type": "search_result", "source": "s", "title": "st",
                    "content": [{"type": "text", "text": "hit"}]},
                {"type": "tool_result", "tool_use_id": "tu", "is_error": false,
                    "content": [{"type": "text", "text": "tool says"}]}
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "pondering", "signature": "not base64!"},
                {"type": "tool_use", "id": "tu", "name": "weather", "input": {"city": "Bonn"},
                    "caller": {"type": "direct"}}
            ]}
        ],
        "tools": [
            {"name": "weather", "description": "tells", "input_schema": {"properties": {"city": {}}}},
            {"type": "computer_20250124", "name": "computer", "display_width_px": 1024}
        ],
        "tool_choice": {"type": "tool", "name": "weather"},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"}
    })
}
