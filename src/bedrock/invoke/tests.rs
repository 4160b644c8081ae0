//! Bodies and answers of every family by table. Shapes are those of recorded answers, contents are made up.

use serde_json::{Value as Json, json};

use super::Family;
use crate::bedrock::fault::Fault;
use crate::bedrock::format::{DecodeError, Format};
use crate::bedrock::json::Document;
use crate::bedrock::view::{Modality, Parameter, SettingValue, TextRole, Usage, View};

fn read<T>(family: Family, body: &Json, inspect: impl FnOnce(View<'_>) -> T) -> Result<T, DecodeError> {
    let source = body.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    Format::of_family(family).decode(&document).map(inspect)
}

fn counts(input: Option<u64>, output: Option<u64>) -> Usage {
    Usage { input, output, ..Usage::default() }
}

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

#[test]
fn claude_messages_are_counted_and_classified() {
    let body = json!({
        "system": "be brief",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "document", "source": {"type": "base64", "media_type": "text/plain",
                    "data": "MTIzLTQ1LTY3ODk="}}
            ]},
            {"role": "assistant", "content": [
                {"type": "redacted_thinking", "data": "c2VjcmV0"},
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "t", "name": "find", "input": {"ssn": 123_456_789}}
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "found"}]}
        ],
        "tools": [{"name": "save", "input_schema": {"type": "object", "properties": {"max_tokens": {}}}}]
    });
    read(Family::ClaudeMessages, &body, |view| {
        assert_eq!((view.turns, view.images, view.system), (3, 1, true));
        assert_eq!(view.modalities, [Modality::Text, Modality::Image, Modality::Document].into());
        assert_eq!(view.tools, ["find", "save"]);
        assert!(view.parameters.is_empty());
        for (words, role, editable) in [
            ("be brief", TextRole::System, true),
            ("look", TextRole::User, true),
            ("123-45-6789", TextRole::Document, false),
            ("hm", TextRole::Reasoning, false),
            ("123456789", TextRole::ToolInput, true),
            ("found", TextRole::ToolResult, true),
        ] {
            let text = view.texts.iter().find(|text| text.text == words).expect(words);
            assert_eq!((text.role, text.editable), (role, editable), "{words}");
        }
        assert!(view.texts.iter().all(|text| !["iVBORw0KGgo=", "c2VjcmV0", "c2ln"].contains(&&*text.text)));
    })
    .unwrap();
}

#[test]
fn images_are_counted_and_not_read() {
    let cases = [
        (Family::TitanMultimodalEmbed, json!({"inputText": "a", "inputImage": "iVBORw0KGgo="})),
        (Family::CohereEmbed, json!({"images": ["data:image/png;base64,iVBORw0KGgo="]})),
        (Family::StableDiffusionXl, json!({"text_prompts": [{"text": "a"}], "init_image": "iVBORw0KGgo="})),
    ];
    for (family, body) in cases {
        read(family, &body, |view| {
            assert_eq!((view.images, view.unread()), (1, 1), "{}", family.name());
            assert!(view.modalities.contains(&Modality::Image));
            assert!(view.texts.iter().all(|text| !text.text.contains("iVBOR")), "{}", family.name());
        })
        .unwrap();
    }
}

/// Bodies of the families that came later which must not pass.
fn other_refusals() -> Vec<(Family, Json, Fault)> {
    use Fault::{AccessDenied, Validation};
    let chat = |content: Json| json!({"messages": [{"role": "user", "content": content}]});
    vec![
        (Family::Mistral, json!({"prompt": "a", "messages": []}), Validation),
        (Family::DeepSeek, json!({"prompt": "a", "messages": []}), Validation),
        (Family::Mistral, json!({"prompt": "a", "max_completion_tokens": 9}), AccessDenied),
        (Family::Jamba, json!({"messages": [], "max_completion_tokens": 9}), AccessDenied),
        (Family::OpenAi, json!({"messages": [], "model": "other"}), AccessDenied),
        (Family::OpenAi, json!({"messages": [], "web_search_options": {}}), AccessDenied),
        (Family::OpenAi, json!({"messages": [{"role": "root", "content": "x"}]}), AccessDenied),
        (Family::OpenAi, json!({"messages": [{"role": "user", "tool_calls": []}]}), AccessDenied),
        (Family::OpenAi, json!({"messages": [], "tools": [{"type": "web_search"}]}), Validation),
        (
            Family::OpenAiChat,
            json!({"messages": [], "tools": [{"type": "graph", "function": {"name": "g"}}]}),
            AccessDenied,
        ),
        (Family::OpenAiChat, chat(json!([{"type": "file", "file": {"file_id": "x"}}])), AccessDenied),
        (Family::OpenAiChat, chat(json!([{"text": "no type"}])), AccessDenied),
        (Family::OpenAiChat, chat(json!([{}])), Validation),
        (Family::OpenAiChat, chat(json!([{"type": "image_url", "image_url": "https://x/y"}])), AccessDenied),
        (Family::OpenAiChat, chat(json!([{"type": "image_url", "image_url": {}}])), Validation),
        (Family::OpenAiChat, json!({"messages": [], "max_tokens": "9"}), Validation),
        (Family::OpenAiChat, json!({"messages": [], "thinking": {"budget": 9}}), AccessDenied),
        (Family::CohereCommandR, json!({"message": "a", "connectors": [{"id": "web-search"}]}), AccessDenied),
        (Family::CohereCommandR, json!({"message": "a", "tools": [{}]}), Validation),
        (Family::CohereCommandR, json!({"message": "a", "chat_history": [{"role": "x"}]}), AccessDenied),
        (Family::Llama, json!({"prompt": "a", "max_tokens": 9}), AccessDenied),
        (Family::Llama, json!({"prompt": "a", "images": [7]}), Validation),
        (Family::Rerank, json!({"query": "a", "documents": [7]}), Validation),
        (Family::AmazonImage, json!({"taskType": "x", "textToImageParams": {"future": "y"}}), AccessDenied),
        (Family::AmazonImage, json!({"taskType": "x", "imageGenerationConfig": {"n": 9}}), AccessDenied),
        (Family::StabilityImage, json!({"prompt": "a", "samples": 9}), AccessDenied),
        (Family::Pegasus, json!({"inputPrompt": "a", "maxTokens": 9}), AccessDenied),
        (Family::Marengo, json!({"inputText": "a", "mediaSource": {"url": "x"}}), AccessDenied),
        (Family::LumaRay, json!({"prompt": "a", "keyframes": {"frame0": {"url": "x"}}}), AccessDenied),
    ]
}

#[test]
fn a_body_that_is_not_understood_is_refused() {
    use Fault::{AccessDenied, Validation};
    let claude = |content: Json| json!({"messages": [{"role": "user", "content": content}]});
    let cases = [
        (Family::ClaudeText, json!({"prompt": "a", "messages": []}), Validation),
        (Family::ClaudeText, json!({"prompt": "a", "max_tokens": 9}), AccessDenied),
        (Family::ClaudeText, json!({"messages": [], "max_tokens_to_sample": 9}), AccessDenied),
        (Family::ClaudeText, json!({}), Validation),
        (Family::ClaudeMessages, json!({"prompt": "a"}), AccessDenied),
        (Family::ClaudeMessages, json!({"max_tokens": 9}), Validation),
        (Family::ClaudeMessages, json!({"messages": [], "mcp_servers": []}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "container": "x"}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "context_management": {}}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "stream": true}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "model": "claude"}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "Max_Tokens": 9}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [], "max_tokens": "9"}), Validation),
        (Family::ClaudeMessages, json!({"messages": [], "thinking": {"budget_tokens": "9"}}), Validation),
        (Family::ClaudeMessages, json!({"messages": [], "thinking": {"budget": 9}}), AccessDenied),
        (Family::ClaudeMessages, json!({"messages": [{"role": "root", "content": "x"}]}), AccessDenied),
        (Family::ClaudeMessages, claude(json!([{"text": "no type"}])), AccessDenied),
        (Family::ClaudeMessages, claude(json!([{"type": "text", "text": "a", "source": {}}])), AccessDenied),
        (Family::ClaudeMessages, claude(json!([{"type": "server_tool_use", "name": "x"}])), AccessDenied),
        (Family::ClaudeMessages, claude(json!([{"type": "tool_use", "name": "x"}])), AccessDenied),
        (
            Family::ClaudeMessages,
            claude(json!([{"type": "image", "source": {"type": "url", "url": "x"}}])),
            AccessDenied,
        ),
        (
            Family::ClaudeMessages,
            claude(json!([{"type": "document", "source": {"type": "file", "file_id": "x"}}])),
            AccessDenied,
        ),
        (
            Family::ClaudeMessages,
            json!({"messages": [], "tools": [{"type": "web_search_20250305"}]}),
            Validation,
        ),
        (Family::Jurassic2, json!({"prompt": "a", "presencePenalty": {"scale": "1"}}), Validation),
        (Family::Jurassic2, json!({"prompt": "a", "presencePenalty": {"value": 1}}), AccessDenied),
        (Family::Jurassic2, json!({"prompt": "a", "presencePenalty": {}}), Validation),
        (Family::Jurassic2, json!({"prompt": "a", "numResults": 1.5}), Validation),
        (Family::CohereCommand, json!({"message": "a"}), AccessDenied),
        (Family::TitanText, json!({"inputText": ["a"]}), Validation),
        (Family::TitanText, json!({"inputText": "a", "maxTokenCount": 9}), AccessDenied),
        (Family::TitanText, json!({"inputText": "a", "textGenerationConfig": {"topK": 9}}), AccessDenied),
        (
            Family::StableDiffusionXl,
            json!({"text_prompts": [{"text": "a"}], "extras": {"samples": 9}}),
            AccessDenied,
        ),
        (Family::Nova, json!({"messages": [], "inferenceConfig": {"MaxTokens": 9}}), AccessDenied),
        (Family::Nova, json!({"messages": [], "additionalModelRequestFields": {}}), AccessDenied),
    ];
    let cases = cases.into_iter().chain(other_refusals());
    for (family, body, fault) in cases {
        let error = read(family, &body, |view| panic!("{body} was read as {view:?}")).unwrap_err();
        assert_eq!(error.fault(), fault, "{} {body}: {error}", family.name());
    }
}

#[test]
fn a_limit_beside_a_tools_schema_is_a_limit() {
    let body = json!({"messages": [], "tools": [{"name": "t", "cache": {"max_output_tokens": 77}}]});
    read(Family::ClaudeMessages, &body, |view| {
        assert_eq!(view.parameters.len(), 1);
        assert_eq!(view.parameters[0].value, SettingValue::Number { text: "77", value: 77.0 });
    })
    .unwrap();
}

/// An answer, the texts in it that the model spoke, its counts and why it ended.
type Spoken = (Family, Json, Vec<&'static str>, Usage, Option<&'static str>);

fn answers_of_amazon_and_others() -> Vec<Spoken> {
    vec![
        (
            Family::TitanText,
            json!({"inputTextTokenCount": 5, "results": [
            {"tokenCount": 7, "outputText": "one", "completionReason": "FINISH"},
            {"tokenCount": 3, "outputText": "two", "completionReason": "LENGTH"}]}),
            vec!["one", "two"],
            counts(Some(5), Some(10)),
            Some("FINISH"),
        ),
        (
            Family::TitanEmbed,
            json!({"embedding": [0.1, 0.2], "inputTextTokenCount": 3, "message": "odd"}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (
            Family::Jurassic2,
            json!({"id": 1, "prompt": {"text": "hi", "tokens": []}, "completions": [
            {"data": {"text": "hello", "tokens": []}, "finishReason": {"reason": "endoftext"}}]}),
            vec!["hi", "hello"],
            Usage::default(),
            Some("endoftext"),
        ),
        (
            Family::CohereCommand,
            json!({"id": "x", "prompt": "hi", "generations": [
            {"id": "g", "text": "there", "finish_reason": "COMPLETE"}]}),
            vec!["there"],
            Usage::default(),
            Some("COMPLETE"),
        ),
        (
            Family::CohereEmbed,
            json!({"embeddings": [[0.1]], "id": "i", "response_type": "embeddings_floats",
            "texts": ["echo"]}),
            vec![],
            Usage::default(),
            None,
        ),
        (
            Family::StableDiffusionXl,
            json!({"result": "success", "artifacts": [
            {"seed": 1, "base64": "iVBORw0KGgo=", "finishReason": "SUCCESS"}]}),
            vec![],
            Usage::default(),
            Some("SUCCESS"),
        ),
        (
            Family::Nova,
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3,
                "cacheReadInputTokenCount": 4, "cacheWriteInputTokenCount": 5}}),
            vec!["Hi"],
            Usage { input: Some(1), output: Some(2), cache_read: Some(4), cache_write: Some(5) },
            Some("end_turn"),
        ),
    ]
}

/// An answer of chat completions.
fn answers_of_chats() -> Vec<Spoken> {
    let chat = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi",
            "reasoning_content": "hm", "tool_calls": [{"id": "t", "type": "function",
                "function": {"name": "find", "arguments": "{}"}}]}},
        {"index": 1, "finish_reason": "length", "message": {"content": null}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
            "prompt_tokens_details": {"cached_tokens": 4}}});
    let usage = Usage { input: Some(5), output: Some(2), cache_read: Some(4), cache_write: None };
    [Family::OpenAiChat, Family::OpenAi, Family::Jamba, Family::Mistral, Family::DeepSeek]
        .map(|family| (family, chat.clone(), vec!["Hi"], usage, Some("stop")))
        .to_vec()
}

fn answers_of_others() -> Vec<Spoken> {
    vec![
        (
            Family::Llama,
            json!({"generation": "Hi", "prompt_token_count": 3, "generation_token_count": 2, "stop_reason": "stop"}),
            vec!["Hi"],
            counts(Some(3), Some(2)),
            Some("stop"),
        ),
        (
            Family::Mistral,
            json!({"outputs": [{"text": "Hi", "stop_reason": "length"}]}),
            vec!["Hi"],
            Usage::default(),
            Some("length"),
        ),
        (
            Family::DeepSeek,
            json!({"choices": [{"text": "Hi", "stop_reason": "stop"}]}),
            vec!["Hi"],
            Usage::default(),
            Some("stop"),
        ),
        (
            Family::CohereCommandR,
            json!({"text": "Hi", "finish_reason": "COMPLETE", "chat_history": [{"message": "before"}],
                "tool_calls": [{"name": "find", "parameters": {"q": 7}}]}),
            vec!["Hi"],
            Usage::default(),
            Some("COMPLETE"),
        ),
        (
            Family::Pegasus,
            json!({"message": "Hi", "finishReason": "stop"}),
            vec!["Hi"],
            Usage::default(),
            Some("stop"),
        ),
        (
            Family::StabilityImage,
            json!({"images": ["iVBORw0KGgo="], "seeds": [1], "finish_reasons": [null, "Filter reason: prompt"]}),
            vec![],
            Usage::default(),
            Some("Filter reason: prompt"),
        ),
        (
            Family::AmazonImage,
            json!({"images": ["iVBORw0KGgo="], "error": null}),
            vec![],
            Usage::default(),
            None,
        ),
        (
            Family::NovaEmbed,
            json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1]}], "inputTextTokenCount": 3}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (
            Family::TitanMultimodalEmbed,
            json!({"embedding": [0.1], "inputTextTokenCount": 3, "message": null}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (Family::Marengo, json!({"data": [{"embedding": [0.1]}]}), vec![], Usage::default(), None),
        (
            Family::Rerank,
            json!({"results": [{"index": 0, "relevance_score": 0.5}]}),
            vec![],
            Usage::default(),
            None,
        ),
    ]
}

fn answers_of_anthropic() -> Vec<Spoken> {
    vec![
        (
            Family::ClaudeText,
            json!({"completion": " Hi", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}),
            vec![" Hi"],
            Usage::default(),
            Some("stop_sequence"),
        ),
        (
            Family::ClaudeText,
            json!({"type": "message", "content": [{"type": "text", "text": "Hey"}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}),
            vec!["Hey"],
            counts(Some(1), Some(2)),
            Some("end_turn"),
        ),
        (
            Family::ClaudeMessages,
            json!({"id": "msg_bdrk_1", "type": "message", "role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "Hi"}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4}}),
            vec!["Hi"],
            Usage { input: Some(10), output: Some(20), cache_read: Some(3), cache_write: Some(4) },
            Some("end_turn"),
        ),
    ]
}

#[test]
fn answers_show_text_counts_and_stop_reason() {
    let all =
        [answers_of_amazon_and_others(), answers_of_anthropic(), answers_of_chats(), answers_of_others()];
    for (family, body, assistant, usage, stop_reason) in all.concat() {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        let spoken: Vec<&str> = answer
            .texts
            .iter()
            .filter(|text| text.role == TextRole::Assistant)
            .map(|text| text.text.as_ref())
            .collect();
        assert_eq!(spoken, assistant, "{}", family.name());
        assert_eq!(answer.usage, usage, "{}", family.name());
        assert_eq!(answer.stop_reason.as_deref(), stop_reason, "{}", family.name());
        assert!(answer.texts.iter().all(|text| text.text != "iVBORw0KGgo=" && text.text != "c2ln"));
    }
}

#[test]
fn echoes_and_messages_of_an_answer_are_read() {
    for (family, body, words) in [
        (Family::CohereEmbed, json!({"texts": ["123-45-6789"]}), "123-45-6789"),
        (Family::CohereCommand, json!({"prompt": "123-45-6789", "generations": []}), "123-45-6789"),
        (Family::TitanEmbed, json!({"message": "123-45-6789"}), "123-45-6789"),
        (Family::AmazonImage, json!({"images": [], "error": "123-45-6789"}), "123-45-6789"),
        (Family::CohereCommandR, json!({"chat_history": [{"message": "123-45-6789"}]}), "123-45-6789"),
        (Family::CohereCommandR, json!({"tool_calls": [{"parameters": {"a": 78_051_120}}]}), "78051120"),
        (
            Family::OpenAiChat,
            json!({"choices": [{"message": {"tool_calls": [{"function": {"arguments": "123-45-6789"}}]}}]}),
            "123-45-6789",
        ),
        (Family::OpenAiChat, json!({"choices": [{"message": {"future": "123-45-6789"}}]}), "123-45-6789"),
        (
            Family::ClaudeMessages,
            json!({"content": [{"type": "tool_use", "input": {"a": 78_051_120}}]}),
            "78051120",
        ),
        (Family::StableDiffusionXl, json!({"artifacts": [{"base64": "no base64!"}]}), "no base64!"),
    ] {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        assert!(answer.texts.iter().any(|text| text.text == words), "{}", family.name());
    }
}

#[test]
fn text_cut_into_tokens_is_read_whole() {
    let token = |text: &str| {
        json!({"generatedToken": {"token": text, "logprob": -1.0},
            "topTokens": [{"token": "other"}], "textRange": {"start": 0, "end": 1}})
    };
    let jurassic = json!({"completions": [{"data": {"text": "",
        "tokens": [token("\u{2581}123"), token("-45-"), token("6789")]}}]});
    let cohere = json!({"generations": [{"token_likelihoods": [{"token": " 123-"}, {"token": "45-6789"}]}]});
    let chat = json!({"choices": [{"logprobs": {"content": [{"token": " 123-", "top_logprobs": [{"token": "x"}]},
        {"token": "45-6789"}]}}]});
    let completion =
        json!({"choices": [{"logprobs": {"tokens": [" 123-", "45-6789"], "top_logprobs": [{"x": -1}]}}]});
    for (family, body) in [
        (Family::Jurassic2, jurassic),
        (Family::CohereCommand, cohere),
        (Family::OpenAiChat, chat),
        (Family::DeepSeek, completion),
    ] {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        let text = answer
            .texts
            .iter()
            .find(|text| text.text == " 123-45-6789")
            .unwrap_or_else(|| panic!("{}", family.name()));
        assert!(!text.editable);
    }
}

#[test]
fn escapes_in_the_arguments_of_a_tool_call_hide_nothing() {
    let call = json!([{"type": "function", "function": {"name": "f", "arguments": "{\"n\":\"123-45-678\\u0039\"}"}}]);
    let body = json!({"messages": [{"role": "assistant", "tool_calls": call}]});
    read(Family::OpenAiChat, &body, |view| {
        assert!(view.texts.iter().any(|text| text.text.contains("123-45-6789") && !text.editable));
        assert_eq!(view.tools, ["f"]);
    })
    .unwrap();
}

#[test]
fn roles_of_a_chat_are_told_apart() {
    let body = json!({"messages": [
        {"role": "developer", "content": "rules"}, {"role": "user", "content": {"text": "ask"}},
        {"role": "assistant", "content": "say", "reasoning_content": "think"},
        {"role": "tool", "content": "result"}]});
    read(Family::OpenAi, &body, |view| {
        assert_eq!((view.turns, view.system), (4, true));
        for (words, role) in [
            ("rules", TextRole::System),
            ("ask", TextRole::User),
            ("say", TextRole::Assistant),
            ("think", TextRole::Reasoning),
            ("result", TextRole::ToolResult),
        ] {
            assert_eq!(view.texts.iter().find(|text| text.text == words).unwrap().role, role);
        }
    })
    .unwrap();
}
