//! Amazon Titan Text: `titan-text-lite`, `-express`, `-premier` and `titan-tg1-large`.
//!
//! Receives `inputText` with `textGenerationConfig`, answers hold `results`, chunks hold `outputText`.
//! Shapes from recorded answers and public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::stream::{INVOCATION_METRICS, Progress};
use crate::bedrock::usage::count;
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct TitanText;

impl Dialect for TitanText {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "inputText" => {
                    draft.string(member, TextRole::User)?;
                }
                "textGenerationConfig" => {
                    for setting in draft::object(member)? {
                        let parameter = match setting.name.as_ref() {
                            "maxTokenCount" => Parameter::MaxTokens,
                            "temperature" => Parameter::Temperature,
                            "topP" => Parameter::TopP,
                            "stopSequences" => Parameter::Stop,
                            _ => return Err(DecodeError::unknown(setting, "`textGenerationConfig`")),
                        };
                        draft.setting(parameter, setting)?;
                    }
                }
                _ => beyond(draft, member, "a Titan Text body")?,
            }
        }
        draft::require(body.members(), "body", "inputText")?;
        draft.insertable(Parameter::MaxTokens, body, &[&["textGenerationConfig", "maxTokenCount"]]);
        draft.insertable(Parameter::Temperature, body, &[&["textGenerationConfig", "temperature"]]);
        draft.insertable(Parameter::TopP, body, &[&["textGenerationConfig", "topP"]]);
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, part);
        let results = body.get("results").map(Node::elements).unwrap_or_default();
        let output =
            results.iter().try_fold(0_u64, |sum, result| sum.checked_add(count(result, "tokenCount")?));
        Answer {
            texts: texts.0,
            usage: Usage {
                input: count(body, "inputTextTokenCount"),
                output: output.filter(|_| !results.is_empty()),
                ..Usage::default()
            },
            stop_reason: results
                .iter()
                .find_map(|result| result.get("completionReason")?.as_str())
                .map(str::to_owned),
        }
    }

    fn chunk(&self, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
        // `index` counts chunks in some answers and results in others, so it does not tell texts apart.
        match chunk.get("outputText") {
            Some(text) => progress.text_node(0, text)?,
            None if chunk.get(INVOCATION_METRICS).is_some() => {}
            None => return Err(DecodeError::UnknownChunk),
        }
        progress.usage.update(Usage {
            input: count(chunk, "inputTextTokenCount"),
            output: count(chunk, "totalOutputTextTokenCount"),
            ..Usage::default()
        });
        if let Some(reason) = chunk.get("completionReason").filter(|reason| !reason.is_null()) {
            progress.end(Some(reason));
        }
        progress.rest(chunk, &["outputText", "completionReason"]);
        let counts = ["inputTextTokenCount", "totalOutputTextTokenCount"];
        if !counts.iter().any(|name| count(chunk, name).is_some()) {
            progress.only_words();
        }
        Ok(())
    }
}

fn part(member: &str) -> Part {
    Part::Words(if member == "outputText" { TextRole::Assistant } else { TextRole::Other })
}
