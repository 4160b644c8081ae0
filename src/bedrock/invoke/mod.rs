//! Bodies of InvokeModel, one file per family of models.
//!
//! Receives a canonical model id, returns the [`Family`] whose `Dialect` reads the bodies. To add a family: write a file
//! with a `Dialect`, add a variant to [`Family`] and its id prefixes to `PREFIXES`; the compiler asks for the rest, and the
//! tests of `format` for a sample request. Never falls back to a guess: an id without a prefix here has no family.

mod claude_blocks;
mod claude_messages;
mod claude_text;
pub(crate) mod claude_tools;
mod cohere_command;
mod cohere_embed;
mod jurassic2;
mod nova;
mod stable_diffusion_xl;
mod titan_embed;
mod titan_text;

use super::format::draft::Draft;
use super::format::error::DecodeError;
use super::json::{Member, Node};
use super::model::ModelReference;
use super::stream::Progress;
use super::view::Answer;

/// Models that share one body format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    TitanText,
    TitanEmbed,
    Jurassic2,
    /// Claude 1, 2 and Instant: text completions, or messages where the body holds `messages`.
    ClaudeText,
    ClaudeMessages,
    CohereCommand,
    CohereEmbed,
    StableDiffusionXl,
    Nova,
}

/// Canonical ids of each family begin so. Ids that only a longer prefix tells apart stand first.
const PREFIXES: &[(&str, Family)] = &[
    ("amazon.titan-text-", Family::TitanText),
    ("amazon.titan-tg1-", Family::TitanText),
    ("amazon.titan-embed-", Family::TitanEmbed),
    ("amazon.titan-e1t-", Family::TitanEmbed),
    ("amazon.nova-micro-", Family::Nova),
    ("amazon.nova-lite-", Family::Nova),
    ("amazon.nova-pro-", Family::Nova),
    ("amazon.nova-premier-", Family::Nova),
    ("amazon.nova-2-micro-", Family::Nova),
    ("amazon.nova-2-lite-", Family::Nova),
    ("amazon.nova-2-pro-", Family::Nova),
    ("amazon.nova-2-premier-", Family::Nova),
    ("ai21.j2-", Family::Jurassic2),
    ("anthropic.claude-instant-", Family::ClaudeText),
    ("anthropic.claude-v", Family::ClaudeText),
    ("anthropic.claude-", Family::ClaudeMessages),
    ("cohere.command-text-", Family::CohereCommand),
    ("cohere.command-light-", Family::CohereCommand),
    ("cohere.embed-", Family::CohereEmbed),
    ("stability.stable-diffusion-xl", Family::StableDiffusionXl),
];

/// Architectures of imported models, and a catalogue model whose bodies they take. AWS does not document the words; these
/// are the types and classes of the files that are imported. What takes another form (Qwen, for one) stays out.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("llama", LLAMA),
    ("LlamaForCausalLM", LLAMA),
    ("mllama", LLAMA),
    ("MllamaForConditionalGeneration", LLAMA),
    ("mistral", MISTRAL),
    ("MistralForCausalLM", MISTRAL),
    ("mixtral", MISTRAL),
    ("MixtralForCausalLM", MISTRAL),
    ("gpt_oss", GPT_OSS),
    ("GptOssForCausalLM", GPT_OSS),
];
const LLAMA: &str = "meta.llama3-1-8b-instruct-v1:0";
const MISTRAL: &str = "mistral.mistral-7b-instruct-v0:2";
const GPT_OSS: &str = "openai.gpt-oss-20b-1:0";

impl Family {
    pub const ALL: [Self; 9] = [
        Self::TitanText,
        Self::TitanEmbed,
        Self::Jurassic2,
        Self::ClaudeText,
        Self::ClaudeMessages,
        Self::CohereCommand,
        Self::CohereEmbed,
        Self::StableDiffusionXl,
        Self::Nova,
    ];

    /// The family of a canonical id such as `anthropic.claude-v2:1`.
    pub fn of_model(canonical: &str) -> Option<Self> {
        PREFIXES.iter().find(|(prefix, _)| canonical.starts_with(prefix)).map(|(_, family)| *family)
    }

    /// The one family of all `models`. FAIL-CLOSED: `None` where they differ, since one body cannot be read in two ways.
    pub fn shared_by(models: &[&ModelReference]) -> Option<Self> {
        let mut families = models.iter().map(|model| Self::of_reference(model));
        let first = families.next()??;
        families.all(|family| family == Some(first)).then_some(first)
    }

    fn of_reference(model: &ModelReference) -> Option<Self> {
        match model.architecture() {
            Some(architecture) => {
                let known = ARCHITECTURES.iter().find(|(name, _)| architecture.eq_ignore_ascii_case(name));
                known.and_then(|(_, like)| Self::of_model(like))
            }
            None => model.base().and_then(Self::of_model),
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::TitanText => "titan-text",
            Self::TitanEmbed => "titan-embed",
            Self::Jurassic2 => "jurassic-2",
            Self::ClaudeText => "claude-text",
            Self::ClaudeMessages => "claude-messages",
            Self::CohereCommand => "cohere-command",
            Self::CohereEmbed => "cohere-embed",
            Self::StableDiffusionXl => "stable-diffusion-xl",
            Self::Nova => "nova",
        }
    }

    pub(crate) const fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::TitanText => &titan_text::TitanText,
            Self::TitanEmbed => &titan_embed::TitanEmbed,
            Self::Jurassic2 => &jurassic2::Jurassic2,
            Self::ClaudeText => &claude_text::ClaudeText,
            Self::ClaudeMessages => &claude_messages::ClaudeMessages,
            Self::CohereCommand => &cohere_command::CohereCommand,
            Self::CohereEmbed => &cohere_embed::CohereEmbed,
            Self::StableDiffusionXl => &stable_diffusion_xl::StableDiffusionXl,
            Self::Nova => &nova::Nova,
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
}

/// The error for a member of an invoke body that its family does not have.
fn unknown(member: &Member<'_>, place: &'static str) -> DecodeError {
    match member.name.as_ref() {
        "amazon-bedrock-guardrailConfig" => DecodeError::refused(
            member,
            "it could take text out of a guardrail's sight; policies set guardrails",
        ),
        "model" | "modelId" => DecodeError::refused(member, "the model is named in the path only"),
        "stream" => DecodeError::refused(member, "the operation decides about streaming"),
        _ => DecodeError::unknown(member, place),
    }
}

#[cfg(test)]
mod tests;
