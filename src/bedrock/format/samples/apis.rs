//! Requests of OpenAI's and Anthropic's APIs, for tests. Made up, in the shapes their SDKs send.

use serde_json::{Value, json};

use crate::bedrock::chat::Api;
use crate::bedrock::format::Format;

const MODEL: &str = "openai.gpt-oss-20b-1:0";

pub(super) fn samples() -> Vec<(Format, Value)> {
    let all = [
        (Api::Completions, completions()),
        (Api::Completions, functions()),
        (Api::Responses, responses()),
        (
            Api::Responses,
            json!({"model": MODEL, "input": "hello", "stream": true, "previous_response_id": null}),
        ),
        (Api::Messages, messages()),
    ];
    all.into_iter().map(|(api, body)| (Format::of_api(api), body)).collect()
}

fn completions() -> Value {
    json!({
        "model": MODEL, "stream": true, "stream_options": {"include_usage": true}, "store": false,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "file", "file": {"filename": "notes.txt", "file_data": "no base64!"}}
            ]},
            {"role": "assistant", "content": "looked", "refusal": null, "annotations": [{"title": "a page"}],
                "audio": null, "function_call": null, "tool_calls": null}
        ],
        "tools": [{"type": "function", "function": {"name": "find", "description": "finds",
            "parameters": {"enum": ["Bonn"]}, "strict": true}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "shape", "schema": {"a": "b"}}},
        "stop": ["END"], "logit_bias": {"50256": -100}, "reasoning_effort": "low", "verbosity": "low", "n": 2,
        "metadata": {"ticket": "4711"}, "service_tier": "default", "modalities": ["text"],
        "prediction": {"type": "content", "content": [{"type": "text", "text": "expected"}]},
        "user": "user-7", "safety_identifier": "user-8", "prompt_cache_key": "cache-9"
    })
}

fn functions() -> Value {
    json!({
        "model": MODEL,
        "messages": [
            {"role": "assistant", "content": null,
                "function_call": {"name": "find", "arguments": "{\"city\":\"Bonn\"}"}},
            {"role": "function", "name": "find", "content": "found"}
        ],
        "functions": [{"name": "find", "description": "finds", "parameters": {"enum": ["Bonn"]}}],
        "function_call": {"name": "find"},
        "prediction": {"type": "content", "content": "expected"}
    })
}

fn responses() -> Value {
    json!({
        "model": MODEL, "stream": false, "store": false, "background": false, "instructions": "be kind",
        "input": items(),
        "tools": [
            {"type": "function", "name": "find", "description": "finds", "parameters": {"enum": ["Bonn"]},
                "strict": true},
            {"type": "custom", "name": "sql", "description": "asks", "format": {"type": "grammar",
                "syntax": "lark", "definition": "start: /x/"}},
            {"type": "namespace", "name": "crm", "description": "customers", "tools": [
                {"type": "function", "name": "look_up", "parameters": {"a": "b"}, "defer_loading": true}]},
            {"type": "apply_patch"},
            {"type": "tool_search", "description": "searches", "execution": "client", "parameters": {"c": "d"}},
            {"type": "computer", "environment": "browser", "display_width": 1024, "display_height": 768}
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "find"}]},
        "text": {"format": {"type": "json_schema", "name": "shape", "schema": {"e": "f"}}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": null}, "include": ["reasoning.encrypted_content"],
        "metadata": {"ticket": "4711"}, "truncation": "auto", "parallel_tool_calls": true,
        "max_tool_calls": 3, "top_logprobs": 2, "service_tier": "default",
        "user": "user-7", "safety_identifier": "user-8", "prompt_cache_key": "cache-9"
    })
}

fn items() -> Value {
    json!([
        {"role": "developer", "content": "be brief"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "s3://bucket/key", "detail": "low"},
            {"type": "input_file", "filename": "notes.txt", "file_data": "no base64!"}
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "in short"}],
            "content": [{"type": "reasoning_text", "text": "at length"}], "encrypted_content": "not base64!"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "said", "annotations": [{"title": "a page"}], "logprobs": []},
            {"type": "refusal", "refusal": "will not"}
        ]},
        {"type": "function_call", "id": "fc_1", "call_id": "call-1", "name": "find", "status": "completed",
            "arguments": "{\"city\":\"Bonn\"}"},
        {"type": "function_call_output", "call_id": "call-1", "output": "found"},
        {"type": "custom_tool_call", "call_id": "call-2", "name": "sql", "input": "select 1"},
        {"type": "custom_tool_call_output", "call_id": "call-2", "output": [{"type": "input_text", "text": "one"}]},
        {"type": "computer_call", "id": "cu_1", "call_id": "call-3", "status": "completed",
            "action": {"type": "type", "text": "typed"}, "pending_safety_checks": [{"message": "careful"}]},
        {"type": "computer_call_output", "call_id": "call-3", "acknowledged_safety_checks": [{"message": "yes"}],
            "output": {"type": "computer_screenshot", "image_url": "s3://bucket/shot"}},
        {"type": "apply_patch_call", "call_id": "call-4", "status": "completed",
            "operation": {"type": "update_file", "path": "a.rs", "diff": "+b"}},
        {"type": "apply_patch_call_output", "call_id": "call-4", "status": "completed", "output": "patched"},
        {"type": "tool_search_call", "call_id": "call-5", "execution": "client", "status": "completed",
            "arguments": {"goal": "ships"}},
        {"type": "tool_search_output", "call_id": "call-5", "execution": "client", "status": "completed",
            "tools": [{"type": "function", "name": "ship", "parameters": {"g": "h"}}]}
    ])
}

fn messages() -> Value {
    json!({
        "model": "anthropic.claude-3-haiku-20240307-v1:0", "stream": true, "system": "be brief",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "tools": [{"name": "find", "description": "finds", "input_schema": {"enum": ["Bonn"]}}],
        "metadata": {"user_id": "user-7"}
    })
}
