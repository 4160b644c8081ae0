//! Bodies of every family, what is seen in them and what is refused. Shapes are those of recorded bodies, contents are
//! made up.

use serde_json::{Value as Json, json};

use super::Family;
use crate::bedrock::fault::Fault;
use crate::bedrock::format::{DecodeError, Format};
use crate::bedrock::json::Document;
use crate::bedrock::model::ModelReference;
use crate::bedrock::view::{Modality, SettingValue, TextRole, View};

mod answers;
mod parameters;

fn read<T>(family: Family, body: &Json, inspect: impl FnOnce(View<'_>) -> T) -> Result<T, DecodeError> {
    let source = body.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    Format::of_family(family).decode(&document).map(inspect)
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
        (Family::Jamba, json!({"messages": [], "model": "other"}), AccessDenied),
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

#[test]
fn a_model_in_the_body_must_be_the_one_in_the_path() {
    let path = |label| ModelReference::parse(label).unwrap();
    let cases = [
        ("qwen.qwen3-32b-v1:0", "qwen.qwen3-32b-v1:0", true),
        ("us.openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0", true),
        ("openai.gpt-oss-20b-1:0", "openai.gpt-oss-120b-1:0", false),
        ("openai.gpt-oss-20b-1:0", "gpt-oss-20b", false),
        ("openai.gpt-oss-20b-1:0", "", false),
    ];
    for (label, named, same) in cases {
        let expected = if same { Ok(()) } else { Err(DecodeError::OtherModel) };
        let body = json!({"messages": [], "model": named});
        let checked = read(Family::OpenAiChat, &body, |view| view.check_model(&path(label)));
        assert_eq!(checked, Ok(expected), "{label} {named}");
    }
    let body = json!({"messages": []});
    let checked = read(Family::OpenAiChat, &body, |view| view.check_model(&path("qwen.qwen3-32b-v1:0")));
    assert_eq!(checked, Ok(Ok(())));
}
