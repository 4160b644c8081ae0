//! An answer that arrives in pieces: event-stream frames as the service makes them, each sent when it is due.
//!
//! Receives the documents of a stream and is the body of a response. Frames carry the service's headers and its
//! padding member `p`; the last one carries usage and latencies, which are measured. A disturbance strikes in the
//! middle of the events. Frames never share a write, so that a reader sees how a stream grows.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use serde_json::{Map, Value, json};
use thiserror::Error;
use tokio::time::Sleep;

use crate::bedrock::chat::Api;
use crate::bedrock::event_stream::{encode_event, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::{sse, stream};
use crate::clock;

use super::faults::Interruption;
use super::plan::Usage;
use super::random::Random;

/// One event before it is framed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `:event-type`, or the name of a server-sent event; empty where it has none.
    pub name: &'static str,
    pub document: Value,
}

/// How an event becomes the payload of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `InvokeModelWithResponseStream`: the family's document, in base64.
    Chunk,
    /// `ConverseStream`: the document is the payload.
    Member,
    /// The APIs of OpenAI and Anthropic: the document is the data of a server-sent event.
    ServerSent(Api),
}

/// When events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From the request to the first event.
    pub first_byte: Duration,
    /// Between two events.
    pub event_gap: Duration,
}

/// The connection is broken off, because the request asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection is broken off as the request asked")]
pub struct BrokenOff;

/// The body of a streamed response.
#[derive(Debug)]
pub struct EventStream {
    framing: Framing,
    events: VecDeque<Event>,
    usage: Usage,
    random: Random,
    pace: Pace,
    /// What happens instead of the event with this number of events left, itself included.
    interruption: Option<(usize, Interruption)>,
    started: Instant,
    first_byte: Option<Duration>,
    pause: Pause,
}

/// What stands between two events.
#[derive(Debug)]
enum Pause {
    None,
    /// Back to the connection, which then writes what it holds.
    Flush,
    Sleep(Pin<Box<Sleep>>),
}

impl EventStream {
    /// `started` is when the request arrived.
    pub fn new(
        framing: Framing,
        events: Vec<Event>,
        usage: Usage,
        random: Random,
        pace: Pace,
        started: Instant,
    ) -> Self {
        let pause = Pause::of(pace.first_byte);
        let events = VecDeque::from(events);
        Self { framing, events, usage, random, pace, interruption: None, started, first_byte: None, pause }
    }

    /// Lets something go wrong in the middle of the events.
    #[must_use]
    pub fn interrupted(mut self, interruption: Option<Interruption>) -> Self {
        self.interruption = interruption.map(|interruption| (self.events.len().div_ceil(2), interruption));
        self
    }

    fn next(&mut self) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        let left = self.events.len();
        let due = self.interruption.filter(|(at, _)| *at == left).map(|(_, interruption)| interruption);
        match due {
            // Nobody is woken: the silence ends when the connection does.
            Some(Interruption::Stall) => return Poll::Pending,
            Some(Interruption::Reset) => return Poll::Ready(Some(Err(BrokenOff))),
            Some(Interruption::Exception) => {
                self.events.clear();
                let message =
                    "The model stopped generating because of an internal error. Try your request again.";
                return Poll::Ready(Some(Ok(self.exception(message))));
            }
            Some(Interruption::TruncateFrame | Interruption::BadChecksum) | None => {}
        }
        let Some(event) = self.events.pop_front() else { return Poll::Ready(None) };
        let encoded = match (self.framing, event.document) {
            (Framing::ServerSent(_), Value::String(data)) => Ok(sse::encode(None, &data)),
            (Framing::ServerSent(_), document) => {
                let name = Some(event.name).filter(|name| !name.is_empty());
                Ok(sse::encode(name, &document.to_string()))
            }
            (Framing::Chunk | Framing::Member, document) => encode_event(event.name, &self.payload(document)),
        };
        let Ok(mut frame) = encoded else { return Poll::Ready(Some(Err(BrokenOff))) };
        if due == Some(Interruption::TruncateFrame) {
            self.events.clear();
            frame.truncate(frame.len() / 2);
        } else if due == Some(Interruption::BadChecksum) {
            frame = corrupted(&frame);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn exception(&self, message: &str) -> Bytes {
        let fault = Fault::ModelStreamError;
        match self.framing {
            Framing::Chunk | Framing::Member => encode_exception(fault, message),
            Framing::ServerSent(api) => stream::Framing::ServerSent(api).exception(fault, message),
        }
    }

    fn payload(&mut self, mut document: Value) -> Vec<u8> {
        let elapsed = clock::instant().duration_since(self.started);
        let first_byte = *self.first_byte.get_or_insert(elapsed);
        if self.events.is_empty() {
            self.measure(&mut document, elapsed, first_byte);
        }
        let mut payload = match (self.framing, document) {
            (Framing::Chunk, document) => {
                Map::from_iter([("bytes".to_owned(), STANDARD.encode(document.to_string()).into())])
            }
            (Framing::Member, Value::Object(members)) => members,
            (Framing::Member | Framing::ServerSent(_), document) => {
                Map::from_iter([("value".to_owned(), document)])
            }
        };
        payload.insert("p".to_owned(), padding(&mut self.random).into());
        payload.sort_keys();
        Value::Object(payload).to_string().into_bytes()
    }

    /// Adds what is known only at the end.
    fn measure(&self, document: &mut Value, elapsed: Duration, first_byte: Duration) {
        let (name, value) = match self.framing {
            Framing::Chunk => (
                "amazon-bedrock-invocationMetrics",
                json!({
                    "inputTokenCount": self.usage.input,
                    "outputTokenCount": self.usage.output.unwrap_or_default(),
                    "invocationLatency": milliseconds(elapsed),
                    "firstByteLatency": milliseconds(first_byte),
                }),
            ),
            Framing::Member | Framing::ServerSent(_) => {
                ("metrics", json!({"latencyMs": milliseconds(elapsed)}))
            }
        };
        if let Some(members) = document.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        match &mut this.pause {
            Pause::None => {}
            Pause::Flush => {
                this.pause = Pause::None;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pause::Sleep(sleep) => {
                ready!(sleep.as_mut().poll(context));
                this.pause = Pause::None;
            }
        }
        let next = ready!(this.next());
        this.pause = Pause::of(this.pace.event_gap);
        Poll::Ready(next.map(|frame| frame.map(Frame::data)))
    }
}

impl Pause {
    fn of(duration: Duration) -> Self {
        if duration.is_zero() { Self::Flush } else { Self::Sleep(Box::pin(tokio::time::sleep(duration))) }
    }
}

/// Whole milliseconds, as every latency on the wire.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A stretch of random length, which hides from observers how long a piece of text is.
pub fn padding(random: &mut Random) -> &'static str {
    const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    PADDING.get(..=random.below(PADDING.len())).unwrap_or(PADDING)
}

/// The frame with a message checksum that does not belong to it.
fn corrupted(frame: &[u8]) -> Bytes {
    let mut frame = BytesMut::from(frame);
    if let Some(last) = frame.last_mut() {
        *last ^= 0xff;
    }
    frame.freeze()
}

#[cfg(test)]
mod tests;
