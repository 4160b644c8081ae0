//! The model families: how each reads a request, and in which documents it answers.
//!
//! Receives an `InvokeModel` body and returns a [`Prompt`]; receives what was said and returns the body of a unary
//! answer, or the documents inside the chunks of a stream. One file per family. Pure.

mod blocks;
mod chat;
mod claude_messages;
mod claude_text;
mod cohere_command;
mod cohere_command_r;
mod cohere_embed;
mod completions;
mod jurassic2;
mod media_embed;
mod nova;
mod pegasus;
mod pictures;
mod rerank;
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
    TitanMultimodalEmbed,
    AmazonImage,
    Nova,
    NovaEmbed,
    NovaReel,
    Jurassic2,
    Jamba,
    ClaudeText,
    ClaudeMessages,
    CohereCommand,
    CohereCommandR,
    CohereEmbed,
    Rerank,
    Llama,
    Mistral,
    MistralChat,
    DeepSeek,
    OpenAi,
    OpenAiChat,
    StableDiffusionXl,
    StabilityImage,
    LumaRay,
    Marengo,
    Pegasus,
    /// Speaks in sessions only.
    NovaSonic,
}

/// What a family counts of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    Nothing,
    Input,
    InputAndOutput,
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
    /// The family that reads this body: some models accept text completions and messages.
    pub fn of_body(self, body: &Fields<'_>) -> Self {
        match self {
            Self::ClaudeText if body.has("messages") => Self::ClaudeMessages,
            Self::Mistral if body.has("messages") => Self::MistralChat,
            Self::DeepSeek if body.has("messages") => Self::OpenAiChat,
            family => family,
        }
    }

    pub fn read(self, body: &Fields<'_>) -> Result<Prompt, Malformed> {
        match self {
            Self::TitanText => titan_text::read(body),
            Self::TitanEmbed => titan_embed::read(body),
            Self::TitanMultimodalEmbed | Self::NovaEmbed | Self::Marengo => media_embed::read(self, body),
            Self::AmazonImage | Self::NovaReel | Self::StabilityImage | Self::LumaRay => {
                pictures::read(self, body)
            }
            Self::Nova => nova::read(body),
            Self::Jurassic2 => jurassic2::read(body),
            Self::Jamba | Self::MistralChat | Self::OpenAi | Self::OpenAiChat => chat::read(self, body),
            Self::ClaudeText => claude_text::read(body),
            Self::ClaudeMessages => claude_messages::read(body),
            Self::CohereCommand => cohere_command::read(body),
            Self::CohereCommandR => cohere_command_r::read(body),
            Self::CohereEmbed => cohere_embed::read(body),
            Self::Rerank => rerank::read(body),
            Self::Llama | Self::Mistral | Self::DeepSeek => completions::read(self, body),
            Self::StableDiffusionXl => stable_diffusion_xl::read(body),
            Self::Pegasus => pegasus::read(body),
            Self::NovaSonic => Err(Malformed::new("the model is unsupported for this operation")),
        }
    }

    /// The body of a unary answer.
    pub fn whole(self, exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
        match self {
            Self::TitanText => Ok(titan_text::whole(exchange)),
            Self::TitanEmbed => titan_embed::whole(exchange),
            Self::TitanMultimodalEmbed | Self::NovaEmbed | Self::Marengo => {
                media_embed::whole(self, exchange)
            }
            Self::AmazonImage | Self::NovaReel | Self::StabilityImage | Self::LumaRay => {
                pictures::whole(self, exchange, random)
            }
            Self::Nova => Ok(nova::whole(exchange)),
            Self::Jurassic2 => Ok(jurassic2::whole(exchange, random)),
            Self::Jamba | Self::MistralChat | Self::OpenAi | Self::OpenAiChat => {
                Ok(chat::whole(exchange, random))
            }
            Self::ClaudeText => Ok(claude_text::whole(exchange)),
            Self::ClaudeMessages => Ok(claude_messages::whole(exchange, random)),
            Self::CohereCommand => Ok(cohere_command::whole(exchange, random)),
            Self::CohereCommandR => cohere_command_r::whole(exchange, random),
            Self::CohereEmbed => cohere_embed::whole(exchange, random),
            Self::Rerank => rerank::whole(exchange),
            Self::Llama | Self::Mistral | Self::DeepSeek => Ok(completions::whole(self, exchange)),
            Self::StableDiffusionXl => stable_diffusion_xl::whole(exchange, random),
            Self::Pegasus => Ok(pegasus::whole(exchange)),
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
            Self::CohereCommandR => cohere_command_r::chunks(exchange, random).ok(),
            Self::Nova => Some(nova::chunks(exchange, random)),
            Self::Jamba | Self::MistralChat | Self::OpenAi | Self::OpenAiChat => {
                Some(chat::chunks(exchange, random))
            }
            Self::Llama | Self::Mistral | Self::DeepSeek => Some(completions::chunks(self, exchange, random)),
            Self::Pegasus => Some(pegasus::chunks(exchange, random)),
            Self::TitanEmbed
            | Self::TitanMultimodalEmbed
            | Self::AmazonImage
            | Self::NovaEmbed
            | Self::NovaReel
            | Self::Jurassic2
            | Self::CohereEmbed
            | Self::Rerank
            | Self::StableDiffusionXl
            | Self::StabilityImage
            | Self::LumaRay
            | Self::Marengo
            | Self::NovaSonic => None,
        }
    }

    /// What the headers of an answer count.
    pub const fn counts(self) -> Counts {
        match self {
            Self::TitanEmbed | Self::TitanMultimodalEmbed | Self::NovaEmbed | Self::CohereEmbed => {
                Counts::Input
            }
            Self::AmazonImage
            | Self::NovaReel
            | Self::Rerank
            | Self::StableDiffusionXl
            | Self::StabilityImage
            | Self::LumaRay
            | Self::Marengo
            | Self::NovaSonic => Counts::Nothing,
            Self::TitanText
            | Self::Nova
            | Self::Jurassic2
            | Self::Jamba
            | Self::ClaudeText
            | Self::ClaudeMessages
            | Self::CohereCommand
            | Self::CohereCommandR
            | Self::Llama
            | Self::Mistral
            | Self::MistralChat
            | Self::DeepSeek
            | Self::OpenAi
            | Self::OpenAiChat
            | Self::Pegasus => Counts::InputAndOutput,
        }
    }

    /// Whether the model takes part in sessions.
    pub const fn speaks(self) -> bool {
        matches!(self, Self::NovaSonic)
    }

    /// Whether the model talks.
    pub const fn talks(self) -> bool {
        matches!(self.counts(), Counts::InputAndOutput)
    }

    /// Whether the model answers Converse. Pegasus talks about a video, which a conversation has no place for.
    pub const fn converses(self) -> bool {
        self.talks() && !matches!(self, Self::Pegasus)
    }

    /// Whether the model can be given a system prompt through Converse.
    pub const fn takes_system(self) -> bool {
        match self {
            Self::ClaudeText
            | Self::ClaudeMessages
            | Self::Nova
            | Self::Jamba
            | Self::CohereCommandR
            | Self::Llama
            | Self::MistralChat
            | Self::DeepSeek
            | Self::OpenAi
            | Self::OpenAiChat => true,
            Self::TitanText
            | Self::Jurassic2
            | Self::CohereCommand
            | Self::Mistral
            | Self::TitanEmbed
            | Self::TitanMultimodalEmbed
            | Self::AmazonImage
            | Self::NovaEmbed
            | Self::NovaReel
            | Self::CohereEmbed
            | Self::Rerank
            | Self::StableDiffusionXl
            | Self::StabilityImage
            | Self::LumaRay
            | Self::Marengo
            | Self::Pegasus
            | Self::NovaSonic => false,
        }
    }
}

impl Exchange<'_> {
    /// The only answer of families that give one.
    pub fn completion(&self) -> Completion {
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
mod inspected;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod tests;
