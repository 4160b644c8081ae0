//! Reading a streamed answer, frame by frame.
//!
//! Receives complete frames, returns the text they hold per content block and keeps the token counts, the stop reason and
//! whether the answer has ended. Text that belongs to no block is reported under [`OUTSIDE_BLOCKS`], a line each.
//! Never passes over an event it does not understand: that is an error, and the caller ends the stream.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::converse;
use super::event_stream::Frame;
use super::format::error::DecodeError;
use super::format::payload;
use super::format::{Format, Wire};
use super::invoke::guardrail;
use super::json::{Document, Node, Value};
use super::speech;
use super::usage;
use super::view::{INTERVENED, Usage};

/// The block under which [`Observed::texts`] holds what the caller reads outside of content blocks: tool names,
/// citations, traces, echoes. Every such text ends with a line break, so that two of them never read as one.
pub const OUTSIDE_BLOCKS: u32 = u32::MAX;

/// What one frame holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Content block index, and the text that continues it.
    pub texts: Vec<(u32, String)>,
    /// Whether the frame belongs to the end of the answer. An exception never does.
    pub terminal: bool,
}

/// Reads the frames of one answer.
#[derive(Debug)]
pub struct StreamReader {
    format: Format,
    progress: Progress,
}

impl StreamReader {
    pub(crate) fn new(format: Format) -> Self {
        // A session has said nothing yet, and may end so.
        let progress = Progress { finished: format.wire() == Wire::Speech, ..Progress::default() };
        Self { format, progress }
    }

    /// Reads the next frame.
    pub fn observe(&mut self, frame: &Frame) -> Result<Observed, DecodeError> {
        self.read(frame.message_type(), frame.event_type(), frame.payload())
    }

    /// The counts known so far. The last frames hold the final ones.
    pub fn usage(&self) -> Usage {
        self.progress.usage
    }

    /// The family's own word for why generation ended, once known; Converse's where a guardrail ended it.
    pub fn stop_reason(&self) -> Option<&str> {
        if self.progress.intervened {
            return Some(INTERVENED);
        }
        self.progress.stop_reason.as_deref()
    }

    /// Id of the model that a prompt router chose.
    pub fn routed_to(&self) -> Option<&str> {
        self.progress.routed_to.as_deref()
    }

    /// Whether the event that ends an answer was seen. A stream can end without it and look complete to SDKs.
    pub fn finished(&self) -> bool {
        self.progress.finished
    }

    pub(crate) fn read(
        &mut self,
        message_type: &str,
        event_type: Option<&str>,
        payload: &[u8],
    ) -> Result<Observed, DecodeError> {
        match (message_type, event_type) {
            ("event", Some(name)) => self.event(name, payload)?,
            ("exception", _) => {
                let document = Document::parse(payload)?;
                self.progress.free(document.root());
            }
            // FAIL-CLOSED: `error` frames are not modelled and SDKs disagree about them.
            _ => return Err(DecodeError::UnknownEvent),
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
                if guardrail::is_apart(chunk) {
                    progress.rest(chunk, &[]);
                } else {
                    dialect.chunk(chunk, progress)?;
                }
                progress.metrics(chunk);
                progress.intervened |= guardrail::intervention(chunk).is_some();
                Ok(())
            }),
            Wire::Speech => self.chunk(name, event, speech::read_chunk),
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
        self.progress.rest(event, &["bytes"]);
        Ok(())
    }
}

/// What a family's reader adds to, chunk by chunk.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) usage: Usage,
    pub(crate) frame: Observed,
    pub(crate) routed_to: Option<String>,
    stop_reason: Option<String>,
    intervened: bool,
    finished: bool,
    /// Alternatives that have begun and not ended.
    open: BTreeSet<u32>,
    /// Text per block, kept only for families whose last chunk repeats it.
    remembered: BTreeMap<u32, String>,
}

impl Progress {
    /// Continues a content block.
    pub(crate) fn text(&mut self, block: u32, text: &str) {
        if !text.is_empty() {
            self.frame.texts.push((block, text.to_owned()));
        }
    }

    /// Continues a content block by a node that must be a string or null.
    pub(crate) fn text_node(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        match &node.value {
            Value::String(text) => self.text(block, text),
            Value::Null => {}
            // FAIL-CLOSED: text in another form would reach the caller unseen.
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(DecodeError::UnknownChunk);
            }
        }
        Ok(())
    }

    /// Continues a content block whose text will be repeated at the end.
    pub(crate) fn text_to_be_repeated(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.text_node(block, node)?;
        self.remembered.entry(block).or_default().push_str(node.as_str().unwrap_or_default());
        Ok(())
    }

    /// Takes the whole text of a block: nothing new if it is what was streamed.
    pub(crate) fn repeated(&mut self, block: u32, text: &str) {
        match self.remembered.get(&block) {
            None => self.text(block, text),
            Some(streamed) if streamed.trim() == text.trim() => {}
            // FAIL-CLOSED: what differs from the pieces was not seen yet.
            Some(_) => self.aside(text),
        }
    }

    /// Adds a text that belongs to no block.
    pub(crate) fn aside(&mut self, text: &str) {
        if !text.is_empty() {
            self.frame.texts.push((OUTSIDE_BLOCKS, format!("{text}\n")));
        }
    }

    /// Adds a string that should be base64, unless it is.
    pub(crate) fn payload(&mut self, text: &str) {
        if !payload::is_base64(text) {
            self.aside(text);
        }
    }

    /// Adds every string below `node`.
    pub(crate) fn leaves(&mut self, node: &Node<'_>) {
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => self.aside(text),
            Value::Array(elements) => elements.iter().for_each(|element| self.leaves(element)),
            Value::Object(members) => members.iter().for_each(|member| self.leaves(&member.node)),
        }
    }

    /// Adds every key, string and number below `node`.
    pub(crate) fn free(&mut self, node: &Node<'_>) {
        match &node.value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.aside(number.text),
            Value::String(text) => self.aside(text),
            Value::Array(elements) => elements.iter().for_each(|element| self.free(element)),
            Value::Object(members) => {
                for member in members {
                    self.aside(&member.name);
                    self.free(&member.node);
                }
            }
        }
    }

    /// Adds the strings of every member that was not read yet.
    pub(crate) fn rest(&mut self, node: &Node<'_>, read: &[&str]) {
        for member in node.members() {
            let is_padding = member.name == "p" && member.node.as_str().is_some_and(is_padding);
            if !is_padding && !read.contains(&member.name.as_ref()) {
                self.leaves(&member.node);
            }
        }
    }

    /// Marks an answer as begun, of which there are several in a session.
    pub(crate) const fn begin(&mut self) {
        self.finished = false;
    }

    /// Adds every string below `node` that is no text which was streamed already.
    pub(crate) fn unrepeated(&mut self, node: &Node<'_>) {
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                if !self.remembered.values().any(|streamed| streamed.trim() == text.trim()) {
                    self.aside(text);
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.unrepeated(element)),
            Value::Object(members) => members.iter().for_each(|member| self.unrepeated(&member.node)),
        }
    }

    /// Notes that an alternative goes on.
    pub(crate) fn open(&mut self, choice: u32) {
        self.open.insert(choice);
    }

    /// Notes why an alternative has ended. With the last of them the answer has.
    pub(crate) fn close(&mut self, choice: u32, reason: &Node<'_>) {
        self.open.remove(&choice);
        let first = self.stop_reason.is_none().then_some(reason);
        if self.open.is_empty() { self.end(first) } else { self.stop(first) }
    }

    /// Marks the answer as complete.
    pub(crate) fn end(&mut self, reason: Option<&Node<'_>>) {
        self.stop(reason);
        self.finished = true;
        self.frame.terminal = true;
    }

    /// Notes why generation ended.
    pub(crate) fn stop(&mut self, reason: Option<&Node<'_>>) {
        if let Some(reason) = reason.and_then(Node::as_str) {
            self.stop_reason = Some(reason.to_owned());
        }
    }

    fn metrics(&mut self, chunk: &Node<'_>) {
        if let Some(metrics) = chunk.get(INVOCATION_METRICS) {
            self.usage.update(usage::of_invocation_metrics(metrics));
            self.end(None);
        }
    }
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
        .filter(|index| *index != OUTSIDE_BLOCKS)
        .ok_or(DecodeError::UnknownChunk)
}

/// Bedrock pads events with a slice of this alphabet, so that their length tells nothing.
fn is_padding(text: &str) -> bool {
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".contains(text)
}

#[cfg(test)]
mod tests;
