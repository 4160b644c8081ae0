//! Nova Reel, which makes video and answers asynchronously only.
//!
//! Receives the `modelInput` of StartAsyncInvoke: one prompt, or shots with a prompt and a picture each. The video goes to
//! S3 and never passes here. Shapes from the provider's documentation.

use super::{Dialect, beyond};
use crate::bedrock::converse::content;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{Answer, Modality, Parameter, TextRole, Usage};

pub(super) struct NovaReel;

impl Dialect for NovaReel {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "taskType" => {
                    draft.string(member, TextRole::Other)?;
                }
                "textToVideoParams" | "multiShotAutomatedParams" => task(draft, member)?,
                "multiShotManualParams" => shots(draft, member)?,
                "videoGenerationConfig" => config(draft, member)?,
                _ => beyond(draft, member, "a Nova Reel input")?,
            }
        }
        draft::require(body.members(), "body", "taskType")
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        Answer { texts: texts.0, usage: Usage::default(), stop_reason: None }
    }
}

fn task<'a>(draft: &mut Draft<'a>, task: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(task)? {
        match member.name.as_ref() {
            "text" => {
                draft.string(member, TextRole::User)?;
            }
            "images" => {
                for image in draft::array(member)? {
                    picture(draft, draft::element(image)?)?;
                }
            }
            _ => return Err(DecodeError::unknown(member, "a video task")),
        }
    }
    Ok(())
}

fn shots<'a>(draft: &mut Draft<'a>, task: &'a Member<'a>) -> Result<(), DecodeError> {
    for list in draft::object(task)? {
        if list.name != "shots" {
            return Err(DecodeError::unknown(list, "a video task"));
        }
        for shot in draft::array(list)? {
            for member in draft::element(shot)? {
                match member.name.as_ref() {
                    "text" => {
                        draft.string(member, TextRole::User)?;
                    }
                    "image" => picture(draft, draft::object(member)?)?,
                    _ => return Err(DecodeError::unknown(member, "a shot")),
                }
            }
        }
    }
    Ok(())
}

fn picture<'a>(draft: &mut Draft<'a>, members: &'a [Member<'a>]) -> Result<(), DecodeError> {
    draft.attach(Modality::Image);
    for member in members {
        match member.name.as_ref() {
            "format" => {
                draft.string(member, TextRole::Other)?;
            }
            "source" => content::source(draft, member, Modality::Image, "")?,
            _ => return Err(DecodeError::unknown(member, "a picture")),
        }
    }
    Ok(())
}

fn config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "durationSeconds" | "fps" => draft::plain_number(member)?,
            "dimension" => {
                draft.string(member, TextRole::Other)?;
            }
            "seed" => draft.setting(Parameter::Seed, member)?,
            _ => return Err(DecodeError::unknown(member, "`videoGenerationConfig`")),
        }
    }
    Ok(())
}
