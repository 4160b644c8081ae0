use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::bedrock::event_stream::encode_event;
use crate::bedrock::fault::Fault;
use crate::bedrock::format::{DecodeError, Format};
use crate::bedrock::json::Document;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::bedrock::stream::{Carrier, Framing, Kind as Piece, StreamReader};
use crate::bedrock::view::{Modality, Parameter, SettingValue};

fn event(name: &str, body: Value) -> Bytes {
    json!({ "event": Map::from_iter([(name.to_owned(), body)]) }).to_string().into()
}

fn start_prompt(name: &str) -> Bytes {
    event("promptStart", json!({ "promptName": name }))
}

fn start(content: &str, kind: &str) -> Bytes {
    event("contentStart", json!({ "promptName": "p", "contentName": content, "type": kind, "role": "USER" }))
}

fn piece(name: &str, content: &str, text: &str) -> Bytes {
    event(name, json!({ "promptName": "p", "contentName": content, "content": text }))
}

fn end(content: &str) -> Bytes {
    event("contentEnd", json!({ "promptName": "p", "contentName": content }))
}

fn read(document: &Bytes) -> Result<Kind, DecodeError> {
    Event::read(&Document::parse(document).unwrap()).map(|event| event.kind)
}

fn steps(documents: &[Bytes]) -> Result<Vec<Step>, OrderError> {
    let mut order = Order::default();
    let opened = [event("sessionStart", json!({})), start_prompt("p")];
    let all = opened.iter().chain(documents);
    let steps: Result<Vec<_>, _> = all
        .map(|document| order.step(&Event::read(&Document::parse(document).unwrap()).unwrap(), document))
        .collect();
    steps.map(|steps| steps[2..].to_vec())
}

#[test]
fn parameters_of_a_session_are_settings_with_places() {
    let document =
        event("sessionStart", json!({ "inferenceConfiguration": { "maxTokens": 9, "topP": 0.5 } }));
    let parsed = Document::parse(&document).unwrap();
    let view = Event::read(&parsed).unwrap().view;
    let settings: Vec<_> = view
        .parameters
        .iter()
        .map(|setting| match setting.value {
            SettingValue::Number { value, .. } => (setting.parameter, value),
            SettingValue::Items(_) => panic!(),
        })
        .collect();
    assert_eq!(settings, [(Parameter::MaxTokens, 9.0), (Parameter::TopP, 0.5)]);
    assert_eq!(view.insertions.len(), 1);
    assert_eq!(view.insertions[0].parameter, Some(Parameter::Temperature));
    let empty = event("sessionStart", json!({}));
    let parsed = Document::parse(&empty).unwrap();
    assert_eq!(Event::read(&parsed).unwrap().view.insertions.len(), 3);
}

#[test]
fn what_is_not_known_is_refused() {
    let place = |more: Value| {
        let mut body = json!({ "promptName": "p", "contentName": "c" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let rows = [
        (json!({}), Fault::AccessDenied),
        (json!({ "event": {} }), Fault::AccessDenied),
        (json!({ "event": { "sessionStart": {}, "sessionEnd": {} } }), Fault::AccessDenied),
        (json!({ "event": { "sessionStart": {} }, "more": 1 }), Fault::AccessDenied),
        (json!({ "events": { "sessionStart": {} } }), Fault::AccessDenied),
        (json!({ "event": { "sessionstart": {} } }), Fault::AccessDenied),
        (json!({ "event": { "sessionStart": { "maxTokens": 1 } } }), Fault::AccessDenied),
        (
            json!({ "event": { "sessionStart": { "inferenceConfiguration": { "topK": 1 } } } }),
            Fault::AccessDenied,
        ),
        (
            json!({ "event": { "sessionStart": { "inferenceConfiguration": { "maxTokens": "1" } } } }),
            Fault::Validation,
        ),
        (json!({ "event": { "promptStart": {} } }), Fault::Validation),
        (json!({ "event": { "promptStart": { "promptName": "" } } }), Fault::Validation),
        (json!({ "event": { "promptStart": { "promptName": "n".repeat(257) } } }), Fault::Validation),
        (
            json!({ "event": { "promptStart": { "promptName": "p", "inferenceConfiguration": {} } } }),
            Fault::AccessDenied,
        ),
        (json!({ "event": { "contentStart": place(json!({})) } }), Fault::Validation),
        (json!({ "event": { "contentStart": place(json!({ "type": "VIDEO" })) } }), Fault::Validation),
        (
            json!({ "event": { "contentStart": place(json!({ "type": "TEXT", "role": "ROOT" })) } }),
            Fault::Validation,
        ),
        (
            json!({ "event": { "contentStart": place(json!({ "type": "TEXT", "textInputConfiguration": { "x": "y" } })) } }),
            Fault::AccessDenied,
        ),
        (json!({ "event": { "textInput": place(json!({})) } }), Fault::Validation),
        (json!({ "event": { "textInput": place(json!({ "content": 1 })) } }), Fault::Validation),
        (
            json!({ "event": { "textInput": place(json!({ "content": "a", "text": "b" })) } }),
            Fault::AccessDenied,
        ),
        (json!({ "event": { "textInput": { "promptName": "p", "content": "a" } } }), Fault::Validation),
        (
            json!({ "event": { "audioInput": place(json!({ "content": "these are words" })) } }),
            Fault::Validation,
        ),
        (json!({ "event": { "sessionEnd": { "promptName": "p" } } }), Fault::AccessDenied),
        (json!({ "event": { "promptEnd": place(json!({})) } }), Fault::AccessDenied),
    ];
    for (document, fault) in rows {
        let read = read(&document.to_string().into());
        assert_eq!(read.map_err(|error| error.fault()), Err(fault), "{document}");
    }
}

#[test]
fn sound_counts_and_names_that_say_nothing_are_not_read() {
    let uuid = "4111-1111-1111-1111";
    let document = event(
        "contentStart",
        json!({ "promptName": "b5f0a7a1-5c6f-4d52-9f0e-6a1f0f6d3a10", "contentName": uuid, "type": "AUDIO", "role": "USER" }),
    );
    let parsed = Document::parse(&document).unwrap();
    let view = Event::read(&parsed).unwrap().view;
    assert!(view.modalities.contains(&Modality::Audio));
    assert_eq!((view.unread(), view.turns), (1, 1));
    let texts: Vec<_> = view.texts.iter().map(|text| (text.text.as_ref(), text.editable)).collect();
    assert_eq!(texts, [(uuid, false)]);
}

#[test]
fn texts_wait_for_the_end_of_their_content_and_sound_does_not() {
    let (one, two, result) =
        (piece("textInput", "a", "1"), piece("textInput", "a", "2"), piece("toolResult", "t", "{}"));
    let documents = [
        start("a", "TEXT"),
        one.clone(),
        start("s", "AUDIO"),
        piece("audioInput", "s", "AAAA"),
        start("t", "TOOL"),
        result.clone(),
        two.clone(),
        end("t"),
        piece("audioInput", "s", "AAAA"),
        end("a"),
        end("s"),
        event("promptEnd", json!({ "promptName": "p" })),
        event("sessionEnd", json!({})),
    ];
    let release = |held: &[&Bytes]| Step::Release(held.iter().map(|held| (*held).clone()).collect());
    let expected = [
        Step::Pass,
        Step::Hold,
        Step::Pass,
        Step::Pass,
        Step::Pass,
        Step::Hold,
        Step::Hold,
        release(&[&result]),
        Step::Pass,
        release(&[&one, &two]),
        release(&[]),
        Step::Pass,
        Step::Pass,
    ];
    assert_eq!(steps(&documents).unwrap(), expected);
}

#[test]
fn events_out_of_order_are_refused() {
    let session_end = event("sessionEnd", json!({}));
    let prompt_end = |name: &str| event("promptEnd", json!({ "promptName": name }));
    let open_text = [start("a", "TEXT"), piece("textInput", "a", "x")];
    let rows = [
        (vec![event("sessionStart", json!({}))], OrderError::SessionStart),
        (vec![session_end.clone(), start_prompt("q")], OrderError::AfterEnd),
        (vec![start_prompt("p")], OrderError::Prompt),
        (vec![prompt_end("q")], OrderError::Prompt),
        (vec![prompt_end("p"), start("a", "TEXT")], OrderError::Prompt),
        (vec![piece("textInput", "a", "x")], OrderError::Content),
        (vec![start("a", "TEXT"), start("a", "TEXT")], OrderError::Content),
        (vec![start("a", "TEXT"), end("a"), piece("textInput", "a", "x")], OrderError::Content),
        (vec![start("a", "AUDIO"), piece("textInput", "a", "x")], OrderError::Content),
        (vec![start("a", "TEXT"), piece("audioInput", "a", "AAAA")], OrderError::Content),
        (vec![start("a", "TEXT"), piece("toolResult", "a", "x")], OrderError::Content),
        (vec![start("a", "TEXT"), prompt_end("p"), end("a")], OrderError::Content),
        (vec![end("a")], OrderError::Content),
        ([open_text.to_vec(), vec![prompt_end("p")]].concat(), OrderError::OpenText),
        ([open_text.to_vec(), vec![session_end]].concat(), OrderError::OpenText),
        ((0..65).map(|name| start(&name.to_string(), "TEXT")).collect(), OrderError::TooManyOpen),
        ((0..65).map(|name| start_prompt(&name.to_string())).collect(), OrderError::TooManyOpen),
        (
            [vec![start("a", "TEXT")], vec![piece("textInput", "a", &"x".repeat(100_000)); 3]].concat(),
            OrderError::TooMuchText,
        ),
    ];
    for (documents, expected) in rows {
        assert_eq!(steps(&documents), Err(expected), "{expected}");
    }
    let mut order = Order::default();
    let early = start_prompt("p");
    let parsed = Document::parse(&early).unwrap();
    assert_eq!(order.step(&Event::read(&parsed).unwrap(), &early), Err(OrderError::SessionStart));
}

#[test]
fn only_a_chunk_that_holds_one_document_is_unwrapped() {
    let frame = |name: &str, payload: &str| encode_event(name, payload.as_bytes()).unwrap();
    assert_eq!(unwrap_chunk(frame("chunk", r#"{"bytes":"e30="}"#)), Ok(Bytes::from_static(b"{}")));
    let whole = frame("chunk", r#"{"bytes":"e30="}"#);
    let long = STANDARD.encode(vec![b' '; MAX_DOCUMENT + 1]);
    let rows = [
        (frame("Chunk", r#"{"bytes":"e30="}"#), ChunkError::Shape),
        (frame("chunk", r#"{"bytes":"e30"}"#), ChunkError::Shape),
        (frame("chunk", r#"{"bytes":"e30=","p":"a"}"#), ChunkError::Shape),
        (frame("chunk", r#"{"Bytes":"e30="}"#), ChunkError::Shape),
        (frame("chunk", r#"{"bytes":1}"#), ChunkError::Shape),
        (frame("chunk", &format!(r#"{{"bytes":"{long}"}}"#)), ChunkError::TooLong),
    ];
    for (raw, expected) in rows {
        assert_eq!(unwrap_chunk(raw), Err(expected));
    }
    assert!(unwrap_chunk([whole.clone(), whole.clone()].concat().into()).is_err(), "two frames");
    assert!(unwrap_chunk(whole.slice(..whole.len() - 1)).is_err(), "half a frame");
}

fn observe(reader: &mut StreamReader, name: &str, body: Value) -> Result<Vec<(Piece, String)>, DecodeError> {
    let mut events = Carrier::new(Framing::EventStream);
    events.push(&wrap_chunk(&event(name, body)).unwrap());
    let observed = reader.observe(&events.next().unwrap().unwrap())?;
    Ok(observed.pieces.into_iter().map(|piece| (piece.kind, piece.text)).collect())
}

#[test]
fn answers_are_read_by_content_and_counted() {
    let model = ModelReference::parse("amazon.nova-sonic-v1:0").unwrap();
    let format = Format::of(Operation::InvokeModelWithBidirectionalStream, Some(&model)).unwrap();
    let mut reader = format.stream();
    assert!(reader.finished(), "a session may end without a word");
    observe(&mut reader, "completionStart", json!({ "completionId": "c" })).unwrap();
    assert!(!reader.finished());
    let said = |reader: &mut StreamReader, content: &str, text: &str| {
        observe(reader, "textOutput", json!({ "contentId": content, "content": text, "role": "ASSISTANT" }))
            .unwrap()
    };
    let (one, two, other) =
        (said(&mut reader, "a", "12"), said(&mut reader, "a", "34"), said(&mut reader, "b", "5"));
    assert_eq!((one[0].0, one[0].1.as_str(), two[0].1.as_str()), (two[0].0, "12", "34"));
    assert_ne!(one[0].0, other[0].0);
    let tool =
        observe(&mut reader, "toolUse", json!({ "contentId": "t", "toolName": "look_up", "content": "{}" }));
    let tool: Vec<_> = tool.unwrap().into_iter().map(|(_, text)| text).collect();
    assert!(tool.contains(&"{}".to_owned()) && tool.contains(&"look_up".to_owned()), "{tool:?}");
    assert!(observe(&mut reader, "audioOutput", json!({ "content": "AAAA" })).unwrap().is_empty());
    assert!(!observe(&mut reader, "audioOutput", json!({ "content": "plain words" })).unwrap().is_empty());
    observe(&mut reader, "usageEvent", json!({ "totalInputTokens": 7, "totalOutputTokens": 9 })).unwrap();
    observe(&mut reader, "completionEnd", json!({ "stopReason": "END_TURN" })).unwrap();
    assert_eq!((reader.usage().input, reader.usage().output), (Some(7), Some(9)));
    assert!(reader.finished());
    assert_eq!(reader.stop_reason(), Some("END_TURN"));
    for (name, body) in [
        ("sessionUpdate", json!({})),
        ("textOutput", json!({ "content": "x" })),
        ("textOutput", json!({ "contentId": "a", "content": 1 })),
    ] {
        assert!(observe(&mut reader, name, body).is_err(), "{name}");
    }
}

#[test]
fn only_speaking_models_hold_sessions() {
    for (model, speaks) in [
        ("amazon.nova-sonic-v1:0", true),
        ("us.amazon.nova-2-sonic-v1:0", true),
        ("amazon.nova-lite-v1:0", false),
        ("anthropic.claude-3-haiku-20240307-v1:0", false),
    ] {
        let model = ModelReference::parse(model).unwrap();
        let format = Format::of(Operation::InvokeModelWithBidirectionalStream, Some(&model));
        assert_eq!(format.is_ok(), speaks, "{model}");
    }
}

proptest! {
    #[test]
    fn what_is_wrapped_is_unwrapped(document in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(unwrap_chunk(wrap_chunk(&document).unwrap()), Ok(Bytes::from(document)));
    }
}
