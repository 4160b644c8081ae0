use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::format::aliases::ALIASES;
use crate::bedrock::json::Document;
use crate::bedrock::operation::{Body, Operation};
use crate::bedrock::view::{Modality, OpaqueKind, SettingValue, Text, View};

fn read<T>(api: Api, body: &Value, inspect: impl FnOnce(View<'_>) -> T) -> Result<T, DecodeError> {
    let source = body.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    Format::of_api(api).decode(&document).map(inspect)
}

fn smallest(api: Api) -> Value {
    match api {
        Api::Completions | Api::Messages => json!({"model": "a.b", "messages": []}),
        Api::Responses => json!({"model": "a.b", "input": "hi"}),
    }
}

fn with(api: Api, name: &str, value: Value) -> Value {
    let mut body = smallest(api);
    body[name] = value;
    body
}

#[test]
fn every_api_has_an_operation() {
    for api in Api::ALL {
        let found = Operation::ALL.into_iter().find(|operation| operation.body() == Body::Chat(api));
        let operation = found.unwrap_or_else(|| panic!("{api:?}"));
        assert!(operation.may_stream() && !operation.is_streaming() && operation.names_model_in_body());
    }
}

#[test]
fn the_body_says_whether_the_answer_is_streamed() {
    for api in Api::ALL {
        assert_eq!(read(api, &smallest(api), |view| view.streams), Ok(false));
        for (value, streams) in [(json!(true), true), (json!(false), false)] {
            assert_eq!(read(api, &with(api, "stream", value), |view| view.streams), Ok(streams));
        }
        for value in [json!("true"), json!(1), json!(null), json!({})] {
            assert!(read(api, &with(api, "stream", value), |_| ()).is_err(), "{api:?}");
        }
    }
}

#[test]
fn what_reads_or_keeps_state_out_of_sight_is_refused() {
    let part = |part: Value| json!([{"role": "user", "content": [part]}]);
    let item = |item: Value| json!([item]);
    let file = |file: Value| part(json!({"type": "file", "file": file}));
    let table = [
        (Api::Completions, "store", json!(true)),
        (Api::Completions, "service_tier", json!("priority")),
        (Api::Completions, "service_tier", json!("auto")),
        (Api::Completions, "web_search_options", json!({})),
        (Api::Completions, "modalities", json!(["text", "audio"])),
        (Api::Completions, "audio", json!({"voice": "alloy", "format": "wav"})),
        (Api::Completions, "messages", file(json!({"file_id": "file-1"}))),
        (
            Api::Completions,
            "messages",
            part(json!({"type": "image_url", "image_url": {"url": "https://a/b"}})),
        ),
        (Api::Completions, "messages", json!([{"role": "assistant", "audio": {"id": "audio_1"}}])),
        (Api::Completions, "tools", json!([{"type": "web_search", "function": {"name": "a"}}])),
        (Api::Completions, "functions", json!([{"description": "nameless"}])),
        (Api::Responses, "store", json!(true)),
        (Api::Responses, "background", json!(true)),
        (Api::Responses, "previous_response_id", json!("resp_1")),
        (Api::Responses, "conversation", json!("conv_1")),
        (Api::Responses, "prompt", json!({"id": "pmpt_1"})),
        (Api::Responses, "input", item(json!({"type": "item_reference", "id": "msg_1"}))),
        (Api::Responses, "input", item(json!({"type": "compaction", "encrypted_content": "aGk="}))),
        (Api::Responses, "input", item(json!({"type": "web_search_call", "id": "ws_1"}))),
        (Api::Responses, "input", item(json!({"type": "mcp_call", "id": "mcp_1"}))),
        (Api::Responses, "input", part(json!({"type": "input_file", "file_id": "file-1"}))),
        (Api::Responses, "input", part(json!({"type": "input_file", "file_url": "https://a/b"}))),
        (Api::Responses, "input", part(json!({"type": "input_image", "image_url": "https://a/b"}))),
        (Api::Responses, "input", part(json!({"type": "input_image", "file_id": "file-1"}))),
        (Api::Responses, "tools", json!([{"type": "mcp", "server_url": "https://a/b"}])),
        (Api::Responses, "tools", json!([{"type": "web_search"}])),
        (Api::Responses, "tools", json!([{"type": "code_interpreter", "container": {"type": "auto"}}])),
        (Api::Messages, "mcp_servers", json!([])),
        (Api::Messages, "container", json!("c")),
        (Api::Messages, "inference_geo", json!("us")),
    ];
    for (api, name, value) in table {
        let error = read(api, &with(api, name, value.clone()), |_| ()).expect_err(&format!("{name} {value}"));
        assert_eq!(
            error.fault(),
            match error {
                DecodeError::Missing { .. } => Fault::Validation,
                _ => Fault::AccessDenied,
            },
            "{name} {value}: {error}"
        );
    }
}

#[test]
fn every_parameter_of_an_api_is_a_setting() {
    use Parameter::{
        Choices, FrequencyPenalty, LogitBias, MaxTokens, MinP, PresencePenalty, Seed, Stop, Temperature,
        ThinkingTokens, TopK, TopP,
    };
    let table: &[(Api, &str, Value, Parameter)] = &[
        (Api::Completions, "max_tokens", json!(1), MaxTokens),
        (Api::Completions, "max_completion_tokens", json!(1), MaxTokens),
        (Api::Completions, "temperature", json!(1), Temperature),
        (Api::Completions, "top_p", json!(1), TopP),
        (Api::Completions, "top_k", json!(1), TopK),
        (Api::Completions, "min_p", json!(1), MinP),
        (Api::Completions, "n", json!(1), Choices),
        (Api::Completions, "stop", json!([]), Stop),
        (Api::Completions, "seed", json!(1), Seed),
        (Api::Completions, "logit_bias", json!({}), LogitBias),
        (Api::Completions, "presence_penalty", json!(1), PresencePenalty),
        (Api::Completions, "frequency_penalty", json!(1), FrequencyPenalty),
        (Api::Completions, "thinking_budget", json!(1), ThinkingTokens),
        (Api::Responses, "max_output_tokens", json!(1), MaxTokens),
        (Api::Responses, "temperature", json!(1), Temperature),
        (Api::Responses, "top_p", json!(1), TopP),
        (Api::Messages, "max_tokens", json!(1), MaxTokens),
        (Api::Messages, "temperature", json!(1), Temperature),
        (Api::Messages, "top_p", json!(1), TopP),
        (Api::Messages, "top_k", json!(1), TopK),
        (Api::Messages, "stop_sequences", json!([]), Stop),
        (Api::Messages, "thinking", json!({"type": "enabled", "budget_tokens": 1}), ThinkingTokens),
    ];
    for (api, name, value, parameter) in table {
        let found = read(*api, &with(*api, name, value.clone()), |view| {
            view.parameters.iter().map(|setting| setting.parameter).collect::<Vec<_>>()
        });
        assert_eq!(found, Ok(vec![*parameter]), "{name}");
    }
}

#[test]
fn files_are_read_where_they_are_text_and_noted_where_they_are_not() {
    let file = |data: &str| json!([{"role": "user", "content": [{"type": "input_file", "filename": "a", "file_data": data}]}]);
    for (data, text, opaque) in [
        ("data:text/plain;base64,aGVsbG8=", Some("hello"), None),
        ("data:application/pdf;base64,aGVsbG8=", Some("hello"), Some(OpaqueKind::Document)),
        ("data:application/pdf;base64,/w==", None, Some(OpaqueKind::Document)),
        ("aGVsbG8=", Some("hello"), Some(OpaqueKind::Document)),
        ("s3://bucket/key", Some("s3://bucket/key"), Some(OpaqueKind::S3Reference)),
        ("data:text/plain,hello", Some("data:text/plain,hello"), None),
    ] {
        read(Api::Responses, &with(Api::Responses, "input", file(data)), |view| {
            let is_text = |read: &Text<'_>| Some(read.text.as_ref()) == text;
            assert!(text.is_none() || view.texts.iter().any(is_text), "{data}: {:?}", view.texts);
            assert_eq!(view.opaque.first().map(|opaque| opaque.kind), opaque, "{data}");
            assert!(view.modalities.contains(&Modality::Document), "{data}");
        })
        .unwrap();
    }
}

#[test]
fn tools_count_by_their_names_and_the_nameless_by_their_type() {
    let tools = json!([
        {"type": "function", "name": "find"}, {"type": "apply_patch"},
        {"type": "namespace", "name": "crm", "tools": [{"type": "custom", "name": "sql"}]}
    ]);
    let names = read(Api::Responses, &with(Api::Responses, "tools", tools), |view| {
        view.tools.iter().map(ToString::to_string).collect::<Vec<_>>()
    });
    assert_eq!(names.unwrap(), ["apply_patch", "crm", "find", "sql"]);
    let old = with(Api::Completions, "functions", json!([{"name": "find"}]));
    assert_eq!(read(Api::Completions, &old, |view| view.tools.len()), Ok(1));
}

#[test]
fn a_whole_response_is_read_with_its_usage_and_its_end() {
    let response = json!({
        "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "instructions": "be kind",
        "output": [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "said",
                "logprobs": [{"token": "sa"}, {"token": "id"}]}]},
            {"type": "function_call", "name": "find", "arguments": "{\"a\":1}"}
        ],
        "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3}
    });
    let source = response.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    let answer = Format::of_api(Api::Responses).answer(&document);
    assert_eq!(answer.stop_reason.as_deref(), Some("max_output_tokens"));
    assert_eq!(
        (answer.usage.input, answer.usage.output, answer.usage.cache_read),
        (Some(5), Some(3), Some(4))
    );
    for (text, role) in [
        ("said", TextRole::Assistant),
        ("be kind", TextRole::System),
        ("{\"a\":1}", TextRole::ToolInput),
        ("find", TextRole::Other),
    ] {
        assert!(answer.texts.iter().any(|read| read.text == text && read.role == role), "{text}: {answer:?}");
    }
}

proptest! {
    #[test]
    fn a_forbidden_parameter_is_seen_or_refused_under_every_alias(
        (alias, parameter) in prop::sample::select(ALIASES.to_vec()),
        underscores in any::<u32>(),
        api in prop::sample::select(Api::ALL.to_vec()),
        place in prop::sample::select(vec!["", "reasoning", "thinking", "text", "stream_options", "chat_template_kwargs"]),
    ) {
        prop_assume!(parameter.is_numeric());
        let name: String = alias
            .char_indices()
            .flat_map(|(at, letter)| (at > 0 && underscores >> (at % 32) & 1 == 1).then_some('_').into_iter().chain([letter]))
            .collect();
        let mut body = smallest(api);
        if place.is_empty() { body[&name] = json!(123_456) } else { body[place] = json!({ name: 123_456 }) }
        let seen = read(api, &body, |view| {
            view.parameters.iter().any(|setting| {
                setting.parameter == parameter
                    && matches!(setting.value, SettingValue::Number { text: "123456", .. })
            })
        });
        prop_assert!(seen != Ok(false), "{}", body);
    }
}
