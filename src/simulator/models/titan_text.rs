//! Amazon Titan Text: one text in, results out; a stream repeats the token counts when they are known.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop};
use crate::simulator::speech::pieces;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&["inputText", "textGenerationConfig", GUARDRAIL_CONFIG])?;
    let mut prompt = Prompt::of(body.text("inputText")?);
    if let Some(config) = body.object("textGenerationConfig")? {
        config.only(&["maxTokenCount", "temperature", "topP", "stopSequences"])?;
        config.number("temperature", 0.0..=1.0)?;
        config.number("topP", 0.0..=1.0)?;
        prompt.max_tokens = config.count("maxTokenCount", 1..=u64::MAX)?;
        prompt.stop_sequences = config.texts("stopSequences")?;
    }
    Ok(prompt)
}

pub fn whole(exchange: &Exchange<'_>) -> Value {
    let completion = exchange.completion();
    json!({
        "inputTextTokenCount": exchange.prompt.tokens(),
        "results": [{
            "tokenCount": completion.tokens,
            "outputText": completion.text,
            "completionReason": reason(&completion.stop),
        }],
    })
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let completion = exchange.completion();
    let mut pieces = pieces(&completion.text, random);
    let last = pieces.pop().unwrap_or_default();
    let chunk = |text: String, ended: bool| {
        json!({
            "outputText": text,
            "index": 0,
            "totalOutputTextTokenCount": ended.then_some(completion.tokens),
            "completionReason": ended.then_some(reason(&completion.stop)),
            "inputTextTokenCount": ended.then_some(exchange.prompt.tokens()),
        })
    };
    let before = pieces.into_iter().map(|piece| chunk(piece, false));
    before.chain([chunk(last, true)]).collect()
}

const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End => "FINISH",
        Stop::Length => "LENGTH",
        Stop::Sequence(_) => "STOP_CRITERIA_MET",
    }
}
