//! Anthropic text completions: `claude-v1`, `claude-v2`, `claude-v2:1`, `claude-instant-v1`.
//!
//! Receives `prompt` with `max_tokens_to_sample`. The same models take messages: a body or an answer of that form is
//! handed to [`ClaudeMessages`]. A body that has both forms is refused. Shapes from recorded answers.

use super::claude_messages::ClaudeMessages;
use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::stream::{INVOCATION_METRICS, Progress};
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct ClaudeText;

impl Dialect for ClaudeText {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        match (body.get("prompt"), body.get("messages")) {
            (Some(_), Some(_)) => Err(DecodeError::Exclusive { first: "prompt", second: "messages" }),
            (None, Some(_)) => ClaudeMessages.decode(body, draft),
            (_, None) => completion(body, draft),
        }
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        if body.get("completion").is_none() {
            return ClaudeMessages.answer(body);
        }
        let mut texts = Texts::default();
        texts.answer(body, |member| {
            Part::Words(if member == "completion" { TextRole::Assistant } else { TextRole::Other })
        });
        let stop_reason = body.get("stop_reason").and_then(Node::as_str).map(str::to_owned);
        Answer { texts: texts.0, usage: Usage::default(), stop_reason }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        match chunk.get("completion") {
            Some(text) => progress.text_node(0, text)?,
            None if chunk.get("type").is_some() => return ClaudeMessages.chunk(chunk, progress),
            None if chunk.get(INVOCATION_METRICS).is_some() => {}
            None => return Err(DecodeError::UnknownChunk),
        }
        if let Some(reason) = chunk.get("stop_reason").filter(|reason| !reason.is_null()) {
            progress.end(Some(reason));
        }
        progress.rest(chunk, &["completion", "stop_reason", "type"]);
        progress.only_words();
        Ok(())
    }
}

fn completion<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    draft.turn();
    for member in body.members() {
        match member.name.as_ref() {
            "prompt" => {
                draft.string(member, TextRole::User)?;
            }
            "max_tokens_to_sample" => draft.setting(Parameter::MaxTokens, member)?,
            "temperature" => draft.setting(Parameter::Temperature, member)?,
            "top_p" => draft.setting(Parameter::TopP, member)?,
            "top_k" => draft.setting(Parameter::TopK, member)?,
            "stop_sequences" => draft.setting(Parameter::Stop, member)?,
            "anthropic_version" => {
                draft.string(member, TextRole::Other)?;
            }
            "anthropic_beta" => draft.strings(member, TextRole::Other)?,
            "metadata" => super::claude_messages::metadata(draft, member)?,
            _ => beyond(draft, member, "a Claude text body")?,
        }
    }
    draft::require(body.members(), "body", "prompt")?;
    draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens_to_sample"]]);
    draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
    draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
    draft.insertable(Parameter::TopK, body, &[&["top_k"]]);
    Ok(())
}
