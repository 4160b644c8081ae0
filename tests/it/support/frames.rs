//! Event streams as a client reads them, decoded by the SDK's own crate and not by the code under test.

use aws_smithy_eventstream::error::Error as FrameError;
use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// One message of a stream.
#[derive(Debug, Clone)]
pub struct Event {
    /// `event` or `exception`.
    pub kind: String,
    /// The event's or exception's name.
    pub name: String,
    pub payload: Value,
}

/// What a client has read of a stream so far.
#[derive(Default)]
pub struct EventReader {
    pending: Vec<u8>,
}

impl EventReader {
    /// Takes more bytes, returns the events they complete.
    #[track_caller]
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.try_push(bytes).expect("frames that can be decoded")
    }

    /// The same for a stream that may be broken.
    pub fn try_push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, FrameError> {
        self.pending.extend_from_slice(bytes);
        let mut events = Vec::new();
        loop {
            let mut rest = self.pending.as_slice();
            match MessageFrameDecoder::new().decode_frame(&mut rest)? {
                DecodedFrame::Complete(message) => events.push(Event::read(&message)),
                DecodedFrame::Incomplete => return Ok(events),
            }
            self.pending = rest.to_vec();
        }
    }

    /// Whether no half frame is left over.
    pub fn at_boundary(&self) -> bool {
        self.pending.is_empty()
    }
}

/// The events of a whole stream, which must end at a frame boundary.
pub fn decode(bytes: &[u8]) -> Vec<Event> {
    let mut reader = EventReader::default();
    let events = reader.push(bytes);
    assert!(reader.at_boundary(), "the stream ends inside a frame");
    events
}

/// The text that a Converse stream spells.
pub fn converse_text(events: &[Event]) -> String {
    events.iter().filter_map(|event| event.payload["delta"]["text"].as_str()).collect()
}

/// The text that a stream of Claude's Messages API spells.
pub fn claude_text(events: &[Event]) -> String {
    events.iter().filter_map(|event| event.chunk()["delta"]["text"].as_str().map(str::to_owned)).collect()
}

impl Event {
    pub fn is_exception(&self) -> bool {
        self.kind == "exception"
    }

    /// The document inside a `chunk` event of InvokeModelWithResponseStream.
    pub fn chunk(&self) -> Value {
        let Some(encoded) = self.payload["bytes"].as_str() else { return Value::Null };
        serde_json::from_slice(&BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
    }

    fn read(message: &aws_smithy_types::event_stream::Message) -> Self {
        let header = |name: &str| {
            let found = message.headers().iter().find(|header| header.name().as_str() == name);
            found.and_then(|header| header.value().as_string().ok()).map(|text| text.as_str().to_owned())
        };
        Self {
            kind: header(":message-type").expect("every message has a type"),
            name: header(":event-type")
                .or_else(|| header(":exception-type"))
                .expect("every message has a name"),
            payload: serde_json::from_slice(message.payload()).unwrap_or(Value::Null),
        }
    }
}
