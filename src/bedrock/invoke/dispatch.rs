//! Which family a model belongs to: one table for ids, one for the architectures of imported models.
//!
//! Receives a canonical id or an architecture, returns a family. Whether a body of Mistral, DeepSeek or Claude 2 is a
//! completion or a chat is decided by the body itself, in the family's reader. Never guesses: an id that no row names has
//! no family, and neither has one whose row says so.

use super::Family;
use crate::bedrock::format::aliases::fold;

/// How canonical ids begin; the first row that fits decides. `None` for models whose bodies have no reader.
const PREFIXES: &[(&str, Option<Family>)] = &[
    ("amazon.titan-text-", Some(Family::TitanText)),
    ("amazon.titan-tg1-", Some(Family::TitanText)),
    ("amazon.titan-embed-image-", Some(Family::TitanMultimodalEmbed)),
    ("amazon.titan-embed-", Some(Family::TitanEmbed)),
    ("amazon.titan-e1t-", Some(Family::TitanEmbed)),
    ("amazon.titan-image-", Some(Family::AmazonImage)),
    ("amazon.nova-canvas-", Some(Family::AmazonImage)),
    ("amazon.nova-reel-", Some(Family::NovaReel)),
    // Speech needs a connection that both sides speak on.
    ("amazon.nova-sonic-", None),
    ("amazon.nova-2-sonic-", None),
    ("amazon.nova-2-multimodal-embeddings-", Some(Family::NovaEmbed)),
    ("amazon.nova-", Some(Family::Nova)),
    ("amazon.rerank-", Some(Family::Rerank)),
    ("cohere.rerank-", Some(Family::Rerank)),
    ("ai21.j2-", Some(Family::Jurassic2)),
    ("ai21.jamba-", Some(Family::Jamba)),
    ("anthropic.claude-instant-", Some(Family::ClaudeText)),
    ("anthropic.claude-v", Some(Family::ClaudeText)),
    ("anthropic.", Some(Family::ClaudeMessages)),
    ("cohere.command-r-", Some(Family::CohereCommandR)),
    ("cohere.command-text-", Some(Family::CohereCommand)),
    ("cohere.command-light-", Some(Family::CohereCommand)),
    ("cohere.embed-", Some(Family::CohereEmbed)),
    ("meta.", Some(Family::Llama)),
    ("mistral.", Some(Family::Mistral)),
    ("deepseek.r1-", Some(Family::DeepSeek)),
    ("stability.stable-diffusion-xl", Some(Family::StableDiffusionXl)),
    ("stability.", Some(Family::StabilityImage)),
    ("luma.", Some(Family::LumaRay)),
    ("twelvelabs.marengo-", Some(Family::Marengo)),
    ("twelvelabs.pegasus-", Some(Family::Pegasus)),
    ("deepseek.", Some(Family::OpenAiChat)),
    ("google.", Some(Family::OpenAiChat)),
    ("minimax.", Some(Family::OpenAiChat)),
    ("moonshot.", Some(Family::OpenAiChat)),
    ("moonshotai.", Some(Family::OpenAiChat)),
    ("nvidia.", Some(Family::OpenAiChat)),
    ("openai.", Some(Family::OpenAi)),
    ("qwen.", Some(Family::OpenAiChat)),
    ("writer.", Some(Family::OpenAiChat)),
    ("xai.", Some(Family::OpenAiChat)),
    ("zai.", Some(Family::OpenAiChat)),
];

/// How folded names of architectures begin, for imported models.
const ARCHITECTURES: &[(&str, Family)] = &[
    ("llama", Family::Llama),
    ("mllama", Family::Llama),
    ("mistral", Family::Mistral),
    ("mixtral", Family::Mistral),
    ("qwen", Family::DeepSeek),
    ("deepseek", Family::DeepSeek),
    ("gptoss", Family::OpenAi),
];

pub(super) fn of_model(canonical: &str) -> Option<Family> {
    PREFIXES.iter().find(|(prefix, _)| canonical.starts_with(prefix)).and_then(|(_, family)| *family)
}

/// Names are those of a model's configuration, such as `LlamaForCausalLM`, or the control plane's, such as `llama`.
pub(super) fn of_architecture(architecture: &str) -> Option<Family> {
    let folded = fold(architecture);
    ARCHITECTURES.iter().find(|(prefix, _)| folded.starts_with(prefix)).map(|(_, family)| *family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_hides_behind_another() {
        for (position, (prefix, _)) in PREFIXES.iter().enumerate() {
            let earlier = PREFIXES.iter().take(position).find(|(shorter, _)| prefix.starts_with(shorter));
            assert_eq!(earlier, None, "{prefix}");
        }
    }

    #[test]
    fn architectures_find_their_family() {
        for (name, family) in [
            ("llama", Some(Family::Llama)),
            ("MllamaForConditionalGeneration", Some(Family::Llama)),
            ("MixtralForCausalLM", Some(Family::Mistral)),
            ("Qwen2_5_VLForConditionalGeneration", Some(Family::DeepSeek)),
            ("gpt-oss", Some(Family::OpenAi)),
            ("T5ForConditionalGeneration", None),
            ("", None),
        ] {
            assert_eq!(of_architecture(name), family, "{name}");
        }
    }
}
