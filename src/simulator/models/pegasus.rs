//! TwelveLabs Pegasus: a prompt about a video that nobody watches, answered like any other prompt.
//!
//! Shapes as public clients read them. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&["inputPrompt", "mediaSource", "temperature", "maxOutputTokens", "responseFormat"])?;
    body.required("mediaSource")?;
    body.number("temperature", 0.0..=1.0)?;
    Ok(Prompt {
        max_tokens: body.count("maxOutputTokens", 1..=u64::MAX)?,
        ..Prompt::of(body.text("inputPrompt")?)
    })
}

pub fn whole(exchange: &Exchange<'_>) -> Value {
    let completion = exchange.completion();
    json!({"finishReason": reason(&completion.stop), "message": completion.text})
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let before = pieces(&completion.text, random).into_iter().map(|piece| json!({"message": piece}));
    before.chain([json!({"finishReason": reason(&completion.stop), "message": ""})]).collect()
}

const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
    }
}
