//! Tools of OpenAI's responses.
//!
//! Receives `tools` and `tool_choice`, adds tool names and every word of the definitions to the draft. A tool without a
//! name of its own counts by its type. Tools that the provider runs or fetches from are refused.

use super::super::FETCHED;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::TextRole;

/// Reads `tools`.
pub(super) fn list<'a>(draft: &mut Draft<'a>, tools: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::array(tools)?.iter().try_for_each(|node| tool(draft, node))
}

fn tool<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    let members = draft::element(node)?;
    draft::require(members, "a tool", "type")?;
    let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
    // FAIL-CLOSED: a tool without a name would pass rules that name tools.
    if matches!(kind, "function" | "custom" | "namespace") {
        draft::require(members, "a tool", "name")?;
    }
    for member in members {
        match (member.name.as_ref(), kind) {
            ("type", "mcp") => return Err(DecodeError::refused(member, FETCHED)),
            ("type", "apply_patch" | "computer" | "tool_search")
            | ("name", "function" | "custom" | "namespace") => draft.tool(member)?,
            ("type", "function" | "custom" | "namespace")
            | ("execution", "tool_search")
            | ("environment", "computer") => {
                draft.string(member, TextRole::Other)?;
            }
            ("type", _) => return Err(DecodeError::refused(member, "the provider would run it")),
            ("description", "function" | "custom" | "namespace" | "tool_search") => {
                draft.string(member, TextRole::ToolDefinition)?;
            }
            ("parameters", "function" | "tool_search") | ("format", "custom") => {
                draft.free(member, TextRole::ToolDefinition);
            }
            ("strict" | "defer_loading", "function" | "custom") if member.node.is_null() => {}
            ("strict", "function") | ("defer_loading", "function" | "custom") => draft::flag(member)?,
            ("display_width" | "display_height", "computer") => draft::plain_number(member)?,
            ("tools", "namespace") => list(draft, member)?,
            _ => return Err(DecodeError::unknown(member, "a tool")),
        }
    }
    Ok(())
}

/// Reads `tool_choice`: a word, one tool, or those that are allowed.
pub(super) fn choice<'a>(draft: &mut Draft<'a>, choice: &'a Member<'a>) -> Result<(), DecodeError> {
    if choice.node.as_str().is_some() {
        return draft.string(choice, TextRole::Other).map(drop);
    }
    draft::object(choice)?;
    chosen(draft, &choice.node)
}

fn chosen<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    for member in draft::element(node)? {
        match member.name.as_ref() {
            "type" | "mode" => {
                draft.string(member, TextRole::Other)?;
            }
            "name" => draft.tool(member)?,
            "tools" => draft::array(member)?.iter().try_for_each(|inner| chosen(draft, inner))?,
            _ => return Err(DecodeError::unknown(member, "`tool_choice`")),
        }
    }
    Ok(())
}
