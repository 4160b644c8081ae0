//! AI21 Jurassic-2: completions with the tokens they are made of, no usage numbers, no streaming.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};

const PENALTIES: &[&str] = &["presencePenalty", "countPenalty", "frequencyPenalty"];
const MOST_RESULTS: u64 = 16;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&[
        "prompt",
        "maxTokens",
        "minTokens",
        "temperature",
        "topP",
        "topKReturn",
        "stopSequences",
        "numResults",
        "presencePenalty",
        "countPenalty",
        "frequencyPenalty",
        GUARDRAIL_CONFIG,
    ])?;
    body.number("temperature", 0.0..=1.0)?;
    body.number("topP", 0.0..=1.0)?;
    for name in PENALTIES {
        if let Some(penalty) = body.object(name)? {
            penalty.number("scale", 0.0..=500.0)?;
        }
    }
    Ok(Prompt {
        max_tokens: body.count("maxTokens", 1..=u64::MAX)?,
        stop_sequences: body.texts("stopSequences")?,
        answers: body.count("numResults", 1..=MOST_RESULTS)?.unwrap_or(1),
        ..Prompt::of(body.text("prompt")?)
    })
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Value {
    let prompt = exchange.prompt.texts.concat();
    let id = 1000 + random.below(9000);
    let mut completions = Vec::new();
    for completion in exchange.completions {
        completions.push(json!({
            "data": {"text": completion.text, "tokens": tokens(&completion.text, random)},
            "finishReason": reason(&completion.stop),
        }));
    }
    json!({
        "id": id,
        "prompt": {"text": prompt, "tokens": tokens(&prompt, random)},
        "completions": completions,
    })
}

fn tokens(text: &str, random: &mut Random) -> Vec<Value> {
    let characters: Vec<char> = text.chars().collect();
    let mut start = 0;
    let mut tokens = Vec::new();
    for token in characters.chunks(4) {
        let logprob = -4.0 * random.signed_unit().abs();
        let token: String = token.iter().map(|&letter| if letter == ' ' { '▁' } else { letter }).collect();
        let end = start + token.chars().count();
        tokens.push(json!({
            "generatedToken": {"token": token, "logprob": logprob, "raw_logprob": logprob},
            "topTokens": null,
            "textRange": {"start": start, "end": end},
        }));
        start = end;
    }
    tokens
}

fn reason(stop: &Stop) -> Value {
    match stop {
        Stop::End => json!({"reason": "endoftext"}),
        Stop::Length => json!({"reason": "length"}),
        Stop::Sequence(sequence) => json!({"reason": "stop", "sequence": sequence}),
    }
}
