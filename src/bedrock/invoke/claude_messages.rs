//! Anthropic Messages: Claude 3 and later, and Claude 2 when its body holds `messages`.
//!
//! Receives `messages` with content blocks told apart by `type` (see [`super::claude_blocks`]); answers hold blocks of the
//! same kinds. Features that make the provider fetch, run or remember something are refused: what they add to the prompt
//! never passes here. Shapes captured from Anthropic's SDKs and recorded answers.

use super::claude_blocks as blocks;
use super::{Dialect, beyond, claude_tools};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::{Progress, block_index};
use crate::bedrock::usage;
use crate::bedrock::view::{Answer, Parameter, TextRole};

pub(crate) struct ClaudeMessages;

impl Dialect for ClaudeMessages {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            Self::member(draft, member)?;
        }
        Self::complete(body, draft)
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        Answer {
            texts: texts.0,
            usage: body.get("usage").map(usage::of_messages).unwrap_or_default(),
            stop_reason: body.get("stop_reason").and_then(Node::as_str).map(str::to_owned),
        }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        match chunk.get("type").and_then(Node::as_str) {
            Some("message_start") => {
                if let Some(counts) = chunk.at(&["message", "usage"]) {
                    progress.usage.update(usage::of_messages(counts));
                }
            }
            Some("content_block_start") => {
                let block = block_index(chunk, "index")?;
                block_start(block, chunk.get("content_block").ok_or(DecodeError::UnknownChunk)?, progress)?;
                progress.rest(chunk, &["type", "content_block"]);
                return Ok(());
            }
            Some("content_block_delta") => {
                let block = block_index(chunk, "index")?;
                delta(block, chunk.get("delta").ok_or(DecodeError::UnknownChunk)?, progress)?;
                progress.rest(chunk, &["type", "delta"]);
                progress.only_words();
                return Ok(());
            }
            Some("message_delta") => {
                if let Some(counts) = chunk.get("usage") {
                    progress.usage.update(usage::of_messages(counts));
                }
                progress.stop(chunk.at(&["delta", "stop_reason"]));
                progress.terminal();
            }
            Some("message_stop") => progress.end(None),
            Some("content_block_stop") => progress.block_ends(block_index(chunk, "index")?),
            Some("ping" | "error") => {}
            Some(_) | None => return Err(DecodeError::UnknownChunk),
        }
        progress.rest(chunk, &["type"]);
        Ok(())
    }
}

impl ClaudeMessages {
    /// Reads one member of a body.
    pub(crate) fn member<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
        match member.name.as_ref() {
            "messages" => blocks::messages(draft, member),
            "system" => blocks::system(draft, member),
            "max_tokens" => draft.setting(Parameter::MaxTokens, member),
            "temperature" => draft.setting(Parameter::Temperature, member),
            "top_p" => draft.setting(Parameter::TopP, member),
            "top_k" => draft.setting(Parameter::TopK, member),
            "stop_sequences" => draft.setting(Parameter::Stop, member),
            "thinking" => thinking(draft, member),
            "tools" => claude_tools::list(draft, member),
            "tool_choice" => claude_tools::choice(draft, member),
            "output_config" | "output_format" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
                draft.hidden_limit(member)
            }
            "anthropic_version" => draft.string(member, TextRole::Other).map(drop),
            "anthropic_beta" => draft.strings(member, TextRole::Other),
            "metadata" => metadata(draft, member),
            "cache_control" => blocks::cache_control(draft, member),
            "container" | "mcp_servers" | "context_management" => {
                Err(DecodeError::refused(member, "it is a provider feature that leaves the request path"))
            }
            _ => beyond(draft, member, "a Claude Messages body"),
        }
    }

    /// Checks that a body is complete, and says what could be added to it.
    pub(crate) fn complete<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft::require(body.members(), "body", "messages")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
        draft.insertable(Parameter::TopK, body, &[&["top_k"]]);
        Ok(())
    }
}

/// Reads `metadata`, which holds nothing but an opaque user id.
pub(super) fn metadata<'a>(draft: &mut Draft<'a>, metadata: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(metadata)? {
        if member.name != "user_id" {
            return Err(DecodeError::unknown(member, "`metadata`"));
        }
        draft.free(member, TextRole::Other);
    }
    Ok(())
}

fn thinking<'a>(draft: &mut Draft<'a>, thinking: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(thinking)? {
        match member.name.as_ref() {
            "budget_tokens" => draft.setting(Parameter::ThinkingTokens, member)?,
            "type" | "display" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`thinking`")),
        }
    }
    Ok(())
}

fn part(member: &str) -> Part {
    match member {
        "text" => Part::Words(TextRole::Assistant),
        "input" => Part::Free(TextRole::ToolInput),
        "thinking" => Part::Sealed(TextRole::Reasoning),
        "signature" | "data" => Part::Payload,
        _ => Part::Words(TextRole::Other),
    }
}

/// Reads the beginning of a block. Blocks begin empty, but nothing promises that.
fn block_start(block: u32, start: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    for member in start.members() {
        match (member.name.as_ref(), member.node.as_str()) {
            ("text", Some(_)) => progress.text_node(block, &member.node)?,
            ("thinking", Some(_)) => progress.sealed_node(block, &member.node)?,
            ("signature" | "data", Some(_)) => progress.payload(&member.node),
            ("input", _) => progress.free(&member.node),
            _ => progress.leaves(&member.node),
        }
    }
    Ok(())
}

fn delta(block: u32, delta: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    let name = match delta.get("type").and_then(Node::as_str) {
        Some("text_delta") => "text",
        Some("input_json_delta") => "partial_json",
        Some("thinking_delta") => "thinking",
        Some("signature_delta") => "signature",
        Some("citations_delta") => {
            progress.rest(delta, &["type"]);
            return Ok(());
        }
        Some(_) | None => return Err(DecodeError::UnknownChunk),
    };
    let text = delta.get(name).filter(|node| node.as_str().is_some()).ok_or(DecodeError::UnknownChunk)?;
    match name {
        "text" => progress.text_node(block, text)?,
        "partial_json" => progress.tool_input_node(block, text)?,
        "thinking" => progress.sealed_node(block, text)?,
        _ => {
            // The signature is over what came before it.
            progress.block_ends(block);
            progress.payload(text);
        }
    }
    progress.rest(delta, &["type", name]);
    Ok(())
}
