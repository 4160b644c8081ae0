//! The table of models. Names, modalities and ways of inference as `ListFoundationModels` gives them.

use super::super::models::Family;
use super::Model;

const TEXT: &[&str] = &["TEXT"];
const TEXT_AND_IMAGE: &[&str] = &["TEXT", "IMAGE"];
const IMAGE: &[&str] = &["IMAGE"];
const SPEECH: &[&str] = &["SPEECH"];
const SPEECH_AND_TEXT: &[&str] = &["SPEECH", "TEXT"];
const EMBEDDING: &[&str] = &["EMBEDDING"];

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
    let model = talking(id, name, "Stability AI", Family::StableDiffusionXl);
    Model { outputs: IMAGE, streams: false, ..model }.reading(TEXT_AND_IMAGE)
}
