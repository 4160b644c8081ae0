//! Anthropic's messages under their own path: the body of InvokeModel with `model` and `stream` in it.
//!
//! Receives a body, an answer or an event, and hands all but those members to the reader of Claude's native bodies.

use super::{model, stream};
use crate::bedrock::format::draft::Draft;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::invoke::{ClaudeMessages, Dialect};
use crate::bedrock::json::Node;
use crate::bedrock::stream::Progress;
use crate::bedrock::view::Answer;

pub(super) struct Messages;

impl Dialect for Messages {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            match member.name.as_ref() {
                "model" => model(draft, member)?,
                "stream" => stream(draft, member)?,
                _ => ClaudeMessages::member(draft, member)?,
            }
        }
        ClaudeMessages::complete(body, draft)
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        ClaudeMessages.answer(body)
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        ClaudeMessages.chunk(chunk, progress)
    }
}
