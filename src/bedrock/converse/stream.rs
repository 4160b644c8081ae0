//! The events of ConverseStream. Nova's native chunks hold the same events.
//!
//! Receives one event by name, adds its text to the content block it belongs to and everything else the caller will read
//! beside the blocks. An event or a delta of a kind that is not known is an error, because its text would not be seen.

use super::answer::routed_to;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload;
use crate::bedrock::json::Node;
use crate::bedrock::stream::{Progress, block_index};
use crate::bedrock::usage;

/// Reads one event.
pub(crate) fn event(name: &str, event: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    match name {
        "messageStart" => progress.rest(event, &["role"]),
        "contentBlockStart" => {
            let start = event.get("start").ok_or(DecodeError::UnknownChunk)?;
            match start.members() {
                [kind] if matches!(kind.name.as_ref(), "toolUse" | "toolResult" | "image") => {}
                _ => return Err(DecodeError::UnknownChunk),
            }
            progress.frame.block = Some(block_index(event, "contentBlockIndex")?);
            progress.rest(event, &["contentBlockIndex"]);
        }
        "contentBlockDelta" => {
            let block = block_index(event, "contentBlockIndex")?;
            progress.frame.block = Some(block);
            delta(block, event.get("delta").ok_or(DecodeError::UnknownChunk)?, progress)?;
            progress.rest(event, &["contentBlockIndex", "delta"]);
            progress.only_words();
        }
        "contentBlockStop" => {
            progress.block_ends(block_index(event, "contentBlockIndex")?);
            progress.rest(event, &["contentBlockIndex"]);
        }
        "messageStop" => {
            progress.end(event.get("stopReason"));
            if let Some(fields) = event.get("additionalModelResponseFields") {
                progress.free(fields);
            }
            progress.rest(event, &["stopReason", "additionalModelResponseFields"]);
        }
        "metadata" => {
            if let Some(counts) = event.get("usage") {
                progress.usage.update(usage::of_converse(counts));
            }
            progress.routed_to = routed_to(event);
            progress.terminal();
            progress.rest(event, &["usage", "metrics"]);
        }
        _ => return Err(DecodeError::UnknownEvent),
    }
    Ok(())
}

fn delta(block: u32, delta: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    let [kind] = delta.members() else { return Err(DecodeError::UnknownChunk) };
    match kind.name.as_ref() {
        "text" => progress.text_node(block, &kind.node)?,
        "toolUse" => {
            if let Some(fragment) = kind.node.get("input") {
                progress.tool_input_node(block, fragment)?;
            }
            progress.rest(&kind.node, &["input"]);
        }
        "toolResult" => {
            if !kind.node.members().is_empty() || kind.node.elements().is_empty() {
                return Err(DecodeError::UnknownChunk);
            }
            for part in kind.node.elements() {
                match part.get("text") {
                    Some(text) => progress.text_node(block, text)?,
                    None => progress.free(part),
                }
            }
        }
        "reasoningContent" => reasoning(block, &kind.node, progress)?,
        "citation" => progress.rest(&kind.node, &[]),
        "image" => {
            for member in kind.node.members() {
                match member.node.get("bytes").and_then(Node::as_str) {
                    Some(bytes) if payload::is_base64(bytes) => progress.rest(&member.node, &["bytes"]),
                    Some(_) | None => progress.leaves(&member.node),
                }
            }
        }
        _ => return Err(DecodeError::UnknownChunk),
    }
    Ok(())
}

fn reasoning(block: u32, delta: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    for member in delta.members() {
        if member.node.as_str().is_none() {
            return Err(DecodeError::UnknownChunk);
        }
        match member.name.as_ref() {
            "text" => progress.sealed_node(block, &member.node)?,
            "signature" => {
                // The signature is over what came before it.
                progress.block_ends(block);
                progress.payload(&member.node);
            }
            "redactedContent" => progress.payload(&member.node),
            _ => return Err(DecodeError::UnknownChunk),
        }
    }
    Ok(())
}
