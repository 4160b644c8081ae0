//! The README's tables of what is inspected, made of the code's own tables and of what its readers see.
//!
//! Operations come from their table, bodies from every format that an operation has for some model. Parameters and content
//! that is only counted are measured: put into sample bodies, and looked for in the view. Answers are the double's own. A
//! README that says anything else fails, and so does an operation or a format that nobody showed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::readers::{requests, with_exchange};
use crate::bedrock::catalogue;
use crate::bedrock::chat::Api;
use crate::bedrock::format::samples::{self, WRITTEN, samples};
use crate::bedrock::format::{Format, Wire, aliases};
use crate::bedrock::json::Document;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Access, Body, GuardrailPlace, Operation};
use crate::bedrock::stream::Announced;
use crate::bedrock::view::{Answer, OpaqueKind, Parameter, SettingValue, TextRole, Usage, View};
use crate::bedrock::{envelope, invoke};
use crate::simulator::catalogue::{MODELS, Model};
use crate::simulator::plan::{Plan, Reply};
use crate::simulator::reply::Refusal;
use crate::simulator::{chat, converse, guardrails};

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));

/// Where an author finds the tables as they should be.
const WRITTEN_TO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/inspected.md");

#[test]
fn the_readme_says_of_every_operation_and_every_body_what_is_inspected() {
    let tables = [operations(), bodies()];
    std::fs::write(WRITTEN_TO, tables.join("\n")).unwrap();
    for table in tables {
        assert!(
            README.contains(&table),
            "the README lacks this table, which is in {WRITTEN_TO} as well:\n{table}"
        );
    }
}

fn operations() -> String {
    let mut table = "| Operation | Granted | Body | Guardrail | Answer |\n|---|---|---|---|---|\n".to_owned();
    for operation in Operation::granted() {
        let granted = if operation.access() == Access::Named { "by its name" } else { "with its model" };
        let formats = formats_of(operation).into_values().collect::<Vec<_>>();
        let body = match formats.as_slice() {
            [] => panic!("{operation} has no body that anybody reads"),
            [only] => only.name().to_owned(),
            [_, _, ..] if operation.body() == Body::CountTokens => {
                "converse, or the model's own in base64".to_owned()
            }
            [_, _, ..] => format!("the model's own, of {} families", formats.len()),
        };
        let guardrail = match operation.guardrail() {
            GuardrailPlace::Headers => "in headers; a rule can add it",
            GuardrailPlace::Body => "in the body; a rule can add it",
            GuardrailPlace::Path => "the one that is called",
            GuardrailPlace::Nowhere => "none can watch it: refused where a rule demands one",
            GuardrailPlace::Unneeded => "needs none",
        };
        let answer = match (operation.is_streaming(), operation.answers_elsewhere()) {
            (true, _) => "stream",
            (false, false) if operation.may_stream() => "whole, or a stream where the body asks for one",
            (false, true) => "in S3, unseen: refused where a rule filters answers",
            (false, false) => "whole",
        };
        writeln!(table, "| {operation} | {granted} | {body} | {guardrail} | {answer} |").unwrap();
    }
    let reads = Operation::ALL.into_iter().filter(|operation| operation.access() == Access::Read).count();
    table
        + &format!(
            "| {reads} reads | to every team | none | needs none | cut down to what the caller may use |\n"
        )
}

/// Every format in which some model is called by `operation`, by name.
fn formats_of(operation: Operation) -> BTreeMap<&'static str, Format> {
    let mut formats = BTreeMap::new();
    if !operation.takes_model() {
        formats.extend(Format::of(operation, None).ok().map(|format| (format.name(), format)));
        return formats;
    }
    let ids = catalogue::MODELS.iter().map(|model| model.id).chain(MODELS.iter().map(|model| model.id));
    for model in ids.map(|id| ModelReference::parse(id).unwrap()) {
        let mut found = vec![Format::of(operation, Some(&model)).ok()];
        if operation.body() == Body::CountTokens {
            let sealed = json!({ "input": { "invokeModel": { "body": "e30=" } } }).to_string();
            let opened = envelope::Envelope::open(operation, Some(&model), sealed.as_bytes());
            found.push(opened.ok().map(|opened| opened.format()));
        }
        formats.extend(found.into_iter().flatten().map(|format| (format.name(), format)));
    }
    formats
}

fn bodies() -> String {
    let mut table =
        "| Body | Numbers that are read | Counted, not looked into | Of a whole answer | Of a stream |\n\
                     |---|---|---|---|---|\n"
            .to_owned();
    let mut formats = BTreeMap::new();
    for (name, format) in Operation::granted().flat_map(formats_of) {
        // The operation that answers a body comes before those that count it or put its answer elsewhere.
        formats.entry(name).or_insert(format);
    }
    for (name, format) in formats {
        let of_this = |(sample, body): (Format, Value)| (sample.name() == name).then_some(body);
        let bodies: Vec<_> = samples().into_iter().chain(more()).filter_map(of_this).collect();
        assert!(!bodies.is_empty(), "{name} has no sample body");
        let format = match format.wire() {
            Wire::AsyncInvoke(family) => Format::of_family(family),
            _ => format,
        };
        let numbers = listed(numbers(format, &bodies).into_iter().map(Parameter::name));
        let counted = listed(counted(format, &bodies).into_iter().map(OpaqueKind::name));
        let (whole, streamed) = answers(format);
        writeln!(table, "| {name} | {numbers} | {counted} | {whole} | {streamed} |").unwrap();
    }
    table
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Bodies of the formats that have no sample of their own.
fn more() -> Vec<(Format, Value)> {
    let spoken = ModelReference::parse("amazon.nova-sonic-v1:0").unwrap();
    let speech = Format::of(Operation::InvokeModelWithBidirectionalStream, Some(&spoken)).unwrap();
    let guardrail = Format::of(Operation::ApplyGuardrail, None).unwrap();
    let checks = Format::of(Operation::InvokeGuardrailChecks, None).unwrap();
    vec![
        (speech, json!({"event": {"sessionStart": {"inferenceConfiguration": {"maxTokens": 1}}}})),
        (
            speech,
            json!({"event": {"contentStart": {"promptName": "p", "contentName": "c", "type": "AUDIO",
            "role": "USER", "audioInputConfiguration": {"mediaType": "audio/lpcm"}}}}),
        ),
        (guardrail, json!({"source": "INPUT", "content": [{"text": {"text": "hi"}}]})),
        (
            guardrail,
            json!({"source": "INPUT", "content": [{"image": {"format": "png", "source": {"bytes": "AAAA"}}}]}),
        ),
        (checks, json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}], "checks": {}})),
    ]
}

/// The numbers that the reader of a format finds, under any name and in any object of its bodies.
fn numbers(format: Format, bodies: &[Value]) -> BTreeSet<Parameter> {
    const VALUE: u32 = 777;
    let mut found = BTreeSet::new();
    for body in bodies {
        for place in objects(body) {
            for name in
                WRITTEN.iter().filter(|name| aliases::parameter(name).is_some_and(Parameter::is_numeric))
            {
                let mut body = body.clone();
                body.pointer_mut(&place).unwrap()[name] = VALUE.into();
                found.extend(viewed(format, &body, |view| {
                    let is_set =
                        |value: &SettingValue<'_>| matches!(value, SettingValue::Number { text: "777", .. });
                    let settings = view.parameters.iter().filter(|setting| is_set(&setting.value));
                    settings.map(|setting| setting.parameter).collect::<Vec<_>>()
                }));
            }
        }
    }
    found
}

/// What the reader of a format takes and cannot look into: in its samples, and in content of every form it accepts.
fn counted(format: Format, bodies: &[Value]) -> BTreeSet<OpaqueKind> {
    let mut found = BTreeSet::new();
    let single = samples::opaque().into_iter().map(|(family, body, _)| (Format::of_family(family), body));
    let single = single.filter(|(sample, _)| sample.name() == format.name()).map(|(_, body)| body);
    for body in bodies.iter().cloned().chain(single) {
        let kinds = |body: &Value| {
            viewed(format, body, |view| view.opaque.iter().map(|opaque| opaque.kind).collect::<Vec<_>>())
        };
        found.extend(kinds(&body));
        for place in lists(&body) {
            for block in attachments() {
                let mut body = body.clone();
                body.pointer_mut(&place).unwrap().as_array_mut().unwrap().push(block);
                found.extend(kinds(&body));
            }
        }
    }
    found
}

/// Content that nobody can look into, in the forms of Converse, of Anthropic and of OpenAI.
fn attachments() -> Vec<Value> {
    const BYTES: &str = "iVBORw0KGgo=";
    let bytes = json!({"bytes": BYTES});
    let base64 = |kind: &str| json!({"type": "base64", "media_type": kind, "data": BYTES});
    vec![
        json!({"image": {"format": "png", "source": bytes}}),
        json!({"audio": {"format": "wav", "source": bytes}}),
        json!({"video": {"format": "mp4", "source": bytes}}),
        json!({"document": {"format": "pdf", "name": "a", "source": bytes}}),
        json!({"document": {"format": "pdf", "name": "a", "source": {"s3Location": {"uri": "s3://b/k"}}}}),
        json!({"reasoningContent": {"redactedContent": BYTES}}),
        json!({"type": "image", "source": base64("image/png")}),
        json!({"type": "document", "source": base64("application/pdf")}),
        json!({"type": "redacted_thinking", "data": BYTES}),
        json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{BYTES}")}}),
        json!({"type": "video_url", "video_url": {"url": format!("data:video/mp4;base64,{BYTES}")}}),
        json!({"role": "user", "content": [{"type": "input_image", "image_url": format!("data:image/png;base64,{BYTES}")}]}),
        json!({"role": "user", "content": [{"type": "input_file", "file_data": format!("data:application/pdf;base64,{BYTES}")}]}),
        json!({"type": "reasoning", "summary": [], "encrypted_content": BYTES}),
        json!({"type": "input_audio", "input_audio": {"data": BYTES, "format": "wav"}}),
        json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{BYTES}")}}),
    ]
}

fn viewed<T>(format: Format, body: &Value, look: impl FnOnce(&View<'_>) -> Vec<T>) -> Vec<T> {
    let source = body.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    format.decode(&document).map(|view| look(&view)).unwrap_or_default()
}

fn objects(body: &Value) -> Vec<String> {
    places(body, Value::is_object)
}

fn lists(body: &Value) -> Vec<String> {
    places(body, Value::is_array)
}

/// The pointers of all values that `which` accepts.
fn places(body: &Value, which: impl Fn(&Value) -> bool + Copy) -> Vec<String> {
    let mut found: Vec<String> = which(body).then(String::new).into_iter().collect();
    let inner: Vec<(String, &Value)> = match body {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, value) in inner {
        let name = name.replace('~', "~0").replace('/', "~1");
        found.extend(places(value, which).into_iter().map(|path| format!("/{name}{path}")));
    }
    found
}

/// What the readers of a format see of the double's answers: whole, and in pieces.
fn answers(format: Format) -> (String, String) {
    let body = json!({"messages": [{"role": "user", "content": [{"text": "say: hello"}]}]}).to_string();
    let haiku = Model::named("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    match format.wire() {
        Wire::Invoke(family) | Wire::AsyncInvoke(family) | Wire::CountInvoke(family) => native(family),
        Wire::Converse | Wire::CountConverse => (
            heard(format, converse::unary(haiku, body.as_bytes())),
            heard(format, converse::streaming(haiku, body.as_bytes())),
        ),
        Wire::Chat(api) => {
            let said = |streams: bool| heard(format, called(api, streams));
            (said(false), said(true))
        }
        Wire::Speech => {
            let said = [
                json!({"event": {"textOutput": {"contentId": "c", "content": "hello", "role": "ASSISTANT"}}}),
                json!({"event": {"usageEvent": {"totalInputTokens": 1, "totalOutputTokens": 1}}}),
                json!({"event": {"completionEnd": {"stopReason": "END_TURN"}}}),
            ];
            ("none".to_owned(), streamed(format, said.iter().map(chunk)))
        }
        Wire::Guardrail => {
            let body = json!({"source": "INPUT", "content": [{"text": {"text": "say: hello"}}]}).to_string();
            (heard(format, guardrails::apply(body.as_bytes())), "none".to_owned())
        }
        Wire::GuardrailChecks => {
            let body = json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}], "checks": {"promptAttack": {}}});
            (heard(format, guardrails::check(body.to_string().as_bytes())), "none".to_owned())
        }
    }
}

/// The double's answer to a call of an API.
fn called(api: Api, streams: bool) -> Result<Plan, Refusal> {
    let id = if api == Api::Messages {
        "anthropic.claude-3-haiku-20240307-v1:0"
    } else {
        "openai.gpt-oss-20b-1:0"
    };
    let mut body = json!({"model": id, "stream": streams});
    match api {
        Api::Completions => {
            body["messages"] = json!([{"role": "user", "content": "say: hello"}]);
            body["stream_options"] = json!({"include_usage": true});
        }
        Api::Responses => body["input"] = "say: hello".into(),
        Api::Messages => {
            body["messages"] = json!([{"role": "user", "content": "say: hello"}]);
            body["max_tokens"] = 9.into();
        }
    }
    let version = ("anthropic-version".parse().unwrap(), "2023-06-01".parse().unwrap());
    chat::answer(
        api,
        Model::named(id).unwrap(),
        &HeaderMap::from_iter([version]),
        body.to_string().as_bytes(),
    )
}

/// The same for a family's own answers, of every model that the double has of it.
fn native(family: invoke::Family) -> (String, String) {
    let format = Format::of_family(family);
    let (mut whole, mut in_pieces) = (BTreeSet::new(), BTreeSet::new());
    for model in MODELS.iter().filter(|model| invoke::Family::of_model(model.id) == Some(family)) {
        for body in requests(model.family) {
            with_exchange(model, &body, |family, exchange, random| {
                whole.extend(family.whole(exchange, random).ok().map(|document| unary(format, &document)));
                let chunks = family.chunks(exchange, random).filter(|_| model.streams);
                in_pieces.extend(chunks.map(|chunks| streamed(format, chunks.iter().map(chunk))));
            });
        }
    }
    if family.is_asynchronous() {
        whole = BTreeSet::from(["in S3, unseen".to_owned()]);
    }
    (widest(whole), widest(in_pieces))
}

/// The answer of which most is seen, where families answer in more than one form.
fn widest(answers: BTreeSet<String>) -> String {
    answers.into_iter().max_by_key(String::len).unwrap_or_else(|| "none".to_owned())
}

fn heard(format: Format, plan: Result<Plan, Refusal>) -> String {
    match plan.unwrap().reply {
        Reply::Whole { document } | Reply::Conversation { document } => unary(format, &document),
        Reply::Stream { events, .. } => {
            streamed(format, events.iter().map(|event| (event.name, event.document.clone())))
        }
    }
}

fn unary(format: Format, document: &Value) -> String {
    let source = document.to_string();
    let document = Document::parse(source.as_bytes()).unwrap();
    let Answer { texts, usage, stop_reason } = format.answer(&document);
    let words = texts.iter().any(|text| text.role == TextRole::Assistant);
    seen(words, usage, stop_reason.is_some())
}

fn streamed(format: Format, events: impl Iterator<Item = (&'static str, Value)>) -> String {
    let mut reader = format.stream();
    let mut words = false;
    for (name, payload) in events {
        let announced = if payload == "[DONE]" { Announced::Done } else { Announced::Event(name) };
        let observed = reader.read(announced, payload.to_string().as_bytes()).unwrap();
        words |= !observed.pieces.is_empty();
    }
    seen(words, reader.usage(), reader.stop_reason().is_some())
}

fn seen(words: bool, usage: Usage, end: bool) -> String {
    let counts = usage.input.is_some() || usage.output.is_some();
    let parts = [(words, "text"), (counts, "usage"), (end, "end")];
    let seen = parts.into_iter().filter(|(is_seen, _)| *is_seen).map(|(_, name)| name);
    let seen = seen.collect::<Vec<_>>().join(", ");
    if seen.is_empty() { "any strings".to_owned() } else { seen }
}

fn chunk(document: &Value) -> (&'static str, Value) {
    ("chunk", json!({"bytes": STANDARD.encode(document.to_string())}))
}
