//! OpenAI's chat completions under their own path, for whichever model the body names.
//!
//! Receives a body with every member that the API has: those that the models' native bodies have too are read as there,
//! the others here. `functions` and `function_call` are the older names of tools and mean the same.

use super::{FETCHED, KEPT, flags, model, off, pairs, service_tier, stream};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::invoke::{Chat, Dialect, chat_tools as tools};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::Progress;
use crate::bedrock::view::{Answer, Parameter, TextRole};

pub(super) struct Completions;

impl Dialect for Completions {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            top_level(draft, member)?;
        }
        draft::require(body.members(), "body", "messages")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_completion_tokens"], &["max_tokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        Chat::OpenAi.answer(body)
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        Chat::OpenAi.chunk(chunk, progress)
    }

    fn says_done(&self) -> bool {
        true
    }
}

fn top_level<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "model" => model(draft, member),
        "stream" => stream(draft, member),
        "stream_options" => flags(member, &["include_usage", "include_obfuscation"]),
        "functions" => tools::functions(draft, member),
        "function_call" => tools::function_choice(draft, member),
        "metadata" => pairs(draft, member),
        "store" => off(member, KEPT),
        "service_tier" => service_tier(draft, member),
        "prediction" => prediction(draft, member),
        "modalities" => modalities(draft, member),
        "safety_identifier" | "prompt_cache_key" | "prompt_cache_retention" => {
            draft.string(member, TextRole::Other).map(drop)
        }
        "web_search_options" => Err(DecodeError::refused(member, FETCHED)),
        _ => Chat::OpenAi.top_level(draft, member),
    }
}

/// Reads what the caller expects the answer to be like, which the model reads as its own words.
fn prediction<'a>(draft: &mut Draft<'a>, prediction: &'a Member<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "`prediction`";
    for member in draft::object(prediction)? {
        match member.name.as_ref() {
            "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "content" if member.node.as_str().is_some() => {
                draft.string(member, TextRole::Assistant)?;
            }
            "content" => {
                for part in draft::array(member)?.iter().flat_map(Node::members) {
                    match part.name.as_ref() {
                        "type" => draft.string(part, TextRole::Other)?,
                        "text" => draft.string(part, TextRole::Assistant)?,
                        _ => return Err(DecodeError::unknown(part, PLACE)),
                    };
                }
            }
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    Ok(())
}

/// Reads `modalities`. FAIL-CLOSED: sound in an answer could not be looked into.
fn modalities<'a>(draft: &mut Draft<'a>, modalities: &'a Member<'a>) -> Result<(), DecodeError> {
    let elements = draft::array(modalities)?;
    draft.strings(modalities, TextRole::Other)?;
    if elements.iter().all(|element| element.as_str() == Some("text")) {
        return Ok(());
    }
    Err(DecodeError::refused(modalities, "only text is known in answers"))
}
