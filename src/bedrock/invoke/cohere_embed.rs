//! Cohere Embed: `embed-english-v3`, `embed-multilingual-v3`, `embed-v4`.
//!
//! Receives `texts`, `images` (data URIs) or, since v4, mixed `inputs`; answers hold vectors and repeat the texts.
//! No sampling, no streaming. Shapes from recorded answers and public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Modality, OpaqueKind, Parameter, TextRole, Usage};

pub(super) struct CohereEmbed;

impl Dialect for CohereEmbed {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "texts" => draft.strings(member, TextRole::User)?,
                "images" => {
                    for node in draft::array(member)? {
                        image(draft, node, member);
                    }
                }
                "inputs" => inputs(draft, member)?,
                "input_type" | "truncate" => {
                    draft.string(member, TextRole::Other)?;
                }
                "embedding_types" => draft.strings(member, TextRole::Other)?,
                "output_dimension" => draft::plain_number(member)?,
                "max_tokens" => draft.setting(Parameter::MaxTokens, member)?,
                _ => beyond(draft, member, "a Cohere Embed body")?,
            }
        }
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        Answer { texts: texts.0, usage: Usage::default(), stop_reason: None }
    }
}

fn inputs<'a>(draft: &mut Draft<'a>, inputs: &'a Member<'a>) -> Result<(), DecodeError> {
    for input in draft::array(inputs)? {
        for member in draft::element(input)? {
            if member.name != "content" {
                return Err(DecodeError::unknown(member, "an input"));
            }
            for part in draft::array(member)? {
                input_part(draft, part)?;
            }
        }
    }
    Ok(())
}

fn input_part<'a>(draft: &mut Draft<'a>, part: &'a Node<'a>) -> Result<(), DecodeError> {
    for member in draft::element(part)? {
        match member.name.as_ref() {
            "type" => {
                draft.string(member, TextRole::Other)?;
            }
            "text" => {
                draft.string(member, TextRole::User)?;
            }
            "image_url" => {
                for inner in draft::object(member)? {
                    match inner.name.as_ref() {
                        "url" => image(draft, &inner.node, inner),
                        "detail" => {
                            draft.string(inner, TextRole::Other)?;
                        }
                        _ => return Err(DecodeError::unknown(inner, "`image_url`")),
                    }
                }
            }
            _ => return Err(DecodeError::unknown(member, "an input")),
        }
    }
    Ok(())
}

/// Counts an image. What is not a data URI is words.
fn image<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>, member: &'a Member<'a>) {
    draft.attach(Modality::Image);
    draft.opaque(OpaqueKind::Image, node);
    if !node.as_str().is_some_and(payload::is_data_uri) {
        draft.texts.free(node, TextRole::Other, Some(&member.name));
    }
}
