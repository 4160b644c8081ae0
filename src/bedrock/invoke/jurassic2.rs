//! AI21 Jurassic-2: `j2-mid`, `j2-ultra`, `j2-grande-instruct`, `j2-jumbo-instruct`.
//!
//! Receives `prompt` with penalties that are objects, answers hold `completions` and the prompt again, both also cut into
//! tokens. No token counts, no streaming. Shapes from recorded answers and public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct Jurassic2;

impl Dialect for Jurassic2 {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "prompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "maxTokens" => draft.setting(Parameter::MaxTokens, member)?,
                "temperature" => draft.setting(Parameter::Temperature, member)?,
                "topP" => draft.setting(Parameter::TopP, member)?,
                "stopSequences" => draft.setting(Parameter::Stop, member)?,
                "numResults" => draft.setting(Parameter::Choices, member)?,
                "presencePenalty" => draft.setting(Parameter::PresencePenalty, member)?,
                "countPenalty" => draft.setting(Parameter::CountPenalty, member)?,
                "frequencyPenalty" => draft.setting(Parameter::FrequencyPenalty, member)?,
                "minTokens" | "topKReturn" => draft::plain_number(member)?,
                "logitBias" => draft.setting(Parameter::LogitBias, member)?,
                _ => beyond(draft, member, "a Jurassic-2 body")?,
            }
        }
        draft::require(body.members(), "body", "prompt")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["maxTokens"]]);
        draft.insertable(Parameter::Temperature, body, &[&["temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["topP"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        let completions = body.get("completions").map(Node::elements).unwrap_or_default();
        Answer {
            texts: texts.0,
            usage: Usage::default(),
            stop_reason: completions
                .iter()
                .find_map(|completion| completion.at(&["finishReason", "reason"])?.as_str())
                .map(str::to_owned),
        }
    }
}

fn part(member: &str) -> Part {
    match member {
        "text" => Part::Words(TextRole::Assistant),
        "tokens" => Part::Tokens,
        _ => Part::Words(TextRole::Other),
    }
}
