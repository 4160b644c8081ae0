//! The table of models. Names, modalities and ways of inference as `ListFoundationModels` gives them.

use super::super::models::Family::{self, AmazonImage, StabilityImage, TitanMultimodalEmbed};
use super::Model;

const TEXT: &[&str] = &["TEXT"];
const TEXT_AND_IMAGE: &[&str] = &["TEXT", "IMAGE"];
const IMAGE: &[&str] = &["IMAGE"];
const SPEECH: &[&str] = &["SPEECH"];
const SPEECH_AND_TEXT: &[&str] = &["SPEECH", "TEXT"];
const EMBEDDING: &[&str] = &["EMBEDDING"];
const VIDEO: &[&str] = &["VIDEO"];
const TEXT_AND_VIDEO: &[&str] = &["TEXT", "VIDEO"];
const EVERYTHING: &[&str] = &["TEXT", "IMAGE", "AUDIO", "VIDEO"];

const ON_DEMAND: &[&str] = &["ON_DEMAND"];
const ON_DEMAND_AND_PROFILE: &[&str] = &["ON_DEMAND", "INFERENCE_PROFILE"];
const ON_DEMAND_AND_PROVISIONED: &[&str] = &["ON_DEMAND", "PROVISIONED"];
const PROFILE: &[&str] = &["INFERENCE_PROFILE"];

const TUNING: &[&str] = &["FINE_TUNING"];
const TUNING_AND_TRAINING: &[&str] = &["FINE_TUNING", "CONTINUED_PRE_TRAINING"];

pub const MODELS: &[Model] = &[
    titan_text("amazon.titan-text-lite-v1", "Titan Text G1 - Lite"),
    titan_text("amazon.titan-text-express-v1", "Titan Text G1 - Express"),
    titan_text("amazon.titan-text-premier-v1:0", "Titan Text G1 - Premier").customised(TUNING),
    titan_text("amazon.titan-tg1-large", "Titan Text Large").leaving(),
    titan_embed("amazon.titan-embed-text-v1", "Titan Embeddings G1 - Text"),
    titan_embed("amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2"),
    titan_embed("amazon.titan-e1t-medium", "Titan Text Embeddings").leaving(),
    nova("amazon.nova-micro-v1:0", "Nova Micro").reading(TEXT),
    nova("amazon.nova-lite-v1:0", "Nova Lite"),
    nova("amazon.nova-pro-v1:0", "Nova Pro"),
    nova("amazon.nova-premier-v1:0", "Nova Premier").through(PROFILE),
    speaking("amazon.nova-sonic-v1:0", "Nova Sonic"),
    jurassic("ai21.j2-mid-v1", "Jurassic-2 Mid"),
    jurassic("ai21.j2-ultra-v1", "Jurassic-2 Ultra"),
    jurassic("ai21.j2-grande-instruct", "J2 Grande Instruct").leaving(),
    jurassic("ai21.j2-jumbo-instruct", "J2 Jumbo Instruct").leaving(),
    claude("anthropic.claude-instant-v1", "Claude Instant", Family::ClaudeText)
        .reading(TEXT)
        .through(ON_DEMAND)
        .leaving(),
    claude("anthropic.claude-v2", "Claude", Family::ClaudeText)
        .reading(TEXT)
        .through(ON_DEMAND_AND_PROVISIONED),
    claude("anthropic.claude-v2:1", "Claude", Family::ClaudeText)
        .reading(TEXT)
        .through(ON_DEMAND_AND_PROVISIONED),
    claude("anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", Family::ClaudeMessages),
    claude("anthropic.claude-3-sonnet-20240229-v1:0", "Claude 3 Sonnet", Family::ClaudeMessages),
    claude("anthropic.claude-3-opus-20240229-v1:0", "Claude 3 Opus", Family::ClaudeMessages),
    claude("anthropic.claude-3-5-sonnet-20240620-v1:0", "Claude 3.5 Sonnet", Family::ClaudeMessages),
    claude("anthropic.claude-opus-4-1-20250805-v1:0", "Claude Opus 4.1", Family::ClaudeMessages)
        .through(PROFILE),
    claude("anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", Family::ClaudeMessages)
        .through(PROFILE),
    claude("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", Family::ClaudeMessages)
        .through(PROFILE),
    claude("anthropic.claude-opus-4-5-20251101-v1:0", "Claude Opus 4.5", Family::ClaudeMessages)
        .through(PROFILE),
    cohere_command("cohere.command-text-v14", "Command"),
    cohere_command("cohere.command-light-text-v14", "Command Light"),
    cohere_embed("cohere.embed-english-v3", "Embed English"),
    cohere_embed("cohere.embed-multilingual-v3", "Embed Multilingual"),
    stable_diffusion("stability.stable-diffusion-xl-v1", "SDXL 1.0"),
    stable_diffusion("stability.stable-diffusion-xl", "SDXL 0.8").leaving(),
    embedding(
        "amazon.titan-embed-image-v1",
        "Titan Multimodal Embeddings G1",
        "Amazon",
        TitanMultimodalEmbed,
    )
    .reading(TEXT_AND_IMAGE),
    painting("amazon.titan-image-generator-v2:0", "Titan Image Generator G1 v2", "Amazon", AmazonImage),
    painting("amazon.nova-canvas-v1:0", "Nova Canvas", "Amazon", AmazonImage),
    embedding(
        "amazon.nova-2-multimodal-embeddings-v1:0",
        "Nova Multimodal Embeddings",
        "Amazon",
        Family::NovaEmbed,
    )
    .reading(EVERYTHING),
    filming("amazon.nova-reel-v1:0", "Nova Reel", "Amazon", Family::NovaReel),
    silent("amazon.rerank-v1:0", "Rerank 1.0", "Amazon", Family::Rerank),
    talking("ai21.jamba-1-5-large-v1:0", "Jamba 1.5 Large", "AI21 Labs", Family::Jamba),
    talking("ai21.jamba-1-5-mini-v1:0", "Jamba 1.5 Mini", "AI21 Labs", Family::Jamba),
    talking("cohere.command-r-v1:0", "Command R", "Cohere", Family::CohereCommandR),
    talking("cohere.command-r-plus-v1:0", "Command R+", "Cohere", Family::CohereCommandR),
    silent("cohere.rerank-v3-5:0", "Rerank 3.5", "Cohere", Family::Rerank),
    talking("meta.llama3-8b-instruct-v1:0", "Llama 3 8B Instruct", "Meta", Family::Llama),
    talking("meta.llama3-70b-instruct-v1:0", "Llama 3 70B Instruct", "Meta", Family::Llama),
    talking("meta.llama4-scout-17b-instruct-v1:0", "Llama 4 Scout 17B Instruct", "Meta", Family::Llama)
        .reading(TEXT_AND_IMAGE)
        .through(PROFILE),
    talking("mistral.mistral-7b-instruct-v0:2", "Mistral 7B Instruct", "Mistral AI", Family::Mistral),
    talking("mistral.mistral-large-2402-v1:0", "Mistral Large (24.02)", "Mistral AI", Family::Mistral),
    talking("mistral.pixtral-large-2502-v1:0", "Pixtral Large (25.02)", "Mistral AI", Family::MistralChat)
        .reading(TEXT_AND_IMAGE)
        .through(PROFILE),
    talking("deepseek.r1-v1:0", "DeepSeek-R1", "DeepSeek", Family::DeepSeek).through(PROFILE),
    talking("deepseek.v3.2", "DeepSeek V3.2", "DeepSeek", Family::OpenAiChat),
    talking("openai.gpt-oss-20b-1:0", "gpt-oss-20b", "OpenAI", Family::OpenAi),
    talking("openai.gpt-oss-120b-1:0", "gpt-oss-120b", "OpenAI", Family::OpenAi),
    talking("qwen.qwen3-32b-v1:0", "Qwen3 32B (dense)", "Qwen", Family::OpenAiChat),
    talking("writer.palmyra-x5-v1:0", "Palmyra X5", "Writer", Family::OpenAiChat).through(PROFILE),
    talking("moonshotai.kimi-k2.5", "Kimi K2.5", "Moonshot AI", Family::OpenAiChat),
    talking("minimax.minimax-m2.1", "MiniMax M2.1", "MiniMax", Family::OpenAiChat),
    painting("stability.sd3-5-large-v1:0", "Stable Diffusion 3.5 Large", "Stability AI", StabilityImage),
    painting("stability.stable-image-core-v1:1", "Stable Image Core 1.0", "Stability AI", StabilityImage),
    filming("luma.ray-v2:0", "Ray v2", "Luma AI", Family::LumaRay),
    embedding("twelvelabs.marengo-embed-2-7-v1:0", "Marengo Embed v2.7", "TwelveLabs", Family::Marengo)
        .reading(EVERYTHING),
    talking("twelvelabs.pegasus-1-2-v1:0", "Pegasus v1.2", "TwelveLabs", Family::Pegasus)
        .reading(TEXT_AND_VIDEO)
        .through(ON_DEMAND_AND_PROFILE),
];

impl Model {
    const fn reading(self, inputs: &'static [&'static str]) -> Self {
        Self { inputs, ..self }
    }

    const fn through(self, inference: &'static [&'static str]) -> Self {
        Self { inference, ..self }
    }

    const fn customised(self, customizations: &'static [&'static str]) -> Self {
        Self { customizations, ..self }
    }

    const fn leaving(self) -> Self {
        Self { legacy: true, ..self }
    }
}

const fn talking(id: &'static str, name: &'static str, provider: &'static str, family: Family) -> Model {
    Model {
        id,
        name,
        provider,
        family,
        inputs: TEXT,
        outputs: TEXT,
        streams: true,
        customizations: &[],
        inference: ON_DEMAND,
        legacy: false,
    }
}

const fn embedding(id: &'static str, name: &'static str, provider: &'static str, family: Family) -> Model {
    Model { outputs: EMBEDDING, streams: false, ..talking(id, name, provider, family) }
}

/// A model that answers with numbers.
const fn silent(id: &'static str, name: &'static str, provider: &'static str, family: Family) -> Model {
    Model { streams: false, ..talking(id, name, provider, family) }
}

const fn painting(id: &'static str, name: &'static str, provider: &'static str, family: Family) -> Model {
    Model { outputs: IMAGE, ..silent(id, name, provider, family) }.reading(TEXT_AND_IMAGE)
}

const fn filming(id: &'static str, name: &'static str, provider: &'static str, family: Family) -> Model {
    Model { outputs: VIDEO, ..silent(id, name, provider, family) }.reading(TEXT_AND_IMAGE)
}

const fn titan_text(id: &'static str, name: &'static str) -> Model {
    talking(id, name, "Amazon", Family::TitanText)
        .customised(TUNING_AND_TRAINING)
        .through(ON_DEMAND_AND_PROVISIONED)
}

const fn titan_embed(id: &'static str, name: &'static str) -> Model {
    embedding(id, name, "Amazon", Family::TitanEmbed)
}

const fn nova(id: &'static str, name: &'static str) -> Model {
    talking(id, name, "Amazon", Family::Nova).reading(TEXT_AND_IMAGE).through(ON_DEMAND_AND_PROFILE)
}

const fn speaking(id: &'static str, name: &'static str) -> Model {
    let model = talking(id, name, "Amazon", Family::NovaSonic);
    Model { outputs: SPEECH_AND_TEXT, ..model }.reading(SPEECH)
}

const fn jurassic(id: &'static str, name: &'static str) -> Model {
    Model { streams: false, ..talking(id, name, "AI21 Labs", Family::Jurassic2) }
}

const fn claude(id: &'static str, name: &'static str, family: Family) -> Model {
    talking(id, name, "Anthropic", family).reading(TEXT_AND_IMAGE).through(ON_DEMAND_AND_PROFILE)
}

const fn cohere_command(id: &'static str, name: &'static str) -> Model {
    talking(id, name, "Cohere", Family::CohereCommand).customised(TUNING).through(ON_DEMAND_AND_PROVISIONED)
}

const fn cohere_embed(id: &'static str, name: &'static str) -> Model {
    embedding(id, name, "Cohere", Family::CohereEmbed)
}

const fn stable_diffusion(id: &'static str, name: &'static str) -> Model {
    painting(id, name, "Stability AI", Family::StableDiffusionXl)
}
