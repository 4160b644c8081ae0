//! The model families: how each reads a request, and in which documents it answers.
//!
//! Receives an `InvokeModel` body and returns a [`Prompt`]; receives what was said and returns the body of a unary
//! answer, or the documents inside the chunks of a stream. One file per family. Pure.

mod blocks;
mod claude_messages;
mod claude_text;
mod cohere_command;
mod cohere_embed;
mod jurassic2;
mod nova;
mod stable_diffusion_xl;
mod titan_embed;
mod titan_text;

use serde_json::Value;

use super::catalogue::Model;
use super::fields::{Fields, Malformed};
use super::random::Random;
use super::speech::{Completion, Prompt, Stop};

pub use blocks::read as read_blocks;

/// Member that every family tolerates; its rules are those of the guardrail headers.
pub const GUARDRAIL_CONFIG: &str = "amazon-bedrock-guardrailConfig";

/// Models whose bodies look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    TitanText,
    TitanEmbed,
    Jurassic2,
    ClaudeText,
    ClaudeMessages,
    CohereCommand,
    CohereEmbed,
    StableDiffusionXl,
    Nova,
    /// Speaks in sessions only.
    NovaSonic,
}

/// A request that was read, and what the model says to it.
#[derive(Debug)]
pub struct Exchange<'a> {
    pub model: &'a Model,
    /// The request's own body.
    pub body: &'a Fields<'a>,
    pub prompt: &'a Prompt,
    /// At least one.
    pub completions: &'a [Completion],
}

impl Family {
    /// The family that reads this body: Claude 2 accepts text completions and messages.
    pub fn of_body(self, body: &Fields<'_>) -> Self {
        if self == Self::ClaudeText && body.has("messages") { Self::ClaudeMessages } else { self }
    }

    pub fn read(self, body: &Fields<'_>) -> Result<Prompt, Malformed> {
        match self {
            Self::TitanText => titan_text::read(body),
            Self::TitanEmbed => titan_embed::read(body),
            Self::Jurassic2 => jurassic2::read(body),
            Self::ClaudeText => claude_text::read(body),
            Self::ClaudeMessages => claude_messages::read(body),
            Self::CohereCommand => cohere_command::read(body),
            Self::CohereEmbed => cohere_embed::read(body),
            Self::StableDiffusionXl => stable_diffusion_xl::read(body),
            Self::Nova => nova::read(body),
            Self::NovaSonic => Err(Malformed::new("the model is unsupported for this operation")),
        }
    }

    /// The body of a unary answer.
    pub fn whole(self, exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
        match self {
            Self::TitanText => Ok(titan_text::whole(exchange)),
            Self::TitanEmbed => titan_embed::whole(exchange),
            Self::Jurassic2 => Ok(jurassic2::whole(exchange, random)),
            Self::ClaudeText => Ok(claude_text::whole(exchange)),
            Self::ClaudeMessages => Ok(claude_messages::whole(exchange, random)),
            Self::CohereCommand => Ok(cohere_command::whole(exchange, random)),
            Self::CohereEmbed => cohere_embed::whole(exchange, random),
            Self::StableDiffusionXl => stable_diffusion_xl::whole(exchange, random),
            Self::Nova => Ok(nova::whole(exchange)),
            Self::NovaSonic => Err(Malformed::new("the model is unsupported for this operation")),
        }
    }

    /// The documents of a stream, in order; `None` for families that do not stream.
    pub fn chunks(self, exchange: &Exchange<'_>, random: &mut Random) -> Option<Vec<Value>> {
        match self {
            Self::TitanText => Some(titan_text::chunks(exchange, random)),
            Self::ClaudeText => Some(claude_text::chunks(exchange, random)),
            Self::ClaudeMessages => Some(claude_messages::chunks(exchange, random)),
            Self::CohereCommand => Some(cohere_command::chunks(exchange, random)),
            Self::Nova => Some(nova::chunks(exchange, random)),
            Self::TitanEmbed
            | Self::Jurassic2
            | Self::CohereEmbed
            | Self::StableDiffusionXl
            | Self::NovaSonic => None,
        }
    }

    /// Whether the model talks: only these answer Converse.
    pub const fn talks(self) -> bool {
        match self {
            Self::TitanText
            | Self::Jurassic2
            | Self::ClaudeText
            | Self::ClaudeMessages
            | Self::CohereCommand
            | Self::Nova => true,
            Self::TitanEmbed | Self::CohereEmbed | Self::StableDiffusionXl | Self::NovaSonic => false,
        }
    }

    /// Whether the model takes part in sessions.
    pub fn speaks(self) -> bool {
        self == Self::NovaSonic
    }

    /// Whether the model can be given a system prompt through Converse.
    pub const fn takes_system(self) -> bool {
        match self {
            Self::ClaudeText | Self::ClaudeMessages | Self::Nova => true,
            Self::TitanText
            | Self::Jurassic2
            | Self::CohereCommand
            | Self::TitanEmbed
            | Self::CohereEmbed
            | Self::StableDiffusionXl
            | Self::NovaSonic => false,
        }
    }
}

impl Exchange<'_> {
    /// The only answer of families that give one.
    fn completion(&self) -> Completion {
        let silence = Completion { text: String::new(), stop: Stop::End, tokens: 0 };
        self.completions.first().cloned().unwrap_or(silence)
    }

    /// Tokens of all answers together.
    pub fn output_tokens(&self) -> usize {
        self.completions.iter().map(|completion| completion.tokens).sum()
    }
}

impl Stop {
    /// The word of Claude messages, Nova and Converse.
    pub const fn turn_word(&self) -> &'static str {
        match self {
            Self::End => "end_turn",
            Self::Length => "max_tokens",
            Self::Sequence(_) => "stop_sequence",
        }
    }
}

/// A direction for a text: the same for the same text, of length 1.
fn direction(model: &str, text: &str, dimensions: usize) -> Vec<f64> {
    let mut random = Random::of(&[model, text]);
    let raw: Vec<f64> = (0..dimensions).map(|_| random.signed_unit()).collect();
    let length = raw.iter().map(|value| value * value).sum::<f64>().sqrt();
    raw.into_iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests;
