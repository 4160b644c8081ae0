//! What the caller of a session says: frames, proven one by one, and the documents in them.
//!
//! Receives the open body of a request, returns document after document. Holds no more than one frame and the piece it came
//! with.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::bedrock::event_stream::SignedFrameReader;
use crate::bedrock::json::Document;
use crate::bedrock::speech::{Event, MAX_DOCUMENT, MAX_ENVELOPE, Order, OrderError, unwrap_chunk};
use crate::clock;
use crate::identity::SignedSession;
use crate::proxy::body::{BodyError, Reserved, check_codings};
use crate::proxy::refuse::Refusal;
use crate::proxy::{Proxy, Rules};

/// Largest first event. It holds a handful of parameters.
const FIRST: usize = 16 * 1024;
/// Memory that a session may take: a frame, what arrived with it, its document, and the texts that wait.
const MEMORY: usize = MAX_ENVELOPE + MAX_DOCUMENT + 512 * 1024;

/// The request's side of a session.
#[derive(Debug)]
pub struct Input {
    body: Incoming,
    reader: SignedFrameReader,
    proof: SignedSession,
    /// How far the session is.
    pub order: Order,
    _memory: Reserved,
}

/// What the caller said, or how it stopped.
#[derive(Debug)]
pub enum Said {
    Document(Bytes),
    /// The signed end.
    End,
    /// The body is over, after its signed end.
    Over,
    /// The connection or the stream broke off.
    Left,
}

/// Waits for the first event of a proven caller, which must be `sessionStart`. Its document is what the intent is about.
pub async fn open(
    proxy: &Proxy,
    headers: &HeaderMap,
    body: Incoming,
    proof: SignedSession,
) -> Result<(Input, Bytes), Refusal> {
    check_codings(headers)?;
    let memory = proxy.buffers.reserve(MEMORY).await?;
    let reader = SignedFrameReader::new(MAX_ENVELOPE);
    let mut input = Input { body, reader, proof, order: Order::default(), _memory: memory };
    let said = tokio::time::timeout(proxy.limits.body_timeout, input.next(&proxy.rules)).await;
    let document = match said.map_err(|_| Refusal::NoEvent)?? {
        Said::Document(document) => document,
        Said::End | Said::Over => return Err(OrderError::SessionStart.into()),
        Said::Left => return Err(BodyError::Broken.into()),
    };
    if document.len() > FIRST {
        return Err(BodyError::TooLarge(FIRST).into());
    }
    let parsed = Document::parse(&document)?;
    input.order.step(&Event::read(&parsed)?, &document)?;
    Ok((input, document))
}

impl Input {
    /// The next thing that the caller says. Can be dropped and called again without loss.
    pub async fn next(&mut self, rules: &Rules) -> Result<Said, Refusal> {
        loop {
            if let Some(frame) = self.reader.next()? {
                // A key that was revoked meanwhile proves nothing any more.
                let carried = self.proof.verify(&rules.callers(), &frame, clock::now())?;
                return Ok(match carried {
                    Some(frame) => Said::Document(unwrap_chunk(frame)?),
                    None => Said::End,
                });
            }
            match self.body.frame().await {
                None => {
                    self.reader.finish()?;
                    self.proof.finish()?;
                    return Ok(Said::Over);
                }
                Some(Err(_)) => return Ok(Said::Left),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.reader.push(&data);
                    }
                }
            }
        }
    }

    /// What may still come.
    pub fn into_rest(self) -> Incoming {
        self.body
    }
}
