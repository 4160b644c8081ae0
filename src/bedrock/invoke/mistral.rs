//! Mistral: text completions of the older models, chat of the newer ones.
//!
//! Receives `prompt`, answers hold `outputs`. A body that holds `messages` is handed to [`Chat`], an answer that holds
//! `choices` too. A body that has both forms is refused. Shapes from recorded answers and providers' documentation.

use super::chat::Chat;
use super::{Dialect, chat_choices as choices, completion};
use crate::bedrock::format::draft::Draft;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::Progress;
use crate::bedrock::view::{Answer, Parameter};

pub(super) struct Mistral;

impl Dialect for Mistral {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        match (body.get("prompt"), body.get("messages")) {
            (Some(_), Some(_)) => Err(DecodeError::Exclusive { first: "prompt", second: "messages" }),
            (None, Some(_)) => Chat::Mistral.decode(body, draft),
            (_, None) => {
                completion::decode(body, "a Mistral text body", draft)?;
                draft.insertable(Parameter::TopK, body, &[&["top_k"]]);
                Ok(())
            }
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
