//! Cohere Command: `command-text-v14`, `command-light-text-v14`. Command R has another body and is not read here.
//!
//! Receives `prompt`, answers hold `generations`. The last chunk of a stream repeats the whole text; without `stream: true`
//! in the body it is the only one. Shapes from recorded answers.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::stream::{INVOCATION_METRICS, Progress, block_index};
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct CohereCommand;

impl Dialect for CohereCommand {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "prompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "max_tokens" => draft.setting(Parameter::MaxTokens, member)?,
                "temperature" => draft.setting(Parameter::Temperature, member)?,
                "p" => draft.setting(Parameter::TopP, member)?,
                "k" => draft.setting(Parameter::TopK, member)?,
                "num_generations" => draft.setting(Parameter::Choices, member)?,
                "stop_sequences" => draft.setting(Parameter::Stop, member)?,
                "return_likelihoods" => draft.setting(Parameter::ReturnLikelihoods, member)?,
                "logit_bias" => draft.setting(Parameter::LogitBias, member)?,
                "stream" => {
                    draft::flag(member)?;
                    draft.setting(Parameter::Stream, member)?;
                }
                "truncate" => {
                    draft.string(member, TextRole::Other)?;
                }
                _ => beyond(draft, member, "a Cohere Command body")?,
            }
        }
        draft::require(body.members(), "body", "prompt")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["p"]]);
        draft.insertable(Parameter::TopK, body, &[&["k"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        let generations = body.get("generations").map(Node::elements).unwrap_or_default();
        Answer {
            texts: texts.0,
            usage: Usage::default(),
            stop_reason: generations
                .iter()
                .find_map(|generation| generation.get("finish_reason")?.as_str())
                .map(str::to_owned),
        }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        let is_last = chunk.get("is_finished").and_then(Node::as_bool) == Some(true);
        let text = chunk.get("text");
        if let Some(node) = text {
            let block = if chunk.get("index").is_some() { block_index(chunk, "index")? } else { 0 };
            progress.text_to_be_repeated(block, node)?;
        }
        if let Some(response) = chunk.get("response") {
            generations(response, progress);
        } else if chunk.get("generations").is_some() {
            generations(chunk, progress);
            progress.end(None);
            return Ok(());
        } else if text.is_none() && !is_last && chunk.get(INVOCATION_METRICS).is_none() {
            return Err(DecodeError::UnknownChunk);
        }
        if is_last {
            progress.end(chunk.get("finish_reason"));
        }
        progress.rest(chunk, &["text", "response", "finish_reason"]);
        progress.only_words();
        Ok(())
    }
}

/// Reads the whole answer out of a chunk.
fn generations(answer: &Node<'_>, progress: &mut Progress) {
    let list = answer.get("generations").map(Node::elements).unwrap_or_default();
    for (position, generation) in (0_u32..).zip(list) {
        if let Some(text) = generation.get("text").filter(|text| text.as_str().is_some()) {
            progress.repeated(position, text);
        }
        if let Some(likelihoods) = generation.get("token_likelihoods") {
            progress.tokens(likelihoods);
        }
        progress.rest(generation, &["text", "finish_reason", "token_likelihoods"]);
        progress.stop(generation.get("finish_reason"));
    }
    progress.rest(answer, &["generations"]);
}

fn part(member: &str) -> Part {
    match member {
        "text" => Part::Words(TextRole::Assistant),
        "token_likelihoods" => Part::Tokens,
        _ => Part::Words(TextRole::Other),
    }
}
