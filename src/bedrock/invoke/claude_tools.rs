//! Tools of Anthropic's Messages, also when Converse carries them in `additionalModelRequestFields`.
//!
//! Receives `tools` and `tool_choice`, adds tool names and every word of the definitions to the draft. Tools that the
//! provider runs count by name like any other. A limit hidden outside a tool's own schema counts as a limit.

use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::TextRole;

/// Reads `tools`.
pub(crate) fn list<'a>(draft: &mut Draft<'a>, tools: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::array(tools)?.iter().try_for_each(|node| tool(draft, node))
}

fn tool<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    // FAIL-CLOSED: a tool without a name would pass rules that name tools.
    draft::require(draft::element(node)?, "a tool", "name")?;
    for member in node.members() {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            "type" | "description" => {
                draft.string(member, TextRole::ToolDefinition)?;
            }
            "input_schema" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
            }
            "input_examples" => {
                draft::array(member)?;
                draft.free(member, TextRole::ToolDefinition);
            }
            // Members that only a tool's own type defines, such as `display_width_px`.
            _ => {
                draft.free(member, TextRole::ToolDefinition);
                draft.hidden_limit(member)?;
            }
        }
    }
    Ok(())
}

/// Reads `tool_choice`.
pub(super) fn choice<'a>(draft: &mut Draft<'a>, choice: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(choice)? {
        match member.name.as_ref() {
            "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "name" => draft.tool(member)?,
            "disable_parallel_tool_use" => draft::flag(member)?,
            _ => return Err(DecodeError::unknown(member, "`tool_choice`")),
        }
    }
    Ok(())
}
