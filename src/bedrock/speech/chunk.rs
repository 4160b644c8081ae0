//! The way of a document in and out of a `chunk` frame: `{"bytes":"…"}`, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use thiserror::Error;

use super::MAX_DOCUMENT;
use crate::bedrock::event_stream::{Frame, FrameError, encode_event};
use crate::bedrock::json::{Document, JsonError, Member};

/// Why a frame of a caller's holds no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChunkError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("an event must be a `chunk` that holds `bytes`, in base64, and nothing else")]
    Shape,
    #[error("an event must be at most {MAX_DOCUMENT} bytes of JSON")]
    TooLong,
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// The document in a frame that fills `raw`.
pub fn unwrap_chunk(raw: Bytes) -> Result<Bytes, ChunkError> {
    let frame = Frame::parse(raw)?;
    if frame.event_type() != Some("chunk") {
        return Err(ChunkError::Shape);
    }
    let payload = Document::parse(frame.payload())?;
    // FAIL-CLOSED: a second member could be what Bedrock reads instead.
    let [Member { name, node, .. }] = payload.root().members() else { return Err(ChunkError::Shape) };
    let encoded = node.as_str().filter(|_| name == "bytes").ok_or(ChunkError::Shape)?;
    let document = STANDARD.decode(encoded).map_err(|_| ChunkError::Shape)?;
    if document.len() > MAX_DOCUMENT { Err(ChunkError::TooLong) } else { Ok(document.into()) }
}

/// The frame around a document.
pub fn wrap_chunk(document: &[u8]) -> Result<Bytes, FrameError> {
    encode_event("chunk", format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(document)).as_bytes())
}
