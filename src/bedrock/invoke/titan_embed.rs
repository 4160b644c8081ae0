//! Amazon Titan Embeddings: text (`titan-embed-text-v1`, `-v2`, `titan-embed-g1-text`, `titan-e1t-medium`) and image
//! (`titan-embed-image-v1`).
//!
//! Receives `inputText`; the image models take `inputImage` beside it or alone. Answers hold vectors and nothing to read but an error message.
//! There is no token limit, no sampling and no streaming. Shapes from recorded answers and public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::usage::count;
use crate::bedrock::view::{Answer, TextRole, Usage};

pub(super) enum TitanEmbed {
    Text,
    Multimodal,
}

impl Dialect for TitanEmbed {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match (self, member.name.as_ref()) {
                (_, "inputText") => {
                    draft.string(member, TextRole::User)?;
                }
                (Self::Multimodal, "inputImage") => draft.picture(member)?,
                (Self::Text, "dimensions") => draft::plain_number(member)?,
                (Self::Text, "normalize") => draft::flag(member)?,
                (Self::Text, "embeddingTypes") => draft.strings(member, TextRole::Other)?,
                (Self::Multimodal, "embeddingConfig") => {
                    for setting in draft::object(member)? {
                        if setting.name != "outputEmbeddingLength" {
                            return Err(DecodeError::unknown(setting, "`embeddingConfig`"));
                        }
                        draft::plain_number(setting)?;
                    }
                }
                _ => beyond(draft, member, "a Titan Embeddings body")?,
            }
        }
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        let usage = Usage { input: count(body, "inputTextTokenCount"), ..Usage::default() };
        Answer { texts: texts.0, usage, stop_reason: None }
    }
}
