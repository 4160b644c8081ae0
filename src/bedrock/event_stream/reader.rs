//! Cuts a byte stream into frames.
//!
//! Receives pieces that need not align with frames. Bytes are copied once, on arrival; a frame is cut out of the buffer
//! without another copy. A claimed length is judged as soon as it can be read, so that it never makes the buffer grow
//! beyond one frame and the piece it came with. After an error the stream stays unreadable.

use bytes::{Bytes, BytesMut};

use super::signed::SignedFrame;
use super::{Frame, FrameError, MAX_HEADERS, MAX_PAYLOAD, MESSAGE_CHECKSUM, PRELUDE};

/// Incremental reader of one stream.
#[derive(Debug)]
pub struct FrameReader {
    cutter: Cutter,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self { cutter: Cutter::new(MAX_PAYLOAD) }
    }
}

impl FrameReader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. Read all frames with [`FrameReader::next`] before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        self.cutter.push(bytes);
    }

    /// The next whole frame, or `None` until more bytes arrive.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means not yet, after which an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        self.cutter.next(Frame::decode)
    }

    /// To be called at the end of the stream: an error if it ended inside a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        self.cutter.finish()
    }
}

/// Incremental reader of a request stream whose frames are signed one by one.
#[derive(Debug)]
pub struct SignedFrameReader {
    cutter: Cutter,
}

impl SignedFrameReader {
    /// `most` is the largest payload of one frame, in bytes.
    pub fn new(most: usize) -> Self {
        Self { cutter: Cutter::new(most.min(MAX_PAYLOAD)) }
    }

    /// As [`FrameReader::push`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.cutter.push(bytes);
    }

    /// As [`FrameReader::next`].
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means not yet, after which an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<SignedFrame>, FrameError> {
        self.cutter.next(SignedFrame::decode)
    }

    /// As [`FrameReader::finish`].
    pub fn finish(&self) -> Result<(), FrameError> {
        self.cutter.finish()
    }
}

/// What all readers share: a buffer, and where its first frame ends.
#[derive(Debug)]
struct Cutter {
    buffer: BytesMut,
    most_payload: usize,
    failed: Option<FrameError>,
}

impl Cutter {
    fn new(most_payload: usize) -> Self {
        Self { buffer: BytesMut::new(), most_payload, failed: None }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// `decode` receives a frame's bytes and the length that its prelude claims for the header block.
    fn next<F>(
        &mut self,
        decode: fn(Bytes, usize) -> Result<F, FrameError>,
    ) -> Result<Option<F>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let cut = self.cut().and_then(|cut| cut.map(|(raw, headers)| decode(raw, headers)).transpose());
        cut.inspect_err(|error| {
            // FAIL-CLOSED: there is no way to find the next frame after a broken one.
            self.failed = Some(*error);
            self.buffer = BytesMut::new();
        })
    }

    fn finish(&self) -> Result<(), FrameError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.buffer.is_empty() => Ok(()),
            None => Err(FrameError::Truncated),
        }
    }

    fn cut(&mut self) -> Result<Option<(Bytes, usize)>, FrameError> {
        let Some((total, headers)) = claimed_lengths(&self.buffer, self.most_payload)? else {
            return Ok(None);
        };
        if self.buffer.len() < total {
            return Ok(None);
        }
        Ok(Some((self.buffer.split_to(total).freeze(), headers)))
    }
}

/// Lengths of the frame that `bytes` begin with and of its header block, once the prelude is there.
pub(super) fn claimed_lengths(
    bytes: &[u8],
    most_payload: usize,
) -> Result<Option<(usize, usize)>, FrameError> {
    let (Some(total), Some(headers)) = (length_at(bytes, 0), length_at(bytes, 4)) else { return Ok(None) };
    if headers > MAX_HEADERS {
        return Err(FrameError::HeadersTooLong);
    }
    let payload = total.checked_sub(PRELUDE + headers + MESSAGE_CHECKSUM).ok_or(FrameError::Length)?;
    if payload > most_payload {
        return Err(FrameError::PayloadTooLong(most_payload));
    }
    Ok(Some((total, headers)))
}

fn length_at(bytes: &[u8], at: usize) -> Option<usize> {
    let (bytes, _) = bytes.get(at..)?.split_first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}
