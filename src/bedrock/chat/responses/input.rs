//! Items of `input`: messages, and what a model and its tools did before.
//!
//! Receives a string or a list of items, adds their strings, attachments and tool names to the draft. An item is what its
//! `type` says and may have the members of that type only; one without a type is a message. References to items that the
//! provider keeps, its own compactions, and items of tools that are refused are refused as well.

use super::super::{STORED, absent, files};
use super::tools;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Modality, TextRole};

/// Reads `input`.
pub(super) fn read<'a>(draft: &mut Draft<'a>, input: &'a Member<'a>) -> Result<(), DecodeError> {
    if input.node.as_str().is_some() {
        draft.turn();
        return draft.string(input, TextRole::User).map(drop);
    }
    draft::array(input)?.iter().try_for_each(|node| item(draft, node))
}

fn item<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    let members = draft::element(node)?;
    let kind = node.get("type").and_then(Node::as_str);
    draft.turn();
    match (kind, node.get("type")) {
        (Some("message"), _) | (None, None) => message(draft, node),
        (Some("function_call" | "custom_tool_call" | "tool_search_call"), _) => {
            members.iter().try_for_each(|member| call(draft, member))
        }
        (Some("computer_call" | "apply_patch_call"), _) => {
            members.iter().try_for_each(|member| action(draft, member))
        }
        (
            Some(
                "function_call_output"
                | "custom_tool_call_output"
                | "computer_call_output"
                | "apply_patch_call_output"
                | "tool_search_output",
            ),
            _,
        ) => members.iter().try_for_each(|member| output(draft, member)),
        (Some("reasoning"), _) => members.iter().try_for_each(|member| reasoning(draft, member)),
        (Some("item_reference"), Some(kind)) => Err(members
            .iter()
            .find(|member| member.node.span == kind.span)
            .map_or(DecodeError::Union { place: "an item", at: node.span.start }, |member| {
                DecodeError::refused(member, STORED)
            })),
        _ => Err(DecodeError::Union { place: "an item", at: node.span.start }),
    }
}

fn message<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "a message";
    draft::require(node.members(), PLACE, "role")?;
    draft::require(node.members(), PLACE, "content")?;
    let role = match node.get("role").and_then(Node::as_str) {
        Some("user") => TextRole::User,
        Some("assistant") => TextRole::Assistant,
        Some("system" | "developer") => {
            draft.system = true;
            TextRole::System
        }
        Some(_) | None => return Err(DecodeError::Role(node.span.start)),
    };
    for member in node.members() {
        match member.name.as_ref() {
            "role" | "type" => {}
            "content" => content(draft, member, role)?,
            _ => common(draft, member, PLACE)?,
        }
    }
    Ok(())
}

/// Reads a string, or a list of parts.
fn content<'a>(draft: &mut Draft<'a>, content: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    if content.node.as_str().is_some() {
        return draft.string(content, role).map(drop);
    }
    draft::array(content)?.iter().try_for_each(|node| part(draft, node, role))
}

fn part<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, role: TextRole) -> Result<(), DecodeError> {
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
    match kind {
        "input_image" | "computer_screenshot" => draft.attach(Modality::Image),
        "input_file" => draft.attach(Modality::Document),
        "input_text" | "output_text" | "text" | "refusal" | "summary_text" | "reasoning_text" => {}
        _ => return Err(DecodeError::Union { place: "content part", at: node.span.start }),
    }
    for member in draft::element(node)? {
        match (member.name.as_ref(), kind) {
            ("type", _) => {}
            ("text", "input_text" | "output_text" | "text" | "summary_text" | "reasoning_text")
            | ("refusal", "refusal") => {
                draft.string(member, role)?;
            }
            // What an answer said about its words, sent back as part of the history.
            ("annotations" | "logprobs", "output_text") => draft.free(member, TextRole::Document),
            ("image_url", "input_image" | "computer_screenshot") => files::picture(draft, member)?,
            ("detail" | "file_id", "input_image" | "computer_screenshot") | (_, "input_file") => {
                files::member(draft, member)?;
            }
            _ => return Err(DecodeError::unknown(member, "a content part")),
        }
    }
    Ok(())
}

/// Reads a member of a call with arguments.
fn call<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "type" => Ok(()),
        "name" => draft.tool(member),
        "arguments" | "input" => {
            draft.free(member, TextRole::ToolInput);
            draft.texts.json_string(&member.node, TextRole::ToolInput, Some(&member.name));
            Ok(())
        }
        "namespace" | "execution" => draft.string(member, TextRole::Other).map(drop),
        _ => common(draft, member, "a call"),
    }
}

/// Reads a member of a call that is told by what it does.
fn action<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "type" => draft.tool(member),
        "action" | "actions" | "operation" | "pending_safety_checks" => {
            draft.free(member, TextRole::ToolInput);
            Ok(())
        }
        _ => common(draft, member, "a call"),
    }
}

/// Reads a member of what a call came to.
fn output<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "type" => Ok(()),
        "output" if member.node.is_object() => part(draft, &member.node, TextRole::ToolResult),
        "output" => content(draft, member, TextRole::ToolResult),
        // Tools that a search found are offered from here on.
        "tools" => tools::list(draft, member),
        "acknowledged_safety_checks" => {
            draft.free(member, TextRole::Other);
            Ok(())
        }
        "execution" => draft.string(member, TextRole::Other).map(drop),
        _ => common(draft, member, "an output"),
    }
}

fn reasoning<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "type" => Ok(()),
        "summary" | "content" | "encrypted_content" if member.node.is_null() => Ok(()),
        "summary" | "content" => content(draft, member, TextRole::Reasoning),
        "encrypted_content" => draft.encrypted(member),
        _ => common(draft, member, "reasoning"),
    }
}

/// Reads members that items of every kind may have.
fn common<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>, place: &'static str) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "id" | "status" | "call_id" | "phase" if member.node.is_null() => Ok(()),
        "id" | "status" | "call_id" | "phase" => draft.string(member, TextRole::Other).map(drop),
        "created_by" => absent(member, STORED),
        _ => Err(DecodeError::unknown(member, place)),
    }
}
