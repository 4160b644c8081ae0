//! Tools of chat completions: what the model is offered, and what it has called.
//!
//! Receives `tools`, `tool_choice` and `tool_calls`, adds tool names and every word of definitions and arguments to the
//! draft. Only functions are known: a tool that the provider runs has no member here and is refused.

use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::TextRole;

/// Reads `tools`.
pub(super) fn list<'a>(draft: &mut Draft<'a>, tools: &'a Member<'a>) -> Result<(), DecodeError> {
    for tool in draft::array(tools)? {
        draft::require(draft::element(tool)?, "a tool", "function")?;
        for member in tool.members() {
            match member.name.as_ref() {
                "type" => kind(draft, member)?,
                "function" => function(draft, draft::object(member)?)?,
                _ => return Err(DecodeError::unknown(member, "a tool")),
            }
        }
    }
    Ok(())
}

/// Reads `tool_choice`: a word, or one function by name.
pub(super) fn choice<'a>(draft: &mut Draft<'a>, choice: &'a Member<'a>) -> Result<(), DecodeError> {
    if choice.node.as_str().is_some() {
        return draft.string(choice, TextRole::Other).map(drop);
    }
    for member in draft::object(choice)? {
        match member.name.as_ref() {
            "type" => kind(draft, member)?,
            "function" => {
                for inner in draft::object(member)? {
                    match inner.name.as_ref() {
                        "name" => draft.tool(inner)?,
                        _ => return Err(DecodeError::unknown(inner, "`tool_choice`")),
                    }
                }
            }
            _ => return Err(DecodeError::unknown(member, "`tool_choice`")),
        }
    }
    Ok(())
}

/// Reads `tool_calls` of an assistant's message.
pub(super) fn calls<'a>(draft: &mut Draft<'a>, calls: &'a Member<'a>) -> Result<(), DecodeError> {
    if calls.node.is_null() {
        return Ok(());
    }
    for call in draft::array(calls)? {
        for member in draft::element(call)? {
            match member.name.as_ref() {
                "id" => {
                    draft.string(member, TextRole::Other)?;
                }
                "type" => kind(draft, member)?,
                "index" => draft::plain_number(member)?,
                "function" => called(draft, member)?,
                _ => return Err(DecodeError::unknown(member, "a tool call")),
            }
        }
    }
    Ok(())
}

/// Reads `functions`, which were tools before there were tools.
pub(crate) fn functions<'a>(draft: &mut Draft<'a>, functions: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::array(functions)?.iter().try_for_each(|node| function(draft, draft::element(node)?))
}

/// Reads `function_call` of a body: a word, or one function by name.
pub(crate) fn function_choice<'a>(draft: &mut Draft<'a>, choice: &'a Member<'a>) -> Result<(), DecodeError> {
    if choice.node.as_str().is_some() {
        return draft.string(choice, TextRole::Other).map(drop);
    }
    for member in draft::object(choice)? {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            _ => return Err(DecodeError::unknown(member, "`function_call`")),
        }
    }
    Ok(())
}

/// Reads `function_call` of an assistant's message.
pub(super) fn call<'a>(draft: &mut Draft<'a>, call: &'a Member<'a>) -> Result<(), DecodeError> {
    if call.node.is_null() { Ok(()) } else { called(draft, call) }
}

fn kind<'a>(draft: &mut Draft<'a>, kind: &'a Member<'a>) -> Result<(), DecodeError> {
    match draft.string(kind, TextRole::Other)? {
        "function" => Ok(()),
        _ => Err(DecodeError::refused(kind, "only functions are known as tools")),
    }
}

fn function<'a>(draft: &mut Draft<'a>, function: &'a [Member<'a>]) -> Result<(), DecodeError> {
    // FAIL-CLOSED: a tool without a name would pass rules that name tools.
    draft::require(function, "a function", "name")?;
    for member in function {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            "description" => {
                draft.string(member, TextRole::ToolDefinition)?;
            }
            "parameters" => draft.free(member, TextRole::ToolDefinition),
            "strict" => draft::flag(member)?,
            _ => return Err(DecodeError::unknown(member, "a function")),
        }
    }
    Ok(())
}

fn called<'a>(draft: &mut Draft<'a>, function: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(function)? {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            "arguments" => arguments(draft, &member.node, member),
            _ => return Err(DecodeError::unknown(member, "a function call")),
        }
    }
    Ok(())
}

/// Arguments are JSON in a string; some clients send them as JSON. Templates parse the string before the model reads it.
fn arguments<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, member: &'a Member<'a>) {
    draft.free(member, TextRole::ToolInput);
    draft.texts.json_string(node, TextRole::ToolInput, Some(&member.name));
}
