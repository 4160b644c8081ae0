//! Bodies of InvokeModel, one file per family of models.
//!
//! Receives a canonical model id, returns the [`Family`] whose `Dialect` reads the bodies. To add a family: write a file
//! with a `Dialect`, add a variant to [`Family`] and its id prefixes to `dispatch`; the compiler asks for the rest, and the
//! tests of `format` for a sample request. Never falls back to a guess: an id without a prefix here has no family.

mod amazon_image;
mod chat;
mod chat_choices;
mod chat_messages;
pub(crate) mod chat_tools;
mod claude_blocks;
mod claude_messages;
mod claude_text;
pub(crate) mod claude_tools;
mod cohere_command;
mod cohere_command_r;
mod cohere_embed;
mod completion;
mod deepseek;
mod dispatch;
pub(crate) mod guardrail;
mod jurassic2;
mod llama;
mod luma;
mod marengo;
mod mistral;
mod nova;
mod nova_embed;
mod nova_reel;
mod pegasus;
mod rerank;
mod stability_image;
mod stable_diffusion_xl;
mod titan_embed;
mod titan_text;

pub(crate) use chat::Chat;
pub(crate) use claude_messages::ClaudeMessages;

use super::format::draft::Draft;
use super::format::error::DecodeError;
use super::json::{Member, Node};
use super::model::ModelReference;
use super::stream::Progress;
use super::view::{Answer, Parameter};

/// Models that share one body format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    TitanText,
    TitanEmbed,
    TitanMultimodalEmbed,
    /// Titan Image Generator and Nova Canvas.
    AmazonImage,
    Nova,
    NovaEmbed,
    NovaReel,
    Jurassic2,
    Jamba,
    /// Claude 1, 2 and Instant: text completions, or messages where the body holds `messages`.
    ClaudeText,
    ClaudeMessages,
    CohereCommand,
    CohereCommandR,
    CohereEmbed,
    /// Cohere's and Amazon's rerankers.
    Rerank,
    Llama,
    /// Text completions, or chat where the body holds `messages`.
    Mistral,
    /// DeepSeek-R1 and imported models of the same form: text completions, or chat where the body holds `messages`.
    DeepSeek,
    /// OpenAI's own models.
    OpenAi,
    /// Everything else that speaks OpenAI's chat completions.
    OpenAiChat,
    StableDiffusionXl,
    /// Stable Diffusion 3, Stable Image, and Stability's image services.
    StabilityImage,
    LumaRay,
    Marengo,
    Pegasus,
}

impl Family {
    pub const ALL: [Self; 25] = [
        Self::TitanText,
        Self::TitanEmbed,
        Self::TitanMultimodalEmbed,
        Self::AmazonImage,
        Self::Nova,
        Self::NovaEmbed,
        Self::NovaReel,
        Self::Jurassic2,
        Self::Jamba,
        Self::ClaudeText,
        Self::ClaudeMessages,
        Self::CohereCommand,
        Self::CohereCommandR,
        Self::CohereEmbed,
        Self::Rerank,
        Self::Llama,
        Self::Mistral,
        Self::DeepSeek,
        Self::OpenAi,
        Self::OpenAiChat,
        Self::StableDiffusionXl,
        Self::StabilityImage,
        Self::LumaRay,
        Self::Marengo,
        Self::Pegasus,
    ];

    /// The family of a canonical id such as `anthropic.claude-v2:1`.
    pub fn of_model(canonical: &str) -> Option<Self> {
        dispatch::of_model(canonical)
    }

    /// The one family of all `models`. FAIL-CLOSED: `None` where they differ, since one body cannot be read in two ways.
    pub fn shared_by(models: &[&ModelReference]) -> Option<Self> {
        let mut families = models.iter().map(|model| Self::of_reference(model));
        let first = families.next()??;
        families.all(|family| family == Some(first)).then_some(first)
    }

    fn of_reference(model: &ModelReference) -> Option<Self> {
        match model.architecture() {
            Some(architecture) => dispatch::of_architecture(architecture),
            None => model.base().and_then(Self::of_model),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::TitanText => "titan-text",
            Self::TitanEmbed => "titan-embed",
            Self::TitanMultimodalEmbed => "titan-multimodal-embed",
            Self::AmazonImage => "amazon-image",
            Self::Nova => "nova",
            Self::NovaEmbed => "nova-embed",
            Self::NovaReel => "nova-reel",
            Self::Jurassic2 => "jurassic-2",
            Self::Jamba => "jamba",
            Self::ClaudeText => "claude-text",
            Self::ClaudeMessages => "claude-messages",
            Self::CohereCommand => "cohere-command",
            Self::CohereCommandR => "cohere-command-r",
            Self::CohereEmbed => "cohere-embed",
            Self::Rerank => "rerank",
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::DeepSeek => "deepseek",
            Self::OpenAi => "openai",
            Self::OpenAiChat => "openai-chat",
            Self::StableDiffusionXl => "stable-diffusion-xl",
            Self::StabilityImage => "stability-image",
            Self::LumaRay => "luma-ray",
            Self::Marengo => "marengo",
            Self::Pegasus => "pegasus",
        }
    }

    /// Whether the models answer StartAsyncInvoke only, whose `modelInput` is the body.
    pub const fn is_asynchronous(self) -> bool {
        matches!(self, Self::NovaReel | Self::LumaRay)
    }

    /// Parameters that a plain request of the family could be given where it leaves them out.
    pub const fn addable(self) -> &'static [Parameter] {
        match self {
            Self::TitanText
            | Self::Jurassic2
            | Self::Jamba
            | Self::Llama
            | Self::DeepSeek
            | Self::OpenAi
            | Self::OpenAiChat => &[Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP],
            Self::Nova
            | Self::ClaudeText
            | Self::ClaudeMessages
            | Self::CohereCommand
            | Self::CohereCommandR
            | Self::Mistral => {
                &[Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP, Parameter::TopK]
            }
            Self::Pegasus => &[Parameter::MaxTokens, Parameter::Temperature],
            Self::TitanEmbed
            | Self::TitanMultimodalEmbed
            | Self::AmazonImage
            | Self::NovaEmbed
            | Self::NovaReel
            | Self::CohereEmbed
            | Self::Rerank
            | Self::StableDiffusionXl
            | Self::StabilityImage
            | Self::LumaRay
            | Self::Marengo => &[],
        }
    }

    pub(crate) const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::TitanText => &titan_text::TitanText,
            Self::TitanEmbed => &titan_embed::TitanEmbed::Text,
            Self::TitanMultimodalEmbed => &titan_embed::TitanEmbed::Multimodal,
            Self::AmazonImage => &amazon_image::AmazonImage,
            Self::Nova => &nova::Nova,
            Self::NovaEmbed => &nova_embed::NovaEmbed,
            Self::NovaReel => &nova_reel::NovaReel,
            Self::Jurassic2 => &jurassic2::Jurassic2,
            Self::Jamba => &chat::Chat::Jamba,
            Self::ClaudeText => &claude_text::ClaudeText,
            Self::ClaudeMessages => &claude_messages::ClaudeMessages,
            Self::CohereCommand => &cohere_command::CohereCommand,
            Self::CohereCommandR => &cohere_command_r::CohereCommandR,
            Self::CohereEmbed => &cohere_embed::CohereEmbed,
            Self::Rerank => &rerank::Rerank,
            Self::Llama => &llama::Llama,
            Self::Mistral => &mistral::Mistral,
            Self::DeepSeek => &deepseek::DeepSeek,
            Self::OpenAi => &chat::Chat::Gpt,
            Self::OpenAiChat => &chat::Chat::OpenAi,
            Self::StableDiffusionXl => &stable_diffusion_xl::StableDiffusionXl,
            Self::StabilityImage => &stability_image::StabilityImage,
            Self::LumaRay => &luma::LumaRay,
            Self::Marengo => &marengo::Marengo,
            Self::Pegasus => &pegasus::Pegasus,
        }
    }
}

/// How one family writes requests, answers and chunks.
pub(crate) trait Dialect {
    /// Reads a request body (an object). Must refuse every member it does not know, and do so before it misses one: a body
    /// of another family is a denial and no typing error.
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError>;

    /// Reads a unary answer. Must report every string, known or not.
    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a>;

    /// Reads the document of one chunk (an object). Families that cannot stream keep this.
    fn chunk(&self, _chunk: &Node<'_>, _progress: &mut Progress) -> Result<(), DecodeError> {
        Err(DecodeError::UnknownChunk)
    }

    /// Whether the last chunk can be the string `[DONE]` and nothing else, as servers of OpenAI's form write it.
    fn says_done(&self) -> bool {
        false
    }
}

/// Reads a member of an invoke body that its family does not have: it is Bedrock's own, or refused.
pub(crate) fn beyond<'a>(
    draft: &mut Draft<'a>,
    member: &'a Member<'a>,
    place: &'static str,
) -> Result<(), DecodeError> {
    Err(match member.name.as_ref() {
        guardrail::CONFIG => return guardrail::config(draft, member),
        "model" | "modelId" => DecodeError::refused(member, "the model is named in the path only"),
        "stream" => DecodeError::refused(member, "the operation decides about streaming"),
        _ => DecodeError::unknown(member, place),
    })
}

#[cfg(test)]
mod tests;
