//! Anthropic text completions: Claude 2 and Instant as they were first offered.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

const HUMAN: &str = "\n\nHuman:";
const ASSISTANT: &str = "\n\nAssistant:";

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&[
        "prompt",
        "max_tokens_to_sample",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "anthropic_version",
        GUARDRAIL_CONFIG,
    ])?;
    let text = body.text("prompt")?;
    body.required("max_tokens_to_sample")?;
    body.number("temperature", 0.0..=1.0)?;
    body.number("top_p", 0.0..=1.0)?;
    body.count("top_k", 0..=u64::MAX)?;
    body.optional_text("anthropic_version")?;
    if !text.contains(HUMAN) || !text.contains(ASSISTANT) {
        return Err(
            body.complaint("prompt must hold a \"\\n\\nHuman:\" turn and a \"\\n\\nAssistant:\" turn")
        );
    }
    Ok(Prompt {
        max_tokens: body.count("max_tokens_to_sample", 1..=u64::MAX)?,
        stop_sequences: body.texts("stop_sequences")?,
        ..Prompt::of(text)
    })
}

pub fn whole(exchange: &Exchange<'_>) -> Value {
    let completion = exchange.completion();
    document(&completion.text, Some(&completion.stop))
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let texts = pieces(&completion.text, random);
    let texts = texts.iter().map(|piece| document(piece, None));
    texts.chain([document("", Some(&completion.stop))]).collect()
}

fn document(text: &str, stop: Option<&Stop>) -> Value {
    let (reason, sequence) = match stop {
        None => (None, None),
        // Without a sequence of the caller's own, the model stops where the human would speak again.
        Some(Stop::End) => (Some("stop_sequence"), Some(HUMAN)),
        Some(Stop::Length) => (Some("max_tokens"), None),
        Some(Stop::Sequence(sequence)) => (Some("stop_sequence"), Some(sequence.as_str())),
    };
    json!({"type": "completion", "completion": text, "stop_reason": reason, "stop": sequence})
}
