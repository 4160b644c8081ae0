//! Converse bodies, answers and refusals by table.

use serde_json::{Value as Json, json};

use crate::bedrock::fault::Fault;
use crate::bedrock::format::{DecodeError, Format};
use crate::bedrock::json::Document;
use crate::bedrock::view::{Leak, Modality, Parameter, SettingValue, TextRole, Usage, View};

fn read<T>(body: &Json, inspect: impl FnOnce(View<'_>) -> T) -> Result<T, DecodeError> {
    let source = body.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    Format::converse().decode(&document).map(inspect)
}

fn user(block: &Json) -> Json {
    json!({"messages": [{"role": "user", "content": [block]}]})
}

fn with(member: &str, value: Json) -> Json {
    let mut body = user(&json!({"text": "hi"}));
    body[member] = value;
    body
}

fn additional(fields: Json) -> Json {
    with("additionalModelRequestFields", fields)
}

#[test]
fn a_conversation_is_counted_and_classified() {
    let body = json!({
        "messages": [
            {"role": "user", "content": [
                {"text": "look"},
                {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
                {"guardContent": {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}},
                {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v"}}}},
                {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}},
                {"document": {"format": "pdf", "name": "d", "source": {"bytes": "gICA"}}}
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"toolUse": {"toolUseId": "t", "name": "find", "input": {"ssn": 123_456_789, "deep": [1.50]}}}
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "t", "content": [{"json": {"card": 4_111_111_111_111_111_u64}}]}}
            ]}
        ],
        "toolConfig": {"tools": [
            {"toolSpec": {"name": "find", "inputSchema": {"json": {}}}}, {"systemTool": {"name": "web"}},
            {"cachePoint": {"type": "default"}}
        ]},
        "guardrailConfig": {"guardrailIdentifier": "gr1", "guardrailVersion": "3", "trace": "enabled"}
    });
    read(&body, |view| {
        assert_eq!(view.turns, 3);
        assert_eq!(view.images, 2);
        assert_eq!(view.unread(), 5);
        assert!(!view.system);
        assert_eq!(view.modalities, Modality::ALL.into_iter().collect());
        assert_eq!(view.tools, ["find", "web"]);
        let guardrail = view.guardrail.unwrap();
        assert_eq!(guardrail.identifier.as_deref(), Some("gr1"));
        assert_eq!(guardrail.version.as_deref(), Some("3"));
        assert_eq!(view.guardrail_insertion, None);
        let text = |words: &str| view.texts.iter().find(|text| text.text == words).unwrap();
        assert_eq!(text("look").role, TextRole::User);
        assert_eq!(text("123456789").key, Some("ssn"));
        assert_eq!(text("123456789").role, TextRole::ToolInput);
        assert_eq!(text("1.5").key, Some("deep"));
        assert_eq!(text("4111111111111111").role, TextRole::ToolResult);
        assert!(!text("ssn").editable);
        assert_eq!(text("hm").role, TextRole::Reasoning);
        assert!(!text("hm").editable);
        assert!(view.texts.iter().all(|text| !text.text.starts_with("iVBOR") && text.text != "c2ln"));
    })
    .unwrap();
}

#[test]
fn a_system_message_counts_as_a_system_prompt() {
    for body in [
        json!({"messages": [{"role": "system", "content": [{"text": "you are root"}]}]}),
        with("system", json!([{"text": "you are root"}])),
    ] {
        read(&body, |view| {
            assert!(view.system);
            assert!(view.texts.iter().any(|text| text.role == TextRole::System));
        })
        .unwrap();
    }
}

#[test]
fn tool_changes_and_tools_of_the_history_count_by_name() {
    let change = json!({"tool": {"type": "tool", "name": "shell"}});
    let definition = json!({"tool": {"toolSpec": {"name": "shell", "inputSchema": {"json": {}}}}});
    for block in [
        json!({"toolAddition": change}),
        json!({"toolRemoval": change}),
        json!({"toolAddition": definition}),
        json!({"toolUse": {"toolUseId": "a", "name": "shell", "input": {}}}),
    ] {
        read(&user(&block), |view| assert_eq!(view.tools, ["shell"])).unwrap();
    }
    read(&additional(json!({"tools": [{"type": "bash_20250124", "name": "shell"}]})), |view| {
        assert_eq!(view.tools, ["shell"]);
    })
    .unwrap();
}

#[test]
fn text_documents_are_read_whatever_their_encoding() {
    for (format, bytes) in [
        ("txt", "c3NuIDEyMy00NS02Nzg5"),
        ("md", "c3NuIDEyMy00\nNS02Nzg5"),
        ("pdf", "c3NuIDEyMy00NS02Nzg5"),
        ("txt", "//5zAHMAbgAgADEAMgAzAC0ANAA1AC0ANgA3ADgAOQA="),
        ("html", "cwBzAG4AIAAxADIAMwAtADQANQAtADYANwA4ADkA"),
    ] {
        let block = json!({"document": {"format": format, "name": "d", "source": {"bytes": bytes}}});
        read(&user(&block), |view| {
            let words = view.texts.iter().find(|text| text.text == "ssn 123-45-6789").expect(format);
            assert_eq!(words.role, TextRole::Document);
            assert!(!words.editable);
        })
        .unwrap();
    }
}

#[test]
fn attachments_that_no_text_holds_are_counted() {
    let document = |format: &str, source: Json| {
        user(&json!({"document": {"format": format, "name": "d", "source": source}}))
    };
    let table = [
        (document("txt", json!({"bytes": "aGk="})), 0),
        (document("pdf", json!({"bytes": "aGk="})), 1),
        (document("csv", json!({"bytes": "aGk="})), 0),
        (document("html", json!({"text": "<p>"})), 0),
        (document("txt", json!({"content": [{"text": "a"}]})), 0),
        (document("docx", json!({"bytes": "UEsDBIA="})), 1),
        (document("txt", json!({"s3Location": {"uri": "s3://b/k"}})), 1),
        (user(&json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}})), 1),
        (user(&json!({"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}})), 1),
        (user(&json!({"text": "hi"})), 0),
    ];
    for (body, unread) in table {
        assert_eq!(read(&body, |view| view.unread()), Ok(unread), "{body}");
    }
}

#[test]
fn a_guardrail_that_shows_what_it_holds_back_is_seen() {
    let table: [(Json, &[Leak]); 6] = [
        (json!({}), &[]),
        (json!({"trace": "disabled", "streamProcessingMode": "sync"}), &[]),
        (json!({"trace": "enabled"}), &[Leak::Trace]),
        (json!({"trace": "Disabled"}), &[Leak::Trace]),
        (json!({"streamProcessingMode": "async"}), &[Leak::Unchecked]),
        (json!({"trace": "enabled_full", "streamProcessingMode": ""}), &[Leak::Trace, Leak::Unchecked]),
    ];
    for (config, leaks) in table {
        let found = read(&with("guardrailConfig", config.clone()), |view| view.leaks);
        assert_eq!(found, Ok(leaks.iter().copied().collect()), "{config}");
    }
}

#[test]
fn bytes_that_are_no_base64_are_words() {
    for source in ["image", "video", "audio", "document"] {
        let block = json!({source: {"format": "x", "source": {"bytes": "ssn 123-45-6789"}}});
        read(&user(&block), |view| {
            assert!(view.texts.iter().any(|text| text.text == "ssn 123-45-6789"), "{source}");
        })
        .unwrap();
    }
}

#[test]
fn a_body_that_is_not_understood_is_refused() {
    use Fault::{AccessDenied, Validation};
    let cases = [
        (json!({"messages": {}}), Validation),
        (json!({"messages": ["hi"]}), Validation),
        (json!({"messages": [{"content": []}]}), Validation),
        (json!({"messages": [{"role": "tool", "content": []}]}), AccessDenied),
        (json!({"messages": [{"role": "user", "content": [], "name": "x"}]}), AccessDenied),
        (user(&json!({})), AccessDenied),
        (user(&json!("hi")), AccessDenied),
        (user(&json!({"text": 1})), Validation),
        (user(&json!({"future": {}})), AccessDenied),
        (user(&json!({"text": "hi", "cachePoint": {"type": "default"}})), AccessDenied),
        (
            user(&json!({"text": "hi", "document": {"format": "txt", "name": "d", "source": {"text": "x"}}})),
            AccessDenied,
        ),
        (user(&json!({"image": {"format": "png", "source": {"bytes": "", "url": "x"}}})), AccessDenied),
        (user(&json!({"image": {"format": "png", "source": {"url": "https://x"}}})), AccessDenied),
        (user(&json!({"toolResult": {"toolUseId": "t", "content": [{"audio": {}}]}})), AccessDenied),
        (with("me\u{17f}\u{17f}ages", json!([])), AccessDenied),
        (with("__proto__", json!({"inferenceConfig": {"maxTokens": 9}})), AccessDenied),
        (with("modelId", json!("x")), AccessDenied),
        (with("inferenceConfig", json!({"MaxTokens": 9})), AccessDenied),
        (with("inferenceConfig", json!({"maxTokens ": 9})), AccessDenied),
        (with("inferenceConfig", json!({"topK": 9})), AccessDenied),
        (with("inferenceConfig", json!(null)), Validation),
        (with("inferenceConfig", json!({"maxTokens": null})), Validation),
        (with("inferenceConfig", json!({"maxTokens": "9"})), Validation),
        (with("inferenceConfig", json!({"maxTokens": [9]})), Validation),
        (with("inferenceConfig", json!({"maxTokens": true})), Validation),
        (with("inferenceConfig", json!({"maxTokens": 9.5})), Validation),
        (with("inferenceConfig", json!({"maxTokens": -1})), Validation),
        (with("inferenceConfig", json!({"temperature": {"a": 1}})), Validation),
        (with("toolConfig", json!({"tools": [{"cachePoint": {"type": "default"}}]})), Validation),
        (with("toolConfig", json!({"tools": [{"toolSpec": {"inputSchema": {"json": {}}}}]})), Validation),
        (
            with("toolConfig", json!({"tools": [{"toolSpec": {"name": "a"}, "systemTool": {"name": "b"}}]})),
            AccessDenied,
        ),
        (with("serviceTier", json!({"type": "priority"})), AccessDenied),
        (with("performanceConfig", json!({"latency": "optimized"})), AccessDenied),
        (with("additionalModelResponseFieldPaths", json!(vec!["/a"; 11])), Validation),
        (with("additionalModelResponseFieldPaths", json!(["a".repeat(257)])), Validation),
        (additional(json!([])), Validation),
        (additional(json!({"messages": [{"role": "user", "content": "x"}]})), AccessDenied),
        (additional(json!({"system": "ignore all"})), AccessDenied),
        (additional(json!({"mcp_servers": [{"url": "https://x"}]})), AccessDenied),
        (additional(json!({"container": "c"})), AccessDenied),
        (additional(json!({"connectors": [{"id": "web-search"}]})), AccessDenied),
        (additional(json!({"tool_results": []})), AccessDenied),
        (additional(json!({"extra_body": {"max_tokens": 9}})), AccessDenied),
        (additional(json!({"TOP_K": 5})), AccessDenied),
        (additional(json!({"top_k": {"a": 1}})), AccessDenied),
        (additional(json!({"top_k": "5"})), AccessDenied),
        (additional(json!({"max_tokens": 1.5})), AccessDenied),
        (additional(json!({"effort": 5})), AccessDenied),
        (additional(json!({"unheard_of": "x"})), AccessDenied),
        (additional(json!({"thinking": {"unheard_of": 1}})), AccessDenied),
        (additional(json!({"tools": [{"type": "bash"}]})), Validation),
    ];
    for (body, fault) in cases {
        let error = read(&body, |view| panic!("{body} was read as {view:?}")).unwrap_err();
        assert_eq!(error.fault(), fault, "{body}: {error}");
    }
}

#[test]
fn minus_zero_is_no_token_limit() {
    let source = br#"{"inferenceConfig":{"maxTokens":-0}}"#;
    let document = Document::parse(source).unwrap();
    assert!(Format::converse().decode(&document).is_err());
}

#[test]
fn additional_fields_of_real_clients_are_read() {
    let cases: &[(Json, &[(Parameter, f64)])] = &[
        (json!({"top_k": 200}), &[(Parameter::TopK, 200.0)]),
        (json!({"k": 3, "p": 0.5}), &[(Parameter::TopK, 3.0), (Parameter::TopP, 0.5)]),
        (json!({"inferenceConfig": {"topK": 20}}), &[(Parameter::TopK, 20.0)]),
        (json!({"max_tokens_to_sample": 9}), &[(Parameter::MaxTokens, 9.0)]),
        (json!({"max_gen_len": 9}), &[(Parameter::MaxTokens, 9.0)]),
        (json!({"textGenerationConfig": {"maxTokenCount": 9}}), &[(Parameter::MaxTokens, 9.0)]),
        (json!({"inferenceConfig": {"max_new_tokens": 9}}), &[(Parameter::MaxTokens, 9.0)]),
        (
            json!({"max_completion_tokens": 9, "max_output_tokens": 8}),
            &[(Parameter::MaxTokens, 9.0), (Parameter::MaxTokens, 8.0)],
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            &[(Parameter::ThinkingTokens, 1024.0)],
        ),
        (
            json!({"reasoning_config": {"type": "enabled", "budget_tokens": 2000}}),
            &[(Parameter::ThinkingTokens, 2000.0)],
        ),
        (json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}), &[]),
        (
            json!({"random_seed": 7, "safe_prompt": true, "prompt_mode": "reasoning"}),
            &[(Parameter::Seed, 7.0)],
        ),
        (
            json!({"n": 2, "min_p": 0.1, "chat_template_kwargs": {"enable_thinking": true, "thinking_budget": 64}}),
            &[(Parameter::Choices, 2.0), (Parameter::MinP, 0.1), (Parameter::ThinkingTokens, 64.0)],
        ),
        (json!({"stream_options": {"include_usage": true}, "verbosity": "low", "max_input_tokens": 9}), &[]),
        (json!({"anthropic_beta": ["output-128k-2025-02-19"], "logprobs": true}), &[]),
        (json!({"response_format": {"type": "json_schema", "json_schema": {"n": 1}}}), &[]),
        (
            json!({"presencePenalty": {"scale": 2.5}, "numResults": 4}),
            &[(Parameter::PresencePenalty, 2.5), (Parameter::Choices, 4.0)],
        ),
    ];
    for (fields, expected) in cases {
        read(&additional(fields.clone()), |view| {
            let mut found: Vec<_> = view.parameters.iter().filter_map(numeric).collect();
            let mut expected = expected.to_vec();
            let order = |setting: &(Parameter, f64)| (setting.0, setting.1.to_bits());
            found.sort_by_key(order);
            expected.sort_by_key(order);
            assert_eq!(found, expected, "{fields}");
        })
        .unwrap_or_else(|error| panic!("{fields}: {error}"));
    }
}

fn numeric(setting: &crate::bedrock::view::Setting<'_>) -> Option<(Parameter, f64)> {
    match setting.value {
        SettingValue::Number { value, .. } => Some((setting.parameter, value)),
        SettingValue::Items(_) => None,
    }
}

#[test]
fn stop_sequences_are_counted_and_read() {
    read(&with("inferenceConfig", json!({"stopSequences": ["a", "123-45-6789"]})), |view| {
        assert!(view.parameters.iter().any(|setting| {
            setting.parameter == Parameter::Stop && setting.value == SettingValue::Items(2)
        }));
        assert!(view.texts.iter().any(|text| text.text == "123-45-6789"));
    })
    .unwrap();
}

#[test]
fn a_guardrail_can_be_placed_where_none_is() {
    read(&json!({}), |view| {
        let place = view.guardrail_insertion.unwrap();
        assert_eq!(place.path, ["guardrailConfig"]);
        assert!(place.empty);
    })
    .unwrap();
}

#[test]
fn an_answer_shows_everything_the_caller_reads() {
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [
            {"text": "Hello"},
            {"reasoningContent": {"reasoningText": {"text": "because", "signature": "c2ln"}}},
            {"toolUse": {"toolUseId": "t", "name": "find", "input": {"account": 99_887_766}}},
            {"future": {"words": "unheard of"}}
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 12, "outputTokens": 34, "totalTokens": 46, "cacheReadInputTokens": 5},
        "metrics": {"latencyMs": 100},
        "trace": {"guardrail": {"modelOutput": ["leaked"]}}
    });
    let source = answer.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    let answer = Format::converse().answer(&document);
    assert_eq!(answer.stop_reason.as_deref(), Some("tool_use"));
    assert_eq!(
        answer.usage,
        Usage { input: Some(12), output: Some(34), cache_read: Some(5), cache_write: None }
    );
    for (words, role, editable) in [
        ("Hello", TextRole::Assistant, true),
        ("because", TextRole::Reasoning, false),
        ("99887766", TextRole::ToolInput, true),
        ("account", TextRole::ToolInput, false),
        ("unheard of", TextRole::Other, true),
        ("leaked", TextRole::Other, true),
    ] {
        let text = answer.texts.iter().find(|text| text.text == words).expect(words);
        assert_eq!((text.role, text.editable), (role, editable), "{words}");
    }
    assert!(answer.texts.iter().all(|text| text.text != "c2ln"));
}
