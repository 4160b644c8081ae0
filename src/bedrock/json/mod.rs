//! Strict JSON with byte spans.
//!
//! Receives the bytes of a body and returns a tree that any conforming parser would build from them, or an error.
//! Whatever two parsers could read differently is refused: duplicate keys, a byte order mark, invalid UTF-8, lone
//! surrogates, numbers beyond a double, trailing bytes, depth beyond [`MAX_DEPTH`].
//!
//! Every node keeps the span of source bytes it was read from, so that an edit replaces exactly those bytes and the
//! rest of the body reaches Bedrock as it was inspected. Error texts hold offsets and never the document's own text.

mod edits;
mod parser;

use std::borrow::Cow;

use thiserror::Error;

use parser::Parser;

pub use edits::{Edits, quoted};

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 64;

/// Most values in one document. Bounds the tree at a few dozen megabytes whatever the body holds.
pub const MAX_VALUES: usize = 500_000;

/// Why bytes are not acceptable JSON. Offsets are bytes from the start of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("body is empty")]
    Empty,
    #[error("body is not valid UTF-8 at byte {0}")]
    InvalidUtf8(usize),
    #[error("body starts with a byte order mark")]
    ByteOrderMark,
    #[error("body is not valid JSON at byte {0}")]
    Syntax(usize),
    #[error("body repeats an object key at byte {0}")]
    DuplicateKey(usize),
    #[error("body holds half of a surrogate pair at byte {0}; a string may have been cut inside an emoji")]
    LoneSurrogate(usize),
    #[error("body holds a number out of range at byte {0}")]
    NumberOutOfRange(usize),
    #[error("body is nested deeper than {MAX_DEPTH} levels at byte {0}")]
    TooDeep(usize),
    #[error("body holds more than {MAX_VALUES} values")]
    TooManyValues,
    #[error("body continues after the JSON document at byte {0}")]
    TrailingData(usize),
}

/// Half-open range of source bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// A parsed document together with the text it was read from.
#[derive(Debug)]
pub struct Document<'a> {
    source: &'a str,
    root: Node<'a>,
}

impl<'a> Document<'a> {
    /// Reads one JSON document that fills `bytes` but for surrounding white space.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let source =
            std::str::from_utf8(bytes).map_err(|error| JsonError::InvalidUtf8(error.valid_up_to()))?;
        if source.starts_with('\u{feff}') {
            return Err(JsonError::ByteOrderMark);
        }
        let mut parser = Parser::new(source);
        parser.skip_whitespace();
        if parser.peek().is_none() {
            return Err(JsonError::Empty);
        }
        let root = parser.value(0)?;
        parser.skip_whitespace();
        match parser.peek() {
            None => Ok(Self { source, root }),
            Some(_) => Err(JsonError::TrailingData(parser.position())),
        }
    }

    pub fn root(&self) -> &Node<'a> {
        &self.root
    }

    pub fn source(&self) -> &'a str {
        self.source
    }
}

/// One value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    pub span: Span,
    pub value: Value<'a>,
}

/// A JSON value. Numbers keep their source text; strings are unescaped, borrowed where nothing was escaped.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

/// A number as written, and the double nearest to it (always finite).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number<'a> {
    pub text: &'a str,
    pub value: f64,
}

/// One `"name": value` of an object, in source order.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    pub name: Cow<'a, str>,
    pub name_span: Span,
    pub node: Node<'a>,
}

impl<'a> Node<'a> {
    /// The member called `name`, when this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// Follows object members from here: `at(&["usage", "inputTokens"])`.
    pub fn at(&self, path: &[&str]) -> Option<&Node<'a>> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The members of an object, none for any other value.
    pub fn members(&self) -> &[Member<'a>] {
        match &self.value {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => &[],
        }
    }

    /// The elements of an array, none for any other value.
    pub fn elements(&self) -> &[Node<'a>] {
        match &self.value {
            Value::Array(elements) => elements,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => &[],
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub fn as_number(&self) -> Option<Number<'a>> {
        match &self.value {
            Value::Number(number) => Some(*number),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(value) => Some(*value),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A non-negative whole number, as token counts are.
    pub fn as_count(&self) -> Option<u64> {
        self.as_number().and_then(|number| number.text.parse().ok())
    }

    pub fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }
}

#[cfg(test)]
mod tests;
