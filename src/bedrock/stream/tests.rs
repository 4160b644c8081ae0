//! Streams of every family, from recorded shapes, and every way in which a stream is refused.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::*;
use crate::bedrock::event_stream::{encode_event, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::invoke::Family;
use crate::bedrock::json::Span;

/// Everything a stream said, joined per block.
#[derive(Debug, Default)]
struct Heard {
    blocks: BTreeMap<u32, String>,
    asides: Vec<String>,
    terminal: Vec<bool>,
}

impl Heard {
    fn block(&self, index: u32) -> &str {
        self.blocks.get(&index).map_or("", String::as_str)
    }

    fn aside(&self) -> Vec<&str> {
        self.asides.iter().map(String::as_str).collect()
    }
}

fn listen(reader: &mut StreamReader, events: &[(&str, Json)]) -> Heard {
    let mut heard = Heard::default();
    for (name, payload) in events {
        let payload = payload.to_string();
        let observed = reader
            .read(Announced::Event(name), payload.as_bytes())
            .unwrap_or_else(|error| panic!("{payload}: {error}"));
        check_places(&observed, &payload);
        heard.terminal.push(observed.terminal);
        for piece in observed.pieces {
            match (piece.kind.block(), piece.kind) {
                (Some(block), _) => heard.blocks.entry(block).or_default().push_str(&piece.text),
                (None, Kind::Repeated) => {}
                (None, _) => heard.asides.push(piece.text),
            }
        }
    }
    heard
}

/// Every piece stands where it says.
fn check_places(observed: &Observed, payload: &str) {
    let source = observed.inner.as_deref().unwrap_or(payload.as_bytes());
    for Piece { text, place, kind, .. } in &observed.pieces {
        let Some(Span { start, end }) = *place else { continue };
        let value: Json = serde_json::from_slice(&source[start..end]).unwrap();
        match value {
            Json::String(string) => assert_eq!(string, *text),
            value if *kind == Kind::Tokens => assert!(value.is_array() || value.is_object(), "{value}"),
            value => assert_eq!(value.to_string(), *text),
        }
    }
}

fn chunk(document: &Json) -> (&'static str, Json) {
    (
        "chunk",
        json!({"bytes": STANDARD.encode(document.to_string()), "p": "abcdefghijklmnopqrstuvwxyzABCDEF"}),
    )
}

fn invoke(family: Family, documents: &[Json]) -> (StreamReader, Heard) {
    let mut reader = Format::of_family(family).stream();
    let events: Vec<_> = documents.iter().map(chunk).collect();
    let heard = listen(&mut reader, &events);
    (reader, heard)
}

fn metrics(mut document: Json) -> Json {
    document["amazon-bedrock-invocationMetrics"] = json!({"inputTokenCount": 3, "outputTokenCount": 2,
        "invocationLatency": 100, "firstByteLatency": 50, "cacheReadInputTokenCount": 1});
    document
}

const FINAL: Usage = Usage { input: Some(3), output: Some(2), cache_read: Some(1), cache_write: None };

#[test]
fn converse_events_are_read_per_block() {
    let mut reader = Format::converse().stream();
    let heard = listen(
        &mut reader,
        &[
            ("messageStart", json!({"role": "assistant", "p": "abc"})),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 0, "delta": {"text": "Hel"}, "p": "abcdefghijklmnop"}),
            ),
            ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "lo"}})),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t", "name": "find"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{\"a\":"}}}),
            ),
            ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"toolUse": {"input": "1}"}}})),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 2, "delta": {"reasoningContent": {"text": "hm"}}}),
            ),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 2, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
            ),
            ("contentBlockDelta", json!({"contentBlockIndex": 3, "delta": {"citation": {"title": "cited"}}})),
            (
                "contentBlockDelta",
                json!({"contentBlockIndex": 4, "delta": {"toolResult": [{"text": "r"}, {"json": {"k": 7}}]}}),
            ),
        ],
    );
    assert!(!reader.finished());
    assert_eq!(heard.block(0), "Hello");
    assert_eq!(heard.block(1), "{\"a\":1}");
    assert_eq!(heard.block(2), "hm");
    assert_eq!(heard.block(4), "r");
    assert_eq!(heard.aside(), ["t", "find", "cited", "json", "k", "7"]);
    assert!(heard.terminal.iter().all(|terminal| !terminal));

    let heard = listen(
        &mut reader,
        &[
            (
                "messageStop",
                json!({"stopReason": "end_turn", "additionalModelResponseFields": {"stop": "END"}}),
            ),
            (
                "metadata",
                json!({"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, "cacheReadInputTokens": 1},
            "metrics": {"latencyMs": 9}, "trace": {"guardrail": {"modelOutput": ["traced"]}}}),
            ),
        ],
    );
    assert!(reader.finished());
    assert_eq!(reader.stop_reason(), Some("end_turn"));
    assert_eq!(reader.usage(), FINAL);
    assert_eq!(heard.aside(), ["stop", "END", "traced"]);
    assert_eq!(heard.terminal, [true, true]);
}

#[test]
fn claude_messages_are_read_per_block() {
    let (reader, heard) = invoke(
        Family::ClaudeMessages,
        &[
            json!({"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": {"input_tokens": 9,
            "output_tokens": 1, "cache_read_input_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "find",
            "input": {}}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "signature_delta", "signature": "c2ln"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 2}}),
            metrics(json!({"type": "message_stop"})),
        ],
    );
    assert_eq!((heard.block(0), heard.block(1), heard.block(2)), ("Hello", "{}", "hm"));
    assert!(heard.aside().contains(&"find"));
    assert_eq!(reader.usage(), FINAL);
    assert_eq!(reader.stop_reason(), Some("end_turn"));
    assert!(reader.finished());
    assert_eq!(heard.terminal.iter().position(|terminal| *terminal), Some(10));
}

#[test]
fn single_text_families_are_read() {
    let titan = [
        json!({"outputText": "Hel", "index": 0, "totalOutputTextTokenCount": null, "completionReason": null,
            "inputTextTokenCount": 3}),
        metrics(
            json!({"outputText": "lo", "index": 1, "totalOutputTextTokenCount": 2, "completionReason": "FINISH",
            "inputTextTokenCount": null}),
        ),
    ];
    let claude = [
        json!({"completion": "Hel", "stop_reason": null, "stop": null}),
        metrics(json!({"completion": "lo", "stop_reason": "FINISH", "stop": null})),
    ];
    let nova = [
        json!({"messageStart": {"role": "assistant"}}),
        json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hel"}}}),
        json!({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "lo"}}}),
        json!({"contentBlockStop": {"contentBlockIndex": 0}}),
        json!({"messageStop": {"stopReason": "FINISH"}}),
        metrics(json!({"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2}, "metrics": {}}})),
    ];
    let legacy_messages = [
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "FINISH"}}),
        metrics(json!({"type": "message_stop"})),
    ];
    let cases: [(Family, &[Json]); 4] = [
        (Family::TitanText, &titan),
        (Family::ClaudeText, &claude),
        (Family::Nova, &nova),
        (Family::ClaudeText, &legacy_messages),
    ];
    for (family, documents) in cases {
        let (reader, heard) = invoke(family, documents);
        assert_eq!(heard.block(0), "Hello", "{}", family.name());
        assert_eq!(reader.usage(), FINAL, "{}", family.name());
        assert_eq!(reader.stop_reason(), Some("FINISH"), "{}", family.name());
        assert!(reader.finished(), "{}", family.name());
        assert_eq!(heard.terminal.last(), Some(&true));
    }
}

/// What a family says for `Hello` in two pieces and a reason to stop, the last chunk with the metrics.
fn two_pieces() -> Vec<(Family, Vec<Json>)> {
    let choice = |part: Json, reason: Json| {
        json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "created": 1,
            "choices": [{"index": 0, "delta": part, "finish_reason": reason}]})
    };
    let chat = vec![
        choice(json!({"role": "assistant", "content": ""}), Json::Null),
        choice(json!({"content": "Hel"}), Json::Null),
        choice(json!({"content": "lo"}), json!("FINISH")),
        metrics(json!({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 1}}})),
    ];
    let piece = |list: &str, text: &str, reason: Json| json!({list: [{"text": text, "stop_reason": reason}]});
    let pieces =
        |list: &str| vec![piece(list, "Hel", Json::Null), metrics(piece(list, "lo", json!("FINISH")))];
    vec![
        (
            Family::Llama,
            vec![
                json!({"generation": "Hel", "prompt_token_count": 3, "generation_token_count": 1, "stop_reason": null}),
                metrics(json!({"generation": "lo", "prompt_token_count": null, "generation_token_count": 2,
                    "stop_reason": "FINISH"})),
            ],
        ),
        (Family::Mistral, pieces("outputs")),
        (Family::DeepSeek, pieces("choices")),
        (
            Family::Mistral,
            vec![
                json!({"choices": [{"message": {"role": "assistant", "content": "Hel"}, "stop_reason": null}]}),
                metrics(json!({"choices": [{"message": {"content": [{"type": "text", "text": "lo"}]},
                    "stop_reason": "FINISH"}]})),
            ],
        ),
        (Family::OpenAiChat, chat.clone()),
        (Family::OpenAi, chat.clone()),
        (Family::DeepSeek, chat.clone()),
        (Family::Jamba, chat),
        (
            Family::CohereCommandR,
            vec![
                json!({"event_type": "stream-start", "generation_id": "g"}),
                json!({"event_type": "text-generation", "text": "Hel", "is_finished": false}),
                json!({"event_type": "text-generation", "text": "lo", "is_finished": false}),
                metrics(json!({"event_type": "stream-end", "finish_reason": "FINISH", "is_finished": true,
                    "response": {"text": "Hello", "generation_id": "g", "finish_reason": "FINISH",
                        "chat_history": [{"role": "CHATBOT", "message": "Hello"}]}})),
            ],
        ),
        (
            Family::Pegasus,
            vec![json!({"message": "Hel"}), metrics(json!({"message": "lo", "finishReason": "FINISH"}))],
        ),
    ]
}

#[test]
fn families_that_stream_in_pieces_are_read() {
    for (family, documents) in two_pieces() {
        let (reader, heard) = invoke(family, &documents);
        assert_eq!(heard.block(0), "Hello", "{}", family.name());
        assert!(heard.aside().iter().all(|text| !text.contains("Hel")), "{}: {heard:?}", family.name());
        assert_eq!(reader.usage(), FINAL, "{}", family.name());
        assert_eq!(reader.stop_reason(), Some("FINISH"), "{}", family.name());
        assert!(reader.finished(), "{}", family.name());
        assert_eq!(heard.terminal.last(), Some(&true), "{}", family.name());
        assert_eq!(heard.terminal.first(), Some(&false), "{}", family.name());
    }
}

#[test]
fn counts_of_a_stream_do_not_change_when_the_metrics_repeat_them() {
    for (family, mut documents) in two_pieces() {
        let (reader, _) = invoke(family, &documents);
        let all = reader.usage();
        let last = documents.last_mut().unwrap().as_object_mut().unwrap();
        last.remove(INVOCATION_METRICS);
        let (reader, _) = invoke(family, &documents);
        let own = reader.usage();
        for (own, all) in [(own.input, all.input), (own.output, all.output), (own.cache_read, all.cache_read)]
        {
            assert!(own.is_none() || own == all, "{}", family.name());
        }
    }
}

#[test]
fn alternatives_reasoning_and_tool_calls_are_texts_of_their_own() {
    let delta = |index: u32, delta: Json, reason: Json| json!({"choices": [{"index": index, "delta": delta, "finish_reason": reason}]});
    let call = |arguments: &str| {
        json!({"tool_calls": [{"index": 0, "id": "t", "type": "function",
            "function": {"name": "find", "arguments": arguments}}]})
    };
    let (reader, heard) = invoke(
        Family::OpenAiChat,
        &[
            delta(0, json!({"reasoning_content": "hm"}), Json::Null),
            delta(1, json!({"content": "two"}), Json::Null),
            delta(0, call("{\"a\":"), Json::Null),
            delta(0, call("1}"), json!("tool_calls")),
            delta(1, json!({"content": " more"}), json!("stop")),
            json!("[DONE]"),
        ],
    );
    let mut blocks: Vec<&str> = heard.blocks.values().map(String::as_str).collect();
    blocks.sort_unstable();
    assert_eq!(blocks, ["hm", "two more", "{\"a\":1}"]);
    assert!(heard.aside().contains(&"find"));
    assert_eq!(heard.terminal, [false, false, false, false, true, true]);
    assert_eq!(reader.stop_reason(), Some("tool_calls"));
    assert!(reader.finished());
}

#[test]
fn the_end_of_a_command_r_stream_hides_nothing_new() {
    let (_, heard) = invoke(
        Family::CohereCommandR,
        &[
            json!({"event_type": "text-generation", "text": "Hello"}),
            json!({"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "parameters": "{\"q\":1}"}}),
            json!({"event_type": "citation-generation", "citations": [{"text": "cited"}]}),
            json!({"event_type": "stream-end", "finish_reason": "COMPLETE", "response": {"text": "Smuggled",
                "chat_history": [{"message": "Hello"}, {"message": "kept"}], "tool_calls": [{"parameters": {"a": 7}}]}}),
        ],
    );
    assert_eq!((heard.block(0), heard.block(1)), ("Hello", "{\"q\":1}"));
    for words in ["cited", "Smuggled", "kept", "a", "7"] {
        assert!(heard.aside().contains(&words), "{words}");
    }
}

#[test]
fn a_repeated_answer_counts_once_and_a_different_one_is_seen() {
    let pieces = [
        json!({"text": " He", "is_finished": false, "index": 0}),
        json!({"text": "llo", "is_finished": false, "index": 0}),
        json!({"text": "Other", "is_finished": false, "index": 1}),
    ];
    let last = |first: &str| {
        metrics(
            json!({"is_finished": true, "finish_reason": "COMPLETE", "response": {"id": "r", "prompt": "echo",
            "generations": [{"id": "g", "text": first, "finish_reason": "COMPLETE"}, {"id": "h", "text": "Other"}]}}),
        )
    };
    let (reader, heard) = invoke(Family::CohereCommand, &[&pieces[..], &[last(" Hello")]].concat());
    assert_eq!((heard.block(0), heard.block(1)), (" Hello", "Other"));
    assert_eq!(heard.aside(), ["g", "h", "r", "echo"]);
    assert_eq!(reader.stop_reason(), Some("COMPLETE"));
    assert_eq!(reader.usage(), FINAL);
    assert!(reader.finished());

    let (_, heard) = invoke(Family::CohereCommand, &[&pieces[..], &[last("Smuggled")]].concat());
    assert!(heard.aside().contains(&"Smuggled"));
}

#[test]
fn a_whole_answer_in_one_chunk_is_read() {
    let (reader, heard) = invoke(
        Family::CohereCommand,
        &[metrics(
            json!({"id": "r", "prompt": "echo", "generations": [{"text": "Hello", "finish_reason": "COMPLETE"}]}),
        )],
    );
    assert_eq!(heard.block(0), "Hello");
    assert_eq!(reader.stop_reason(), Some("COMPLETE"));
    assert!(reader.finished());
}

#[test]
fn an_event_that_is_not_understood_is_an_error() {
    let converse = [
        ("futureEvent", json!({"text": "x"})),
        ("chunk", json!({"bytes": ""})),
        ("messageStart", json!([])),
        ("contentBlockDelta", json!({"delta": {"text": "no index"}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"future": "x"}})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"text": "a", "toolUse": {"input": "b"}}}),
        ),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": ["a"]}})),
        ("contentBlockDelta", json!({"contentBlockIndex": u64::MAX, "delta": {"text": "a"}})),
        ("contentBlockStop", json!({})),
        ("contentBlockStart", json!({"contentBlockIndex": 0, "start": {"future": {}}})),
    ];
    for (name, payload) in converse {
        let mut reader = Format::converse().stream();
        assert!(
            reader.read(Announced::Event(name), payload.to_string().as_bytes()).is_err(),
            "{name} {payload}"
        );
    }
    let documents = [
        (Family::ClaudeMessages, json!({"type": "future"})),
        (
            Family::ClaudeMessages,
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "future"}}),
        ),
        (Family::ClaudeText, json!({"text": "x"})),
        (Family::TitanText, json!({"results": []})),
        (Family::TitanText, json!({"outputText": {"text": "x"}})),
        (Family::CohereCommand, json!({"event_type": "text-generation"})),
        (Family::CohereCommand, json!({"text": ["x"]})),
        (Family::Nova, json!({"future": {}})),
        (Family::Nova, json!({})),
        (Family::Jurassic2, json!({"completions": []})),
        (Family::Llama, json!({"text": "x"})),
        (Family::Llama, json!({"generation": ["x"]})),
        (Family::OpenAiChat, json!({"text": "x"})),
        (Family::OpenAiChat, json!({"choices": {"delta": {"content": "x"}}})),
        (Family::OpenAiChat, json!({"choices": [{"words": "x"}]})),
        (Family::OpenAiChat, json!({"choices": [{"delta": "x"}]})),
        (Family::OpenAiChat, json!({"choices": [{"delta": {"content": {"text": "x"}}}]})),
        (Family::OpenAiChat, json!({"choices": [{"index": u32::MAX, "delta": {"content": "x"}}]})),
        (Family::OpenAiChat, json!("[OTHER]")),
        (Family::Jamba, json!("[DONE]")),
        (Family::CohereCommandR, json!({"event_type": "future", "text": "x"})),
        (Family::Pegasus, json!({"generation": "x"})),
        (Family::AmazonImage, json!({"images": []})),
        (Family::Rerank, json!({"results": []})),
        (Family::TitanText, json!("[DONE]")),
    ];
    for (family, document) in documents {
        let (name, payload) = chunk(&document);
        let mut reader = Format::of_family(family).stream();
        let error = reader.read(Announced::Event(name), payload.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.fault(), Fault::ModelStreamError, "{} {document}", family.name());
    }
}

#[test]
fn a_frame_that_cannot_be_read_is_an_error() {
    let truncated = json!({"bytes": STANDARD.encode("{\"outputText\":\"a")}).to_string();
    let doubled =
        json!({"bytes": STANDARD.encode("{\"outputText\":\"a\",\"outputText\":\"b\"}")}).to_string();
    for (announced, payload) in [
        (Announced::Event("chunk"), "{"),
        (Announced::Event("chunk"), "{}"),
        (Announced::Event("chunk"), "{\"bytes\":\"***\"}"),
        (Announced::Event("chunk"), &truncated),
        (Announced::Event("chunk"), &doubled),
        (Announced::Event("messageStop"), "{}"),
        (Announced::Error, ""),
        (Announced::Exception("throttlingException"), "not json"),
    ] {
        let mut reader = Format::of_family(Family::TitanText).stream();
        assert!(reader.read(announced, payload.as_bytes()).is_err(), "{payload}");
    }
}

#[test]
fn an_exception_is_read_and_ends_nothing() {
    let mut events = Carrier::new(Framing::EventStream);
    events.push(&encode_event("messageStart", br#"{"role":"assistant"}"#).unwrap());
    events.push(&encode_exception(Fault::Throttling, "slow down"));
    let mut reader = Format::converse().stream();
    assert_eq!(reader.observe(&events.next().unwrap().unwrap()), Ok(Observed::default()));
    let observed = reader.observe(&events.next().unwrap().unwrap()).unwrap();
    assert!(!observed.terminal);
    assert!(observed.pieces.iter().any(|piece| piece.place.is_none() && piece.text == "slow down"));
    assert!(!reader.finished());
}

#[test]
fn only_padding_is_passed_over() {
    let mut reader = Format::converse().stream();
    let heard = listen(
        &mut reader,
        &[
            ("contentBlockStop", json!({"contentBlockIndex": 0, "p": "XYZ0123456789"})),
            ("contentBlockStop", json!({"contentBlockIndex": 0, "p": "123-45-6789", "new": "member"})),
        ],
    );
    assert_eq!(heard.aside(), ["123-45-6789", "member"]);
}
