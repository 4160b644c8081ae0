//! Streams of signed events are read or refused, never a panic, and reading does not depend on how they were cut. What is
//! inside is an event in its place or an error.
#![no_main]

use bedrock_warden::bedrock::event_stream::SignedFrameReader;
use bedrock_warden::bedrock::json::Document;
use bedrock_warden::bedrock::speech::{Event, MAX_ENVELOPE, Order, unwrap_chunk};
use libfuzzer_sys::fuzz_target;

fn read(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let mut reader = SignedFrameReader::new(MAX_ENVELOPE);
    let mut payloads = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(frame)) => payloads.push(frame.payload().to_vec()),
                Ok(None) => break,
                Err(_) => return (payloads, false),
            }
        }
    }
    (payloads, reader.finish().is_ok())
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let (left, right) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let whole = read(&[bytes]);
    assert_eq!(whole, read(&[left, right]));
    let _ = unwrap_chunk(bytes.to_vec().into());
    let mut order = Order::default();
    for line in bytes.split(|byte| *byte == b'\n').chain(whole.0.iter().map(Vec::as_slice)) {
        if let Ok(parsed) = Document::parse(line)
            && let Ok(event) = Event::read(&parsed)
        {
            let _ = order.step(&event, &line.to_vec().into());
        }
    }
});
