//! Streamed answers of every family are read or refused, never a panic, whatever their events hold; and none is taken for
//! complete before the event that ends it.
#![no_main]

use bedrock_warden::bedrock::event_stream::encode_event;
use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::invoke::Family;
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::Operation;
use bedrock_warden::bedrock::stream::{Carrier, Framing};
use libfuzzer_sys::fuzz_target;

const EVENTS: &[&str] = &[
    "chunk",
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

fuzz_target!(|input: (u8, Vec<(u8, &[u8])>)| {
    let (choice, events) = input;
    let haiku = ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0").ok();
    let format = match Family::ALL.get(usize::from(choice) % (Family::ALL.len() + 1)) {
        Some(family) => Format::of_family(*family),
        None => match Format::of(Operation::ConverseStream, haiku.as_ref()) {
            Ok(format) => format,
            Err(_) => return,
        },
    };
    let mut reader = format.stream();
    assert!(!reader.finished());
    let framing = Framing::of(Operation::ConverseStream.body());
    for (name, payload) in events {
        let mut carrier = Carrier::new(framing);
        let Ok(frame) = encode_event(EVENTS[usize::from(name) % EVENTS.len()], payload) else { return };
        carrier.push(&frame);
        let Ok(Some(event)) = carrier.next() else { return };
        if reader.observe(&event).is_err() {
            return;
        }
    }
});
