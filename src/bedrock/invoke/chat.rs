//! Chat completions in OpenAI's form, as many providers take them: DeepSeek, Qwen, gpt-oss, Palmyra, Kimi, MiniMax,
//! Nemotron, Gemma, GLM, Grok, and with differences of their own Jamba and the newer Mistral models.
//!
//! Receives `messages` (see [`super::chat_messages`]) beside parameters under one name each, but for the token limit, which
//! has two. Answers and chunks hold `choices`. Shapes from public SDKs and providers' documentation.

use super::{Dialect, beyond, chat_choices as choices, chat_messages as messages, chat_tools as tools};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::Progress;
use crate::bedrock::view::{Answer, Parameter, TextRole};

/// Whose members a body may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chat {
    OpenAi,
    /// OpenAI's own models, which refuse `max_tokens`.
    Gpt,
    Jamba,
    Mistral,
}

impl Dialect for Chat {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            self.top_level(draft, member)?;
        }
        draft::require(body.members(), "body", "messages")?;
        let limits: &[&[&str]] = match self {
            Self::OpenAi => &[&["max_tokens"], &["max_completion_tokens"]],
            Self::Gpt => &[&["max_completion_tokens"], &["max_tokens"]],
            Self::Jamba | Self::Mistral => &[&["max_tokens"]],
        };
        draft.insertable(Parameter::MaxTokens, body, limits);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
        if *self == Self::Mistral {
            draft.insertable(Parameter::TopK, body, &[&["top_k"]]);
        }
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        choices::answer(body, "choices")
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        choices::chunk(chunk, "choices", progress)
    }

    fn says_done(&self) -> bool {
        matches!(self, Self::OpenAi | Self::Gpt)
    }
}

impl Chat {
    /// Reads one member of a body.
    pub(crate) fn top_level<'a>(
        self,
        draft: &mut Draft<'a>,
        member: &'a Member<'a>,
    ) -> Result<(), DecodeError> {
        match self.parameter(&member.name) {
            Some(parameter) => draft.setting(parameter, member),
            None => self.member(draft, member),
        }
    }

    fn parameter(self, name: &str) -> Option<Parameter> {
        let parameter = match (self, name) {
            (_, "max_tokens") | (Self::OpenAi | Self::Gpt, "max_completion_tokens") => Parameter::MaxTokens,
            (_, "temperature") => Parameter::Temperature,
            (_, "top_p") => Parameter::TopP,
            (Self::OpenAi | Self::Gpt | Self::Mistral, "top_k") => Parameter::TopK,
            (Self::OpenAi | Self::Gpt, "min_p") => Parameter::MinP,
            (_, "stop") => Parameter::Stop,
            (_, "n") => Parameter::Choices,
            (_, "presence_penalty") => Parameter::PresencePenalty,
            (_, "frequency_penalty") => Parameter::FrequencyPenalty,
            (_, "seed") | (Self::Mistral, "random_seed") => Parameter::Seed,
            (Self::OpenAi | Self::Gpt, "logit_bias") => Parameter::LogitBias,
            (Self::OpenAi, "thinking_budget") => Parameter::ThinkingTokens,
            _ => return None,
        };
        Some(parameter)
    }

    fn member<'a>(self, draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
        match (self, member.name.as_ref()) {
            (_, "messages") => messages::list(draft, member),
            (_, "tools") => tools::list(draft, member),
            (_, "tool_choice") => tools::choice(draft, member),
            (_, "parallel_tool_calls")
            | (Self::Mistral, "safe_prompt")
            | (Self::OpenAi | Self::Gpt, "logprobs" | "enable_thinking") => draft::flag(member),
            (_, "response_format") => response_format(draft, member),
            (_, "stream") => {
                draft::flag(member)?;
                draft.setting(Parameter::Stream, member)
            }
            (Self::Jamba, "documents") => documents(draft, member),
            (Self::Mistral, "prompt_mode") if member.node.is_null() => Ok(()),
            (Self::Mistral, "prompt_mode") => draft.string(member, TextRole::Other).map(drop),
            (Self::OpenAi | Self::Gpt, "stream_options") => flags(member, &["include_usage"]),
            (Self::OpenAi | Self::Gpt, "reasoning_effort" | "verbosity" | "user") => {
                draft.string(member, TextRole::Other).map(drop)
            }
            (Self::OpenAi | Self::Gpt, "top_logprobs" | "min_tokens" | "repetition_penalty") => {
                draft::plain_number(member)
            }
            (Self::OpenAi | Self::Gpt, "model") => {
                draft.model = Some(draft.string(member, TextRole::Other)?);
                Ok(())
            }
            (Self::OpenAi, "thinking") => thinking(draft, member),
            (Self::OpenAi, "chat_template_kwargs") => template_arguments(draft, member),
            _ => beyond(draft, member, "a chat body"),
        }
    }
}

fn response_format<'a>(draft: &mut Draft<'a>, format: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(format)? {
        match member.name.as_ref() {
            "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "json_schema" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
            }
            _ => return Err(DecodeError::unknown(member, "`response_format`")),
        }
    }
    Ok(())
}

/// Reads AI21's `documents`: words with metadata of the caller's choice.
fn documents<'a>(draft: &mut Draft<'a>, documents: &'a Member<'a>) -> Result<(), DecodeError> {
    for document in draft::array(documents)? {
        for member in draft::element(document)? {
            match member.name.as_ref() {
                "content" | "id" => {
                    draft.string(member, TextRole::Document)?;
                }
                "metadata" => draft.free(member, TextRole::Document),
                _ => return Err(DecodeError::unknown(member, "a document")),
            }
        }
    }
    Ok(())
}

fn thinking<'a>(draft: &mut Draft<'a>, thinking: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(thinking)? {
        match member.name.as_ref() {
            "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "budget_tokens" => draft.setting(Parameter::ThinkingTokens, member)?,
            _ => return Err(DecodeError::unknown(member, "`thinking`")),
        }
    }
    Ok(())
}

fn template_arguments<'a>(draft: &mut Draft<'a>, arguments: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(arguments)? {
        match member.name.as_ref() {
            "enable_thinking" | "thinking" => draft::flag(member)?,
            "thinking_budget" => draft.setting(Parameter::ThinkingTokens, member)?,
            "reasoning_effort" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`chat_template_kwargs`")),
        }
    }
    Ok(())
}

fn flags(object: &Member<'_>, names: &[&str]) -> Result<(), DecodeError> {
    for member in draft::object(object)? {
        if !names.contains(&member.name.as_ref()) {
            return Err(DecodeError::unknown(member, "this object"));
        }
        draft::flag(member)?;
    }
    Ok(())
}
