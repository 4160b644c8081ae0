//! The request's side of a session: a body that stays open, of frames that are signed one by one.
//!
//! Made by [`super::Upstream::open`]. Receives frames that policy has allowed, wraps and signs each in a chain that begins
//! with the signature of the head, and waits where Bedrock is slower than the caller. Dropped before its end, it breaks the
//! request off: Bedrock must not take half a session for a whole one.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http_body::{Body, Frame};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::bedrock::event_stream::{date_header, encode_signed};
use crate::clock;
use crate::identity::sigv4::{EventChain, Scope, Signature, SigningKey};
use crate::policy::Allowed;

use super::signer::SERVICE;

/// Frames that may wait for Bedrock before the caller has to.
const WAITING: usize = 4;

/// Why no more can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LiveError {
    #[error("Bedrock takes no more events")]
    Gone,
    #[error("an event could not be signed")]
    Unsigned,
}

/// The open request of a session.
pub struct Live {
    chain: EventChain,
    identity: Identity,
    /// The key of the day that the last frame was signed on.
    key: Option<(Scope, SigningKey)>,
    pieces: mpsc::Sender<Piece>,
}

#[derive(Debug)]
enum Piece {
    Frame(Bytes),
    End,
}

impl Live {
    /// `seed` is the signature of the request's head.
    pub(super) fn new(seed: Signature, region: &str, identity: Identity) -> (Self, OpenBody) {
        let (pieces, waiting) = mpsc::channel(WAITING);
        let chain = EventChain::new(seed, region, SERVICE);
        (Self { chain, identity, key: None, pieces }, OpenBody { waiting })
    }

    /// Signs and sends `frames`, which were allowed together. INVARIANT: like the request itself, nothing goes out
    /// without that proof.
    pub async fn send(&mut self, _allowed: Allowed, frames: Vec<Bytes>) -> Result<(), LiveError> {
        for frame in frames {
            self.pass(frame).await?;
        }
        Ok(())
    }

    /// Signs and sends a frame.
    pub(super) async fn pass(&mut self, frame: Bytes) -> Result<(), LiveError> {
        let signed = self.sign(frame, clock::system_now())?;
        self.pieces.send(Piece::Frame(signed)).await.map_err(|_| LiveError::Gone)
    }

    /// Sends the signed end and ends the body.
    pub async fn finish(mut self) -> Result<(), LiveError> {
        self.pass(Bytes::new()).await?;
        self.pieces.send(Piece::End).await.map_err(|_| LiveError::Gone)
    }

    fn sign(&mut self, frame: Bytes, now: SystemTime) -> Result<Bytes, LiveError> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| LiveError::Unsigned)?;
        let millis = i64::try_from(since.as_millis()).map_err(|_| LiveError::Unsigned)?;
        let scope = self.chain.scope(millis).ok_or(LiveError::Unsigned)?;
        let key = match &self.key {
            Some((known, key)) if *known == scope => key.clone(),
            Some(_) | None => {
                let credentials = self.identity.data::<Credentials>().ok_or(LiveError::Unsigned)?;
                let key = SigningKey::derive(credentials.secret_access_key(), &scope);
                self.key = Some((scope, key.clone()));
                key
            }
        };
        let signature = self.chain.next(&key, millis, &date_header(millis), &frame);
        let signature = signature.ok_or(LiveError::Unsigned)?;
        self.chain.advance(signature);
        encode_signed(millis, signature.to_bytes(), frame).map_err(|_| LiveError::Unsigned)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: holds a signing key.
        formatter.debug_struct("Live").finish_non_exhaustive()
    }
}

/// The body of a session's request.
#[derive(Debug)]
pub struct OpenBody {
    waiting: mpsc::Receiver<Piece>,
}

/// A request that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the session was given up before its end")]
pub struct GivenUp;

impl Body for OpenBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        self.get_mut().waiting.poll_recv(context).map(|piece| match piece {
            Some(Piece::Frame(frame)) => Some(Ok(Frame::data(frame))),
            Some(Piece::End) => None,
            None => Some(Err(GivenUp)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::event_stream::{sign_empty_message, sign_message};
    use aws_sigv4::sign::v4;
    use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
    use aws_smithy_types::event_stream::Message;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::*;
    use crate::bedrock::speech::wrap_chunk;

    fn identity() -> Identity {
        Credentials::new("AKIATEST", "secret of the test", None, None, "test").into()
    }

    /// The header bytes and the payload of a message, however its headers are ordered.
    fn parts(message: &Message) -> (Vec<String>, Bytes) {
        let mut headers: Vec<_> = message.headers().iter().map(|header| format!("{header:?}")).collect();
        headers.sort();
        (headers, message.payload().clone())
    }

    proptest! {
        /// AWS's own signer, over whole seconds, which is all that it knows.
        #[test]
        fn the_sdk_signs_the_same_chain(
            documents in prop::collection::vec("[ -~]{0,60}", 0..5),
            start in 1_700_000_000_u64..2_000_000_000,
            steps in prop::collection::vec(0_u64..90_000, 6),
        ) {
            let (mut live, _body) = Live::new(Signature::of_bytes([7; 32]), "eu-west-1", identity());
            let mut last = hex::encode([7; 32]);
            let mut at = start;
            let identity = identity();
            let frames = documents.iter().map(|document| wrap_chunk(document.as_bytes()).unwrap());
            for (frame, step) in frames.chain([Bytes::new()]).zip(steps) {
                at += step;
                let time = UNIX_EPOCH + Duration::from_secs(at);
                let ours = live.sign(frame.clone(), time).unwrap();
                let params = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name(SERVICE)
                    .time(time).settings(()).build().unwrap();
                let signed = if frame.is_empty() {
                    sign_empty_message(&last, &params)
                } else {
                    let message = read_message_from(&*frame).unwrap();
                    let mut again = Vec::new();
                    write_message_to(&message, &mut again).unwrap();
                    prop_assert_eq!(&again, &frame);
                    sign_message(&message, &last, &params)
                };
                let (theirs, signature) = signed.unwrap().into_parts();
                prop_assert_eq!(parts(&read_message_from(&*ours).unwrap()), parts(&theirs));
                last = signature;
            }
        }
    }

    #[tokio::test]
    async fn only_a_finished_session_ends_cleanly() {
        let (live, body) = Live::new(Signature::of_bytes([0; 32]), "eu-west-1", identity());
        live.finish().await.unwrap();
        assert!(!body.collect().await.unwrap().to_bytes().is_empty());
        let (mut live, body) = Live::new(Signature::of_bytes([0; 32]), "eu-west-1", identity());
        live.pass(wrap_chunk(b"{}").unwrap()).await.unwrap();
        drop(live);
        assert_eq!(body.collect().await.map(drop), Err(GivenUp));
    }
}
