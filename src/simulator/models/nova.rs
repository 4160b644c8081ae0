//! Amazon Nova: Converse's messages in an `InvokeModel` body, and its events as the members of chunk documents.
//!
//! Shapes as the provider's schema `messages-v1` has them. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, read_blocks};
use crate::simulator::speech::pieces;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&["schemaVersion", "messages", "system", "inferenceConfig", "toolConfig", GUARDRAIL_CONFIG])?;
    let mut prompt = Prompt::default();
    for block in body.array("system")?.unwrap_or_default() {
        read_blocks(block, &mut prompt.texts);
    }
    for message in body.objects("messages")? {
        if !["user", "assistant"].contains(&message.text("role")?) {
            return Err(message.complaint("role is not a valid enum value"));
        }
        for block in message.objects("content")? {
            block.only(BLOCKS)?;
        }
        read_blocks(message.required("content")?, &mut prompt.texts);
    }
    if let Some(config) = body.object("inferenceConfig")? {
        config.only(CONFIG)?;
        config.number("temperature", 0.0..=1.0)?;
        for name in ["topP", "top_p"] {
            config.number(name, 0.0..=1.0)?;
        }
        let newer = config.count("maxTokens", 1..=u64::MAX)?;
        prompt.max_tokens = newer.or(config.count("max_new_tokens", 1..=u64::MAX)?);
        prompt.stop_sequences = config.texts("stopSequences")?;
    }
    Ok(prompt)
}

pub fn whole(exchange: &Exchange<'_>) -> Value {
    let completion = exchange.completion();
    json!({
        "output": {"message": {"content": [{"text": completion.text}], "role": "assistant"}},
        "stopReason": completion.stop.turn_word(),
        "usage": usage(exchange),
    })
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
    let deltas = pieces(&completion.text, random)
        .into_iter()
        .map(|piece| json!({"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}));
    chunks.extend(deltas);
    chunks.extend([
        json!({"contentBlockStop": {"contentBlockIndex": 0}}),
        json!({"messageStop": {"stopReason": completion.stop.turn_word()}}),
        json!({"metadata": {"usage": usage(exchange), "metrics": {}, "trace": {}}}),
    ]);
    chunks
}

fn usage(exchange: &Exchange<'_>) -> Value {
    let (input, output) = (exchange.prompt.tokens(), exchange.output_tokens());
    json!({
        "inputTokens": input,
        "outputTokens": output,
        "totalTokens": input + output,
        "cacheReadInputTokenCount": 0,
        "cacheWriteInputTokenCount": 0,
    })
}

const BLOCKS: &[&str] =
    &["text", "image", "document", "video", "toolUse", "toolResult", "cachePoint", "reasoningContent"];

const CONFIG: &[&str] =
    &["maxTokens", "max_new_tokens", "temperature", "topP", "top_p", "topK", "top_k", "stopSequences"];
