//! Streams of every family, from recorded shapes, and every way in which a stream is refused.

use base64::Engine as _;
use serde_json::{Value as Json, json};

use super::*;
use crate::bedrock::event_stream::{FrameReader, encode_event, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::invoke::Family;

/// Everything a stream said, joined per block.
#[derive(Debug, Default)]
struct Heard {
    blocks: BTreeMap<u32, String>,
    terminal: Vec<bool>,
}

impl Heard {
    fn block(&self, index: u32) -> &str {
        self.blocks.get(&index).map_or("", String::as_str)
    }

    fn aside(&self) -> Vec<&str> {
        self.block(OUTSIDE_BLOCKS).lines().collect()
    }
}

fn listen(reader: &mut StreamReader, events: &[(&str, Json)]) -> Heard {
    let mut heard = Heard::default();
    for (name, payload) in events {
        let observed = reader
            .read("event", Some(name), payload.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{payload}: {error}"));
        heard.terminal.push(observed.terminal);
        for (block, text) in observed.texts {
            heard.blocks.entry(block).or_default().push_str(&text);
        }
    }
    heard
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
        ("contentBlockDelta", json!({"contentBlockIndex": u32::MAX, "delta": {"text": "a"}})),
        ("contentBlockStart", json!({"contentBlockIndex": 0, "start": {"future": {}}})),
    ];
    for (name, payload) in converse {
        let mut reader = Format::converse().stream();
        assert!(
            reader.read("event", Some(name), payload.to_string().as_bytes()).is_err(),
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
        (Family::TitanText, json!("[DONE]")),
    ];
    for (family, document) in documents {
        let (name, payload) = chunk(&document);
        let mut reader = Format::of_family(family).stream();
        let error = reader.read("event", Some(name), payload.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.fault(), Fault::ModelStreamError, "{} {document}", family.name());
    }
}

#[test]
fn a_frame_that_cannot_be_read_is_an_error() {
    let truncated = json!({"bytes": STANDARD.encode("{\"outputText\":\"a")}).to_string();
    let doubled =
        json!({"bytes": STANDARD.encode("{\"outputText\":\"a\",\"outputText\":\"b\"}")}).to_string();
    for (message_type, event_type, payload) in [
        ("event", Some("chunk"), "{"),
        ("event", Some("chunk"), "{}"),
        ("event", Some("chunk"), "{\"bytes\":\"***\"}"),
        ("event", Some("chunk"), &truncated),
        ("event", Some("chunk"), &doubled),
        ("event", None, "{}"),
        ("event", Some("messageStop"), "{}"),
        ("error", Some("chunk"), ""),
        ("exception", None, "not json"),
    ] {
        let mut reader = Format::of_family(Family::TitanText).stream();
        assert!(reader.read(message_type, event_type, payload.as_bytes()).is_err(), "{payload}");
    }
}

#[test]
fn an_exception_is_read_and_ends_nothing() {
    let mut frames = FrameReader::new();
    frames.push(&encode_event("messageStart", br#"{"role":"assistant"}"#).unwrap());
    frames.push(&encode_exception(Fault::Throttling, "slow down"));
    let mut reader = Format::converse().stream();
    assert_eq!(reader.observe(&frames.next().unwrap().unwrap()), Ok(Observed::default()));
    let observed = reader.observe(&frames.next().unwrap().unwrap()).unwrap();
    assert!(!observed.terminal);
    assert!(observed.texts.iter().any(|(block, text)| *block == OUTSIDE_BLOCKS && text == "slow down\n"));
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
