//! Reading a streamed answer, event by event.
//!
//! Receives complete events, returns the texts they hold with the places where they stand, and keeps the token counts, the
//! stop reason and whether the answer has ended. Writes events again with other texts. Never passes over an event it does
//! not understand: that is an error, and the caller ends the stream.

mod carrier;
mod denial;
mod edit;
mod piece;
mod progress;
mod server_sent;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chat::Api;
use super::converse;
use super::format::error::DecodeError;
use super::format::{Format, Wire};
use super::invoke::{Dialect, guardrail};
use super::json::{Document, Node};
use super::speech;
use super::view::{INTERVENED, Usage};

pub use carrier::{Announced, Carrier, CarrierError, Event, Framing};
pub use denial::Shown;
pub use edit::{continued, rewritten};
pub use piece::{Kind, Observed, Piece};
pub(crate) use progress::Progress;
pub use server_sent::ServerSent;

/// Reads the events of one answer.
#[derive(Debug)]
pub struct StreamReader {
    format: Format,
    progress: Progress,
    /// Whether the stream has said that it is over, which only some do.
    done: bool,
}

impl StreamReader {
    pub(crate) fn new(format: Format) -> Self {
        // A session has said nothing yet, and may end so.
        Self { format, progress: Progress::new(format.wire() == Wire::Speech), done: false }
    }

    /// Reads the next event.
    pub fn observe(&mut self, event: &Event) -> Result<Observed, DecodeError> {
        self.read(event.announced(), event.payload())
    }

    /// The counts known so far. The last events hold the final ones.
    pub fn usage(&self) -> Usage {
        self.progress.usage
    }

    /// The family's own word for why generation ended, once known; Converse's where a guardrail ended it.
    pub fn stop_reason(&self) -> Option<&str> {
        if self.progress.intervened {
            return Some(INTERVENED);
        }
        self.progress.stop_reason()
    }

    /// Id of the model that a prompt router chose.
    pub fn routed_to(&self) -> Option<&str> {
        self.progress.routed_to.as_deref()
    }

    /// Whether the event that ends an answer was seen. A stream can end without it and look complete to SDKs.
    pub fn finished(&self) -> bool {
        let says_so = self.format.wire() == Wire::Chat(Api::Completions);
        self.progress.finished() && (self.done || !says_so)
    }

    pub(crate) fn read(&mut self, announced: Announced<'_>, payload: &[u8]) -> Result<Observed, DecodeError> {
        match announced {
            Announced::Event(name) => self.event(name, payload)?,
            Announced::Exception(_) => self.progress.exception(Document::parse(payload)?.root()),
            // FAIL-CLOSED: `error` frames are not modelled and SDKs disagree about them.
            Announced::Error => return Err(DecodeError::UnknownEvent),
            Announced::Comment => {}
            Announced::Done => {
                self.done = true;
                self.progress.end(None);
            }
        }
        Ok(std::mem::take(&mut self.progress.frame))
    }

    fn event(&mut self, name: &str, payload: &[u8]) -> Result<(), DecodeError> {
        let document = Document::parse(payload)?;
        let event = document.root();
        if !event.is_object() {
            return Err(DecodeError::UnknownChunk);
        }
        match self.format.wire() {
            Wire::Converse => converse::event(name, event, &mut self.progress),
            Wire::Invoke(family) => self.chunk(name, event, |chunk, progress| {
                let dialect = family.dialect();
                if dialect.says_done() && chunk.as_str() == Some(DONE) {
                    progress.end(None);
                    return Ok(());
                }
                if !chunk.is_object() {
                    return Err(DecodeError::UnknownChunk);
                }
                native_chunk(dialect, chunk, progress)
            }),
            Wire::Speech => self.chunk(name, event, speech::read_chunk),
            Wire::Chat(api) => {
                let kind = event.get("type").and_then(Node::as_str);
                let called = if api == Api::Completions { Some("") } else { kind };
                // FAIL-CLOSED: some clients go by the event's name and others by what its data says.
                if called != Some(name) {
                    return Err(DecodeError::UnknownEvent);
                }
                native_chunk(api.dialect(), event, &mut self.progress)
            }
            // These operations answer at once.
            Wire::AsyncInvoke(_)
            | Wire::CountConverse
            | Wire::CountInvoke(_)
            | Wire::Guardrail
            | Wire::GuardrailChecks => Err(DecodeError::UnknownEvent),
        }
    }

    /// Reads the document within a `chunk`.
    fn chunk(
        &mut self,
        name: &str,
        event: &Node<'_>,
        read: impl FnOnce(&Node<'_>, &mut Progress) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if name != "chunk" {
            return Err(DecodeError::UnknownEvent);
        }
        let encoded = event.get("bytes").and_then(Node::as_str).ok_or(DecodeError::UnknownChunk)?;
        let bytes = STANDARD.decode(encoded)?;
        let chunk = Document::parse(&bytes)?;
        read(chunk.root(), &mut self.progress)?;
        self.progress.rest_around(event, &["bytes"]);
        self.progress.frame.inner = Some(bytes);
        Ok(())
    }
}

/// Reads a model's own chunk, or what Bedrock says in between.
fn native_chunk(dialect: &dyn Dialect, chunk: &Node<'_>, progress: &mut Progress) -> Result<(), DecodeError> {
    if guardrail::is_apart(chunk) {
        progress.rest(chunk, &[]);
    } else {
        dialect.chunk(chunk, progress)?;
    }
    progress.metrics(chunk);
    progress.intervened |= guardrail::intervention(chunk).is_some();
    Ok(())
}

/// The member of the last chunk that holds the counts (seen in recorded answers of all streaming families).
pub(crate) const INVOCATION_METRICS: &str = "amazon-bedrock-invocationMetrics";

/// The whole last chunk of servers of OpenAI's form.
const DONE: &str = "[DONE]";

/// The index of the block that `event` continues.
pub(crate) fn block_index(event: &Node<'_>, name: &str) -> Result<u32, DecodeError> {
    event
        .get(name)
        .and_then(Node::as_count)
        .and_then(|index| u32::try_from(index).ok())
        .ok_or(DecodeError::UnknownChunk)
}

/// Bedrock pads events with a slice of this alphabet, so that their length tells nothing.
fn is_padding(text: &str) -> bool {
    PADDING.contains(text)
}

const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[cfg(test)]
mod tests;
