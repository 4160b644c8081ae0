//! Mistral: text completions of the older models, chat of the newer ones.
//!
//! Receives `prompt`, answers hold `outputs`. A body that holds `messages` is handed to [`Chat`], an answer that holds
//! `choices` too. A body that has both forms is refused. Shapes from recorded answers and providers' documentation.

use super::chat::Chat;
use super::{Dialect, chat_choices as choices, unknown};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::Progress;
use crate::bedrock::view::{Answer, Parameter, TextRole};

pub(super) struct Mistral;

impl Dialect for Mistral {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        match (body.get("prompt"), body.get("messages")) {
            (Some(_), Some(_)) => Err(DecodeError::Exclusive { first: "prompt", second: "messages" }),
            (None, Some(_)) => Chat::Mistral.decode(body, draft),
            (_, None) => completion(body, draft),
        }
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        choices::answer(body, form(body))
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        choices::chunk(chunk, form(chunk), progress)
    }
}

/// The member that holds the alternatives of an answer.
fn form(answer: &Node<'_>) -> &'static str {
    if answer.get("outputs").is_some() { "outputs" } else { "choices" }
}

fn completion<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    draft.turn();
    for member in body.members() {
        match member.name.as_ref() {
            "prompt" => {
                draft.string(member, TextRole::User)?;
            }
            "max_tokens" => draft.setting(Parameter::MaxTokens, member)?,
            "temperature" => draft.setting(Parameter::Temperature, member)?,
            "top_p" => draft.setting(Parameter::TopP, member)?,
            "top_k" => draft.setting(Parameter::TopK, member)?,
            "stop" => draft.setting(Parameter::Stop, member)?,
            _ => return Err(unknown(member, "a Mistral text body")),
        }
    }
    draft::require(body.members(), "body", "prompt")?;
    draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens"]]);
    draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
    draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
    draft.insertable(Parameter::TopK, body, &[&["top_k"]]);
    Ok(())
}
