//! Cuts a byte stream into frames.
//!
//! Receives pieces that need not align with frames. Bytes are copied once, on arrival; a frame is cut out of the buffer
//! without another copy. A claimed length is judged as soon as it can be read, so that it never makes the buffer grow
//! beyond one frame and the piece it came with. After an error the stream stays unreadable.

use bytes::BytesMut;

use super::{Frame, FrameError, MAX_HEADERS, MAX_PAYLOAD, MESSAGE_CHECKSUM, PRELUDE};

/// Incremental reader of one stream.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
    failed: Option<FrameError>,
}

impl FrameReader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. Read all frames with [`FrameReader::next`] before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole frame, or `None` until more bytes arrive.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means not yet, after which an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.cut().inspect_err(|error| {
            // FAIL-CLOSED: there is no way to find the next frame after a broken one.
            self.failed = Some(*error);
            self.buffer = BytesMut::new();
        })
    }

    /// To be called at the end of the stream: an error if it ended inside a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.failed {
            Some(error) => Err(error),
            None if self.buffer.is_empty() => Ok(()),
            None => Err(FrameError::Truncated),
        }
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((total, headers)) = self.claimed_lengths()? else { return Ok(None) };
        if self.buffer.len() < total {
            return Ok(None);
        }
        Frame::decode(self.buffer.split_to(total).freeze(), headers).map(Some)
    }

    /// Lengths of the frame and of its header block, once the prelude is there.
    fn claimed_lengths(&self) -> Result<Option<(usize, usize)>, FrameError> {
        let (Some(total), Some(headers)) = (self.length_at(0), self.length_at(4)) else { return Ok(None) };
        if headers > MAX_HEADERS {
            return Err(FrameError::HeadersTooLong);
        }
        let payload = total.checked_sub(PRELUDE + headers + MESSAGE_CHECKSUM).ok_or(FrameError::Length)?;
        if payload > MAX_PAYLOAD {
            return Err(FrameError::PayloadTooLong);
        }
        Ok(Some((total, headers)))
    }

    fn length_at(&self, at: usize) -> Option<usize> {
        let (bytes, _) = self.buffer.get(at..)?.split_first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*bytes)).ok()
    }
}
