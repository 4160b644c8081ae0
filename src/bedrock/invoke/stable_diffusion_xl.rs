//! Stable Diffusion XL: text to image and image to image.
//!
//! Receives weighted `text_prompts` and perhaps an image to start from; answers hold images as base64. No tokens, no
//! streaming. Shapes from public SDKs.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct StableDiffusionXl;

impl Dialect for StableDiffusionXl {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "text_prompts" => prompts(draft, member)?,
                "init_image" | "mask_image" => draft.picture(member)?,
                "samples" => draft.setting(Parameter::Choices, member)?,
                "seed" => draft.setting(Parameter::Seed, member)?,
                "cfg_scale"
                | "steps"
                | "width"
                | "height"
                | "image_strength"
                | "step_schedule_start"
                | "step_schedule_end" => draft::plain_number(member)?,
                "style_preset" | "clip_guidance_preset" | "sampler" | "init_image_mode" | "mask_source" => {
                    draft.string(member, TextRole::Other)?;
                }
                // FAIL-CLOSED: what stands in `extras` goes to the engine, and nobody documents what that understands.
                "extras" if draft::object(member)?.is_empty() => {}
                "extras" => return Err(DecodeError::refused(member, "its contents are not documented")),
                _ => beyond(draft, member, "a Stable Diffusion XL body")?,
            }
        }
        draft::require(body.members(), "body", "text_prompts")?;
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |member| match member {
            "base64" => Part::Payload,
            _ => Part::Words(TextRole::Other),
        });
        let artifacts = body.get("artifacts").map(Node::elements).unwrap_or_default();
        Answer {
            texts: texts.0,
            usage: Usage::default(),
            stop_reason: artifacts
                .iter()
                .find_map(|artifact| artifact.get("finishReason")?.as_str())
                .map(str::to_owned),
        }
    }
}

fn prompts<'a>(draft: &mut Draft<'a>, prompts: &'a Member<'a>) -> Result<(), DecodeError> {
    for prompt in draft::array(prompts)? {
        for member in draft::element(prompt)? {
            match member.name.as_ref() {
                "text" => {
                    draft.string(member, TextRole::User)?;
                }
                "weight" => draft::plain_number(member)?,
                _ => return Err(DecodeError::unknown(member, "a text prompt")),
            }
        }
    }
    Ok(())
}
