//! Writes frames, in the header order that the service uses (captured from recorded answers).
//!
//! Receives member names and JSON payloads, returns whole frames. Refuses what no reader would accept.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};

use super::{FrameError, MAX_PAYLOAD};
use crate::bedrock::fault::Fault;

/// Longest message of an exception frame, in bytes; a longer one is cut.
const MAX_MESSAGE: usize = 16 * 1024;

/// An `event` frame with a JSON payload.
pub fn encode_event(event_type: &str, payload: &[u8]) -> Result<Bytes, FrameError> {
    encode("event", ":event-type", event_type, Bytes::copy_from_slice(payload))
}

/// The `exception` frame that ends a stream with a fault. Only such a frame makes every client report an error; a clean
/// end would pass for a complete answer, and the Rust SDK cannot read `error` frames.
pub fn encode_exception(fault: Fault, message: &str) -> Bytes {
    let message = message.get(..message.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
    let payload = Bytes::from(fault.body(message));
    // INVARIANT: names are short and the message is cut, so that writing succeeds. FAIL-CLOSED: if it did not, these
    // bytes are a frame whose checksum fails in every client.
    encode("exception", ":exception-type", fault.stream_member(), payload)
        .unwrap_or_else(|_| Bytes::from_static(&[0; 16]))
}

/// A frame with headers that a frame had, in their order.
pub(super) fn with_payload(headers: &[Header], payload: Vec<u8>) -> Result<Bytes, FrameError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(FrameError::PayloadTooLong(MAX_PAYLOAD));
    }
    let size = payload.len() + 256;
    let message = Message::new_from_parts(headers.to_vec(), payload);
    let mut frame = BytesMut::with_capacity(size);
    write_message_to(&message, &mut frame).map_err(|_| FrameError::Unwritable)?;
    Ok(frame.freeze())
}

fn encode(
    message_type: &str,
    name_header: &'static str,
    name: &str,
    payload: Bytes,
) -> Result<Bytes, FrameError> {
    if payload.len() > MAX_PAYLOAD {
        return Err(FrameError::PayloadTooLong(MAX_PAYLOAD));
    }
    let size = payload.len() + name.len() + 128;
    let message = Message::new(payload)
        .add_header(Header::new(name_header, text(name)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text(message_type)));
    let mut frame = BytesMut::with_capacity(size);
    write_message_to(&message, &mut frame).map_err(|_| FrameError::Unwritable)?;
    Ok(frame.freeze())
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::String(value.to_owned().into())
}
