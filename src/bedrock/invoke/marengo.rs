//! TwelveLabs Marengo, which embeds text, pictures, sound and video.
//!
//! Receives text or media: beside each other in 2.7, nested by kind since 3.0. The same body is the `modelInput` of
//! StartAsyncInvoke. Answers hold vectors. No sampling, no streaming. Shapes from public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Modality, OpaqueKind, TextRole, Usage};

pub(super) struct Marengo;

impl Dialect for Marengo {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        let modality = modality(body.get("inputType").and_then(Node::as_str));
        for member in body.members() {
            match member.name.as_ref() {
                "inputType" => {
                    draft.string(member, TextRole::Other)?;
                }
                "text" | "image" | "audio" | "video" | "text_image" | "multi_input" => {
                    let modality = self::modality(Some(&member.name));
                    for inner in draft::object(member)? {
                        input(draft, inner, modality)?;
                    }
                }
                _ => input(draft, member, modality)?,
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

/// What a media source of this kind of input holds.
fn modality(kind: Option<&str>) -> Modality {
    match kind {
        Some("image" | "text_image" | "multi_input") => Modality::Image,
        Some("audio") => Modality::Audio,
        _ => Modality::Video,
    }
}

fn input<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>, modality: Modality) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "inputText" => draft.string(member, TextRole::User).map(drop),
        "mediaSource" => source(draft, member, modality),
        "mediaSources" => {
            for node in draft::array(member)? {
                named_source(draft, node)?;
            }
            Ok(())
        }
        "textTruncate" => draft.string(member, TextRole::Other).map(drop),
        "embeddingOption" | "embeddingType" | "embeddingScope" => draft.strings(member, TextRole::Other),
        "startSec" | "lengthSec" | "endSec" | "useFixedLengthSec" | "minClipSec" => {
            draft::plain_number(member)
        }
        "segmentation" => {
            draft::object(member)?;
            draft.free(member, TextRole::Other);
            draft.hidden_limit(member)
        }
        _ => beyond(draft, member, "a Marengo body"),
    }
}

/// Reads one of several sources, which has a name that the text refers to.
fn named_source<'a>(draft: &mut Draft<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    let modality = match node.get("mediaType").and_then(Node::as_str) {
        Some("audio") => Modality::Audio,
        Some("video") => Modality::Video,
        Some(_) | None => Modality::Image,
    };
    for member in draft::element(node)? {
        match member.name.as_ref() {
            "name" | "mediaType" => {
                draft.string(member, TextRole::Other)?;
            }
            "mediaSource" => source(draft, member, modality)?,
            _ => return Err(DecodeError::unknown(member, "a media source")),
        }
    }
    Ok(())
}

/// Reads a `mediaSource`: base64, or a place in S3. Pegasus has the same.
pub(super) fn source<'a>(
    draft: &mut Draft<'a>,
    source: &'a Member<'a>,
    modality: Modality,
) -> Result<(), DecodeError> {
    draft.attach(modality);
    for member in draft::object(source)? {
        match member.name.as_ref() {
            "base64String" => draft.bytes(member, modality, "")?,
            "s3Location" => {
                draft.opaque(OpaqueKind::S3Reference, &member.node);
                for inner in draft::object(member)? {
                    match inner.name.as_ref() {
                        "uri" | "bucketOwner" => {
                            draft.string(inner, TextRole::Other)?;
                        }
                        _ => return Err(DecodeError::unknown(inner, "`s3Location`")),
                    }
                }
            }
            _ => return Err(DecodeError::unknown(member, "`mediaSource`")),
        }
    }
    Ok(())
}
