//! Luma Ray, which makes video and answers asynchronously only.
//!
//! Receives the `modelInput` of StartAsyncInvoke: a prompt, and perhaps the first and the last picture. The video goes to
//! S3 and never passes here. Shapes from the provider's documentation.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Modality, TextRole, Usage};

pub(super) struct LumaRay;

impl Dialect for LumaRay {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "prompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "aspect_ratio" | "duration" | "resolution" => {
                    draft.string(member, TextRole::Other)?;
                }
                "loop" => draft::flag(member)?,
                "keyframes" => keyframes(draft, member)?,
                _ => beyond(draft, member, "a Luma Ray input")?,
            }
        }
        draft::require(body.members(), "body", "prompt")
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        Answer { texts: texts.0, usage: Usage::default(), stop_reason: None }
    }
}

fn keyframes<'a>(draft: &mut Draft<'a>, frames: &'a Member<'a>) -> Result<(), DecodeError> {
    for frame in draft::object(frames)? {
        if !matches!(frame.name.as_ref(), "frame0" | "frame1") {
            return Err(DecodeError::unknown(frame, "`keyframes`"));
        }
        draft.attach(Modality::Image);
        for member in draft::object(frame)? {
            match member.name.as_ref() {
                "type" => {
                    draft.string(member, TextRole::Other)?;
                }
                "source" => source(draft, member)?,
                _ => return Err(DecodeError::unknown(member, "a keyframe")),
            }
        }
    }
    Ok(())
}

fn source<'a>(draft: &mut Draft<'a>, source: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(source)? {
        match member.name.as_ref() {
            "type" | "media_type" => {
                draft.string(member, TextRole::Other)?;
            }
            "data" => draft.bytes(member, Modality::Image, "")?,
            _ => return Err(DecodeError::unknown(member, "a source")),
        }
    }
    Ok(())
}
