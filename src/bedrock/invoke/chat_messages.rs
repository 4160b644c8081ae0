//! Messages of chat completions.
//!
//! Receives `messages`: content is a string, a list of parts, or (Palmyra) an object with one `text`. Adds every string,
//! attachment and tool name to the draft. Pictures, sound and video must come as data; an address that the provider would
//! fetch from is refused, but for S3, which counts as content that was not looked into.

use super::chat_tools;
use crate::bedrock::chat::files;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Modality, OpaqueKind, TextRole};

/// Reads `messages`.
pub(super) fn list<'a>(draft: &mut Draft<'a>, list: &'a Member<'a>) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        draft::require(draft::element(node)?, "a message", "role")?;
        let role = speaker(draft, node)?;
        draft.turn();
        for member in node.members() {
            match member.name.as_ref() {
                "role" => {}
                "content" => content(draft, member, role)?,
                "reasoning_content" | "reasoning" if role == TextRole::Assistant => {
                    optional(draft, member, TextRole::Reasoning)?;
                }
                "refusal" if role == TextRole::Assistant => optional(draft, member, role)?,
                "tool_calls" if role == TextRole::Assistant => chat_tools::calls(draft, member)?,
                "function_call" if role == TextRole::Assistant => chat_tools::call(draft, member)?,
                // What OpenAI's SDKs send back of an answer's message.
                "annotations" if role == TextRole::Assistant => draft.free(member, role),
                "audio" if member.node.is_null() => {}
                "prefix" if role == TextRole::Assistant => draft::flag(member)?,
                "tool_call_id" | "name" => {
                    draft.string(member, TextRole::Other)?;
                }
                _ => return Err(DecodeError::unknown(member, "a message")),
            }
        }
    }
    Ok(())
}

fn speaker(draft: &mut Draft<'_>, message: &Node<'_>) -> Result<TextRole, DecodeError> {
    match message.get("role").and_then(Node::as_str) {
        Some("user") => Ok(TextRole::User),
        Some("assistant") => Ok(TextRole::Assistant),
        Some("tool" | "function") => Ok(TextRole::ToolResult),
        Some("system" | "developer") => {
            draft.system = true;
            Ok(TextRole::System)
        }
        Some(_) | None => Err(DecodeError::Role(message.span.start)),
    }
}

fn optional<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    if member.node.is_null() { Ok(()) } else { draft.string(member, role).map(drop) }
}

fn content<'a>(draft: &mut Draft<'a>, content: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    if content.node.is_null() {
        return Ok(());
    }
    if content.node.is_object() {
        for member in content.node.members() {
            match member.name.as_ref() {
                "text" => {
                    draft.string(member, role)?;
                }
                _ => return Err(DecodeError::unknown(member, "`content`")),
            }
        }
        return Ok(());
    }
    if content.node.as_str().is_some() {
        return draft.string(content, role).map(drop);
    }
    draft::array(content)?.iter().try_for_each(|node| part(draft, node, role))
}

fn part<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, role: TextRole) -> Result<(), DecodeError> {
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
    for member in draft::element(node)? {
        match (member.name.as_ref(), kind) {
            (
                "type",
                "text" | "image_url" | "video_url" | "input_audio" | "file" | "refusal" | "thinking",
            ) => {}
            ("text", "text") | ("refusal", "refusal") => {
                draft.string(member, role)?;
            }
            ("image_url", "image_url") => media(draft, member, Modality::Image)?,
            ("video_url", "video_url") => media(draft, member, Modality::Video)?,
            ("input_audio", "input_audio") => audio(draft, member)?,
            ("file", "file") => {
                draft.attach(Modality::Document);
                draft::object(member)?.iter().try_for_each(|inner| files::member(draft, inner))?;
            }
            ("thinking", "thinking") => thinking(draft, member)?,
            ("closed", "thinking") => draft::flag(member)?,
            ("type", _) => return Err(DecodeError::Union { place: "content part", at: node.span.start }),
            _ => return Err(DecodeError::unknown(member, "a content part")),
        }
    }
    // A part without a type has no member that is known, unless it has no member at all.
    draft::require(node.members(), "a content part", "type")
}

/// Reads a `thinking` part (Mistral): text, or a list of text parts.
fn thinking<'a>(draft: &mut Draft<'a>, thinking: &'a Member<'a>) -> Result<(), DecodeError> {
    if thinking.node.as_str().is_some() {
        return draft.string(thinking, TextRole::Reasoning).map(drop);
    }
    for node in draft::array(thinking)? {
        for member in draft::element(node)? {
            match member.name.as_ref() {
                "type" => {
                    draft.string(member, TextRole::Other)?;
                }
                "text" => {
                    draft.string(member, TextRole::Reasoning)?;
                }
                _ => return Err(DecodeError::unknown(member, "a thinking part")),
            }
        }
    }
    Ok(())
}

/// Reads `image_url` or `video_url`: an address, or an object that holds it.
fn media<'a>(draft: &mut Draft<'a>, media: &'a Member<'a>, modality: Modality) -> Result<(), DecodeError> {
    draft.attach(modality);
    if media.node.as_str().is_some() {
        return address(draft, media, modality);
    }
    draft::require(draft::object(media)?, "an address", "url")?;
    for member in media.node.members() {
        match member.name.as_ref() {
            "url" => address(draft, member, modality)?,
            "detail" | "format" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "an address")),
        }
    }
    Ok(())
}

fn address<'a>(
    draft: &mut Draft<'a>,
    address: &'a Member<'a>,
    modality: Modality,
) -> Result<(), DecodeError> {
    let text = draft::string(address)?;
    if text.starts_with("s3://") {
        draft.opaque(OpaqueKind::S3Reference, &address.node);
        draft.string(address, TextRole::Other)?;
    } else if payload::is_data_uri(text) || payload::is_base64(text) {
        draft.opaque(OpaqueKind::of(modality), &address.node);
    } else {
        return Err(DecodeError::refused(address, "the provider would fetch what never passed here"));
    }
    Ok(())
}

/// Reads `input_audio`: base64, or an object that holds it.
fn audio<'a>(draft: &mut Draft<'a>, audio: &'a Member<'a>) -> Result<(), DecodeError> {
    draft.attach(Modality::Audio);
    if audio.node.as_str().is_some() {
        return draft.bytes(audio, Modality::Audio, "");
    }
    for member in draft::object(audio)? {
        match member.name.as_ref() {
            "data" => draft.bytes(member, Modality::Audio, "")?,
            "format" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`input_audio`")),
        }
    }
    Ok(())
}
