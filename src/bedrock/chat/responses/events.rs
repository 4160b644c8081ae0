//! Events of a streamed response.
//!
//! Receives one event, adds what it says to the progress of the answer. Texts grow in `….delta` events and are repeated
//! when their part ends, with its item, and in the last event, which holds the whole response; the first ones repeat much
//! of the request. Whatever is repeated is told apart from what is new, so that it is not counted twice.

use super::stop_reason;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::stream::{Progress, block_index};
use crate::bedrock::usage;

/// Reads an event.
pub(super) fn read(event: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    let kind = event.get("type").and_then(Node::as_str).unwrap_or_default();
    if let Some((growing, is_whole)) = Growing::of(kind) {
        return if is_whole { growing.done(event, progress) } else { growing.delta(event, progress) };
    }
    match kind {
        "response.created"
        | "response.queued"
        | "response.in_progress"
        | "response.output_item.added"
        | "response.output_item.done"
        | "response.content_part.added"
        | "response.content_part.done"
        | "response.reasoning_summary_part.added"
        | "response.reasoning_summary_part.done"
        | "response.output_text.annotation.added" => {}
        "response.completed" | "response.incomplete" | "response.failed" => {
            let response = event.get("response").ok_or(DecodeError::UnknownChunk)?;
            if let Some(counts) = response.get("usage") {
                progress.usage.update(usage::of_responses(counts));
            }
            progress.end(stop_reason(response));
        }
        _ => return Err(DecodeError::UnknownEvent),
    }
    around(event, &["type"], progress);
    Ok(())
}

/// A text that grows.
#[derive(Debug, Clone, Copy)]
struct Growing {
    /// Tells texts of one item apart.
    slot: u32,
    /// The index of the part within its item, where items have several.
    part: Option<&'static str>,
    /// The member that repeats the text when it is whole.
    whole: &'static str,
    /// Whether it is the JSON that a tool is called with.
    is_input: bool,
}

impl Growing {
    /// The text that an event is about, and whether it is whole.
    fn of(kind: &str) -> Option<(Self, bool)> {
        let (name, is_whole) = match (kind.strip_suffix(".delta"), kind.strip_suffix(".done")) {
            (Some(name), _) => (name, false),
            (None, name) => (name?, true),
        };
        let growing = |slot, part, whole| Self { slot, part, whole, is_input: false };
        let growing = match name {
            "response.output_text" => growing(0, Some("content_index"), "text"),
            "response.refusal" => growing(1, Some("content_index"), "refusal"),
            "response.reasoning_text" => growing(2, Some("content_index"), "text"),
            "response.reasoning_summary_text" => growing(3, Some("summary_index"), "text"),
            "response.custom_tool_call_input" => growing(4, None, "input"),
            "response.apply_patch_call_operation_diff" => growing(5, None, "diff"),
            "response.function_call_arguments" => Self { is_input: true, ..growing(6, None, "arguments") },
            _ => return None,
        };
        Some((growing, is_whole))
    }

    fn delta(self, event: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        let block = self.block(event)?;
        let delta = event.get("delta").ok_or(DecodeError::UnknownChunk)?;
        if self.is_input {
            progress.input_to_be_repeated(block, delta)?;
        } else {
            progress.text_to_be_repeated(block, delta)?;
        }
        // What stands beside it is said with every piece.
        progress.frame.only_words = true;
        around(event, &["type", "delta"], progress);
        Ok(())
    }

    fn done(self, event: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        progress.block_ends(self.block(event)?);
        event.get(self.whole).ok_or(DecodeError::UnknownChunk)?;
        around(event, &["type"], progress);
        Ok(())
    }

    fn block(self, event: &Node<'_>) -> Result<u32, DecodeError> {
        const SLOTS: u32 = 8;
        const PARTS: u32 = 1024;
        let item = block_index(event, "output_index")?;
        let part = self.part.map_or(Ok(0), |part| block_index(event, part))?;
        let place =
            item.checked_mul(PARTS).and_then(|first| first.checked_add(part)).filter(|_| part < PARTS);
        let block = place.and_then(|place| place.checked_mul(SLOTS)?.checked_add(self.slot));
        block.ok_or(DecodeError::UnknownChunk)
    }
}

/// Adds the strings of every member that was not read yet.
fn around(event: &Node<'_>, read: &[&str], progress: &mut Progress) {
    for member in event.members() {
        match member.name.as_ref() {
            name if read.contains(&name) => {}
            // Hides how long a piece is.
            "obfuscation" if member.node.as_str().is_some_and(is_random) => {}
            "logprobs" if !member.node.elements().is_empty() => progress.tokens(&member.node),
            name => progress.echo(&member.node, Some(name)),
        }
    }
}

fn is_random(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
