//! Bodies that have a prompt completed: Mistral's older models, DeepSeek-R1 and what is imported in their form.
//!
//! Receives the body and what to call it in an error. Unknown members are refused.

use super::beyond;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::Node;
use crate::bedrock::view::{Parameter, TextRole};

pub(super) fn decode<'a>(
    body: &'a Node<'a>,
    what: &'static str,
    draft: &mut Draft<'a>,
) -> Result<(), DecodeError> {
    draft.turn();
    for member in body.members() {
        match member.name.as_ref() {
            "prompt" => {
                draft.string(member, TextRole::User)?;
            }
            "max_tokens" => draft.setting(Parameter::MaxTokens, member)?,
            "temperature" => draft.setting(Parameter::Temperature, member)?,
            "top_p" => draft.setting(Parameter::TopP, member)?,
            "top_k" => draft.setting(Parameter::TopK, member)?,
            "stop" => draft.setting(Parameter::Stop, member)?,
            _ => beyond(draft, member, what)?,
        }
    }
    draft::require(body.members(), "body", "prompt")?;
    draft.insertable(Parameter::MaxTokens, body, &[&["max_tokens"]]);
    draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
    draft.insertable(Parameter::TopP, body, &[&["top_p"]]);
    Ok(())
}
