//! Events that the model sends.
//!
//! Receives one document, adds its text to that of its content, and keeps count of usage and of completions. Every event
//! must be known; every string in it that is no name is reported.

use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::Progress;
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
        "textOutput" => {
            let content = body.get("content").ok_or(DecodeError::UnknownChunk)?;
            progress.text_node(block(body)?, content)?;
        }
        "toolUse" => {
            let content = body.get("content").ok_or(DecodeError::UnknownChunk)?;
            progress.tool_input_node(block(body)?, content)?;
        }
        "audioOutput" => {
            let sound = body.get("content").filter(|sound| sound.as_str().is_some());
            progress.payload(sound.ok_or(DecodeError::UnknownChunk)?);
        }
        "contentEnd" => {
            if body.get("contentId").is_some() {
                progress.block_ends(block(body)?);
            }
            progress.stop(body.get("stopReason"));
        }
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
    let only_says = |name: &str| matches!(name, "content" | "role") || NAMES.contains(&name);
    progress.frame.only_words =
        event.name == "textOutput" && body.members().iter().all(|member| only_says(&member.name));
    Ok(())
}

/// A number for the content that `event` continues: names have any form, blocks are numbers. Two names with one number
/// would only be read together.
fn block(event: &Node<'_>) -> Result<u32, DecodeError> {
    let name = event.get("contentId").and_then(Node::as_str).ok_or(DecodeError::UnknownChunk)?;
    // FNV-1a.
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    Ok(hash)
}
