//! Cohere Command R and R+.
//!
//! Receives `message` with the history beside it, documents and tool results as JSON of the caller's choice. The last
//! event of a stream repeats the whole answer. `connectors`, which would search elsewhere, are no known member. Shapes
//! from the providers' documentation.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::{INVOCATION_METRICS, Progress, block_index};
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct CohereCommandR;

impl Dialect for CohereCommandR {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match parameter(&member.name) {
                Some(parameter) => draft.setting(parameter, member)?,
                None => other(draft, member)?,
            }
        }
        draft::require(body.members(), "body", "message")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["p"]]);
        draft.insertable(Parameter::TopK, body, &[&["k"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        let stop_reason = body.get("finish_reason").and_then(Node::as_str).map(str::to_owned);
        Answer { texts: texts.0, usage: Usage::default(), stop_reason }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        match chunk.get("event_type").and_then(Node::as_str) {
            Some("text-generation") => {
                progress.text_to_be_repeated(WORDS, chunk.get("text").ok_or(DecodeError::UnknownChunk)?)?;
                progress.rest(chunk, &["event_type", "text"]);
                progress.only_words();
            }
            Some("tool-calls-chunk") => tool_calls_chunk(chunk, progress)?,
            Some("tool-calls-generation" | "citation-generation" | "search-queries-generation") => {
                for member in chunk.members().iter().filter(|member| member.name != INVOCATION_METRICS) {
                    progress.free(&member.node);
                }
            }
            Some("stream-start" | "search-results") => progress.rest(chunk, &["event_type"]),
            Some("stream-end") => {
                if let Some(response) = chunk.get("response") {
                    whole(response, progress);
                }
                progress.end(chunk.get("finish_reason"));
                progress.rest(chunk, &["event_type", "finish_reason", "response"]);
            }
            // Without pieces the answer comes whole.
            None if chunk.get("text").is_some() => {
                whole(chunk, progress);
                progress.end(chunk.get("finish_reason"));
            }
            None if chunk.get(INVOCATION_METRICS).is_some() => progress.rest(chunk, &[]),
            Some(_) | None => return Err(DecodeError::UnknownChunk),
        }
        Ok(())
    }
}

const WORDS: u32 = 0;
const FIRST_CALL: u32 = 1;

fn parameter(name: &str) -> Option<Parameter> {
    match name {
        "max_tokens" => Some(Parameter::MaxTokens),
        "temperature" => Some(Parameter::Temperature),
        "p" => Some(Parameter::TopP),
        "k" => Some(Parameter::TopK),
        "stop_sequences" => Some(Parameter::Stop),
        "presence_penalty" => Some(Parameter::PresencePenalty),
        "frequency_penalty" => Some(Parameter::FrequencyPenalty),
        "seed" => Some(Parameter::Seed),
        _ => None,
    }
}

fn other<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "message" => draft.string(member, TextRole::User).map(drop),
        "preamble" => {
            draft.system = true;
            draft.string(member, TextRole::System).map(drop)
        }
        "chat_history" => history(draft, member),
        "documents" => objects(draft, member, TextRole::Document),
        "tools" => tools(draft, member),
        "tool_results" => tool_results(draft, member),
        "response_format" => {
            draft::object(member)?;
            draft.free(member, TextRole::ToolDefinition);
            draft.hidden_limit(member)
        }
        "prompt_truncation" | "citation_quality" | "safety_mode" => {
            draft.string(member, TextRole::Other).map(drop)
        }
        "raw_prompting" | "return_prompt" | "search_queries_only" | "force_single_step" => {
            draft::flag(member)
        }
        "max_input_tokens" => draft::plain_number(member),
        "stream" => {
            draft::flag(member)?;
            draft.setting(Parameter::Stream, member)
        }
        _ => beyond(draft, member, "a Cohere Command R body"),
    }
}

fn history<'a>(draft: &mut Draft<'a>, history: &'a Member<'a>) -> Result<(), DecodeError> {
    for turn in draft::array(history)? {
        draft::require(draft::element(turn)?, "a turn", "role")?;
        let role = match turn.get("role").and_then(Node::as_str) {
            Some("USER" | "User" | "user") => TextRole::User,
            Some("CHATBOT" | "Chatbot" | "chatbot") => TextRole::Assistant,
            Some("TOOL" | "Tool" | "tool") => TextRole::ToolResult,
            Some("SYSTEM" | "System" | "system") => {
                draft.system = true;
                TextRole::System
            }
            Some(_) | None => return Err(DecodeError::Role(turn.span.start)),
        };
        draft.turn();
        for member in turn.members() {
            match member.name.as_ref() {
                "role" => {}
                "message" => {
                    draft.string(member, role)?;
                }
                "tool_calls" => tool_calls(draft, member)?,
                "tool_results" => tool_results(draft, member)?,
                _ => return Err(DecodeError::unknown(member, "a turn")),
            }
        }
    }
    Ok(())
}

/// Reads a list of objects whose members the caller chooses.
fn objects<'a>(draft: &mut Draft<'a>, list: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
    for node in draft::array(list)? {
        draft::element(node)?;
    }
    draft.free(list, role);
    Ok(())
}

fn tools<'a>(draft: &mut Draft<'a>, tools: &'a Member<'a>) -> Result<(), DecodeError> {
    for tool in draft::array(tools)? {
        // FAIL-CLOSED: a tool without a name would pass rules that name tools.
        draft::require(draft::element(tool)?, "a tool", "name")?;
        for member in tool.members() {
            match member.name.as_ref() {
                "name" => draft.tool(member)?,
                "description" => {
                    draft.string(member, TextRole::ToolDefinition)?;
                }
                "parameter_definitions" => draft.free(member, TextRole::ToolDefinition),
                _ => return Err(DecodeError::unknown(member, "a tool")),
            }
        }
    }
    Ok(())
}

fn tool_results<'a>(draft: &mut Draft<'a>, results: &'a Member<'a>) -> Result<(), DecodeError> {
    for result in draft::array(results)? {
        for member in draft::element(result)? {
            match member.name.as_ref() {
                "call" => tool_call(draft, &member.node)?,
                "outputs" => objects(draft, member, TextRole::ToolResult)?,
                _ => return Err(DecodeError::unknown(member, "a tool result")),
            }
        }
    }
    Ok(())
}

fn tool_calls<'a>(draft: &mut Draft<'a>, calls: &'a Member<'a>) -> Result<(), DecodeError> {
    draft::array(calls)?.iter().try_for_each(|call| tool_call(draft, call))
}

fn tool_call<'a>(draft: &mut Draft<'a>, call: &'a Node<'a>) -> Result<(), DecodeError> {
    for member in draft::element(call)? {
        match member.name.as_ref() {
            "name" => draft.tool(member)?,
            "parameters" => draft.free(member, TextRole::ToolInput),
            "generation_id" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "a tool call")),
        }
    }
    Ok(())
}

fn tool_calls_chunk(chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    if let Some(text) = chunk.get("text") {
        progress.text_to_be_repeated(WORDS, text)?;
    }
    if let Some(delta) = chunk.get("tool_call_delta") {
        let index = if delta.get("index").is_some() { block_index(delta, "index")? } else { 0 };
        let block = index.checked_add(FIRST_CALL).filter(|block| *block != u32::MAX);
        let block = block.ok_or(DecodeError::UnknownChunk)?;
        if let Some(fragment) = delta.get("parameters") {
            progress.tool_input_node(block, fragment)?;
        }
        progress.rest(delta, &["parameters"]);
    }
    progress.rest(chunk, &["event_type", "text", "tool_call_delta"]);
    progress.only_words();
    Ok(())
}

/// Reads the whole answer out of a chunk.
fn whole(answer: &Node<'_>, progress: &mut Progress) {
    for member in answer.members() {
        match (member.name.as_ref(), member.node.as_str()) {
            ("text", Some(_)) => progress.repeated(WORDS, &member.node),
            ("finish_reason" | INVOCATION_METRICS, _) => {}
            ("tool_calls", _) => progress.free(&member.node),
            _ => progress.unrepeated(&member.node),
        }
    }
}

fn part(member: &str) -> Part {
    match member {
        "text" => Part::Words(TextRole::Assistant),
        "parameters" => Part::Free(TextRole::ToolInput),
        _ => Part::Words(TextRole::Other),
    }
}
