//! Titan Image Generator and Nova Canvas, which share one skeleton.
//!
//! Receives a task and the parameters of that task, of which `text`, `negativeText` and mask prompts are words and
//! everything else is pictures and numbers; answers hold pictures as base64. No tokens, no streaming. Shapes from public
//! SDKs and the provider's documentation.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct AmazonImage;

impl Dialect for AmazonImage {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "taskType" => {
                    draft.string(member, TextRole::Other)?;
                }
                "textToImageParams"
                | "inPaintingParams"
                // LiteLLM's spelling.
                | "inpaintingParams"
                | "outPaintingParams"
                | "outpaintingParams"
                | "imageVariationParams"
                | "colorGuidedGenerationParams"
                | "backgroundRemovalParams" => task(draft, member)?,
                "virtualTryOnParams" => try_on(draft, member)?,
                "imageGenerationConfig" => config(draft, member)?,
                _ => beyond(draft, member, "an Amazon image body")?,
            }
        }
        draft::require(body.members(), "body", "taskType")
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |member| match member {
            "images" | "maskImage" => Part::Payload,
            _ => Part::Words(TextRole::Other),
        });
        Answer { texts: texts.0, usage: Usage::default(), stop_reason: None }
    }
}

fn task<'a>(draft: &mut Draft<'a>, task: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(task)? {
        match member.name.as_ref() {
            "text" | "negativeText" | "maskPrompt" => {
                draft.string(member, TextRole::User)?;
            }
            "image" | "maskImage" | "conditionImage" | "referenceImage" => draft.picture(member)?,
            "images" => draft.pictures(member)?,
            "colors" => draft.strings(member, TextRole::Other)?,
            "controlMode" | "outPaintingMode" | "style" => {
                draft.string(member, TextRole::Other)?;
            }
            "controlStrength" | "similarityStrength" => draft::plain_number(member)?,
            "returnMask" => draft::flag(member)?,
            _ => return Err(DecodeError::unknown(member, "an image task")),
        }
    }
    Ok(())
}

/// Reads Nova Canvas's virtual try-on, whose masks are nested.
fn try_on<'a>(draft: &mut Draft<'a>, task: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(task)? {
        match member.name.as_ref() {
            "sourceImage" | "referenceImage" => draft.picture(member)?,
            "maskType" | "maskExclusions" | "mergeStyle" | "garmentClass" => {
                draft.free(member, TextRole::Other);
                draft.hidden_limit(member)?;
            }
            "returnMask" => draft::flag(member)?,
            "imageBasedMask" | "promptBasedMask" | "garmentBasedMask" => mask(draft, member)?,
            _ => return Err(DecodeError::unknown(member, "an image task")),
        }
    }
    Ok(())
}

fn mask<'a>(draft: &mut Draft<'a>, mask: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(mask)? {
        match member.name.as_ref() {
            "maskPrompt" => {
                draft.string(member, TextRole::User)?;
            }
            "maskImage" => draft.picture(member)?,
            "maskShape" | "garmentClass" => {
                draft.string(member, TextRole::Other)?;
            }
            "garmentStyling" => {
                for style in draft::object(member)? {
                    draft.string(style, TextRole::Other)?;
                }
            }
            _ => return Err(DecodeError::unknown(member, "a mask")),
        }
    }
    Ok(())
}

fn config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "numberOfImages" => draft.setting(Parameter::Choices, member)?,
            "seed" => draft.setting(Parameter::Seed, member)?,
            "cfgScale" | "width" | "height" => draft::plain_number(member)?,
            "quality" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, "`imageGenerationConfig`")),
        }
    }
    Ok(())
}
