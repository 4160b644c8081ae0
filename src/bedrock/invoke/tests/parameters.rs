//! Every parameter of every family, by table.

use serde_json::{Value as Json, json};

use super::read;
use crate::bedrock::invoke::Family;
use crate::bedrock::view::{Parameter, SettingValue};

#[test]
fn every_parameter_of_a_family_is_a_setting() {
    use Parameter::{
        Choices, CountPenalty, FrequencyPenalty, LogitBias, MaxTokens, PresencePenalty, ReturnLikelihoods,
        Seed, Stop, Stream, Temperature, ThinkingTokens, TopK, TopP,
    };
    let claude = json!({"messages": [], "max_tokens": 1, "temperature": 1, "top_p": 1, "top_k": 1,
        "stop_sequences": [], "thinking": {"type": "enabled", "budget_tokens": 1}});
    let cases: &[(Family, Json, &[Parameter])] = &[
        (
            Family::TitanText,
            json!({"inputText": "", "textGenerationConfig": {"maxTokenCount": 1, "temperature": 1,
            "topP": 1, "stopSequences": []}}),
            &[MaxTokens, Temperature, TopP, Stop],
        ),
        (
            Family::Jurassic2,
            json!({"prompt": "", "maxTokens": 1, "temperature": 1, "topP": 1, "stopSequences": [],
            "numResults": 1, "presencePenalty": {"scale": 1}, "countPenalty": {"scale": 1},
            "frequencyPenalty": {"scale": 1, "applyToPunctuation": true}, "logitBias": {}}),
            &[
                MaxTokens,
                Temperature,
                TopP,
                Stop,
                Choices,
                PresencePenalty,
                CountPenalty,
                FrequencyPenalty,
                LogitBias,
            ],
        ),
        (
            Family::ClaudeText,
            json!({"prompt": "", "max_tokens_to_sample": 1, "temperature": 1, "top_p": 1, "top_k": 1,
            "stop_sequences": []}),
            &[MaxTokens, Temperature, TopP, TopK, Stop],
        ),
        (Family::ClaudeText, claude.clone(), &[MaxTokens, Temperature, TopP, TopK, Stop, ThinkingTokens]),
        (Family::ClaudeMessages, claude, &[MaxTokens, Temperature, TopP, TopK, Stop, ThinkingTokens]),
        (
            Family::CohereCommand,
            json!({"prompt": "", "max_tokens": 1, "temperature": 1, "p": 1, "k": 1,
            "num_generations": 1, "stop_sequences": [], "return_likelihoods": "ALL", "logit_bias": {}, "stream": true}),
            &[MaxTokens, Temperature, TopP, TopK, Choices, Stop, ReturnLikelihoods, LogitBias, Stream],
        ),
        (Family::CohereEmbed, json!({"texts": [], "max_tokens": 1}), &[MaxTokens]),
        (Family::StableDiffusionXl, json!({"text_prompts": [], "samples": 1, "seed": 1}), &[Choices, Seed]),
        (
            Family::Nova,
            json!({"messages": [], "inferenceConfig": {"maxTokens": 1, "temperature": 1, "topP": 1,
            "topK": 1, "stopSequences": []}}),
            &[MaxTokens, Temperature, TopP, TopK, Stop],
        ),
        (
            Family::Nova,
            json!({"messages": [], "inferenceConfig": {"max_new_tokens": 1, "top_p": 1, "top_k": 1}}),
            &[MaxTokens, TopP, TopK],
        ),
        (Family::TitanEmbed, json!({"inputText": ""}), &[]),
    ];
    for (family, body, expected) in cases.iter().cloned().chain(chats()).chain(others()) {
        read(family, &body, |view| {
            let mut found: Vec<_> = view.parameters.iter().map(|setting| setting.parameter).collect();
            let mut expected = expected.to_vec();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{}", family.name());
        })
        .unwrap_or_else(|error| panic!("{}: {error}", family.name()));
    }
}

/// Bodies of the families that came later, with every parameter that each takes.
fn others() -> Vec<(Family, Json, &'static [Parameter])> {
    use Parameter::{
        Choices, FrequencyPenalty, MaxTokens, PresencePenalty, Seed, Stop, Stream, Temperature, TopK, TopP,
    };
    vec![
        (Family::TitanMultimodalEmbed, json!({"inputText": ""}), &[]),
        (
            Family::AmazonImage,
            json!({"taskType": "TEXT_IMAGE", "imageGenerationConfig": {"numberOfImages": 1, "seed": 1}}),
            &[Choices, Seed],
        ),
        (Family::StabilityImage, json!({"prompt": "", "seed": 1}), &[Seed]),
        (Family::NovaReel, json!({"taskType": "TEXT_VIDEO", "videoGenerationConfig": {"seed": 1}}), &[Seed]),
        (Family::LumaRay, json!({"prompt": ""}), &[]),
        (Family::NovaEmbed, json!({"taskType": "SINGLE_EMBEDDING"}), &[]),
        (Family::Marengo, json!({"inputText": ""}), &[]),
        (Family::Rerank, json!({"query": "", "documents": [], "top_n": 1}), &[]),
        (
            Family::Pegasus,
            json!({"inputPrompt": "", "maxOutputTokens": 1, "temperature": 1}),
            &[MaxTokens, Temperature],
        ),
        (
            Family::Llama,
            json!({"prompt": "", "max_gen_len": 1, "temperature": 1, "top_p": 1}),
            &[MaxTokens, Temperature, TopP],
        ),
        (
            Family::Mistral,
            json!({"prompt": "", "max_tokens": 1, "temperature": 1, "top_p": 1, "top_k": 1, "stop": []}),
            &[MaxTokens, Temperature, TopP, TopK, Stop],
        ),
        (
            Family::DeepSeek,
            json!({"prompt": "", "max_tokens": 1, "temperature": 1, "top_p": 1, "stop": []}),
            &[MaxTokens, Temperature, TopP, Stop],
        ),
        (
            Family::CohereCommandR,
            json!({"message": "", "max_tokens": 1, "temperature": 1, "p": 1, "k": 1, "stop_sequences": [],
            "presence_penalty": 1, "frequency_penalty": 1, "seed": 1, "stream": true}),
            &[MaxTokens, Temperature, TopP, TopK, Stop, PresencePenalty, FrequencyPenalty, Seed, Stream],
        ),
    ]
}

/// Bodies of chat completions with every parameter that each family takes.
fn chats() -> Vec<(Family, Json, &'static [Parameter])> {
    use Parameter::{
        Choices, FrequencyPenalty, LogitBias, MaxTokens, MinP, PresencePenalty, Seed, Stop, Stream,
        Temperature, ThinkingTokens, TopK, TopP,
    };
    let shared = json!({"messages": [], "max_tokens": 1, "temperature": 1, "top_p": 1, "stop": "x", "n": 1,
        "presence_penalty": 1, "frequency_penalty": 1, "stream": true});
    let with = |more: Json| {
        let mut body = shared.clone();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let open = json!({"top_k": 1, "min_p": 1, "seed": 1, "logit_bias": {}, "thinking_budget": 1});
    let open: (Json, &[Parameter]) = (
        with(open),
        &[
            MaxTokens,
            Temperature,
            TopP,
            Stop,
            Choices,
            PresencePenalty,
            FrequencyPenalty,
            Stream,
            TopK,
            MinP,
            Seed,
            LogitBias,
            ThinkingTokens,
        ],
    );
    vec![
        (Family::OpenAiChat, open.0.clone(), open.1),
        (Family::DeepSeek, open.0, open.1),
        (
            Family::OpenAiChat,
            json!({"messages": [], "thinking": {"budget_tokens": 1},
                "chat_template_kwargs": {"thinking_budget": 1}}),
            &[ThinkingTokens, ThinkingTokens],
        ),
        (
            Family::OpenAi,
            json!({"messages": [], "max_completion_tokens": 1, "max_tokens": 1}),
            &[MaxTokens, MaxTokens],
        ),
        (
            Family::Jamba,
            shared.clone(),
            &[MaxTokens, Temperature, TopP, Stop, Choices, PresencePenalty, FrequencyPenalty, Stream],
        ),
        (
            Family::Mistral,
            json!({"messages": [], "max_tokens": 1, "top_k": 1, "random_seed": 1}),
            &[MaxTokens, TopK, Seed],
        ),
    ]
}

#[test]
fn both_spellings_of_a_limit_are_judged() {
    let nova = json!({"messages": [], "inferenceConfig": {"maxTokens": 5, "max_new_tokens": 99_999}});
    let chat = json!({"messages": [], "max_tokens": 5, "max_completion_tokens": 99_999});
    for (family, body) in [
        (Family::Nova, &nova),
        (Family::OpenAiChat, &chat),
        (Family::OpenAi, &chat),
        (Family::DeepSeek, &chat),
    ] {
        read(family, body, |view| {
            let values: Vec<_> = view.parameters.iter().map(|setting| setting.value.clone()).collect();
            assert!(values.contains(&SettingValue::Number { text: "99999", value: 99_999.0 }));
            assert_eq!(values.len(), 2);
        })
        .unwrap();
    }
}
