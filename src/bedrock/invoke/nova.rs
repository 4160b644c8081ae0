//! Amazon Nova understanding models: `nova-micro`, `-lite`, `-pro`, `-premier` and their second generation.
//!
//! Receives the `messages-v1` schema: Converse's messages and tools with a configuration of its own, in two spellings.
//! Answers and chunks are Converse's too, each event wrapped in a member of its name. Image, video and speech models of
//! the Nova name have other bodies and no reader. Shapes from public SDKs and recorded answers.

use super::{Dialect, beyond};
use crate::bedrock::converse::content::{self, Blocks};
use crate::bedrock::converse::{self, tools};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::stream::{INVOCATION_METRICS, Progress};
use crate::bedrock::view::{Answer, Parameter, TextRole};

pub(super) struct Nova;

/// Where each parameter can stand; a missing one goes to the first place.
const PLACES: &[(Parameter, &[&[&str]])] = &[
    (Parameter::MaxTokens, &[&["inferenceConfig", "maxTokens"], &["inferenceConfig", "max_new_tokens"]]),
    (Parameter::Temperature, &[&["inferenceConfig", "temperature"]]),
    (Parameter::TopP, &[&["inferenceConfig", "topP"], &["inferenceConfig", "top_p"]]),
    (Parameter::TopK, &[&["inferenceConfig", "topK"], &["inferenceConfig", "top_k"]]),
];

impl Dialect for Nova {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        for member in body.members() {
            match member.name.as_ref() {
                "messages" => content::messages(draft, member, Blocks::Nova)?,
                "system" => content::system(draft, member, Blocks::Nova)?,
                "inferenceConfig" => inference_config(draft, member)?,
                "toolConfig" => tools::config(draft, member)?,
                "reasoningConfig" => reasoning_config(draft, member)?,
                "schemaVersion" => {
                    draft.string(member, TextRole::Other)?;
                }
                _ => beyond(draft, member, "a Nova body")?,
            }
        }
        draft::require(body.members(), "body", "messages")?;
        for (parameter, paths) in PLACES {
            draft.insertable(*parameter, body, paths);
        }
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        converse::answer(body)
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        for member in chunk.members() {
            match member.name.as_ref() {
                "messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop"
                | "messageStop" | "metadata" => converse::event(&member.name, &member.node, progress)?,
                INVOCATION_METRICS => {}
                "amazon-bedrock-guardrailAction" | "amazon-bedrock-trace" => progress.leaves(&member.node),
                _ => return Err(DecodeError::UnknownChunk),
            }
        }
        progress.frame.only_words &= chunk.members().len() == 1;
        if chunk.members().is_empty() { Err(DecodeError::UnknownChunk) } else { Ok(()) }
    }
}

fn inference_config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "maxTokens" | "max_new_tokens" => draft.setting(Parameter::MaxTokens, member)?,
            "temperature" => draft.setting(Parameter::Temperature, member)?,
            "topP" | "top_p" => draft.setting(Parameter::TopP, member)?,
            "topK" | "top_k" => draft.setting(Parameter::TopK, member)?,
            "stopSequences" => draft.setting(Parameter::Stop, member)?,
            "reasoningConfig" => reasoning_config(draft, member)?,
            _ => return Err(DecodeError::unknown(member, "`inferenceConfig`")),
        }
    }
    Ok(())
}

fn reasoning_config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "type" | "maxReasoningEffort" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`reasoningConfig`")),
        }
    }
    Ok(())
}
