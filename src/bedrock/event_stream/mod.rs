//! Frames of `application/vnd.amazon.eventstream`, the body of every streamed answer and of every live session.
//!
//! Receives bytes in whatever pieces the network delivers and returns whole frames, lengths bounded and checksums
//! verified, each with the bytes it arrived in, so that what is passed on unchanged is passed on exactly. Writes event
//! and exception frames. Error texts hold no part of a payload.

mod encode;
mod reader;
mod signed;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use aws_smithy_types::str_bytes::StrBytes;
use bytes::Bytes;
use thiserror::Error;

pub use encode::{encode_event, encode_exception};
pub use reader::{FrameReader, SignedFrameReader};
pub use signed::{SignedFrame, date_header, encode_signed};

/// Largest payload of one frame, in bytes (botocore).
pub const MAX_PAYLOAD: usize = 24 * 1024 * 1024;

/// Largest header block of one frame, in bytes (botocore).
pub const MAX_HEADERS: usize = 128 * 1024;

/// One complete frame. Its checksums hold and its headers say one thing only.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    raw: Bytes,
    payload: Range<usize>,
    kind: Kind,
}

/// What `:message-type` says, with the name that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Event(StrBytes),
    Exception(StrBytes),
    /// An error outside the service model, named in `:error-code`.
    Error,
}

impl Frame {
    /// The frame as it arrived, prelude and checksums included.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// `event`, `exception` or `error`.
    pub const fn message_type(&self) -> &'static str {
        match &self.kind {
            Kind::Event(_) => "event",
            Kind::Exception(_) => "exception",
            Kind::Error => "error",
        }
    }

    /// Member name of an event: `chunk`, `contentBlockDelta`, …
    pub fn event_type(&self) -> Option<&str> {
        match &self.kind {
            Kind::Event(name) => Some(name.as_str()),
            Kind::Exception(_) | Kind::Error => None,
        }
    }

    /// Member name of an exception: `throttlingException`, …
    pub fn exception_type(&self) -> Option<&str> {
        match &self.kind {
            Kind::Exception(name) => Some(name.as_str()),
            Kind::Event(_) | Kind::Error => None,
        }
    }

    /// The JSON of the member.
    pub fn payload(&self) -> &[u8] {
        self.raw.get(self.payload.clone()).unwrap_or_default()
    }

    /// The bytes of the same frame around another payload: the headers as they are, lengths and checksums anew.
    pub fn with_payload(&self, payload: Vec<u8>) -> Result<Bytes, FrameError> {
        let message = read_message_from(&*self.raw).map_err(|_| FrameError::Corrupt)?;
        encode::with_payload(message.headers(), payload)
    }

    /// Reads bytes that must be one frame and nothing else.
    pub fn parse(raw: Bytes) -> Result<Self, FrameError> {
        match reader::claimed_lengths(&raw, MAX_PAYLOAD)? {
            Some((total, headers)) if total == raw.len() => Self::decode(raw, headers),
            Some(_) | None => Err(FrameError::Length),
        }
    }

    /// Verifies a frame that fills `raw`. `headers` is the length that its prelude claims for the header block.
    fn decode(raw: Bytes, headers: usize) -> Result<Self, FrameError> {
        let message = read_message_from(&*raw).map_err(|_| FrameError::Corrupt)?;
        let kind = kind_of(&message)?;
        let payload = PRELUDE + headers..raw.len() - MESSAGE_CHECKSUM;
        Ok(Self { raw, payload, kind })
    }
}

impl fmt::Debug for Frame {
    /// SECRET: payloads are model output and stay out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Frame")
            .field("kind", &self.kind)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// Why a stream cannot be read on, or a frame not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("event stream frame claims a length that does not hold its own headers")]
    Length,
    #[error("event stream frame claims more than {MAX_HEADERS} bytes of headers")]
    HeadersTooLong,
    #[error("event stream frame has more than {0} bytes of payload")]
    PayloadTooLong(usize),
    #[error("event stream frame is corrupt: a checksum or a header does not hold")]
    Corrupt,
    #[error("event stream frame repeats a header")]
    RepeatedHeader,
    #[error(
        "event stream frame does not say what it is: `:message-type` or the name that goes with it is missing"
    )]
    Untyped,
    #[error("event stream frame has an unknown `:message-type`")]
    UnknownType,
    #[error("event stream frame of a signed stream needs `:date`, `:chunk-signature` and no other header")]
    Unsigned,
    #[error("event stream ends inside a frame")]
    Truncated,
    #[error("event stream header is too long to be written")]
    Unwritable,
}

/// Total length, header length and their checksum, four bytes each.
const PRELUDE: usize = 12;

const MESSAGE_CHECKSUM: usize = 4;

fn kind_of(message: &Message) -> Result<Kind, FrameError> {
    let headers = message.headers();
    // FAIL-CLOSED: readers differ on whether the first or the last of two equal headers counts.
    let mut seen = HashSet::with_capacity(headers.len());
    if !headers.iter().all(|header| seen.insert(header.name().as_str())) {
        return Err(FrameError::RepeatedHeader);
    }
    let text = |name: &str| {
        let header = headers.iter().find(|header| header.name().as_str() == name);
        header.and_then(|header| header.value().as_string().ok()).ok_or(FrameError::Untyped)
    };
    match text(":message-type")?.as_str() {
        "event" => Ok(Kind::Event(text(":event-type")?.clone())),
        "exception" => Ok(Kind::Exception(text(":exception-type")?.clone())),
        "error" => Ok(Kind::Error),
        _ => Err(FrameError::UnknownType),
    }
}

#[cfg(test)]
mod tests;
