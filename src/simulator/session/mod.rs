//! `InvokeModelWithBidirectionalStream`: a body that hears as it speaks.
//!
//! Receives the open body of a request and is the body of its response. Every frame is verified as strictly as the head
//! was, heard, and answered at once; nothing happens between two events of the caller's. What cannot be verified or
//! understood ends the session with an exception, as the service ends it.

mod proof;
mod talk;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body::{Body, Frame};
use serde_json::{Value, json};
use tokio::time::Sleep;

use crate::bedrock::event_stream::{SignedFrame, SignedFrameReader, encode_event, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::speech::{MAX_ENVELOPE, unwrap_chunk};
use crate::clock;

use super::random::Random;
use super::reply::Refusal;
use super::stream::{BrokenOff, padding};

pub use proof::EventProof;
pub use talk::Talk;

/// A request's body, whatever its type was.
pub type Input = Pin<Box<dyn Body<Data = Bytes, Error = Box<dyn std::error::Error + Send + Sync>> + Send>>;

/// What the double does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Say(Value),
    /// The session ends with an exception.
    Fail(Fault, String),
    /// The connection breaks.
    BreakOff,
    /// Nothing happens any more.
    Stall,
}

/// The body of a session's response.
pub struct Session {
    input: Input,
    reader: SignedFrameReader,
    proof: EventProof,
    talk: Talk,
    acts: VecDeque<Act>,
    random: Random,
    gap: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl Session {
    /// `gap` is the pause before an event.
    pub fn new(input: Input, proof: EventProof, model: &str, gap: Duration) -> Self {
        Self {
            input,
            reader: SignedFrameReader::new(MAX_ENVELOPE),
            proof,
            talk: Talk::default(),
            acts: VecDeque::new(),
            random: Random::of(&[model, "session"]),
            gap,
            pause: None,
            over: false,
        }
    }

    fn perform(&mut self, act: Act) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        Poll::Ready(match act {
            Act::Say(document) => {
                let chunk =
                    json!({"bytes": STANDARD.encode(document.to_string()), "p": padding(&mut self.random)});
                Some(encode_event("chunk", chunk.to_string().as_bytes()).map_err(|_| BrokenOff))
            }
            Act::Fail(fault, message) => {
                self.over = true;
                self.acts.clear();
                Some(Ok(encode_exception(fault, &message)))
            }
            Act::BreakOff => Some(Err(BrokenOff)),
            Act::Stall => {
                // Nobody is woken: the silence ends when the connection does.
                self.acts.push_front(Act::Stall);
                return Poll::Pending;
            }
        })
    }

    /// Reads on. Pending as long as the caller says nothing.
    fn listen(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        loop {
            let unreadable = |error: &dyn fmt::Display| Refusal::new(Fault::Validation, error.to_string());
            if let Some(frame) = self.reader.next().map_err(|error| unreadable(&error))? {
                self.hear(&frame)?;
                return Poll::Ready(Ok(()));
            }
            match ready!(self.input.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.reader.push(&data);
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "a session broke off");
                    self.acts.push_back(Act::BreakOff);
                    return Poll::Ready(Ok(()));
                }
                None => {
                    self.reader.finish().map_err(|error| unreadable(&error))?;
                    self.proof.finish()?;
                    self.over = true;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    fn hear(&mut self, frame: &SignedFrame) -> Result<(), Refusal> {
        let Some(inner) = self.proof.verify(frame, clock::now())? else {
            self.acts.extend(self.talk.end()?);
            return Ok(());
        };
        let document =
            unwrap_chunk(inner).map_err(|error| Refusal::new(Fault::Validation, error.to_string()))?;
        let document = serde_json::from_slice(&document).map_err(|_| {
            Refusal::new(Fault::Validation, "Malformed input request: the event is not JSON.")
        })?;
        self.acts.extend(self.talk.hear(&document)?);
        Ok(())
    }
}

impl Body for Session {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(context));
                this.pause = None;
            }
            if let Some(act) = this.acts.pop_front() {
                if !this.gap.is_zero() {
                    this.pause = Some(Box::pin(tokio::time::sleep(this.gap)));
                }
                let performed = ready!(this.perform(act));
                return Poll::Ready(performed.map(|frame| frame.map(Frame::data)));
            }
            if this.over {
                return Poll::Ready(None);
            }
            if let Err(refusal) = ready!(this.listen(context)) {
                this.acts.push_back(Act::Fail(refusal.fault, refusal.message().to_owned()));
            }
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("over", &self.over).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
