//! Cohere Command: generations; a stream tells each text twice, since its last document repeats the whole.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Map, Value, json};

use super::{Completion, Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

const MOST_GENERATIONS: u64 = 5;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&[
        "prompt",
        "max_tokens",
        "temperature",
        "p",
        "k",
        "stop_sequences",
        "num_generations",
        "return_likelihoods",
        "stream",
        "logit_bias",
        "truncate",
        GUARDRAIL_CONFIG,
    ])?;
    body.number("temperature", 0.0..=5.0)?;
    body.number("p", 0.0..=1.0)?;
    body.number("k", 0.0..=500.0)?;
    body.flag("stream")?;
    if let Some(likelihoods) = body.optional_text("return_likelihoods")?
        && !["GENERATION", "ALL", "NONE"].contains(&likelihoods)
    {
        return Err(Malformed::new("#/return_likelihoods: value is not a valid enum value"));
    }
    Ok(Prompt {
        max_tokens: body.count("max_tokens", 1..=u64::MAX)?,
        stop_sequences: body.texts("stop_sequences")?,
        answers: body.count("num_generations", 1..=MOST_GENERATIONS)?.unwrap_or(1),
        ..Prompt::of(body.text("prompt")?)
    })
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Value {
    let likelihoods = exchange
        .body
        .value("return_likelihoods")
        .and_then(Value::as_str)
        .is_some_and(|wanted| wanted != "NONE");
    let mut generations = Vec::new();
    for completion in exchange.completions {
        generations.push(generation(completion, likelihoods, random));
    }
    json!({"id": random.uuid(), "generations": generations, "prompt": exchange.prompt.texts.concat()})
}

/// Without `stream` in the body, the streaming operation answers with the whole in one document.
pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    if exchange.body.value("stream") != Some(&Value::Bool(true)) {
        return vec![whole(exchange, random)];
    }
    let several = exchange.completions.len() > 1;
    let mut chunks = Vec::new();
    for (index, completion) in exchange.completions.iter().enumerate() {
        for piece in pieces(&completion.text, random) {
            let mut chunk = Map::new();
            if several {
                chunk.insert("index".to_owned(), index.into());
            }
            chunk.insert("is_finished".to_owned(), false.into());
            chunk.insert("text".to_owned(), piece.into());
            chunks.push(chunk.into());
        }
    }
    chunks.push(json!({
        "is_finished": true,
        "finish_reason": reason(&exchange.completion().stop),
        "response": whole(exchange, random),
    }));
    chunks
}

fn generation(completion: &Completion, likelihoods: bool, random: &mut Random) -> Value {
    let mut generation = Map::new();
    generation.insert("finish_reason".to_owned(), reason(&completion.stop).into());
    generation.insert("id".to_owned(), random.uuid().into());
    if likelihoods {
        let words: Vec<Value> = completion
            .text
            .split_inclusive(' ')
            .map(|word| json!({"token": word, "likelihood": -3.0 * random.signed_unit().abs()}))
            .collect();
        generation.insert("likelihood".to_owned(), (-random.signed_unit().abs()).into());
        generation.insert("token_likelihoods".to_owned(), words.into());
    }
    generation.insert("text".to_owned(), completion.text.as_str().into());
    generation.into()
}

const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
    }
}
