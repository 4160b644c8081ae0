//! TwelveLabs Pegasus, which writes about a video.
//!
//! Receives a prompt and a video; answers and chunks hold `message`. Shapes from public SDKs.

use super::marengo::source;
use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::stream::{INVOCATION_METRICS, Progress};
use crate::bedrock::view::{Answer, Modality, Parameter, TextRole, Usage};

pub(super) struct Pegasus;

impl Dialect for Pegasus {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "inputPrompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "mediaSource" => source(draft, member, Modality::Video)?,
                "temperature" => draft.setting(Parameter::Temperature, member)?,
                "maxOutputTokens" => draft.setting(Parameter::MaxTokens, member)?,
                "responseFormat" => {
                    draft::object(member)?;
                    draft.free(member, TextRole::ToolDefinition);
                    draft.hidden_limit(member)?;
                }
                _ => beyond(draft, member, "a Pegasus body")?,
            }
        }
        draft::require(body.members(), "body", "inputPrompt")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["maxOutputTokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |member| {
            Part::Words(if member == "message" { TextRole::Assistant } else { TextRole::Other })
        });
        let stop_reason = body.get("finishReason").and_then(Node::as_str).map(str::to_owned);
        Answer { texts: texts.0, usage: Usage::default(), stop_reason }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        let reason = chunk.get("finishReason").filter(|reason| !reason.is_null());
        match chunk.get("message") {
            Some(text) => progress.text_node(0, text)?,
            None if reason.is_some() || chunk.get(INVOCATION_METRICS).is_some() => {}
            None => return Err(DecodeError::UnknownChunk),
        }
        if reason.is_some() {
            progress.end(reason);
        }
        progress.rest(chunk, &["message", "finishReason"]);
        progress.only_words();
        Ok(())
    }
}
