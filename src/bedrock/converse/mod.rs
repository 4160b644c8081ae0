//! Converse and ConverseStream: one body for all models.
//!
//! Receives a parsed request, an answer or a stream event, returns what policies and filters speak about. Members are
//! those of the botocore model; any other is refused, because Bedrock gains members faster than policies do.
//! Content blocks and tools are shared with Nova's native body, which is built from the same parts.

pub(crate) mod additional;
mod answer;
pub(crate) mod content;
mod stream;
pub(crate) mod tools;

use super::format::draft::{self, Draft};
use super::format::error::DecodeError;
use super::json::{Member, Node};
use super::view::{BodyGuardrail, Leak, Parameter, TextRole};
use content::Blocks;

pub(crate) use answer::{answer, routed_to};
pub(crate) use stream::event;

/// Limits of the botocore model.
const MOST_FIELD_PATHS: usize = 10;
const LONGEST_FIELD_PATH: usize = 256;

/// Reads a request body.
pub(crate) fn decode<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    for member in body.members() {
        match member.name.as_ref() {
            "messages" => content::messages(draft, member, Blocks::Converse)?,
            "system" => content::system(draft, member, Blocks::Converse)?,
            "inferenceConfig" => inference_config(draft, member)?,
            "toolConfig" => tools::config(draft, member)?,
            "guardrailConfig" => draft.guardrail = Some(guardrail(draft, member)?),
            "additionalModelRequestFields" => additional::fields(draft, member)?,
            "promptVariables" => prompt_variables(draft, member)?,
            "additionalModelResponseFieldPaths" => field_paths(draft, member)?,
            "requestMetadata" => {
                draft::object(member)?;
                draft.free(member, TextRole::Other);
            }
            "outputConfig" => output_config(draft, member)?,
            "performanceConfig" => only(draft, member, "latency", "standard")?,
            "serviceTier" => only(draft, member, "type", "default")?,
            _ => return Err(DecodeError::unknown(member, "a Converse body")),
        }
    }
    draft.insertable(Parameter::MaxTokens, body, &[&["inferenceConfig", "maxTokens"]]);
    draft.insertable(Parameter::Temperature, body, &[&["inferenceConfig", "temperature"]]);
    draft.insertable(Parameter::TopP, body, &[&["inferenceConfig", "topP"]]);
    if draft.guardrail.is_none() {
        draft.guardrail_insertion = Some(draft::insertion(None, body, &["guardrailConfig"]));
    }
    Ok(())
}

fn inference_config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "maxTokens" => draft.setting(Parameter::MaxTokens, member)?,
            "temperature" => draft.setting(Parameter::Temperature, member)?,
            "topP" => draft.setting(Parameter::TopP, member)?,
            "stopSequences" => draft.setting(Parameter::Stop, member)?,
            _ => return Err(DecodeError::unknown(member, "`inferenceConfig`")),
        }
    }
    Ok(())
}

fn guardrail<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<BodyGuardrail, DecodeError> {
    let span = config.node.span;
    let mut guardrail = BodyGuardrail { identifier: None, version: None, span };
    for member in draft::object(config)? {
        let text = draft.string(member, TextRole::Other)?;
        match member.name.as_ref() {
            "guardrailIdentifier" => guardrail.identifier = Some(text.to_owned()),
            "guardrailVersion" => guardrail.version = Some(text.to_owned()),
            // FAIL-CLOSED: only the one harmless word of each is known to be harmless.
            "trace" if text == "disabled" => {}
            "streamProcessingMode" if text == "sync" => {}
            "trace" => drop(draft.leaks.insert(Leak::Trace)),
            "streamProcessingMode" => drop(draft.leaks.insert(Leak::Unchecked)),
            _ => return Err(DecodeError::unknown(member, "`guardrailConfig`")),
        }
    }
    Ok(guardrail)
}

fn prompt_variables<'a>(draft: &mut Draft<'a>, variables: &'a Member<'a>) -> Result<(), DecodeError> {
    for variable in draft::object(variables)? {
        for member in draft::object(variable)? {
            if member.name != "text" {
                return Err(DecodeError::unknown(member, "a prompt variable"));
            }
            draft::string(member)?;
        }
    }
    draft.free(variables, TextRole::User);
    Ok(())
}

fn field_paths<'a>(draft: &mut Draft<'a>, paths: &'a Member<'a>) -> Result<(), DecodeError> {
    let list = draft::array(paths)?;
    let too_long = |path: &Node<'_>| path.as_str().is_some_and(|path| path.len() > LONGEST_FIELD_PATH);
    if list.len() > MOST_FIELD_PATHS || list.iter().any(too_long) {
        return Err(DecodeError::wrong_type(paths, "at most 10 paths of at most 256 characters"));
    }
    draft.strings(paths, TextRole::Other)
}

fn output_config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "`outputConfig`";
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "effort" => {
                draft.string(member, TextRole::Other)?;
            }
            "textFormat" => {
                draft::object(member)?;
                draft.free(member, TextRole::ToolDefinition);
                draft.hidden_limit(member)?;
            }
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    Ok(())
}

// FAIL-CLOSED: tier and latency decide what a call costs, so nothing but the default is forwarded. On InvokeModel they
// are headers, of which the same holds.
fn only<'a>(
    draft: &mut Draft<'a>,
    config: &'a Member<'a>,
    name: &'static str,
    default: &'static str,
) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        if member.name != name || draft.string(member, TextRole::Other)? != default {
            return Err(DecodeError::refused(config, "only its default is"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
