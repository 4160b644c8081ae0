//! DeepSeek-R1, and imported models that complete a prompt in the same form.
//!
//! Receives `prompt`, answers hold `choices` with `text`. A body that holds `messages` is handed to [`Chat`]; one that has
//! both forms is refused. Shapes from providers' documentation and public SDKs.

use super::chat::Chat;
use super::{Dialect, chat_choices as choices, completion};
use crate::bedrock::format::draft::Draft;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::Progress;
use crate::bedrock::view::Answer;

pub(super) struct DeepSeek;

impl Dialect for DeepSeek {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        match (body.get("prompt"), body.get("messages")) {
            (Some(_), Some(_)) => Err(DecodeError::Exclusive { first: "prompt", second: "messages" }),
            (None, Some(_)) => Chat::OpenAi.decode(body, draft),
            (_, None) => completion::decode(body, "a text completion body", draft),
        }
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        choices::answer(body, "choices")
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        choices::chunk(chunk, "choices", progress)
    }
}
