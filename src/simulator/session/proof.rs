//! The chain of signatures over a session's frames, checked as strictly as the service checks it.

use std::fmt;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::bedrock::event_stream::{SignedFrame, date_header};
use crate::bedrock::fault::Fault;
use crate::identity::sigv4::{EventChain, Signature, SigningKey};

use super::super::reply::Refusal;

/// Most that a frame's date may differ from the clock.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What proves one session's frames.
pub struct EventProof {
    secret: Zeroizing<String>,
    chain: EventChain,
    ended: bool,
}

impl EventProof {
    /// `chain` begins with the verified signature of the head.
    pub const fn new(secret: Zeroizing<String>, chain: EventChain) -> Self {
        Self { secret, chain, ended: false }
    }

    /// The frame inside; `None` for the signed end.
    pub fn verify(&mut self, frame: &SignedFrame, now: Timestamp) -> Result<Option<Bytes>, Refusal> {
        let refused = |message: &str| Refusal::new(Fault::InvalidSignature, message);
        if self.ended {
            return Err(refused("The stream continues after its signed end."));
        }
        let date = Timestamp::from_millisecond(frame.millis());
        if !date.is_ok_and(|date| now.duration_since(date).abs() <= SKEW) {
            return Err(refused("The date of an event is too far from the current time."));
        }
        let mismatch = || refused("The signature of an event does not match the one that was calculated.");
        let scope = self.chain.scope(frame.millis()).ok_or_else(mismatch)?;
        let key = SigningKey::derive(&self.secret, &scope);
        let claimed = Signature::of_bytes(*frame.signature());
        let expected = self.chain.next(&key, frame.millis(), &date_header(frame.millis()), frame.payload());
        if expected != Some(claimed) {
            return Err(mismatch());
        }
        self.chain.advance(claimed);
        self.ended = frame.payload().is_empty();
        Ok((!self.ended).then(|| frame.payload().clone()))
    }

    pub fn finish(&self) -> Result<(), Refusal> {
        if self.ended {
            return Ok(());
        }
        Err(Refusal::new(Fault::InvalidSignature, "The stream ended without its signed end."))
    }
}

impl fmt::Debug for EventProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventProof").field("ended", &self.ended).finish_non_exhaustive()
    }
}
