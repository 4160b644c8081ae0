//! Whatever the pieces in which Bedrock sends a text, the caller reads the same: the whole text, redacted at once.

#![expect(clippy::string_slice, reason = "texts are cut at character boundaries")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bedrock::event_stream::encode_event;
use crate::bedrock::format::Format;
use crate::bedrock::invoke::Family;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::bedrock::stream::{Announced, Carrier, Framing};
use crate::proxy::issued::Issued;
use crate::sensitive::{DetectorSet, Plan, Scanner, Tokens, find};

const CARD: &str = "4111 1111 1111 1111";
const MAIL: &str = "jane.doe@mail.example.com";

/// How a family streams a text.
struct Streaming {
    name: &'static str,
    format: Format,
    /// The events that say these pieces, by name.
    says: fn(&[&str]) -> Vec<(&'static str, Value)>,
    /// Where a client reads the next piece.
    reads: &'static str,
    /// Where a client reads the whole text again.
    repeats: &'static [&'static str],
}

fn all_that_stream() -> Vec<Streaming> {
    let row = |name, format, says, reads| Streaming { name, format, says, reads, repeats: &[] };
    let family = |family: Family, says, reads| row(family.name(), Format::of_family(family), says, reads);
    let chat: fn(&[&str]) -> _ = |pieces| chat("delta", "finish_reason", pieces);
    vec![
        row("converse", converse_format(), converse, "/delta/text"),
        family(Family::Nova, nova, "/contentBlockDelta/delta/text"),
        family(Family::ClaudeMessages, claude, "/delta/text"),
        family(
            Family::ClaudeText,
            |pieces| ended(pieces, |text, end| json!({"completion": text, "stop_reason": end, "stop": null})),
            "/completion",
        ),
        family(
            Family::TitanText,
            |pieces| {
                ended(pieces, |text, end| {
                    json!({"outputText": text, "index": 0,
            "totalOutputTextTokenCount": if end.is_null() { Value::Null } else { json!(7) }, "completionReason": end, "inputTextTokenCount": null})
                })
            },
            "/outputText",
        ),
        family(
            Family::Llama,
            |pieces| {
                ended(
                    pieces,
                    |text, end| json!({"generation": text, "prompt_token_count": null, "generation_token_count": 3, "stop_reason": end}),
                )
            },
            "/generation",
        ),
        family(
            Family::Mistral,
            |pieces| ended(pieces, |text, end| json!({"outputs": [{"text": text, "stop_reason": end}]})),
            "/outputs/0/text",
        ),
        row(
            "mistral-chat",
            Format::of_family(Family::Mistral),
            |pieces| self::chat("message", "stop_reason", pieces),
            "/choices/0/message/content",
        ),
        family(
            Family::DeepSeek,
            |pieces| ended(pieces, |text, end| json!({"choices": [{"text": text, "stop_reason": end}]})),
            "/choices/0/text",
        ),
        family(Family::OpenAi, chat, "/choices/0/delta/content"),
        family(Family::OpenAiChat, chat, "/choices/0/delta/content"),
        family(Family::Jamba, chat, "/choices/0/delta/content"),
        Streaming {
            repeats: &["/response/generations/0/text", "/response/prompt"],
            ..family(Family::CohereCommand, cohere, "/text")
        },
        Streaming {
            repeats: &["/response/text", "/response/chat_history/0/message"],
            ..family(Family::CohereCommandR, cohere_r, "/text")
        },
        family(
            Family::Pegasus,
            |pieces| ended(pieces, |text, end| json!({"message": text, "finishReason": end})),
            "/message",
        ),
        row("nova-sonic", speech_format(), speech, "/event/textOutput/content"),
    ]
}

fn converse_format() -> Format {
    let model = ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    Format::of(Operation::ConverseStream, Some(&model)).unwrap()
}

fn speech_format() -> Format {
    let model = ModelReference::parse("amazon.nova-sonic-v1:0").unwrap();
    Format::of(Operation::InvokeModelWithBidirectionalStream, Some(&model)).unwrap()
}

fn converse(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    converse_deltas(pieces, |piece| json!({ "text": piece }))
}

fn converse_deltas(pieces: &[&str], delta: fn(&str) -> Value) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant", "p": "abc"}))];
    events.extend(pieces.iter().map(|piece| {
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": delta(piece), "p": "abcdefghij"}))
    }));
    events.extend([
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}})),
    ]);
    events
}

fn chunks(documents: impl IntoIterator<Item = Value>) -> Vec<(&'static str, Value)> {
    documents.into_iter().map(|document| ("chunk", document)).collect()
}

fn nova(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    chunks(converse(pieces).into_iter().map(|(name, mut event)| {
        event.as_object_mut().unwrap().remove("p");
        json!({ name: event })
    }))
}

fn claude(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    claude_deltas(
        pieces,
        &json!({"type": "text", "text": ""}),
        |piece| json!({"type": "text_delta", "text": piece}),
    )
}

fn claude_deltas(pieces: &[&str], start: &Value, delta: fn(&str) -> Value) -> Vec<(&'static str, Value)> {
    let mut documents = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": start}),
    ];
    documents.extend(
        pieces.iter().map(|piece| json!({"type": "content_block_delta", "index": 0, "delta": delta(piece)})),
    );
    documents.extend([
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
        json!({"type": "message_stop"}),
    ]);
    chunks(documents)
}

/// Chunks of which the last one has a text and the reason to stop.
fn ended(pieces: &[&str], chunk: fn(&str, Value) -> Value) -> Vec<(&'static str, Value)> {
    let last = pieces.len() - 1;
    chunks(
        pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| chunk(piece, if index == last { json!("FINISH") } else { Value::Null })),
    )
}

fn chat(part: &str, reason: &str, pieces: &[&str]) -> Vec<(&'static str, Value)> {
    let chunk = |delta: Value, end: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "created": 1,
            "choices": [{"index": 0, part: delta, reason: end}]})
    };
    let mut documents = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    documents.extend(pieces.iter().map(|piece| chunk(json!({ "content": piece }), Value::Null)));
    documents.push(chunk(json!({}), json!("stop")));
    chunks(documents)
}

fn cohere(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    let mut documents: Vec<_> =
        pieces.iter().map(|piece| json!({"text": piece, "is_finished": false, "index": 0})).collect();
    documents.push(json!({"is_finished": true, "finish_reason": "COMPLETE", "response": {"id": "r", "prompt": pieces.concat(),
        "generations": [{"id": "g", "text": pieces.concat(), "finish_reason": "COMPLETE"}]}}));
    chunks(documents)
}

fn cohere_r(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    let mut documents = vec![json!({"event_type": "stream-start", "generation_id": "g"})];
    documents.extend(
        pieces
            .iter()
            .map(|piece| json!({"event_type": "text-generation", "text": piece, "is_finished": false})),
    );
    documents.push(json!({"event_type": "stream-end", "finish_reason": "COMPLETE", "is_finished": true,
        "response": {"text": pieces.concat(), "chat_history": [{"role": "CHATBOT", "message": pieces.concat()}]}}));
    chunks(documents)
}

fn speech(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    let mut documents = vec![
        json!({"event": {"completionStart": {"completionId": "c"}}}),
        json!({"event": {"contentStart": {"contentId": "one", "type": "TEXT", "role": "ASSISTANT"}}}),
    ];
    documents.extend(pieces.iter().map(|piece| {
        json!({"event": {"textOutput": {"contentId": "one", "completionId": "c", "content": piece, "role": "ASSISTANT"}}})
    }));
    documents.extend([
        json!({"event": {"contentEnd": {"contentId": "one", "type": "TEXT", "stopReason": "END_TURN"}}}),
        json!({"event": {"completionEnd": {"completionId": "c", "stopReason": "END_TURN"}}}),
    ]);
    chunks(documents)
}

/// The bytes of an event as Bedrock writes them.
fn frame(name: &str, document: &Value) -> Bytes {
    let payload = match name {
        "chunk" => json!({"bytes": STANDARD.encode(document.to_string()), "p": "abcdefghijklmnopqr"}),
        _ => document.clone(),
    };
    encode_event(name, payload.to_string().as_bytes()).unwrap()
}

/// What a caller got, and what was found.
struct Got {
    events: Vec<(String, Value)>,
    stop: Option<Stop>,
    seen: Seen,
}

impl Got {
    /// What a client puts together out of the strings at a place.
    fn text(&self, reads: &str) -> String {
        self.events.iter().filter_map(|(_, document)| document.pointer(reads)?.as_str()).collect()
    }
}

/// Passes events through, as the relay does.
fn relayed(format: Format, filter: &Filter<'_>, events: &[(&'static str, Value)]) -> Got {
    let (mut carrier, mut reader, mut runs) =
        (Carrier::new(Framing::EventStream), format.stream(), Runs::new(filter));
    let (mut out, mut stop) = (Vec::new(), None);
    'events: for (name, document) in events {
        carrier.push(&frame(name, document));
        while let Some(event) = carrier.next().unwrap() {
            let observed = reader.observe(&event).unwrap();
            match runs.pass(&event, observed) {
                Ok(Passed { before, event }) => out.extend(before.into_iter().chain(event)),
                Err(why) => {
                    stop = Some(why);
                    break 'events;
                }
            }
        }
    }
    assert!(stop.is_some() || reader.finished());
    Got { events: decoded(&out), stop, seen: runs.finish() }
}

/// As a client reads them; a frame with a wrong checksum would fail.
fn decoded(frames: &[Bytes]) -> Vec<(String, Value)> {
    let mut carrier = Carrier::new(Framing::EventStream);
    let mut events = Vec::new();
    for frame in frames {
        carrier.push(frame);
        let event = carrier.next().unwrap().unwrap();
        let Announced::Event(name) = event.announced() else { panic!("{event:?}") };
        let payload: Value = serde_json::from_slice(event.payload()).unwrap();
        let document = match payload.get("bytes") {
            Some(bytes) => {
                serde_json::from_slice(&STANDARD.decode(bytes.as_str().unwrap()).unwrap()).unwrap()
            }
            None => payload,
        };
        events.push((name.to_owned(), document));
    }
    events
}

/// Detectors of which the texts of these tests hold something.
fn detectors() -> DetectorSet {
    let names = ["email", "credit_card", "aws_access_key", "us_ssn", "ip_address", "phone"];
    names.iter().map(|name| find(name).unwrap()).collect()
}

fn redacting(scanner: &Scanner) -> Filter<'_> {
    Filter::new(scanner, Plan::new(DetectorSet::EMPTY, detectors(), DetectorSet::EMPTY))
}

fn denying(scanner: &Scanner) -> Filter<'_> {
    Filter::new(scanner, Plan::new(DetectorSet::EMPTY, DetectorSet::EMPTY, detectors()))
}

/// What the caller of a unary answer would read, and what is found in it.
fn batch(scanner: &Scanner, text: &str) -> (String, Findings) {
    let matches = scanner.scan(detectors(), text, None);
    let mut findings = Findings::default();
    for one in &matches {
        findings.add(one.detector, 1);
    }
    (redact(text, &matches, detectors()).unwrap_or_else(|| text.to_owned()), findings)
}

/// Text with things to be found in it, as pieces.
fn any_pieces() -> impl Strategy<Value = Vec<String>> {
    let words = prop::sample::select(vec![
        CARD,
        MAIL,
        "AKIAIOSFODNN7ABCDEFG",
        "123-45-6789",
        "hello ",
        " and ",
        "é",
        "😀",
        "4111",
        " 1111",
        "x@",
        ".",
        "\n",
        "card: ",
        "192.168.7.9",
        "\"",
        "\\",
    ]);
    let text = prop::collection::vec(words, 1..12).prop_map(|words| words.concat());
    (text, prop::collection::vec(any::<prop::sample::Index>(), 0..30)).prop_map(|(text, cuts)| {
        let mut cuts: Vec<usize> =
            cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len()))).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|ends| text[ends[0]..ends[1]].to_owned()).collect()
    })
}

fn borrowed(pieces: &[String]) -> Vec<&str> {
    pieces.iter().map(String::as_str).collect()
}

#[test]
fn every_family_that_streams_is_in_the_table() {
    let names: Vec<_> = all_that_stream().iter().map(|row| row.name).collect();
    for family in Family::ALL {
        let mut streams = false;
        for (_, document) in all_that_stream().iter().flat_map(|row| (row.says)(&["hi"])) {
            let payload = json!({"bytes": STANDARD.encode(document.to_string())}).to_string();
            let mut reader = Format::of_family(family).stream();
            streams |= reader.read(Announced::Event("chunk"), payload.as_bytes()).is_ok();
        }
        assert_eq!(streams, names.contains(&family.name()), "{}", family.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_way_of_cutting_a_text_changes_what_the_caller_reads(pieces in any_pieces()) {
        let scanner = Scanner::new().unwrap();
        let filter = redacting(&scanner);
        let (clean, findings) = batch(&scanner, &pieces.concat());
        for Streaming { name, format, says, reads, repeats } in all_that_stream() {
            let got = relayed(format, &filter, &says(&borrowed(&pieces)));
            prop_assert_eq!(got.stop, None, "{}", name);
            prop_assert_eq!(got.text(reads), clean.as_str(), "{}", name);
            for place in repeats {
                prop_assert_eq!(got.text(place), clean.as_str(), "{} {}", name, place);
            }
            if repeats.is_empty() {
                prop_assert_eq!(&got.seen.findings, &findings, "{}", name);
            }
        }
    }

    #[test]
    fn nothing_of_what_is_denied_is_passed_on(pieces in any_pieces()) {
        let scanner = Scanner::new().unwrap();
        let filter = denying(&scanner);
        let text = pieces.concat();
        let found = scanner.scan(detectors(), &text, None);
        let findings = u32::try_from(found.len()).unwrap();
        let first = found.into_iter().next();
        for Streaming { name, format, says, reads, .. } in all_that_stream() {
            let got = relayed(format, &filter, &says(&borrowed(&pieces)));
            prop_assert_eq!(got.stop, first.as_ref().map(|_| Stop::Denied), "{}", name);
            let read = got.text(reads);
            let Some(found) = &first else {
                prop_assert_eq!(read, text.as_str());
                continue;
            };
            prop_assert!(text[..found.range.start].starts_with(&read), "{}: {}", name, read);
            let counted: u32 = got.seen.findings.iter().map(|(_, count)| count).sum();
            prop_assert!(counted > 0 && counted <= findings, "{} counts twice: {}", name, counted);
        }
    }

    #[test]
    fn an_answer_that_nobody_filters_is_passed_on_as_it_is(pieces in any_pieces()) {
        let scanner = Scanner::new().unwrap();
        let plan = Plan::new(detectors(), DetectorSet::EMPTY, DetectorSet::EMPTY);
        let filter = Filter::new(&scanner, plan);
        let (_, findings) = batch(&scanner, &pieces.concat());
        for Streaming { name, format, says, repeats, .. } in all_that_stream() {
            let events = says(&borrowed(&pieces));
            let mut runs = Runs::new(&filter);
            let (mut carrier, mut reader) = (Carrier::new(Framing::EventStream), format.stream());
            for (name, document) in &events {
                carrier.push(&frame(name, document));
                let event = carrier.next().unwrap().unwrap();
                let observed = reader.observe(&event).unwrap();
                let passed = runs.pass(&event, observed).unwrap();
                prop_assert_eq!(passed, Passed { before: Vec::new(), event: Some(event.raw().clone()) });
            }
            if repeats.is_empty() {
                prop_assert_eq!(&runs.finish().findings, &findings, "{}", name);
            }
        }
    }

    #[test]
    fn what_a_tool_is_called_with_still_parses(pieces in any_pieces(), cuts in any::<u64>()) {
        let scanner = Scanner::new().unwrap();
        let filter = redacting(&scanner);
        let text = pieces.concat();
        let input = json!({"to": text, "n": 4_111_111_111_111_111_u64, "list": [{"ssn": "123-45-6789"}]});
        let json = input.to_string();
        let cut: Vec<&str> = {
            let at = json.floor_char_boundary(usize::try_from(cuts).unwrap() % json.len());
            let middle = json.floor_char_boundary(at / 2);
            vec![&json[..middle], &json[middle..at], &json[at..]]
        };
        let whole = crate::proxy::tool_input::ToolInput::read(&scanner, detectors(), &json).unwrap();
        let crate::proxy::tool_input::Redacted::Changed(clean) = whole.redacted(&json, detectors()) else {
            panic!("{json}")
        };
        let rows = [
            (converse_format(), converse_deltas(&cut, |piece| json!({"toolUse": {"input": piece}})), "/delta/toolUse/input"),
            (
                Format::of_family(Family::ClaudeMessages),
                claude_deltas(&cut, &json!({"type": "tool_use", "id": "t", "name": "n", "input": {}}), |piece| {
                    json!({"type": "input_json_delta", "partial_json": piece})
                }),
                "/delta/partial_json",
            ),
            (Format::of_family(Family::OpenAiChat), chat_call(&cut), "/choices/0/delta/tool_calls/0/function/arguments"),
        ];
        for (format, events, reads) in rows {
            let got = relayed(format, &filter, &events);
            prop_assert_eq!(got.stop, None);
            prop_assert_eq!(got.text(reads), clean.as_str());
            prop_assert!(serde_json::from_str::<Value>(&got.text(reads)).is_ok());
            prop_assert_eq!(got.text("/choices/0/delta/tool_calls/0/function/name").len() <= 4, true);
        }
    }

    #[test]
    fn words_under_a_signature_are_never_changed(pieces in any_pieces()) {
        let scanner = Scanner::new().unwrap();
        let filter = redacting(&scanner);
        let text = pieces.concat();
        let clean = scanner.scan(detectors(), &text, None).is_empty();
        let rows = [
            (
                converse_format(),
                converse_deltas(&borrowed(&pieces), |piece| json!({"reasoningContent": {"text": piece}})),
                "/delta/reasoningContent/text",
            ),
            (
                Format::of_family(Family::ClaudeMessages),
                claude_deltas(&borrowed(&pieces), &json!({"type": "thinking", "thinking": ""}), |piece| {
                    json!({"type": "thinking_delta", "thinking": piece})
                }),
                "/delta/thinking",
            ),
        ];
        for (format, events, reads) in rows {
            let got = relayed(format, &filter, &events);
            prop_assert_eq!(got.stop, (!clean).then_some(Stop::Denied));
            prop_assert_eq!(got.seen.fixed.is_empty(), clean);
            let read = got.text(reads);
            prop_assert!(text.starts_with(&read));
            prop_assert!(!clean || read == text);
        }
    }
}

/// Tokens of a request that held these values, and `text` as the model repeats it.
fn tokenised(scanner: &Scanner, text: &str) -> (Issued, String) {
    let mut tokens = Tokens::default();
    tokens.avoid(text);
    let matches = scanner.scan(detectors(), text, None);
    let sent = tokens.clean(text, &matches, DetectorSet::EMPTY, detectors());
    (Issued::new(tokens), sent.unwrap_or_else(|| text.to_owned()))
}

/// `text` in pieces of `size` bytes or a little more.
fn in_pieces(text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(size));
        pieces.push(piece);
        rest = after;
    }
    if pieces.is_empty() { vec![""] } else { pieces }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_the_caller_sent_comes_back_however_it_is_cut(pieces in any_pieces(), size in 1..9_usize, how in 0..3_u8) {
        let scanner = Scanner::new().unwrap();
        let text = pieces.concat();
        let (issued, sent) = tokenised(&scanner, &text);
        // A request that holds more once it was tokenised is refused.
        prop_assume!(scanner.scan(detectors(), &sent, None).is_empty());
        let nothing = DetectorSet::EMPTY;
        // Whatever is done about what the model adds, values of the caller's are none of it.
        let plan = match how {
            0 => Plan::new(nothing, nothing, nothing),
            1 => Plan::new(detectors(), nothing, nothing),
            _ => Plan::new(nothing, detectors(), nothing),
        };
        let filter = Filter::new(&scanner, plan).restoring(Some(issued));
        for Streaming { name, format, says, reads, repeats } in all_that_stream() {
            let got = relayed(format, &filter, &says(&in_pieces(&sent, size)));
            prop_assert_eq!(got.stop, None, "{}", name);
            prop_assert_eq!(got.text(reads), text.as_str(), "{}", name);
            for place in repeats {
                prop_assert_eq!(got.text(place), text.as_str(), "{} {}", name, place);
            }
            prop_assert!(got.seen.findings.is_empty(), "{}", name);
        }
    }

    #[test]
    fn a_tool_is_called_with_what_the_caller_sent(pieces in any_pieces(), size in 1..9_usize, acts in any::<bool>()) {
        let scanner = Scanner::new().unwrap();
        let text = pieces.concat();
        let (issued, sent) = tokenised(&scanner, &text);
        // A request that holds more once it was tokenised is refused.
        prop_assume!(scanner.scan(detectors(), &sent, None).is_empty());
        let redact = if acts { detectors() } else { DetectorSet::EMPTY };
        let filter = Filter::new(&scanner, Plan::new(DetectorSet::EMPTY, redact, DetectorSet::EMPTY)).restoring(Some(issued));
        let json = json!({"to": sent, "list": [{"n": 1}]}).to_string();
        let cut = in_pieces(&json, size);
        let rows: [(Format, Vec<(&'static str, Value)>, &str); 3] = [
            (converse_format(), converse_deltas(&cut, |piece| json!({"toolUse": {"input": piece}})), "/delta/toolUse/input"),
            (
                Format::of_family(Family::ClaudeMessages),
                claude_deltas(&cut, &json!({"type": "tool_use", "id": "t", "name": "n", "input": {}}), |piece| {
                    json!({"type": "input_json_delta", "partial_json": piece})
                }),
                "/delta/partial_json",
            ),
            (Format::of_family(Family::OpenAiChat), chat_call(&cut), "/choices/0/delta/tool_calls/0/function/arguments"),
        ];
        for (format, events, reads) in rows {
            let got = relayed(format, &filter, &events);
            prop_assert_eq!(got.stop, None);
            let input: Value = serde_json::from_str(&got.text(reads)).unwrap();
            prop_assert_eq!(&input["to"], &json!(text));
        }
    }
}

#[test]
fn signed_reasoning_keeps_its_placeholders_and_what_was_not_issued_stays() {
    let scanner = Scanner::new().unwrap();
    let (issued, sent) = tokenised(&scanner, MAIL);
    assert_eq!(sent, "{EMAIL_1}");
    let nothing = DetectorSet::EMPTY;
    let filter = Filter::new(&scanner, Plan::new(nothing, nothing, detectors())).restoring(Some(issued));
    let thought = converse_deltas(
        &in_pieces("of {EMAIL_1}, so", 3),
        |piece| json!({"reasoningContent": {"text": piece}}),
    );
    let got = relayed(converse_format(), &filter, &thought);
    assert_eq!(got.text("/delta/reasoningContent/text"), "of {EMAIL_1}, so");
    let got = relayed(converse_format(), &filter, &converse(&in_pieces("{EMAIL_2} {EMAIL} {EMAIL_1", 2)));
    assert_eq!(got.text("/delta/text"), "{EMAIL_2} {EMAIL} {EMAIL_1");
    // What the model adds is another matter.
    let got = relayed(converse_format(), &filter, &converse(&["{EMAIL_1} or card ", CARD, "."]));
    assert_eq!(got.stop, Some(Stop::Denied));
    assert_eq!(got.text("/delta/text"), format!("{MAIL} or card "));
}

fn chat_call(pieces: &[&str]) -> Vec<(&'static str, Value)> {
    let chunk = |delta: Value, end: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "created": 1,
            "choices": [{"index": 0, "delta": delta, "finish_reason": end, "logprobs": null}]})
    };
    let mut documents = vec![chunk(
        json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "call_1", "type": "function",
            "function": {"name": "find", "arguments": ""}}]}),
        Value::Null,
    )];
    documents.extend(pieces.iter().map(|piece| {
        chunk(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), Value::Null)
    }));
    documents.push(chunk(json!({}), json!("tool_calls")));
    chunks(documents)
}

/// The names of the events that a caller got.
fn names(got: &Got) -> Vec<&str> {
    got.events.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn events_whose_texts_are_held_are_left_out_and_the_rest_goes_before_the_end_of_its_block() {
    let scanner = Scanner::new().unwrap();
    let filter = redacting(&scanner);
    let pieces = ["mail jane.d", "oe@mail", ".example", ".com", " and 41", "11"];
    let got = relayed(converse_format(), &filter, &converse(&pieces));
    let texts: Vec<_> = got.events.iter().filter_map(|(_, event)| event["delta"]["text"].as_str()).collect();
    assert_eq!(texts.concat(), "mail {EMAIL} and 4111");
    assert!(texts.len() < pieces.len() && texts.iter().all(|text| !text.is_empty()), "{texts:?}");
    assert_eq!(names(&got)[0], "messageStart");
    assert_eq!(names(&got)[texts.len() + 1..], ["contentBlockStop", "messageStop", "metadata"]);
    assert_eq!(got.events.last().unwrap().1, converse(&pieces).last().unwrap().1, "the counts are Bedrock's");
}

#[test]
fn an_extra_delta_has_the_form_of_the_last_one_and_repeats_no_name() {
    let scanner = Scanner::new().unwrap();
    let filter = redacting(&scanner);
    // Cut off by a limit: it never becomes JSON.
    let got = relayed(Format::of_family(Family::OpenAiChat), &filter, &chat_call(&["{\"city\": ", "\"Par"]));
    assert_eq!(got.text("/choices/0/delta/tool_calls/0/function/arguments"), "{\"city\": \"Par");
    assert_eq!(got.text("/choices/0/delta/tool_calls/0/id"), "call_1");
    assert_eq!(got.text("/choices/0/delta/role"), "assistant");
    let extra = &got.events[got.events.len() - 2].1;
    let call = json!({"index": 0, "function": {"arguments": "{\"city\": \"Par"}});
    assert_eq!(
        *extra,
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "created": 1,
            "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null, "logprobs": null}]})
    );
}

#[test]
fn input_of_a_tool_that_is_cut_off_is_denied_where_something_would_be_replaced() {
    let scanner = Scanner::new().unwrap();
    let filter = redacting(&scanner);
    for (pieces, stop) in [
        ([r#"{"to": "jane.doe@mail"#, ".example.com"], Some(Stop::Denied)),
        ([r#"{"to": "jane.doe\u00"#, "40mail.example.com"], Some(Stop::Denied)),
        ([r#"{"jane.doe@mail"#, r#".example.com": 1}"#], Some(Stop::Denied)),
        ([r#"{"to": "no"#, "body"], None),
    ] {
        let got = relayed(
            converse_format(),
            &filter,
            &converse_deltas(&pieces, |piece| json!({"toolUse": {"input": piece}})),
        );
        assert_eq!(got.stop, stop, "{pieces:?}");
        assert_eq!(got.seen.fixed.is_empty(), stop.is_none(), "{pieces:?}");
        assert!(stop.is_none() || got.text("/delta/toolUse/input").is_empty());
    }
}

#[test]
fn input_of_a_tool_that_is_too_long_to_be_held_is_not_passed_on() {
    let scanner = Scanner::new().unwrap();
    let long = format!("{{\"a\": \"{}", "word ".repeat(300_000));
    let events = converse_deltas(&[&long], |piece| json!({"toolUse": {"input": piece}}));
    let got = relayed(converse_format(), &redacting(&scanner), &events);
    assert_eq!((got.stop, got.seen.overlong), (Some(Stop::Denied), true));
    let report = Filter::new(&scanner, Plan::new(detectors(), DetectorSet::EMPTY, DetectorSet::EMPTY));
    let got = relayed(converse_format(), &report, &events);
    assert_eq!((got.stop, got.seen.overlong), (None, false));
}

#[test]
fn asides_are_redacted_where_they_stand_and_likelihoods_are_taken_out() {
    let scanner = Scanner::new().unwrap();
    let filter = redacting(&scanner);
    let mut events = converse(&["hi"]);
    events.insert(
        1,
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"citation": {"title": MAIL}}})),
    );
    events.last_mut().unwrap().1["trace"] = json!({"guardrail": {"modelOutput": [format!("card {CARD}")]}});
    let got = relayed(converse_format(), &filter, &events);
    assert_eq!(got.events[1].1["delta"]["citation"]["title"], "{EMAIL}");
    let last = &got.events.last().unwrap().1;
    assert_eq!(last["trace"]["guardrail"]["modelOutput"][0], "card {CREDIT_DEBIT_CARD_NUMBER}");
    assert_eq!(last["usage"]["totalTokens"], 3);

    let mut events = chat("delta", "finish_reason", &["hi"]);
    events[1].1["choices"][0]["logprobs"] =
        json!({"content": [{"token": "hi", "logprob": -0.1, "top_logprobs": []}]});
    let got = relayed(Format::of_family(Family::OpenAiChat), &filter, &events);
    assert!(got.events[1].1["choices"][0]["logprobs"].is_null(), "{:?}", got.events);
    let report = Filter::new(&scanner, Plan::new(detectors(), DetectorSet::EMPTY, DetectorSet::EMPTY));
    let got = relayed(Format::of_family(Family::OpenAiChat), &report, &events);
    assert_eq!(got.events[1].1, events[1].1);
}

#[test]
fn a_block_that_goes_on_after_its_end_ends_the_answer() {
    let scanner = Scanner::new().unwrap();
    let mut events = converse(&["4111 1111"]);
    events.insert(3, ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": " 1111 1111"}})));
    let got = relayed(converse_format(), &redacting(&scanner), &events);
    assert_eq!(got.stop, Some(Stop::Unreadable));
    assert_eq!(got.text("/delta/text"), "4111 1111");
}

#[test]
fn runs_beside_each_other_are_not_read_together() {
    let scanner = Scanner::new().unwrap();
    let delta = |block: u32, text: &str| {
        ("contentBlockDelta", json!({"contentBlockIndex": block, "delta": {"text": text}}))
    };
    let stop = |block: u32| ("contentBlockStop", json!({"contentBlockIndex": block}));
    let events = [
        delta(0, "card 4111 1111 "),
        delta(1, "mail jane.doe@"),
        delta(0, "1111 1111."),
        delta(1, "mail.example.com"),
        stop(1),
        stop(0),
        ("messageStop", json!({"stopReason": "end_turn"})),
    ];
    let got = relayed(converse_format(), &redacting(&scanner), &events);
    let of_block = |block: u32| -> String {
        let blocks = got.events.iter().filter(|(_, event)| event["contentBlockIndex"] == block);
        blocks.filter_map(|(_, event)| event["delta"]["text"].as_str()).collect()
    };
    assert_eq!(
        (of_block(0).as_str(), of_block(1).as_str()),
        ("card {CREDIT_DEBIT_CARD_NUMBER}.", "mail {EMAIL}")
    );
}

#[test]
fn an_edited_event_keeps_its_headers_and_gets_a_padding_of_its_own() {
    let scanner = Scanner::new().unwrap();
    let filter = redacting(&scanner);
    let text = format!("card {CARD}");
    let event = json!({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"});
    let mut lengths = BTreeSet::new();
    for _ in 0..64 {
        let mut runs = Runs::new(&filter);
        let mut reader = converse_format().stream();
        let mut carrier = Carrier::new(Framing::EventStream);
        carrier.push(&frame("contentBlockDelta", &event));
        carrier.push(&frame("contentBlockStop", &json!({"contentBlockIndex": 0})));
        let mut before = Vec::new();
        while let Some(event) = carrier.next().unwrap() {
            let observed = reader.observe(&event).unwrap();
            let passed = runs.pass(&event, observed).unwrap();
            before.extend(passed.before.into_iter().chain(passed.event));
        }
        let raw = frame("contentBlockDelta", &event);
        let headers =
            |frame: &Bytes| frame[12..12 + usize::from(frame[7]) + 256 * usize::from(frame[6])].to_vec();
        assert_eq!(headers(&before[0]), headers(&raw));
        let payload = &decoded(&before)[0].1;
        lengths.insert(payload["p"].as_str().unwrap().len());
    }
    assert!(lengths.len() > 8, "{lengths:?}");
}

mod apis;
