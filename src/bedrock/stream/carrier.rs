//! What carries the events of a streamed answer: how bytes become events, and how an event is written again.
//!
//! Receives bytes in whatever pieces the network delivers and returns whole, checked events with the bytes they arrived
//! in, so that what is passed on unchanged is passed on exactly. Writes an event again with another payload and nothing
//! else changed. Knows nothing of what events mean.

use bytes::Bytes;
use thiserror::Error;

use crate::bedrock::chat::Api;
use crate::bedrock::event_stream::{Frame, FrameError, FrameReader, encode_event, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::json::quoted;
use crate::bedrock::operation::Body;
use crate::bedrock::sse::{self, EventReader, SseError};

use super::server_sent::ServerSent;

/// Why a stream cannot be read on, or an event not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CarrierError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    ServerSent(#[from] SseError),
}

/// One way of carrying events.
///
/// A further one needs: an incremental, bounded reader that yields nothing it cannot vouch for ([`Carrier`]); the exact
/// bytes of each event beside its name and its JSON, and a way to write those bytes again around other JSON ([`Event`]);
/// and a form for an exception that no client takes for the end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    EventStream,
    /// Server-sent events, as the clients of one API read them.
    ServerSent(Api),
}

impl Framing {
    /// How answers to requests with such a body are carried.
    pub const fn of(body: Body) -> Self {
        match body {
            Body::Chat(api) => Self::ServerSent(api),
            Body::None
            | Body::Invoke
            | Body::Converse
            | Body::Session
            | Body::CountTokens
            | Body::AsyncInvoke
            | Body::Guardrail
            | Body::GuardrailChecks => Self::EventStream,
        }
    }

    /// How the `content-type` of an answer that is carried so begins.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::EventStream => "application/vnd.amazon.eventstream",
            Self::ServerSent(_) => "text/event-stream",
        }
    }

    /// The bytes of an event of our own.
    pub fn event(self, name: &str, payload: &[u8]) -> Result<Bytes, CarrierError> {
        match self {
            Self::EventStream => Ok(encode_event(name, payload)?),
            Self::ServerSent(_) => {
                let data = std::str::from_utf8(payload).map_err(|_| SseError::NotUtf8)?;
                Ok(sse::encode(Some(name), data))
            }
        }
    }

    /// The bytes that end a stream with a fault, so that every client reports one.
    pub fn exception(self, fault: Fault, message: &str) -> Bytes {
        match self {
            Self::EventStream => encode_exception(fault, message),
            Self::ServerSent(api) => {
                let shaped = String::from_utf8_lossy(&fault.shaped(message, api.errors())).into_owned();
                match api {
                    Api::Completions => sse::encode(None, &shaped),
                    Api::Messages => sse::encode(Some("error"), &shaped),
                    // Its SDKs raise what has an `error`; the members beside it are those of the API's own event.
                    Api::Responses => {
                        let error = shaped.strip_prefix('{').unwrap_or(&shaped);
                        let (name, message) = (fault.name(), quoted(message));
                        let event = format!(
                            "{{\"type\":\"error\",\"code\":\"{name}\",\"message\":{message},\"param\":null,{error}"
                        );
                        sse::encode(Some("error"), &event)
                    }
                }
            }
        }
    }

    /// Most bytes of events that may be held until the end of an answer is recorded.
    pub const fn most_held(self) -> usize {
        const MARGIN: usize = 1024 * 1024;
        match self {
            // Terminal frames are a few hundred bytes.
            Self::EventStream => MARGIN,
            Self::ServerSent(_) => sse::MAX_EVENT_BYTES + MARGIN,
        }
    }
}

/// What has arrived of a stream.
#[derive(Debug)]
pub enum Carrier {
    EventStream(FrameReader),
    ServerSent(Api, EventReader),
}

impl Carrier {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::EventStream => Self::EventStream(FrameReader::new()),
            Framing::ServerSent(api) => Self::ServerSent(api, EventReader::new()),
        }
    }

    /// Takes the next bytes. Read all events with [`Carrier::next`] before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::EventStream(reader) => reader.push(bytes),
            Self::ServerSent(_, reader) => reader.push(bytes),
        }
    }

    /// The next whole event, or `None` until more bytes arrive. After an error the stream stays unreadable.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means not yet, after which an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, CarrierError> {
        match self {
            Self::EventStream(reader) => Ok(reader.next()?.map(Event::Frame)),
            Self::ServerSent(api, reader) => {
                let event = reader.next()?;
                Ok(event.map(|event| Event::ServerSent(ServerSent::new(*api, event))))
            }
        }
    }

    /// To be called at the end of the bytes: an error if they ended inside an event.
    pub fn finish(&self) -> Result<(), CarrierError> {
        match self {
            Self::EventStream(reader) => Ok(reader.finish()?),
            Self::ServerSent(_, reader) => Ok(reader.finish()?),
        }
    }
}

/// One event, whatever carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Frame(Frame),
    ServerSent(ServerSent),
}

/// What an event says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced<'e> {
    /// With the member's name.
    Event(&'e str),
    /// With the exception's name.
    Exception(&'e str),
    /// An error outside of the service model.
    Error,
    /// That the stream is over, and nothing else.
    Done,
    /// Nothing.
    Comment,
}

impl Event {
    /// The event as it arrived, with everything around its payload.
    pub const fn raw(&self) -> &Bytes {
        match self {
            Self::Frame(frame) => frame.raw(),
            Self::ServerSent(event) => event.raw(),
        }
    }

    /// The JSON of the event.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Frame(frame) => frame.payload(),
            Self::ServerSent(event) => event.data().as_bytes(),
        }
    }

    pub fn announced(&self) -> Announced<'_> {
        match self {
            Self::Frame(frame) => match (frame.event_type(), frame.exception_type()) {
                (Some(name), _) => Announced::Event(name),
                (None, Some(name)) => Announced::Exception(name),
                (None, None) => Announced::Error,
            },
            Self::ServerSent(event) => event.announced(),
        }
    }

    /// The bytes of the same event with another payload: same headers in the same order, lengths and checksums anew.
    pub fn with_payload(&self, payload: Vec<u8>) -> Result<Bytes, CarrierError> {
        match self {
            Self::Frame(frame) => Ok(frame.with_payload(payload)?),
            Self::ServerSent(event) => {
                let data = String::from_utf8(payload).map_err(|_| SseError::NotUtf8)?;
                Ok(event.with_data(&data))
            }
        }
    }
}
