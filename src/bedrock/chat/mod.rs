//! The APIs of OpenAI and Anthropic that Bedrock's runtime host serves under paths of their own.
//!
//! Receives bodies that name their model and say whether the answer is streamed; otherwise they are the dialects of
//! InvokeModel, whose readers do most of the work here. Never lets through what reads or keeps state that no rule sees:
//! earlier answers, stored prompts, files, addresses that the provider would fetch from. Shapes from the public SDKs of
//! OpenAI and Anthropic; what of them Bedrock takes from AWS's documentation.

mod completions;
pub(crate) mod files;
mod messages;
mod responses;

use super::fault::ErrorShape;
use super::format::draft::{self, Draft};
use super::format::error::DecodeError;
use super::invoke::Dialect;
use super::json::Member;
use super::view::{Parameter, TextRole};

/// One of the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// OpenAI's chat completions.
    Completions,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
}

impl Api {
    pub const ALL: [Self; 3] = [Self::Completions, Self::Responses, Self::Messages];

    /// The name used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completions => "chat-completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// How its clients read an error.
    pub const fn errors(self) -> ErrorShape {
        match self {
            Self::Completions | Self::Responses => ErrorShape::OpenAi,
            Self::Messages => ErrorShape::Anthropic,
        }
    }

    /// Parameters that a plain request could be given where it leaves them out.
    pub const fn addable(self) -> &'static [Parameter] {
        match self {
            Self::Completions | Self::Responses => {
                &[Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP]
            }
            Self::Messages => {
                &[Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP, Parameter::TopK]
            }
        }
    }

    pub(crate) const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Completions => &completions::Completions,
            Self::Responses => &responses::Responses,
            Self::Messages => &messages::Messages,
        }
    }
}

/// Reads `model`, which the route was completed with.
fn model<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    draft.model = Some(draft.string(member, TextRole::Other)?);
    Ok(())
}

/// Reads `stream`.
fn stream<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::flag(member)?;
    draft.streams = member.node.as_bool() == Some(true);
    draft.setting(Parameter::Stream, member)
}

/// Reads `service_tier`. FAIL-CLOSED: the tier decides what a call costs, so nothing but the default is forwarded.
fn service_tier<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match draft.string(member, TextRole::Other)? {
        "default" => Ok(()),
        _ => Err(DecodeError::refused(member, "only the default tier is")),
    }
}

/// Accepts a switch that is off: what it turns on happens out of sight.
fn off(member: &Member<'_>, reason: &'static str) -> Result<(), DecodeError> {
    if member.node.is_null() {
        return Ok(());
    }
    draft::flag(member)?;
    match member.node.as_bool() {
        Some(false) => Ok(()),
        Some(true) | None => Err(DecodeError::refused(member, reason)),
    }
}

/// Accepts the absence of something that refers to what never passed here.
fn absent(member: &Member<'_>, reason: &'static str) -> Result<(), DecodeError> {
    if member.node.is_null() { Ok(()) } else { Err(DecodeError::refused(member, reason)) }
}

/// Reads an object of flags.
fn flags(object: &Member<'_>, names: &[&str]) -> Result<(), DecodeError> {
    if object.node.is_null() {
        return Ok(());
    }
    for member in draft::object(object)? {
        if !names.contains(&member.name.as_ref()) {
            return Err(DecodeError::unknown(member, "this object"));
        }
        draft::flag(member)?;
    }
    Ok(())
}

/// Reads `metadata`, pairs of the caller's choice.
fn pairs<'a>(draft: &mut Draft<'a>, pairs: &'a Member<'a>) -> Result<(), DecodeError> {
    if pairs.node.is_null() {
        return Ok(());
    }
    for member in draft::object(pairs)? {
        draft::string(member)?;
    }
    draft.free(pairs, TextRole::Other);
    Ok(())
}

/// Why what refers to something kept elsewhere is refused.
const STORED: &str = "it refers to content that is kept elsewhere and never passed here";
/// Why nothing is kept.
const KEPT: &str = "it would be kept where no policy reaches";
/// Why addresses are refused.
const FETCHED: &str = "the provider would fetch what never passed here";

#[cfg(test)]
mod tests;
