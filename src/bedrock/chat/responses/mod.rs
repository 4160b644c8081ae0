//! OpenAI's responses.
//!
//! Receives `input`, a string or a list of items (see [`input`]), beside parameters and tools; an answer is a list of such
//! items, and a stream tells of each as it grows. What continues an earlier response, runs in the background or fills in a
//! stored prompt is refused: its content never passes here. AWS takes neither background nor remote addresses either.

mod events;
mod input;
mod tools;

use super::{KEPT, STORED, absent, flags, model, off, pairs, service_tier, stream};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::invoke::{Dialect, beyond};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::Progress;
use crate::bedrock::usage;
use crate::bedrock::view::{Answer, Parameter, TextRole};

pub(super) struct Responses;

impl Dialect for Responses {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            match parameter(&member.name) {
                Some(parameter) => draft.setting(parameter, member)?,
                None => top_level(draft, member)?,
            }
        }
        draft::require(body.members(), "body", "input")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_output_tokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        Answer {
            texts: texts.0,
            usage: body.get("usage").map(usage::of_responses).unwrap_or_default(),
            stop_reason: stop_reason(body).and_then(Node::as_str).map(str::to_owned),
        }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        events::read(chunk, progress)
    }
}

fn parameter(name: &str) -> Option<Parameter> {
    match name {
        "max_output_tokens" => Some(Parameter::MaxTokens),
        "temperature" => Some(Parameter::Temperature),
        "top_p" => Some(Parameter::TopP),
        _ => None,
    }
}

fn top_level<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "model" => model(draft, member),
        "stream" => stream(draft, member),
        "stream_options" => flags(member, &["include_obfuscation"]),
        "input" => input::read(draft, member),
        "instructions" if member.node.is_null() => Ok(()),
        "instructions" => {
            draft.system = true;
            draft.string(member, TextRole::System).map(drop)
        }
        "tools" => tools::list(draft, member),
        "tool_choice" => tools::choice(draft, member),
        "parallel_tool_calls" => draft::flag(member),
        "max_tool_calls" | "top_logprobs" => draft::plain_number(member),
        "text" => text(draft, member),
        "reasoning" => reasoning(draft, member),
        "include" => draft.strings(member, TextRole::Other),
        "metadata" => pairs(draft, member),
        "store" => off(member, KEPT),
        "background" => off(member, "the answer would be kept and fetched where no policy reaches"),
        "previous_response_id" | "conversation" | "prompt" => absent(member, STORED),
        "service_tier" => service_tier(draft, member),
        "truncation" | "user" | "safety_identifier" | "prompt_cache_key" | "prompt_cache_retention" => {
            draft.string(member, TextRole::Other).map(drop)
        }
        _ => beyond(draft, member, "a Responses body"),
    }
}

/// Reads `text`: the form that the answer must have.
fn text<'a>(draft: &mut Draft<'a>, text: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(text)? {
        match member.name.as_ref() {
            "format" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
            }
            "verbosity" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`text`")),
        }
    }
    Ok(())
}

fn reasoning<'a>(draft: &mut Draft<'a>, reasoning: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(reasoning)? {
        match member.name.as_ref() {
            "effort" | "summary" | "generate_summary" if member.node.is_null() => {}
            "effort" | "summary" | "generate_summary" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`reasoning`")),
        }
    }
    Ok(())
}

/// Why a response ended: `max_output_tokens` and the like where it is incomplete, else its status.
fn stop_reason<'n, 'a>(response: &'n Node<'a>) -> Option<&'n Node<'a>> {
    response.at(&["incomplete_details", "reason"]).or_else(|| response.get("status"))
}

fn part(member: &str) -> Part {
    match member {
        "text" | "refusal" => Part::Words(TextRole::Assistant),
        "summary" => Part::Words(TextRole::Reasoning),
        "arguments" | "input" | "operation" | "action" => Part::Free(TextRole::ToolInput),
        "tools" | "format" => Part::Free(TextRole::ToolDefinition),
        "instructions" => Part::Words(TextRole::System),
        "encrypted_content" => Part::Payload,
        "logprobs" => Part::Tokens,
        _ => Part::Words(TextRole::Other),
    }
}
