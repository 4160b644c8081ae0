//! Answers that hold a list of alternatives: `choices` of chat completions, `outputs` of Mistral's text models.
//!
//! Receives a parsed answer or chunk, returns what the caller will read. In a stream every alternative has blocks of its
//! own: one for its words, one for its reasoning, one for each tool call. The answer has ended when every alternative
//! has.

use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node, Value};
use crate::bedrock::stream::{INVOCATION_METRICS, Progress, block_index};
use crate::bedrock::usage;
use crate::bedrock::view::{Answer, TextRole};

/// Reads a unary answer whose alternatives stand in `list`.
pub(super) fn answer<'a>(body: &'a Node<'a>, list: &str) -> Answer<'a> {
    let mut texts = Texts::default();
    texts.answer(body, part);
    let choices = body.get(list).map(Node::elements).unwrap_or_default();
    Answer {
        texts: texts.0,
        usage: body.get("usage").map(usage::of_chat).unwrap_or_default(),
        stop_reason: choices.iter().find_map(|choice| reason(choice)?.as_str()).map(str::to_owned),
    }
}

/// Reads a chunk whose alternatives stand in `list`.
pub(super) fn chunk(chunk: &Node<'_>, list: &str, progress: &mut Progress) -> Result<(), DecodeError> {
    match chunk.get(list).map(|choices| &choices.value) {
        Some(Value::Array(choices)) => {
            progress.frame.only_words = choices.iter().all(is_only_words);
            for (position, choice) in (0_u32..).zip(choices) {
                let index =
                    if choice.get("index").is_some() { block_index(choice, "index")? } else { position };
                self::choice(choice, index, progress)?;
            }
        }
        None if chunk.get(INVOCATION_METRICS).is_some() || chunk.get("usage").is_some() => {}
        Some(_) | None => return Err(DecodeError::UnknownChunk),
    }
    if let Some(counts) = chunk.get("usage") {
        progress.usage.update(usage::of_chat(counts));
        progress.frame.only_words &= counts.is_null();
    }
    progress.rest(chunk, &[list, "usage"]);
    Ok(())
}

/// Reads one alternative of a chunk.
fn choice(choice: &Node<'_>, index: u32, progress: &mut Progress) -> Result<(), DecodeError> {
    progress.open(index);
    let mut known = false;
    for member in choice.members() {
        match member.name.as_ref() {
            "delta" | "message" => {
                known = true;
                delta(&member.node, index, progress)?;
            }
            "text" => {
                known = true;
                progress.text_node(block(index, WORDS)?, &member.node)?;
            }
            "finish_reason" | "stop_reason" => {}
            "logprobs" if !member.node.is_null() => progress.tokens(&member.node),
            _ => progress.leaves(&member.node),
        }
    }
    match reason(choice) {
        Some(reason) => {
            let last = block(index, PARTS - 1).or_else(|_| block(index, PARTS - 2))?;
            progress.close(index, block(index, WORDS)?..=last, reason);
        }
        // FAIL-CLOSED: words under a name that is not known would pass unseen.
        None if !known => return Err(DecodeError::UnknownChunk),
        None => {}
    }
    Ok(())
}

fn delta(delta: &Node<'_>, index: u32, progress: &mut Progress) -> Result<(), DecodeError> {
    if !delta.is_object() {
        return Err(DecodeError::UnknownChunk);
    }
    for member in delta.members() {
        match member.name.as_ref() {
            "role" => {}
            "content" => content(&member.node, index, progress)?,
            "reasoning_content" | "reasoning" => {
                progress.text_node(block(index, REASONING)?, &member.node)?;
            }
            "tool_calls" => {
                for (position, call) in (0_u32..).zip(member.node.elements()) {
                    tool_call(call, index, position, progress)?;
                }
                if !member.node.members().is_empty() || member.node.as_str().is_some() {
                    return Err(DecodeError::UnknownChunk);
                }
            }
            _ => progress.leaves(&member.node),
        }
    }
    Ok(())
}

/// Reads content: text, or (Mistral) a list of parts.
fn content(content: &Node<'_>, index: u32, progress: &mut Progress) -> Result<(), DecodeError> {
    let Value::Array(parts) = &content.value else {
        return progress.text_node(block(index, WORDS)?, content);
    };
    for part in parts {
        match part.get("text") {
            Some(text) => progress.text_node(block(index, WORDS)?, text)?,
            None => thinking(part.get("thinking").ok_or(DecodeError::UnknownChunk)?, index, progress)?,
        }
        progress.rest(part, &["type", "text", "thinking"]);
    }
    Ok(())
}

fn thinking(thinking: &Node<'_>, index: u32, progress: &mut Progress) -> Result<(), DecodeError> {
    let Value::Array(parts) = &thinking.value else {
        return progress.text_node(block(index, REASONING)?, thinking);
    };
    for part in parts {
        progress.text_node(block(index, REASONING)?, part.get("text").ok_or(DecodeError::UnknownChunk)?)?;
        progress.rest(part, &["type", "text"]);
    }
    Ok(())
}

fn tool_call(
    call: &Node<'_>,
    choice: u32,
    position: u32,
    progress: &mut Progress,
) -> Result<(), DecodeError> {
    let index = if call.get("index").is_some() { block_index(call, "index")? } else { position };
    let part = FIRST_CALL.checked_add(index).ok_or(DecodeError::UnknownChunk)?;
    if let Some(function) = call.get("function") {
        if let Some(fragment) = function.get("arguments") {
            match &fragment.value {
                Value::Object(_) => progress.free(fragment),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    progress.tool_input_node(block(choice, part)?, fragment)?;
                }
            }
        }
        progress.rest(function, &["arguments"]);
    }
    progress.rest(call, &["function", "type"]);
    Ok(())
}

/// Whether an alternative of a chunk holds nothing but more of its texts. What names its speaker or a call is said once and
/// is more than that.
fn is_only_words(choice: &Node<'_>) -> bool {
    let of_call = |member: &Member<'_>| match member.name.as_ref() {
        "index" => true,
        "function" => member.node.members().iter().all(|member| member.name == "arguments"),
        _ => member.node.is_null(),
    };
    let of_delta = |member: &Member<'_>| match member.name.as_ref() {
        "content" | "reasoning_content" | "reasoning" => true,
        "tool_calls" => member.node.elements().iter().all(|call| call.members().iter().all(of_call)),
        _ => member.node.is_null(),
    };
    choice.members().iter().all(|member| match member.name.as_ref() {
        "index" | "text" => true,
        "delta" | "message" => member.node.members().iter().all(of_delta),
        _ => member.node.is_null(),
    })
}

/// Parts of one alternative.
const WORDS: u32 = 0;
const REASONING: u32 = 1;
const FIRST_CALL: u32 = 2;
/// Most parts of one alternative.
const PARTS: u32 = 4096;

fn block(choice: u32, part: u32) -> Result<u32, DecodeError> {
    if part >= PARTS {
        return Err(DecodeError::UnknownChunk);
    }
    let first = choice.checked_mul(PARTS).ok_or(DecodeError::UnknownChunk)?;
    // INVARIANT: below the block that stands for no block, because `PARTS` divides 2^32 and its last part is never used.
    first.checked_add(part).filter(|block| *block != u32::MAX).ok_or(DecodeError::UnknownChunk)
}

fn reason<'n, 'a>(choice: &'n Node<'a>) -> Option<&'n Node<'a>> {
    ["finish_reason", "stop_reason"]
        .into_iter()
        .find_map(|name| choice.get(name).filter(|reason| reason.as_str().is_some()))
}

fn part(member: &str) -> Part {
    match member {
        "content" | "text" => Part::Words(TextRole::Assistant),
        "reasoning_content" | "reasoning" | "thinking" => Part::Words(TextRole::Reasoning),
        "arguments" => Part::Free(TextRole::ToolInput),
        "logprobs" => Part::Tokens,
        _ => Part::Words(TextRole::Other),
    }
}
