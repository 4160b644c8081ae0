//! Meta Llama: 2, 3 and 4, and imported models of that architecture.
//!
//! Receives `prompt` with the template's tokens in it, and pictures for models that see. Answers and chunks hold
//! `generation`; the prompt's tokens are counted in the first chunk only. Shapes from recorded answers and public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::stream::{INVOCATION_METRICS, Progress};
use crate::bedrock::usage::count;
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct Llama;

impl Dialect for Llama {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "prompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "max_gen_len" => draft.setting(Parameter::MaxTokens, member)?,
                "temperature" => draft.setting(Parameter::Temperature, member)?,
                "top_p" => draft.setting(Parameter::TopP, member)?,
                "images" => draft.pictures(member)?,
                _ => beyond(draft, member, "a Llama body")?,
            }
        }
        draft::require(body.members(), "body", "prompt")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_gen_len"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |member| {
            Part::Words(if member == "generation" { TextRole::Assistant } else { TextRole::Other })
        });
        let stop_reason = body.get("stop_reason").and_then(Node::as_str).map(str::to_owned);
        Answer { texts: texts.0, usage: counts(body), stop_reason }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        match chunk.get("generation") {
            Some(text) => progress.text_node(0, text)?,
            None if chunk.get(INVOCATION_METRICS).is_some() => {}
            None => return Err(DecodeError::UnknownChunk),
        }
        progress.usage.update(counts(chunk));
        if let Some(reason) = chunk.get("stop_reason").filter(|reason| !reason.is_null()) {
            progress.end(Some(reason));
        }
        progress.rest(chunk, &["generation", "stop_reason"]);
        Ok(())
    }
}

fn counts(body: &Node<'_>) -> Usage {
    Usage {
        input: count(body, "prompt_token_count"),
        output: count(body, "generation_token_count"),
        ..Usage::default()
    }
}
