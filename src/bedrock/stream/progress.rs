//! What the readers of streamed answers add to, event by event.
//!
//! Receives nodes of one event's document and keeps their texts with their places, the counts, and what has ended. Never
//! passes over a text: what is no text of a block is an aside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::piece::{Kind, Observed, Piece};
use super::{INVOCATION_METRICS, is_padding};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload;
use crate::bedrock::format::texts::joined_tokens;
use crate::bedrock::json::{Member, Node, Span, Value};
use crate::bedrock::usage;
use crate::bedrock::view::Usage;

/// The state of one answer, and the event that is being read.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) usage: Usage,
    pub(crate) frame: Observed,
    pub(crate) routed_to: Option<String>,
    pub(super) intervened: bool,
    stop_reason: Option<String>,
    finished: bool,
    /// Alternatives that have begun and not ended.
    open: BTreeSet<u32>,
    /// Text per block, kept only for families whose last chunk repeats it.
    remembered: BTreeMap<u32, String>,
    /// The same for what tools are called with.
    inputs: BTreeMap<u32, String>,
    /// Other strings that were said, for streams whose events repeat them.
    echoes: BTreeSet<String>,
}

impl Progress {
    pub(super) fn new(finished: bool) -> Self {
        Self { finished, ..Self::default() }
    }

    pub(super) fn stop_reason(&self) -> Option<&str> {
        self.stop_reason.as_deref()
    }

    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// Goes on with a content block by a node that must be a string or null.
    pub(crate) fn text_node(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.block_node(Kind::Words(block), node)
    }

    /// As [`Self::text_node`], for the JSON that a tool is called with.
    pub(crate) fn tool_input_node(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.block_node(Kind::ToolInput(block), node)
    }

    /// As [`Self::text_node`], for words that a signature will cover.
    pub(crate) fn sealed_node(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.block_node(Kind::Sealed(block), node)
    }

    /// Goes on with a content block whose text will be repeated at the end.
    pub(crate) fn text_to_be_repeated(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.text_node(block, node)?;
        self.remembered.entry(block).or_default().push_str(node.as_str().unwrap_or_default());
        Ok(())
    }

    /// Takes the whole text of a block: nothing new if it is what was streamed.
    pub(crate) fn repeated(&mut self, block: u32, node: &Node<'_>) {
        let text = node.as_str().unwrap_or_default();
        let kind = match self.remembered.get(&block) {
            None => Kind::Words(block),
            Some(streamed) if streamed.trim() == text.trim() => Kind::Repeated,
            // FAIL-CLOSED: what differs from the pieces was not seen yet.
            Some(_) => Kind::Aside,
        };
        self.push(kind, text, Some(node.span), None);
    }

    /// Goes on with what a tool is called with, which will be repeated when it is whole.
    pub(crate) fn input_to_be_repeated(&mut self, block: u32, node: &Node<'_>) -> Result<(), DecodeError> {
        self.tool_input_node(block, node)?;
        self.inputs.entry(block).or_default().push_str(node.as_str().unwrap_or_default());
        Ok(())
    }

    /// Adds every string below `node` of a document that repeats what was said: pieces of blocks whole, and whatever
    /// else stood in earlier events.
    pub(crate) fn echo(&mut self, node: &Node<'_>, key: Option<&str>) {
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                let kind = self.echoed(text, key);
                // A text of a block was looked at for itself, and so is its repetition.
                let key = key.filter(|_| !among(&self.remembered, text));
                self.push(kind, text, Some(node.span), key);
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.echo(element, key)),
            Value::Object(members) => {
                for member in members {
                    match member.name.as_ref() {
                        "logprobs" if !member.node.elements().is_empty() => self.tokens(&member.node),
                        "encrypted_content" => self.payload(&member.node),
                        name => self.echo(&member.node, Some(name)),
                    }
                }
            }
        }
    }

    fn echoed(&mut self, text: &str, key: Option<&str>) -> Kind {
        let is_input = key == Some("arguments");
        if is_input && among(&self.inputs, text) {
            return Kind::RepeatedInput;
        }
        if !is_input && (among(&self.remembered, text) || self.echoes.contains(text)) {
            return Kind::Repeated;
        }
        // FAIL-CLOSED: what differs from the pieces was not seen yet.
        let is_new = self.echoes.insert(text.to_owned());
        match (is_input, is_new) {
            (true, true) => Kind::Input,
            (true, false) => Kind::RepeatedInput,
            (false, _) => Kind::Aside,
        }
    }

    /// Adds a string that should be base64, unless it is.
    pub(crate) fn payload(&mut self, node: &Node<'_>) {
        if !node.as_str().is_some_and(payload::is_base64) {
            self.leaves(node);
        }
    }

    /// Adds every string below `node`.
    pub(crate) fn leaves(&mut self, node: &Node<'_>) {
        self.strings_below(node, None);
    }

    /// Adds every key, string and number below `node`.
    pub(crate) fn free(&mut self, node: &Node<'_>) {
        self.words_below(node, None);
    }

    /// Adds the strings of every member that was not read yet.
    pub(crate) fn rest(&mut self, node: &Node<'_>, read: &[&str]) {
        for member in node.members() {
            let is_padding = member.name == "p" && member.node.as_str().is_some_and(is_padding);
            if !is_padding && !read.contains(&member.name.as_ref()) {
                self.strings_below(&member.node, Some(&member.name));
            }
        }
    }

    /// Adds the rest of an event that has another document within: nothing can be put in its place.
    pub(super) fn rest_around(&mut self, envelope: &Node<'_>, read: &[&str]) {
        let inner = self.frame.pieces.len();
        self.rest(envelope, read);
        for piece in self.frame.pieces.iter_mut().skip(inner) {
            piece.place = None;
        }
    }

    /// Adds what an exception says. Bedrock's exceptions are passed on as they are or not at all.
    pub(super) fn exception(&mut self, document: &Node<'_>) {
        self.free(document);
        for piece in &mut self.frame.pieces {
            piece.place = None;
        }
    }

    /// Adds every string below `node` that is no text which was streamed already.
    pub(crate) fn unrepeated(&mut self, node: &Node<'_>) {
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                let known = self.remembered.values().any(|streamed| streamed.trim() == text.trim());
                self.push(if known { Kind::Repeated } else { Kind::Aside }, text, Some(node.span), None);
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.unrepeated(element)),
            Value::Object(members) => members.iter().for_each(|member| self.unrepeated(&member.node)),
        }
    }

    /// Adds a list that repeats a text token by token: likelihoods.
    pub(crate) fn tokens(&mut self, list: &Node<'_>) {
        self.push(Kind::Tokens, &joined_tokens(list), Some(list.span), None);
    }

    /// Marks an answer as begun, of which there are several in a session.
    pub(crate) const fn begin(&mut self) {
        self.finished = false;
    }

    /// Notes that an alternative goes on.
    pub(crate) fn open(&mut self, choice: u32) {
        self.open.insert(choice);
    }

    /// Notes why an alternative has ended, and the blocks it had. With the last of them the answer has ended.
    pub(crate) fn close(&mut self, choice: u32, blocks: RangeInclusive<u32>, reason: &Node<'_>) {
        self.open.remove(&choice);
        self.frame.ended.push(blocks);
        let first = self.stop_reason.is_none().then_some(reason);
        if self.open.is_empty() { self.end(first) } else { self.stop(first) }
    }

    /// Notes that a block has ended.
    pub(crate) fn block_ends(&mut self, block: u32) {
        self.frame.ended.push(block..=block);
    }

    /// Marks the answer as complete.
    pub(crate) fn end(&mut self, reason: Option<&Node<'_>>) {
        self.stop(reason);
        self.finished = true;
        self.terminal();
    }

    /// Notes that the event belongs to the end of the answer, so that no block goes on.
    pub(crate) fn terminal(&mut self) {
        self.frame.terminal = true;
        self.frame.ended.push(0..=u32::MAX);
    }

    /// Notes why generation ended.
    pub(crate) fn stop(&mut self, reason: Option<&Node<'_>>) {
        if let Some(reason) = reason.and_then(Node::as_str) {
            self.stop_reason = Some(reason.to_owned());
        }
    }

    /// Notes that the event that is being read may be left out when its pieces of blocks are empty, unless it says more.
    pub(crate) fn only_words(&mut self) {
        self.frame.only_words = self.frame.pieces.iter().all(|piece| piece.kind.block().is_some());
    }

    pub(super) fn metrics(&mut self, chunk: &Node<'_>) {
        if let Some(metrics) = chunk.get(INVOCATION_METRICS) {
            self.usage.update(usage::of_invocation_metrics(metrics));
            self.end(None);
        }
    }

    fn block_node(&mut self, kind: Kind, node: &Node<'_>) -> Result<(), DecodeError> {
        match &node.value {
            Value::String(text) => self.push(kind, text, Some(node.span), None),
            Value::Null => {}
            // FAIL-CLOSED: text in another form would reach the caller unseen.
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(DecodeError::UnknownChunk);
            }
        }
        Ok(())
    }

    fn strings_below(&mut self, node: &Node<'_>, key: Option<&str>) {
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => self.push(Kind::Aside, text, Some(node.span), key),
            Value::Array(elements) => elements.iter().for_each(|element| self.strings_below(element, key)),
            Value::Object(members) => {
                for Member { name, node, .. } in members {
                    self.strings_below(node, Some(name));
                }
            }
        }
    }

    fn words_below(&mut self, node: &Node<'_>, key: Option<&str>) {
        match &node.value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.push(Kind::Aside, number.text, Some(node.span), key),
            Value::String(text) => self.push(Kind::Aside, text, Some(node.span), key),
            Value::Array(elements) => elements.iter().for_each(|element| self.words_below(element, key)),
            Value::Object(members) => {
                for Member { name, node, .. } in members {
                    self.push(Kind::Aside, name, None, key);
                    self.words_below(node, Some(name));
                }
            }
        }
    }

    fn push(&mut self, kind: Kind, text: &str, place: Option<Span>, key: Option<&str>) {
        if !text.is_empty() {
            let piece = Piece { text: text.to_owned(), kind, place, key: key.map(str::to_owned) };
            self.frame.pieces.push(piece);
        }
    }
}

fn among(texts: &BTreeMap<u32, String>, text: &str) -> bool {
    texts.values().any(|streamed| streamed == text)
}
