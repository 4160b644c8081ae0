//! What carries the events of a streamed answer: how bytes become events, and how an event is written again.
//!
//! Receives bytes in whatever pieces the network delivers and returns whole, checked events with the bytes they arrived
//! in, so that what is passed on unchanged is passed on exactly. Writes an event again with another payload and nothing
//! else changed. Knows nothing of what events mean.

use bytes::Bytes;
use thiserror::Error;

use crate::bedrock::event_stream::{Frame, FrameError, FrameReader, encode_event, encode_exception};
use crate::bedrock::fault::Fault;

/// Why a stream cannot be read on, or an event not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CarrierError {
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// One way of carrying events.
///
/// A further one needs: an incremental, bounded reader that yields nothing it cannot vouch for ([`Carrier`]); the exact
/// bytes of each event beside its name and its JSON, and a way to write those bytes again around other JSON ([`Event`]);
/// and a form for an exception that no client takes for the end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    EventStream,
}

impl Framing {
    /// How the `content-type` of an answer that is carried so begins.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }

    /// The bytes of an event of our own.
    pub fn event(self, name: &str, payload: &[u8]) -> Result<Bytes, CarrierError> {
        match self {
            Self::EventStream => Ok(encode_event(name, payload)?),
        }
    }

    /// The bytes that end a stream with a fault, so that every client reports one.
    pub fn exception(self, fault: Fault, message: &str) -> Bytes {
        match self {
            Self::EventStream => encode_exception(fault, message),
        }
    }
}

/// What has arrived of a stream.
#[derive(Debug)]
pub enum Carrier {
    EventStream(FrameReader),
}

impl Carrier {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::EventStream => Self::EventStream(FrameReader::new()),
        }
    }

    /// Takes the next bytes. Read all events with [`Carrier::next`] before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::EventStream(reader) => reader.push(bytes),
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
        }
    }

    /// To be called at the end of the bytes: an error if they ended inside an event.
    pub fn finish(&self) -> Result<(), CarrierError> {
        match self {
            Self::EventStream(reader) => Ok(reader.finish()?),
        }
    }
}

/// One event, whatever carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Frame(Frame),
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
}

impl Event {
    /// The event as it arrived, with everything around its payload.
    pub const fn raw(&self) -> &Bytes {
        match self {
            Self::Frame(frame) => frame.raw(),
        }
    }

    /// The JSON of the event.
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Frame(frame) => frame.payload(),
        }
    }

    pub fn announced(&self) -> Announced<'_> {
        match self {
            Self::Frame(frame) => match (frame.event_type(), frame.exception_type()) {
                (Some(name), _) => Announced::Event(name),
                (None, Some(name)) => Announced::Exception(name),
                (None, None) => Announced::Error,
            },
        }
    }

    /// The bytes of the same event with another payload: same headers in the same order, lengths and checksums anew.
    pub fn with_payload(&self, payload: Vec<u8>) -> Result<Bytes, CarrierError> {
        match self {
            Self::Frame(frame) => Ok(frame.with_payload(payload)?),
        }
    }
}
