//! Server-sent events, as the APIs of OpenAI and Anthropic stream their answers.
//!
//! Receives bytes as they arrive, cut anywhere, and returns whole events; turns events into bytes again. Reads less than
//! the standard allows, because clients differ in how they read the rest: lines end in LF or CRLF, fields are `event` and
//! `data`, an event has data and at most one name. Comments are what keeps a connection alive: their text, which no client
//! shows and no rule would see, is never passed on.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// Largest event that is read. The last event of OpenAI's responses repeats the whole answer and much of the request.
pub const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `None` where it has none, as in chat completions.
    pub name: Option<String>,
    /// Its data, lines joined by line feeds; `None` for a comment.
    pub data: Option<String>,
    /// The bytes to pass on: those that were read, but for the text of comments.
    pub raw: Bytes,
}

/// Why bytes are no stream of events. Texts hold none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SseError {
    #[error("an event is larger than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
    #[error("an event is not valid UTF-8")]
    NotUtf8,
    #[error("an event holds a byte order mark or a carriage return that ends no line")]
    LineEnd,
    #[error("an event has a field other than one `event` and `data`")]
    Field,
    #[error("an event has no data")]
    NoData,
    #[error("the stream ends within an event")]
    Cut,
}

/// Cuts a stream into events.
#[derive(Debug, Default)]
pub struct EventReader {
    buffer: BytesMut,
    /// Where the line begins that was not read to its end yet.
    line: usize,
    /// Up to where ends of lines were looked for.
    scanned: usize,
}

impl EventReader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event; `None` when more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means not yet, after which an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, SseError> {
        while let Some(end) = self.block_end() {
            let block = self.buffer.split_to(end).freeze();
            (self.line, self.scanned) = (0, 0);
            if block.len() > MAX_EVENT_BYTES {
                return Err(SseError::TooLarge);
            }
            if let Some(event) = Event::read(block)? {
                return Ok(Some(event));
            }
        }
        if self.buffer.len() > MAX_EVENT_BYTES { Err(SseError::TooLarge) } else { Ok(None) }
    }

    /// Whether the stream ended where an event did. FAIL-CLOSED: of an event without its blank line some clients take
    /// notice and others do not.
    pub fn finish(&self) -> Result<(), SseError> {
        if self.buffer.is_empty() { Ok(()) } else { Err(SseError::Cut) }
    }

    /// Where the first blank line ends.
    fn block_end(&mut self) -> Option<usize> {
        while let Some(found) = self.buffer.get(self.scanned..)?.iter().position(|byte| *byte == b'\n') {
            let at = self.scanned + found;
            let is_blank = matches!(self.buffer.get(self.line..at), Some([] | [b'\r']));
            self.scanned = at + 1;
            self.line = self.scanned;
            if is_blank {
                return Some(self.scanned);
            }
        }
        self.scanned = self.buffer.len();
        None
    }
}

impl Event {
    /// Reads the lines up to a blank one. `None` for the blank line alone.
    fn read(block: Bytes) -> Result<Option<Self>, SseError> {
        let text = std::str::from_utf8(&block).map_err(|_| SseError::NotUtf8)?;
        let (mut name, mut data, mut commented) = (None, None::<String>, false);
        for line in text.split_terminator('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.contains('\r') || line.contains('\u{feff}') && !line.starts_with("data:") {
                return Err(SseError::LineEnd);
            }
            match line.split_once(':') {
                _ if line.is_empty() => {}
                Some(("", _)) => commented = true,
                Some(("event", value)) if name.is_none() => name = Some(unspaced(value).to_owned()),
                Some(("data", value)) => match &mut data {
                    None => data = Some(unspaced(value).to_owned()),
                    Some(lines) => {
                        lines.push('\n');
                        lines.push_str(unspaced(value));
                    }
                },
                Some(_) | None => return Err(SseError::Field),
            }
        }
        match (data, name, commented) {
            (None, None, false) => Ok(None),
            (None, None, true) => {
                Ok(Some(Self { name: None, data: None, raw: Bytes::from_static(KEPT_ALIVE) }))
            }
            (None, Some(_), _) => Err(SseError::NoData),
            (Some(data), name, false) => Ok(Some(Self { name, data: Some(data), raw: block })),
            (Some(data), name, true) => {
                let raw = encode(name.as_deref(), &data);
                Ok(Some(Self { name, data: Some(data), raw }))
            }
        }
    }
}

/// Writes an event.
pub fn encode(name: Option<&str>, data: &str) -> Bytes {
    let mut event = String::with_capacity(data.len() + 64);
    if let Some(name) = name {
        event.push_str("event: ");
        event.push_str(name);
        event.push('\n');
    }
    for line in data.split('\n') {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

/// A comment that says nothing.
const KEPT_ALIVE: &[u8] = b":\n\n";

/// A field's value without the one space that may stand before it.
fn unspaced(value: &str) -> &str {
    value.strip_prefix(' ').unwrap_or(value)
}

#[cfg(test)]
mod tests;
