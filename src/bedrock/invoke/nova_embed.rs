//! Nova multimodal embeddings.
//!
//! Receives one piece of text, picture, sound or video, whole or to be cut into segments; answers hold vectors. No
//! sampling, no streaming. Shapes captured from public clients.

use super::{Dialect, beyond};
use crate::bedrock::converse::content;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::usage::{self, count};
use crate::bedrock::view::{Answer, Modality, TextRole, Usage};

pub(super) struct NovaEmbed;

impl Dialect for NovaEmbed {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "schemaVersion" | "taskType" => {
                    draft.string(member, TextRole::Other)?;
                }
                "singleEmbeddingParams" | "segmentedEmbeddingParams" => task(draft, member)?,
                _ => beyond(draft, member, "a Nova embeddings body")?,
            }
        }
        draft::require(body.members(), "body", "taskType")
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        let counted = Usage { input: count(body, "inputTextTokenCount"), ..Usage::default() };
        let usage = body.get("usage").map_or(counted, usage::of_converse);
        Answer { texts: texts.0, usage, stop_reason: None }
    }
}

fn task<'a>(draft: &mut Draft<'a>, task: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(task)? {
        match member.name.as_ref() {
            "embeddingPurpose" => {
                draft.string(member, TextRole::Other)?;
            }
            "embeddingDimension" => draft::plain_number(member)?,
            "text" => text(draft, member)?,
            "image" => media(draft, member, Modality::Image)?,
            "audio" => media(draft, member, Modality::Audio)?,
            "video" => media(draft, member, Modality::Video)?,
            _ => return Err(DecodeError::unknown(member, "an embedding task")),
        }
    }
    Ok(())
}

fn text<'a>(draft: &mut Draft<'a>, text: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(text)? {
        match member.name.as_ref() {
            "value" => {
                draft.string(member, TextRole::User)?;
            }
            "truncationMode" => {
                draft.string(member, TextRole::Other)?;
            }
            "source" => {
                draft.attach(Modality::Document);
                content::source(draft, member, Modality::Document, "txt")?;
            }
            "segmentationConfig" => numbers(member)?,
            _ => return Err(DecodeError::unknown(member, "`text`")),
        }
    }
    Ok(())
}

fn media<'a>(draft: &mut Draft<'a>, media: &'a Member<'a>, modality: Modality) -> Result<(), DecodeError> {
    draft.attach(modality);
    for member in draft::object(media)? {
        match member.name.as_ref() {
            "format" | "detailLevel" | "embeddingMode" => {
                draft.string(member, TextRole::Other)?;
            }
            "source" => content::source(draft, member, modality, "")?,
            "segmentationConfig" => numbers(member)?,
            _ => return Err(DecodeError::unknown(member, "an attachment")),
        }
    }
    Ok(())
}

fn numbers(config: &Member<'_>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "maxLengthChars" | "durationSeconds" => draft::plain_number(member)?,
            _ => return Err(DecodeError::unknown(member, "`segmentationConfig`")),
        }
    }
    Ok(())
}
