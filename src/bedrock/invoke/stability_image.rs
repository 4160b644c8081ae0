//! Stable Diffusion 3, Stable Image, and Stability's image services.
//!
//! Receives a prompt, pictures to work on or both, told apart by member; every service is a different model that takes
//! some of them. Answers hold pictures as base64. No tokens, no streaming. Shapes from the provider's documentation.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::view::{Answer, Parameter, TextRole, Usage};

pub(super) struct StabilityImage;

impl Dialect for StabilityImage {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "prompt" | "negative_prompt" | "search_prompt" | "select_prompt" => {
                    draft.string(member, TextRole::User)?;
                }
                "image" | "mask" | "style_image" | "init_image" => draft.picture(member)?,
                "seed" => draft.setting(Parameter::Seed, member)?,
                "mode" | "aspect_ratio" | "output_format" | "style_preset" => {
                    draft.string(member, TextRole::Other)?;
                }
                "strength"
                | "control_strength"
                | "style_strength"
                | "change_strength"
                | "composition_fidelity"
                | "fidelity"
                | "creativity"
                | "cfg_scale"
                | "grow_mask"
                | "left"
                | "right"
                | "up"
                | "down" => draft::plain_number(member)?,
                _ => beyond(draft, member, "a Stability image body")?,
            }
        }
        // Some services take a picture and no prompt.
        if body.get("image").is_none() && body.get("init_image").is_none() {
            draft::require(body.members(), "body", "prompt")?;
        }
        Ok(())
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |member| match member {
            "images" => Part::Payload,
            _ => Part::Words(TextRole::Other),
        });
        let reasons = body.get("finish_reasons").map(Node::elements).unwrap_or_default();
        // `null` means that nothing went wrong.
        let stop_reason = reasons.iter().find_map(Node::as_str).map(str::to_owned);
        Answer { texts: texts.0, usage: Usage::default(), stop_reason }
    }
}
