//! Events that the model sends.
//!
//! Receives one document, adds its text to that of its content, and keeps count of usage and of completions. Every event
//! must be known; every string in it that is no name is reported.

use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::{OUTSIDE_BLOCKS, Progress};
use crate::bedrock::usage::count;
use crate::bedrock::view::Usage;

use super::is_uuid;

/// Members that hold names. Whether they hold something else is looked at.
const NAMES: &[&str] = &["sessionId", "completionId", "contentId", "promptName", "contentName", "toolUseId"];

/// Reads `{"event":{NAME:{…}}}`.
pub(crate) fn chunk(document: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    let [wrapper] = document.members() else { return Err(DecodeError::UnknownChunk) };
    let [event] = wrapper.node.members() else { return Err(DecodeError::UnknownChunk) };
    if wrapper.name != "event" || !event.node.is_object() {
        return Err(DecodeError::UnknownChunk);
    }
    let (body, mut read) = (&event.node, vec!["content"]);
    match event.name.as_ref() {
        "completionStart" => progress.begin(),
        "contentStart" => {}
        "textOutput" | "toolUse" => {
            let content = body.get("content").ok_or(DecodeError::UnknownChunk)?;
            progress.text_node(block(body)?, content)?;
        }
        "audioOutput" => {
            let sound = body.get("content").and_then(Node::as_str).ok_or(DecodeError::UnknownChunk)?;
            progress.payload(sound);
        }
        "contentEnd" => progress.stop(body.get("stopReason")),
        "usageEvent" => progress.usage.update(Usage {
            input: count(body, "totalInputTokens"),
            output: count(body, "totalOutputTokens"),
            ..Usage::default()
        }),
        "completionEnd" => progress.end(body.get("stopReason")),
        _ => return Err(DecodeError::UnknownEvent),
    }
    let says_nothing = |name: &&&str| body.get(name).and_then(Node::as_str).is_some_and(is_uuid);
    read.extend(NAMES.iter().filter(says_nothing));
    progress.rest(body, &read);
    Ok(())
}

/// A number for the content that `event` continues: names have any form, blocks are numbers. Two names with one number
/// would only be read together.
fn block(event: &Node<'_>) -> Result<u32, DecodeError> {
    let name = event.get("contentId").and_then(Node::as_str).ok_or(DecodeError::UnknownChunk)?;
    // FNV-1a.
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    Ok(hash.min(OUTSIDE_BLOCKS - 1))
}
