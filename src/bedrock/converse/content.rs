//! Messages and their content blocks.
//!
//! Receives `messages` and `system` of Converse or Nova and adds their strings, attachments and tool names to the draft.
//! A block is a union: it must hold exactly one known kind of content, because a reader that picks the other one would
//! see another request. Attachments are counted; only text documents are read.

use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Leak, Modality, OpaqueKind, TextRole};

use super::tools;

/// Whose blocks are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocks {
    Converse,
    /// As Converse, but a cache point stands beside the content it follows (captured from LiteLLM).
    Nova,
}

/// Reads `messages`.
pub(crate) fn messages<'a>(
    draft: &mut Draft<'a>,
    list: &'a Member<'a>,
    blocks: Blocks,
) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        let members = draft::element(node)?;
        draft::require(members, "a message", "role")?;
        draft::require(members, "a message", "content")?;
        let role = speaker(draft, node)?;
        draft.turn();
        for member in members {
            match member.name.as_ref() {
                "role" => {}
                "content" => {
                    for block in draft::array(member)? {
                        self::block(draft, block, role, blocks)?;
                    }
                }
                _ => return Err(DecodeError::unknown(member, "a message")),
            }
        }
    }
    Ok(())
}

/// Reads the list of system prompts.
pub(crate) fn system<'a>(
    draft: &mut Draft<'a>,
    list: &'a Member<'a>,
    blocks: Blocks,
) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        draft.system = true;
        let kind = union(draft, node, "system block", blocks)?;
        match kind.name.as_ref() {
            "text" => {
                draft.string(kind, TextRole::System)?;
            }
            "guardContent" => guard_content(draft, kind, TextRole::System)?,
            "cachePoint" => words(draft, kind, &["type", "ttl"])?,
            _ => return Err(DecodeError::unknown(kind, "a system block")),
        }
    }
    Ok(())
}

/// The role of a message. A system message counts as a system prompt.
pub(crate) fn speaker(draft: &mut Draft<'_>, message: &Node<'_>) -> Result<TextRole, DecodeError> {
    match message.get("role").and_then(Node::as_str) {
        Some("user") => Ok(TextRole::User),
        Some("assistant") => Ok(TextRole::Assistant),
        Some("system") => {
            draft.system = true;
            Ok(TextRole::System)
        }
        Some(_) | None => Err(DecodeError::Role(message.span.start)),
    }
}

fn block<'a>(
    draft: &mut Draft<'a>,
    node: &'a Node<'a>,
    role: TextRole,
    blocks: Blocks,
) -> Result<(), DecodeError> {
    let kind = union(draft, node, "content block", blocks)?;
    match kind.name.as_ref() {
        "text" => {
            draft.string(kind, role)?;
            Ok(())
        }
        "image" => attachment(draft, kind, Modality::Image),
        "document" => attachment(draft, kind, Modality::Document),
        "video" => attachment(draft, kind, Modality::Video),
        "audio" => attachment(draft, kind, Modality::Audio),
        "toolUse" => tools::used(draft, kind),
        "toolResult" => tool_result(draft, kind, blocks),
        "guardContent" => guard_content(draft, kind, role),
        "cachePoint" => words(draft, kind, &["type", "ttl"]),
        "reasoningContent" => reasoning(draft, kind),
        "citationsContent" => citations(draft, kind, role),
        "searchResult" => search_result(draft, kind),
        "toolAddition" | "toolRemoval" => tools::change(draft, kind),
        _ => Err(DecodeError::unknown(kind, "a content block")),
    }
}

/// The one member of a block. Nova's cache point beside it is read here.
fn union<'a>(
    draft: &mut Draft<'a>,
    node: &'a Node<'a>,
    place: &'static str,
    blocks: Blocks,
) -> Result<&'a Member<'a>, DecodeError> {
    match node.members() {
        [kind] => Ok(kind),
        [kind, beside] if blocks == Blocks::Nova && beside.name == "cachePoint" => {
            words(draft, beside, &["type", "ttl"])?;
            Ok(kind)
        }
        _ => Err(DecodeError::Union { place, at: node.span.start }),
    }
}

/// Reads an object whose known members are all strings.
fn words<'a>(draft: &mut Draft<'a>, object: &'a Member<'a>, names: &[&str]) -> Result<(), DecodeError> {
    for member in draft::object(object)? {
        if !names.contains(&member.name.as_ref()) {
            return Err(DecodeError::unknown(member, "this object"));
        }
        draft.string(member, TextRole::Other)?;
    }
    Ok(())
}

fn attachment<'a>(
    draft: &mut Draft<'a>,
    block: &'a Member<'a>,
    modality: Modality,
) -> Result<(), DecodeError> {
    draft.attach(modality);
    let format = block.node.get("format").and_then(Node::as_str).unwrap_or_default();
    for member in draft::object(block)? {
        match member.name.as_ref() {
            "format" => {
                draft.string(member, TextRole::Other)?;
            }
            "source" => source(draft, member, modality, format)?,
            "name" | "context" if modality == Modality::Document => {
                draft.string(member, TextRole::Document)?;
            }
            "citations" if modality == Modality::Document => flags(member, &["enabled"])?,
            _ => return Err(DecodeError::unknown(member, "an attachment")),
        }
    }
    Ok(())
}

/// Reads the `source` of an attachment: bytes, an S3 location, or the words of a document.
pub(crate) fn source<'a>(
    draft: &mut Draft<'a>,
    source: &'a Member<'a>,
    modality: Modality,
    format: &str,
) -> Result<(), DecodeError> {
    let [kind] = draft::object(source)? else {
        return Err(DecodeError::Union { place: "source", at: source.node.span.start });
    };
    match kind.name.as_ref() {
        "bytes" => draft.bytes(kind, modality, format),
        "s3Location" => {
            draft.opaque(OpaqueKind::S3Reference, &kind.node);
            words(draft, kind, &["uri", "bucketOwner"])
        }
        "text" if modality == Modality::Document => {
            draft.string(kind, TextRole::Document)?;
            Ok(())
        }
        "content" if modality == Modality::Document => text_list(draft, kind, TextRole::Document),
        _ => Err(DecodeError::unknown(kind, "a source")),
    }
}

/// Reads a list of `{"text": …}`.
fn text_list<'a>(draft: &mut Draft<'a>, list: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        for member in draft::element(node)? {
            if member.name != "text" {
                return Err(DecodeError::unknown(member, "a text block"));
            }
            draft.string(member, role)?;
        }
    }
    Ok(())
}

fn flags(object: &Member<'_>, names: &[&str]) -> Result<(), DecodeError> {
    for member in draft::object(object)? {
        if !names.contains(&member.name.as_ref()) {
            return Err(DecodeError::unknown(member, "this object"));
        }
        draft::flag(member)?;
    }
    Ok(())
}

fn tool_result<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>, blocks: Blocks) -> Result<(), DecodeError> {
    for member in draft::object(block)? {
        match member.name.as_ref() {
            "toolUseId" | "status" | "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "content" => {
                for node in draft::array(member)? {
                    result_block(draft, node, blocks)?;
                }
            }
            _ => return Err(DecodeError::unknown(member, "`toolResult`")),
        }
    }
    Ok(())
}

fn result_block<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, blocks: Blocks) -> Result<(), DecodeError> {
    let kind = union(draft, node, "tool result block", blocks)?;
    match kind.name.as_ref() {
        "text" => {
            draft.string(kind, TextRole::ToolResult)?;
            Ok(())
        }
        "json" => {
            draft.free(kind, TextRole::ToolResult);
            Ok(())
        }
        "image" => attachment(draft, kind, Modality::Image),
        "document" => attachment(draft, kind, Modality::Document),
        "video" => attachment(draft, kind, Modality::Video),
        "searchResult" => search_result(draft, kind),
        _ => Err(DecodeError::unknown(kind, "a tool result")),
    }
}

fn guard_content<'a>(
    draft: &mut Draft<'a>,
    block: &'a Member<'a>,
    role: TextRole,
) -> Result<(), DecodeError> {
    let [kind] = draft::object(block)? else {
        return Err(DecodeError::Union { place: "`guardContent`", at: block.node.span.start });
    };
    // With one such block in a request, a guardrail looks at such blocks only (AWS's documentation of guardrails).
    draft.leaks.insert(Leak::Narrowed);
    match kind.name.as_ref() {
        "image" => attachment(draft, kind, Modality::Image),
        "text" => {
            for member in draft::object(kind)? {
                match member.name.as_ref() {
                    "text" => {
                        draft.string(member, role)?;
                    }
                    "qualifiers" => draft.strings(member, TextRole::Other)?,
                    _ => return Err(DecodeError::unknown(member, "`guardContent`")),
                }
            }
            Ok(())
        }
        _ => Err(DecodeError::unknown(kind, "`guardContent`")),
    }
}

fn reasoning<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>) -> Result<(), DecodeError> {
    let [kind] = draft::object(block)? else {
        return Err(DecodeError::Union { place: "`reasoningContent`", at: block.node.span.start });
    };
    match kind.name.as_ref() {
        "redactedContent" => draft.encrypted(kind),
        "reasoningText" => {
            for member in draft::object(kind)? {
                match member.name.as_ref() {
                    "text" => {
                        draft::string(member)?;
                        draft.texts.sealed(&member.node, TextRole::Reasoning, Some(&member.name));
                    }
                    "signature" => draft.encrypted(member)?,
                    _ => return Err(DecodeError::unknown(member, "`reasoningText`")),
                }
            }
            Ok(())
        }
        _ => Err(DecodeError::unknown(kind, "`reasoningContent`")),
    }
}

fn citations<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    for member in draft::object(block)? {
        match member.name.as_ref() {
            "content" => text_list(draft, member, role)?,
            "citations" => {
                draft::array(member)?;
                draft.free(member, TextRole::Document);
            }
            _ => return Err(DecodeError::unknown(member, "`citationsContent`")),
        }
    }
    Ok(())
}

fn search_result<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(block)? {
        match member.name.as_ref() {
            "source" | "title" => {
                draft.string(member, TextRole::Document)?;
            }
            "content" => text_list(draft, member, TextRole::Document)?,
            "citations" => flags(member, &["enabled"])?,
            _ => return Err(DecodeError::unknown(member, "`searchResult`")),
        }
    }
    Ok(())
}
