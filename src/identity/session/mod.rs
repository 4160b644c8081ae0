//! Whether the frames of a session are the caller's, all of them, and in the order they were signed in.
//!
//! Made by a proven claim. Receives frame after frame and returns what each carries, as long as the chain of signatures
//! holds; after the signed end nothing more. Never shows a key or a signature.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;

use super::sigv4::{EventChain, Signature};
use super::{AuthenticationError, Callers, signed};
use crate::bedrock::event_stream::{SignedFrame, date_header};

/// The chain of one session.
pub struct SignedSession {
    credential_id: String,
    chain: EventChain,
    ended: bool,
}

impl SignedSession {
    pub(super) fn new(credential_id: &str, chain: EventChain) -> Self {
        Self { credential_id: credential_id.to_owned(), chain, ended: false }
    }

    /// The frame inside of an envelope; `None` for the signed end. `callers` are those of now: a session does not
    /// outlive its key.
    pub fn verify(
        &mut self,
        callers: &Callers,
        frame: &SignedFrame,
        now: Timestamp,
    ) -> Result<Option<Bytes>, AuthenticationError> {
        if self.ended {
            return Err(AuthenticationError::EventAfterEnd);
        }
        let time = Timestamp::from_millisecond(frame.millis()).map_err(|_| AuthenticationError::EventDate)?;
        signed::check_clock(&time.strftime(signed::WIRE_FORMAT).to_string(), time, now)?;
        let scope = self.chain.scope(frame.millis()).ok_or(AuthenticationError::EventDate)?;
        let key = callers.session_key(&self.credential_id, &scope, now)?;
        let claimed = Signature::of_bytes(*frame.signature());
        let expected = self.chain.next(&key, frame.millis(), &date_header(frame.millis()), frame.payload());
        if expected != Some(claimed) {
            return Err(AuthenticationError::EventSignature);
        }
        self.chain.advance(claimed);
        self.ended = frame.payload().is_empty();
        Ok((!self.ended).then(|| frame.payload().clone()))
    }

    /// To be called at the end of the body. FAIL-CLOSED: a stream without its signed end may have been cut short.
    pub const fn finish(&self) -> Result<(), AuthenticationError> {
        if self.ended { Ok(()) } else { Err(AuthenticationError::NoSignedEnd) }
    }
}

impl fmt::Debug for SignedSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: the chain's last signature begins the next frame's.
        formatter.debug_struct("SignedSession").field("ended", &self.ended).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
