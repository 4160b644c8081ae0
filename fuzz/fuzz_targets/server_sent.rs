//! Server-sent events are read or refused, never a panic, and reading does not depend on how they were cut. What is
//! written again is read the same.
#![no_main]

use bedrock_warden::bedrock::chat::Api;
use bedrock_warden::bedrock::sse::{self, Event, EventReader};
use bedrock_warden::bedrock::stream::{Carrier, Framing};
use libfuzzer_sys::fuzz_target;

fn read(pieces: &[&[u8]]) -> (Vec<Event>, bool) {
    let mut reader = EventReader::new();
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(_) => return (events, false),
            }
        }
    }
    (events, reader.finish().is_ok())
}

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (api, cut, bytes) = input;
    let (left, right) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let (events, whole) = read(&[bytes]);
    assert_eq!((&events, whole), (&read(&[left, right]).0, read(&[left, right]).1));
    for event in events {
        let Some(data) = &event.data else { continue };
        let again = sse::encode(event.name.as_deref(), data);
        let (again, whole) = read(&[&again]);
        assert!(whole && again.len() == 1);
        assert_eq!((&again[0].name, &again[0].data), (&event.name, &event.data));
    }
    let mut carrier = Carrier::new(Framing::ServerSent(Api::ALL[usize::from(api) % Api::ALL.len()]));
    carrier.push(bytes);
    while let Ok(Some(event)) = carrier.next() {
        assert!(!event.raw().is_empty());
        let _ = event.announced();
    }
});
