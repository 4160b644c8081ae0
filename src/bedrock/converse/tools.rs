//! Tools of Converse and Nova: what the model is offered, what it has called.
//!
//! Receives `toolConfig` and tool blocks, adds tool names and every word of their definitions to the draft. A tool that the
//! provider runs (`systemTool`) and a tool that appears only in the history count by name like any other.

use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::TextRole;

/// Reads `toolConfig`.
pub(crate) fn config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::require(draft::object(config)?, "`toolConfig`", "tools")?;
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "tools" => {
                let mut tools = 0;
                for node in draft::array(member)? {
                    tools += usize::from(tool(draft, node)?);
                }
                // FAIL-CLOSED: a list that names no tool means nothing in the model and would count as no tools here.
                if tools == 0 {
                    return Err(DecodeError::wrong_type(member, "a list with at least one tool"));
                }
            }
            "toolChoice" => choice(draft, member)?,
            _ => return Err(DecodeError::unknown(member, "`toolConfig`")),
        }
    }
    Ok(())
}

/// Reads a `toolUse` block.
pub(super) fn used<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(block)? {
        match member.name.as_ref() {
            "toolUseId" | "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "name" => draft.tool(member)?,
            "input" => draft.free(member, TextRole::ToolInput),
            _ => return Err(DecodeError::unknown(member, "`toolUse`")),
        }
    }
    Ok(())
}

/// Reads a `toolAddition` or `toolRemoval` block: `tool` refers to a tool by name, or defines one.
pub(super) fn change<'a>(draft: &mut Draft<'a>, block: &'a Member<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "a tool reference";
    for member in draft::object(block)? {
        if member.name != "tool" {
            return Err(DecodeError::unknown(member, PLACE));
        }
        if member.node.get("name").is_none() {
            tool(draft, &member.node)?;
            continue;
        }
        for inner in draft::object(member)? {
            match inner.name.as_ref() {
                "name" => draft.tool(inner)?,
                "type" | "serverName" => {
                    draft.string(inner, TextRole::ToolDefinition)?;
                }
                _ => return Err(DecodeError::unknown(inner, PLACE)),
            }
        }
    }
    Ok(())
}

/// Reads one entry of a tool list. `false` for a cache point.
fn tool<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<bool, DecodeError> {
    let [kind] = draft::element(node)? else {
        return Err(DecodeError::Union { place: "tool", at: node.span.start });
    };
    match kind.name.as_ref() {
        "toolSpec" => specification(draft, kind)?,
        "systemTool" => {
            draft::require(draft::object(kind)?, "`systemTool`", "name")?;
            for member in draft::object(kind)? {
                match member.name.as_ref() {
                    "name" => draft.tool(member)?,
                    _ => return Err(DecodeError::unknown(member, "`systemTool`")),
                }
            }
        }
        "cachePoint" => {
            draft::object(kind)?;
            draft.free(kind, TextRole::Other);
            return Ok(false);
        }
        _ => return Err(DecodeError::unknown(kind, "a tool")),
    }
    Ok(true)
}

fn specification<'a>(draft: &mut Draft<'a>, specification: &'a Member<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "`toolSpec`";
    draft::require(draft::object(specification)?, PLACE, "name")?;
    for member in draft::object(specification)? {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            "description" => {
                draft.string(member, TextRole::ToolDefinition)?;
            }
            "inputSchema" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
            }
            "strict" => draft::flag(member)?,
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    Ok(())
}

fn choice<'a>(draft: &mut Draft<'a>, choice: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(choice)? {
        match member.name.as_ref() {
            "auto" | "any" => {
                draft::object(member)?;
            }
            "tool" => {
                for inner in draft::object(member)? {
                    match inner.name.as_ref() {
                        "name" => draft.tool(inner)?,
                        _ => return Err(DecodeError::unknown(inner, "`toolChoice`")),
                    }
                }
            }
            _ => return Err(DecodeError::unknown(member, "`toolChoice`")),
        }
    }
    Ok(())
}
