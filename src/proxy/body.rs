//! Request and answer bodies, read whole within bounds of size, time and memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request waits for memory before it is told to come back.
const ADMISSION: Duration = Duration::from_millis(250);

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BodyError {
    #[error("request bodies must not be encoded; send the JSON itself, without `content-encoding`")]
    Encoded,
    #[error("request bodies must use no transfer coding but `chunked`")]
    TransferCoding,
    #[error("body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("body did not arrive in time")]
    TooSlow,
    #[error("body ended early")]
    Broken,
    #[error("too many request bodies are being held; try again in a second")]
    Busy,
}

/// The memory that request bodies may take, all callers together.
#[derive(Debug)]
pub struct Buffers {
    free: Arc<Semaphore>,
    largest: usize,
    pause: Duration,
}

/// Memory taken for one body. Given back when it is dropped.
#[derive(Debug)]
pub struct Reserved {
    _bytes: OwnedSemaphorePermit,
}

impl Buffers {
    /// `total` bytes in all, `largest` for one body, at most `pause` between two pieces of it.
    pub fn new(total: usize, largest: usize, pause: Duration) -> Self {
        Self { free: Arc::new(Semaphore::new(total.min(Semaphore::MAX_PERMITS))), largest, pause }
    }

    /// Reads a request body. ORDER: memory is taken before the first byte is read.
    pub async fn read(&self, headers: &HeaderMap, body: Incoming) -> Result<(Bytes, Reserved), BodyError> {
        check_codings(headers)?;
        // Exact for a body with a length, and for none at all.
        let announced = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.largest) {
            return Err(BodyError::TooLarge(self.largest));
        }
        let wanted = u32::try_from(announced.unwrap_or(self.largest)).map_err(|_| BodyError::Busy)?;
        let reservation = Arc::clone(&self.free).acquire_many_owned(wanted);
        let reserved = match tokio::time::timeout(ADMISSION, reservation).await {
            Ok(Ok(bytes)) => Reserved { _bytes: bytes },
            Ok(Err(_)) | Err(_) => return Err(BodyError::Busy),
        };
        let bytes = collect(body, announced.unwrap_or_default(), self.largest, self.pause).await?;
        Ok((bytes, reserved))
    }
}

/// FAIL-CLOSED: a body in a coding we do not read is a body we cannot inspect.
fn check_codings(headers: &HeaderMap) -> Result<(), BodyError> {
    let only = |name, allowed: &str| {
        headers
            .get_all(name)
            .iter()
            .all(|value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    };
    if !only(CONTENT_ENCODING, "identity") {
        return Err(BodyError::Encoded);
    }
    if !only(TRANSFER_ENCODING, "chunked") {
        return Err(BodyError::TransferCoding);
    }
    Ok(())
}

/// Reads `body` to its end: at most `limit` bytes, at most `pause` between two pieces.
pub async fn collect(
    mut body: Incoming,
    expected: usize,
    limit: usize,
    pause: Duration,
) -> Result<Bytes, BodyError> {
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    loop {
        let piece = match tokio::time::timeout(pause, body.frame()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => data,
                Err(_) => continue,
            },
        };
        if first.as_ref().map_or(whole.len(), Bytes::len) + piece.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Most bodies come in one piece, which is kept as it is.
        if whole.is_empty() && first.is_none() {
            first = Some(piece);
            continue;
        }
        if let Some(first) = first.take() {
            whole.reserve(expected.max(first.len() + piece.len()));
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}
