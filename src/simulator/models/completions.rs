//! Text completions of Llama, Mistral and DeepSeek-R1: one prompt in, one text out, in three spellings.
//!
//! Shapes as recorded from the service and as documented by the providers. Pure.

use serde_json::{Value, json};

use super::{Exchange, Family, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

pub fn read(family: Family, body: &Fields<'_>) -> Result<Prompt, Malformed> {
    let (limit, members): (&str, &[&str]) = match family {
        Family::Llama => ("max_gen_len", &["images"]),
        _ => ("max_tokens", &["top_k", "stop"]),
    };
    body.only(&[&["prompt", "temperature", "top_p", limit, GUARDRAIL_CONFIG], members].concat())?;
    body.number("temperature", 0.0..=1.0)?;
    body.number("top_p", 0.0..=1.0)?;
    Ok(Prompt {
        max_tokens: body.count(limit, 1..=u64::MAX)?,
        stop_sequences: body.texts("stop")?,
        ..Prompt::of(body.text("prompt")?)
    })
}

pub fn whole(family: Family, exchange: &Exchange<'_>) -> Value {
    let completion = exchange.completion();
    let mut document = piece(family, &completion.text, Some(reason(&completion.stop)));
    if family == Family::Llama
        && let Some(members) = document.as_object_mut()
    {
        members.insert("prompt_token_count".to_owned(), exchange.prompt.tokens().into());
        members.insert("generation_token_count".to_owned(), completion.tokens.into());
    }
    document
}

pub fn chunks(family: Family, exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let mut chunks: Vec<Value> =
        pieces(&completion.text, random).iter().map(|text| piece(family, text, None)).collect();
    chunks.push(piece(family, "", Some(reason(&completion.stop))));
    if family == Family::Llama {
        count(&mut chunks, exchange);
    }
    chunks
}

/// Llama counts the prompt in the first chunk, and what it has said so far in each.
fn count(chunks: &mut [Value], exchange: &Exchange<'_>) {
    let (last, total) = (chunks.len().saturating_sub(1), exchange.output_tokens());
    for (index, chunk) in chunks.iter_mut().enumerate() {
        let Some(members) = chunk.as_object_mut() else { continue };
        let said = if index == last { total } else { total.min(index) };
        let prompt = (index == 0).then(|| exchange.prompt.tokens());
        members.insert("prompt_token_count".to_owned(), prompt.into());
        members.insert("generation_token_count".to_owned(), said.into());
    }
}

fn piece(family: Family, text: &str, reason: Option<&str>) -> Value {
    match family {
        Family::Llama => json!({"generation": text, "stop_reason": reason}),
        Family::Mistral => json!({"outputs": [{"stop_reason": reason, "text": text}]}),
        _ => json!({"choices": [{"stop_reason": reason, "text": text}]}),
    }
}

const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
    }
}
