//! Frames of a request stream in which every frame is signed: an envelope around one ordinary frame.
//!
//! Receives whole frames and returns date, signature and payload; writes the same. An envelope has exactly the headers
//! `:date` and `:chunk-signature`, in either order: JavaScript and Rust differ (captured from both SDKs). Whether a
//! signature holds is not decided here.

use std::fmt;

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};

use super::{FrameError, MESSAGE_CHECKSUM, PRELUDE};

const DATE: &str = ":date";
const SIGNATURE: &str = ":chunk-signature";

/// One envelope. Its checksums hold; its signature is a claim.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedFrame {
    millis: i64,
    signature: [u8; 32],
    payload: Bytes,
}

impl SignedFrame {
    /// When it was signed, in milliseconds since 1970.
    pub const fn millis(&self) -> i64 {
        self.millis
    }

    pub const fn signature(&self) -> &[u8; 32] {
        &self.signature
    }

    /// The frame inside. Empty in the last envelope of a stream.
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Reads an envelope that fills `raw`. `headers` is the length that its prelude claims for the header block.
    pub(super) fn decode(raw: Bytes, headers: usize) -> Result<Self, FrameError> {
        let message = read_message_from(&*raw).map_err(|_| FrameError::Corrupt)?;
        let (mut millis, mut signature) = (None, None);
        for header in message.headers() {
            match (header.name().as_str(), header.value()) {
                (DATE, HeaderValue::Timestamp(date)) if millis.is_none() => {
                    millis = Some(date.to_millis().map_err(|_| FrameError::Unsigned)?);
                }
                (SIGNATURE, HeaderValue::ByteArray(bytes)) if signature.is_none() => {
                    signature = Some(<[u8; 32]>::try_from(&**bytes).map_err(|_| FrameError::Unsigned)?);
                }
                // FAIL-CLOSED: the signature covers no other header, so another one could be anybody's.
                (_, _) => return Err(FrameError::Unsigned),
            }
        }
        let (Some(millis), Some(signature)) = (millis, signature) else { return Err(FrameError::Unsigned) };
        let mut payload = raw;
        payload.truncate(payload.len().saturating_sub(MESSAGE_CHECKSUM));
        drop(payload.split_to(PRELUDE + headers));
        Ok(Self { millis, signature, payload })
    }
}

impl fmt::Debug for SignedFrame {
    /// SECRET: payloads are prompts, and a signature begins the next one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignedFrame")
            .field("millis", &self.millis)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// An envelope around `payload`, in the header order of the JavaScript SDK.
pub fn encode_signed(millis: i64, signature: [u8; 32], payload: Bytes) -> Result<Bytes, FrameError> {
    let size = payload.len() + 128;
    let message = Message::new(payload)
        .add_header(Header::new(DATE, HeaderValue::Timestamp(DateTime::from_millis(millis))))
        .add_header(Header::new(SIGNATURE, HeaderValue::ByteArray(signature.to_vec().into())));
    let mut frame = BytesMut::with_capacity(size);
    write_message_to(&message, &mut frame).map_err(|_| FrameError::Unwritable)?;
    Ok(frame.freeze())
}

/// The bytes of the `:date` header, which is what a signature covers of an envelope beside its payload.
pub fn date_header(millis: i64) -> [u8; 15] {
    const TIMESTAMP: u8 = 8;
    let mut bytes = [0; 15];
    let (name, value) = bytes.split_at_mut(7);
    name.copy_from_slice(&[5, b':', b'd', b'a', b't', b'e', TIMESTAMP]);
    value.copy_from_slice(&millis.to_be_bytes());
    bytes
}
