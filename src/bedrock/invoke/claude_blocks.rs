//! Content blocks of Anthropic's Messages.
//!
//! Receives `messages` and `system`, adds their strings, attachments and tool names to the draft. A block is what its `type`
//! says and may have the members of that type only. Sources that the provider would fetch (`url`, `file`) are refused.

use crate::bedrock::converse::content::speaker;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Modality, TextRole};

/// Reads `messages`.
pub(super) fn messages<'a>(draft: &mut Draft<'a>, list: &'a Member<'a>) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        let members = draft::element(node)?;
        draft::require(members, "a message", "role")?;
        draft::require(members, "a message", "content")?;
        let role = speaker(draft, node)?;
        draft.turn();
        for member in members {
            match member.name.as_ref() {
                "role" => {}
                "content" => content(draft, member, role)?,
                _ => return Err(DecodeError::unknown(member, "a message")),
            }
        }
    }
    Ok(())
}

/// Reads `system`: a string, or text blocks.
pub(super) fn system<'a>(draft: &mut Draft<'a>, system: &'a Member<'a>) -> Result<(), DecodeError> {
    draft.system = true;
    content(draft, system, TextRole::System)
}

/// Reads `cache_control`.
pub(super) fn cache_control<'a>(draft: &mut Draft<'a>, control: &'a Member<'a>) -> Result<(), DecodeError> {
    if control.node.is_null() {
        return Ok(());
    }
    for member in draft::object(control)? {
        match member.name.as_ref() {
            "type" | "ttl" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`cache_control`")),
        }
    }
    Ok(())
}

/// Reads a string or a list of blocks.
fn content<'a>(draft: &mut Draft<'a>, content: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    if content.node.as_str().is_some() {
        return draft.string(content, role).map(drop);
    }
    draft::array(content)?.iter().try_for_each(|node| block(draft, node, role))
}

fn block<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, role: TextRole) -> Result<(), DecodeError> {
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
    match (kind, role) {
        ("image", TextRole::User | TextRole::ToolResult | TextRole::Document) => {
            draft.attach(Modality::Image);
        }
        ("document", TextRole::User | TextRole::ToolResult) => draft.attach(Modality::Document),
        ("text", _)
        | ("search_result" | "tool_result", TextRole::User)
        | ("search_result", TextRole::ToolResult)
        | ("tool_use" | "thinking" | "redacted_thinking", TextRole::Assistant) => {}
        _ => return Err(DecodeError::Union { place: "content block", at: node.span.start }),
    }
    for member in node.members() {
        match member.name.as_ref() {
            "type" => {}
            "cache_control" => cache_control(draft, member)?,
            _ => match kind {
                "text" => text(draft, member, role)?,
                "image" => image(draft, member)?,
                "document" => document(draft, member)?,
                "search_result" => search_result(draft, member)?,
                "tool_use" => tool_use(draft, member)?,
                "tool_result" => tool_result(draft, member)?,
                _ => thinking(draft, member)?,
            },
        }
    }
    Ok(())
}

fn text<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "text" => draft.string(member, role).map(drop),
        // Citations of an earlier answer, sent back as part of the history.
        "citations" => {
            draft.free(member, TextRole::Document);
            Ok(())
        }
        _ => Err(DecodeError::unknown(member, "a text block")),
    }
}

fn image<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "source" => source(draft, member, Modality::Image),
        _ => Err(DecodeError::unknown(member, "an image block")),
    }
}

fn document<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "source" => source(draft, member, Modality::Document),
        "title" | "context" if member.node.is_null() => Ok(()),
        "title" | "context" => draft.string(member, TextRole::Document).map(drop),
        "citations" => citations_switch(member),
        _ => Err(DecodeError::unknown(member, "a document block")),
    }
}

fn search_result<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "source" | "title" => draft.string(member, TextRole::Document).map(drop),
        "content" => content(draft, member, TextRole::Document),
        "citations" => citations_switch(member),
        _ => Err(DecodeError::unknown(member, "a search result block")),
    }
}

fn tool_use<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "id" => draft.string(member, TextRole::Other).map(drop),
        "name" => draft.tool(member),
        "input" => {
            draft.free(member, TextRole::ToolInput);
            Ok(())
        }
        // Who called the tool, as answers say it and clients send it back.
        "caller" => {
            draft.free(member, TextRole::Other);
            Ok(())
        }
        _ => Err(DecodeError::unknown(member, "a tool use block")),
    }
}

fn tool_result<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "tool_use_id" => draft.string(member, TextRole::Other).map(drop),
        "content" => content(draft, member, TextRole::ToolResult),
        "is_error" => draft::flag(member),
        _ => Err(DecodeError::unknown(member, "a tool result block")),
    }
}

fn thinking<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "thinking" => {
            draft::string(member)?;
            draft.texts.sealed(&member.node, TextRole::Reasoning, Some(&member.name));
            Ok(())
        }
        "signature" | "data" => draft.encrypted(member),
        _ => Err(DecodeError::unknown(member, "a thinking block")),
    }
}

fn source<'a>(draft: &mut Draft<'a>, source: &'a Member<'a>, modality: Modality) -> Result<(), DecodeError> {
    const PLACE: &str = "a source";
    let kind = source.node.get("type").and_then(Node::as_str).unwrap_or_default();
    let media_type = source.node.get("media_type").and_then(Node::as_str).unwrap_or_default();
    for member in draft::object(source)? {
        match (member.name.as_ref(), kind, modality) {
            ("type", _, _) => {}
            ("media_type", "base64" | "text", _) => {
                draft.string(member, TextRole::Other)?;
            }
            ("data", "base64", _) => draft.bytes(member, modality, media_type)?,
            ("data", "text", Modality::Document) => {
                draft.string(member, TextRole::Document)?;
            }
            ("content", "content", Modality::Document) => content(draft, member, TextRole::Document)?,
            ("url" | "file_id", _, _) => {
                return Err(DecodeError::refused(member, "the provider would fetch what never passed here"));
            }
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    Ok(())
}

fn citations_switch(citations: &Member<'_>) -> Result<(), DecodeError> {
    if citations.node.is_null() {
        return Ok(());
    }
    for member in draft::object(citations)? {
        match member.name.as_ref() {
            "enabled" => draft::flag(member)?,
            _ => return Err(DecodeError::unknown(member, "`citations`")),
        }
    }
    Ok(())
}
