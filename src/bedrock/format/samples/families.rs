//! Requests of the families that chat, embed, rank and paint, for tests. Made up, in the shapes real clients send.

use serde_json::{Value, json};

use crate::bedrock::format::Format;
use crate::bedrock::invoke::Family;

const PICTURE: &str = "iVBORw0KGgo=";

pub(super) fn samples() -> Vec<(Format, Value)> {
    let all = [chats(), completions(), embeddings(), pictures(), videos()].concat();
    all.into_iter().map(|(family, body)| (Format::of_family(family), body)).collect()
}

fn chats() -> Vec<(Family, Value)> {
    let messages = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "s3://bucket/key", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "no base64!", "format": "wav"}}
        ]},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "call-1", "type": "function", "function": {"name": "find", "arguments": "{\"city\":\"Bonn\"}"}}
        ]},
        {"role": "tool", "tool_call_id": "call-1", "content": {"text": "found"}}
    ]);
    let tools = json!([{"type": "function", "function": {"name": "find", "description": "finds",
        "parameters": {"properties": {"city": {"enum": ["Bonn"]}}}}}]);
    vec![
        (
            Family::OpenAiChat,
            json!({
                "messages": messages, "tools": tools, "stop": "END", "reasoning_effort": "low",
                "tool_choice": {"type": "function", "function": {"name": "find"}}, "stream": false,
                "response_format": {"type": "json_schema", "json_schema": {"name": "shape", "schema": {"a": "b"}}},
                "thinking": {"type": "enabled"}, "chat_template_kwargs": {"enable_thinking": true},
                "logit_bias": {"50256": -100}, "user": "user-7", "logprobs": true, "top_logprobs": 2
            }),
        ),
        (Family::OpenAi, json!({"messages": messages, "stop": ["END"], "verbosity": "low", "n": 1})),
        (
            Family::Jamba,
            json!({
                "messages": [{"role": "user", "content": "hi"}], "stop": ["##"],
                "documents": [{"content": "doc words", "metadata": [{"key": "source", "value": "shelf"}]}]
            }),
        ),
        (
            Family::Mistral,
            json!({
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "prefix": true, "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "deep"}]},
                        {"type": "text", "text": "so"}
                    ]}
                ],
                "tools": tools, "tool_choice": "auto", "safe_prompt": true, "prompt_mode": "reasoning"
            }),
        ),
        (Family::DeepSeek, json!({"messages": [{"role": "user", "content": "hi"}], "stop": ["x"]})),
        (
            Family::CohereCommandR,
            json!({
                "message": "now", "preamble": "be kind",
                "chat_history": [{"role": "USER", "message": "before"}, {"role": "CHATBOT", "message": "then"}],
                "documents": [{"title": "t", "snippet": "s", "any": "thing"}],
                "tools": [{"name": "find", "description": "finds",
                    "parameter_definitions": {"q": {"type": "str", "description": "query"}}}],
                "tool_results": [{"call": {"name": "find", "parameters": {"q": "x"}}, "outputs": [{"hit": "y"}]}],
                "stop_sequences": ["END"], "prompt_truncation": "OFF", "return_prompt": true
            }),
        ),
    ]
}

fn completions() -> Vec<(Family, Value)> {
    vec![
        (Family::Llama, json!({"prompt": "<|begin_of_text|>hi", "top_p": 0.9, "images": ["no base64!"]})),
        (Family::Mistral, json!({"prompt": "<s>[INST] hi [/INST]", "stop": ["</s>"]})),
        (Family::DeepSeek, json!({"prompt": "hi", "stop": ["x"]})),
        (
            Family::Pegasus,
            json!({
                "inputPrompt": "what happens", "mediaSource": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "1"}},
                "responseFormat": {"jsonSchema": {"a": "b"}}
            }),
        ),
    ]
}

fn embeddings() -> Vec<(Family, Value)> {
    vec![
        (
            Family::TitanMultimodalEmbed,
            json!({
                "inputText": "embed me", "inputImage": "no base64!",
                "embeddingConfig": {"outputEmbeddingLength": 256}
            }),
        ),
        (
            Family::NovaEmbed,
            json!({
                "schemaVersion": "nova-multimodal-embed-v1", "taskType": "SEGMENTED_EMBEDDING",
                "segmentedEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 1024,
                    "text": {"value": "words", "truncationMode": "END", "segmentationConfig": {"maxLengthChars": 800}},
                    "video": {"format": "mp4", "embeddingMode": "AUDIO_VIDEO_COMBINED",
                        "source": {"s3Location": {"uri": "s3://b/k"}}, "segmentationConfig": {"durationSeconds": 5}}
                }
            }),
        ),
        (
            Family::Rerank,
            json!({"query": "which", "documents": ["one", {"title": "two", "page": 3}], "top_n": 1, "api_version": 2}),
        ),
        (
            Family::Marengo,
            json!({"inputType": "video", "mediaSource": {"s3Location": {"uri": "s3://b/k"}}, "startSec": 1,
                "embeddingOption": ["visual-text"]}),
        ),
        (
            Family::Marengo,
            json!({"inputType": "multi_input", "multi_input": {"inputText": "like <@a>", "mediaSources": [
                {"name": "a", "mediaType": "image", "mediaSource": {"base64String": "no base64!"}}]}}),
        ),
    ]
}

fn pictures() -> Vec<(Family, Value)> {
    vec![
        (
            Family::AmazonImage,
            json!({
                "taskType": "INPAINTING",
                "inPaintingParams": {"text": "a cat", "negativeText": "a dog", "maskPrompt": "the chair", "image": "?"},
                "imageGenerationConfig": {"quality": "premium", "cfgScale": 8}
            }),
        ),
        (
            Family::AmazonImage,
            json!({
                "taskType": "VIRTUAL_TRY_ON",
                "virtualTryOnParams": {"sourceImage": "?", "referenceImage": "??", "maskType": "PROMPT",
                    "promptBasedMask": {"maskPrompt": "shirt", "maskShape": "DEFAULT"}}
            }),
        ),
        (
            Family::StabilityImage,
            json!({"prompt": "a cat", "negative_prompt": "a dog", "search_prompt": "chair", "image": "?", "mode": "x"}),
        ),
    ]
}

fn videos() -> Vec<(Family, Value)> {
    vec![
        (
            Family::NovaReel,
            json!({
                "taskType": "MULTI_SHOT_MANUAL",
                "multiShotManualParams": {"shots": [
                    {"text": "a hill"},
                    {"text": "a sea", "image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}}
                ]},
                "videoGenerationConfig": {"durationSeconds": 12, "fps": 24, "dimension": "1280x720"}
            }),
        ),
        (
            Family::LumaRay,
            json!({
                "prompt": "a hill", "aspect_ratio": "16:9", "duration": "5s", "loop": false,
                "keyframes": {"frame0": {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                    "data": "?"}}}
            }),
        ),
    ]
}

/// Bodies with one picture, sound or video each in base64, and where it stands.
pub(crate) fn opaque() -> Vec<(Family, Value, &'static str)> {
    let source = json!({"source": {"bytes": PICTURE}});
    vec![
        (Family::TitanMultimodalEmbed, json!({"inputImage": PICTURE}), "/inputImage"),
        (Family::Llama, json!({"prompt": "a", "images": [PICTURE]}), "/images/0"),
        (
            Family::AmazonImage,
            json!({"taskType": "IMAGE_VARIATION", "imageVariationParams": {"images": [PICTURE]}}),
            "/imageVariationParams/images/0",
        ),
        (
            Family::AmazonImage,
            json!({"taskType": "BACKGROUND_REMOVAL", "backgroundRemovalParams": {"image": PICTURE}}),
            "/backgroundRemovalParams/image",
        ),
        (Family::StabilityImage, json!({"image": PICTURE}), "/image"),
        (
            Family::NovaEmbed,
            json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"audio": source}}),
            "/singleEmbeddingParams/audio/source/bytes",
        ),
        (
            Family::NovaEmbed,
            json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"image": source}}),
            "/singleEmbeddingParams/image/source/bytes",
        ),
        (
            Family::NovaEmbed,
            json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"video": source}}),
            "/singleEmbeddingParams/video/source/bytes",
        ),
        (
            Family::StableDiffusionXl,
            json!({"text_prompts": [{"text": "a"}], "init_image": PICTURE}),
            "/init_image",
        ),
        (
            Family::NovaReel,
            json!({"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "a", "images": [source]}}),
            "/textToVideoParams/images/0/source/bytes",
        ),
        (
            Family::LumaRay,
            json!({"prompt": "a", "keyframes": {"frame1": {"source": {"data": PICTURE}}}}),
            "/keyframes/frame1/source/data",
        ),
        (
            Family::Marengo,
            json!({"inputType": "image", "mediaSource": {"base64String": PICTURE}}),
            "/mediaSource/base64String",
        ),
        (
            Family::Marengo,
            json!({"inputType": "audio", "mediaSource": {"base64String": PICTURE}}),
            "/mediaSource/base64String",
        ),
        (
            Family::Marengo,
            json!({"inputType": "video", "mediaSource": {"base64String": PICTURE}}),
            "/mediaSource/base64String",
        ),
        (
            Family::Pegasus,
            json!({"inputPrompt": "a", "mediaSource": {"base64String": PICTURE}}),
            "/mediaSource/base64String",
        ),
        (
            Family::OpenAiChat,
            json!({"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PICTURE}")}}]}]}),
            "/messages/0/content/0/image_url/url",
        ),
        (
            Family::Mistral,
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": PICTURE}]}]}),
            "/messages/0/content/0/input_audio",
        ),
    ]
}
