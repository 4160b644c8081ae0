//! Strict JSON with byte spans.
//!
//! Receives the bytes of a body and returns a tree that any conforming parser would build from them, or an error.
//! Whatever two parsers could read differently is refused: duplicate keys, a byte order mark, invalid UTF-8, lone
//! surrogates, numbers beyond a double, trailing bytes, depth beyond [`MAX_DEPTH`].
//!
//! Every node keeps the span of source bytes it was read from, so that an edit replaces exactly those bytes and the
//! rest of the body reaches Bedrock as it was inspected. Error texts hold offsets and never the document's own text.

use std::borrow::Cow;
use std::collections::HashSet;

use thiserror::Error;

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
        let mut parser = Parser { source, at: 0, values: 0 };
        parser.skip_whitespace();
        if parser.peek().is_none() {
            return Err(JsonError::Empty);
        }
        let root = parser.value(0)?;
        parser.skip_whitespace();
        match parser.peek() {
            None => Ok(Self { source, root }),
            Some(_) => Err(JsonError::TrailingData(parser.at)),
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

/// Recursive-descent reader over validated UTF-8. `at` is always a character boundary between tokens.
struct Parser<'a> {
    source: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax(self.at))
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.syntax()
    }

    fn slice(&self, start: usize, end: usize) -> Result<&'a str, JsonError> {
        self.source.get(start..end).ok_or(JsonError::Syntax(start))
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(JsonError::TooManyValues);
        }
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.array(depth + 1)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.literal("true", Value::Bool(true))?,
            Some(b'f') => self.literal("false", Value::Bool(false))?,
            Some(b'n') => self.literal("null", Value::Null)?,
            _ => return self.syntax(),
        };
        Ok(Node { span: Span { start, end: self.at }, value })
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        let end = self.at + word.len();
        if self.source.get(self.at..end) == Some(word) {
            self.at = end;
            return Ok(value);
        }
        self.syntax()
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.open(depth)?;
        let mut elements = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            if self.closes(b']')? {
                return Ok(Value::Array(elements));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.open(depth)?;
        let mut members: Vec<Member<'a>> = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        let mut seen = SeenKeys::default();
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.syntax();
            }
            let name = self.string()?;
            let name_span = Span { start, end: self.at };
            if !seen.insert(&members, &name) {
                return Err(JsonError::DuplicateKey(start));
            }
            self.skip_whitespace();
            self.expect(b':')?;
            self.skip_whitespace();
            let node = self.value(depth)?;
            members.push(Member { name, name_span, node });
            if self.closes(b'}')? {
                return Ok(Value::Object(members));
            }
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep(self.at));
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    /// After an element: `true` at the closing byte, `false` after a comma.
    fn closes(&mut self, close: u8) -> Result<bool, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.skip_whitespace();
                Ok(false)
            }
            _ => self.syntax(),
        }
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.syntax(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.slice(start, self.at)?;
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Number { text, value }),
            Ok(_) | Err(_) => Err(JsonError::NumberOutOfRange(start)),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.peek() == Some(b'"') {
            let text = self.slice(start, self.at)?;
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string(start)
    }

    /// Moves over string bytes that stand for themselves. Stops at a quote, an escape, a control byte or the end.
    fn skip_plain(&mut self) {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let plain = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += plain.unwrap_or(rest.len());
    }

    fn escaped_string(&mut self, start: usize) -> Result<Cow<'a, str>, JsonError> {
        let mut text = String::from(self.slice(start, self.at)?);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return self.syntax(),
            }
            let plain = self.at;
            self.skip_plain();
            text.push_str(self.slice(plain, self.at)?);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return self.syntax(),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let start = self.at - 1;
        let first = self.code_unit()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let high = first.wrapping_sub(0xd800);
        if high >= 0x400 || self.peek() != Some(b'\\') {
            return Err(JsonError::LoneSurrogate(start));
        }
        self.at += 1;
        if self.peek() != Some(b'u') {
            return Err(JsonError::LoneSurrogate(start));
        }
        let low = self.code_unit()?.wrapping_sub(0xdc00);
        if low >= 0x400 {
            return Err(JsonError::LoneSurrogate(start));
        }
        char::from_u32(0x1_0000 + (high << 10) + low).ok_or(JsonError::LoneSurrogate(start))
    }

    /// Reads `uXXXX`, standing on the `u`.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte @ b'0'..=b'9') => byte - b'0',
                Some(byte @ b'a'..=b'f') => byte - b'a' + 10,
                Some(byte @ b'A'..=b'F') => byte - b'A' + 10,
                _ => return self.syntax(),
            };
            unit = unit << 4 | u32::from(digit);
            self.at += 1;
        }
        Ok(unit)
    }
}

/// Finds repeated keys: by comparison while an object is small, by hash beyond that.
#[derive(Default)]
struct SeenKeys {
    hashed: Option<HashSet<String>>,
}

impl SeenKeys {
    const COMPARED: usize = 16;

    /// Whether `name` is new among the members read so far.
    fn insert(&mut self, members: &[Member<'_>], name: &str) -> bool {
        if members.len() < Self::COMPARED {
            return members.iter().all(|member| member.name != name);
        }
        self.hashed
            .get_or_insert_with(|| members.iter().map(|member| member.name.clone().into_owned()).collect())
            .insert(name.to_owned())
    }
}

/// Replacements and insertions to be made in a document's source, collected first and applied in one pass.
#[derive(Debug, Default)]
pub struct Edits {
    replacements: Vec<(Span, String)>,
    insertions: Vec<(Place, Subtree)>,
}

/// The end of an object that exists, where members are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: usize,
    empty: bool,
}

/// Members to be created, in the order in which they were asked for.
#[derive(Debug)]
enum Subtree {
    Value(String),
    Members(Vec<(String, Subtree)>),
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.replacements.is_empty() && self.insertions.is_empty()
    }

    /// Replaces the bytes of `span` by `json`, which must be one JSON value.
    pub fn replace(&mut self, span: Span, json: impl Into<String>) {
        self.replacements.push((span, json.into()));
    }

    /// Replaces a value by a string.
    pub fn replace_with_string(&mut self, span: Span, text: &str) {
        self.replace(span, quoted(text));
    }

    /// Adds the member named by `path` below the object that fills `object`, creating the objects between. `empty`
    /// says whether that object has no members; the caller knows that it has none named `path[0]`. Paths that share
    /// a beginning share the objects created for it.
    pub fn insert(&mut self, object: Span, empty: bool, path: &[&str], json: impl Into<String>) {
        let place = Place { at: object.end.saturating_sub(1), empty };
        let known = self.insertions.iter().position(|(known, _)| *known == place);
        let index = known.unwrap_or_else(|| {
            self.insertions.push((place, Subtree::Members(Vec::new())));
            self.insertions.len() - 1
        });
        if let Some((_, tree)) = self.insertions.get_mut(index) {
            tree.add(path, json.into());
        }
    }

    /// The edited source. Spans must not overlap; they come from the nodes of one document.
    pub fn apply(self, source: &str) -> String {
        let mut changes = self.replacements;
        changes.extend(self.insertions.into_iter().map(|(place, tree)| {
            let comma = if place.empty { "" } else { "," };
            (Span { start: place.at, end: place.at }, format!("{comma}{}", tree.members()))
        }));
        changes.sort_by_key(|(span, _)| span.start);
        let added: usize = changes.iter().map(|(_, json)| json.len()).sum();
        let mut edited = String::with_capacity(source.len() + added);
        let mut copied = 0;
        for (span, json) in &changes {
            edited.push_str(source.get(copied..span.start).unwrap_or_default());
            edited.push_str(json);
            copied = span.end;
        }
        edited.push_str(source.get(copied..).unwrap_or_default());
        edited
    }
}

impl Subtree {
    fn add(&mut self, path: &[&str], json: String) {
        let (Self::Members(members), Some((first, rest))) = (self, path.split_first()) else { return };
        let known = members.iter().position(|(name, _)| name == first);
        let index = known.unwrap_or_else(|| {
            members.push(((*first).to_owned(), Self::Members(Vec::new())));
            members.len() - 1
        });
        let Some((_, member)) = members.get_mut(index) else { return };
        if rest.is_empty() {
            *member = Self::Value(json);
        } else {
            member.add(rest, json);
        }
    }

    /// `"a":1,"b":{…}` without the braces around it.
    fn members(&self) -> String {
        match self {
            Self::Value(json) => json.clone(),
            Self::Members(members) => {
                let list: Vec<_> = members
                    .iter()
                    .map(|(name, member)| match member {
                        Self::Value(json) => format!("{}:{json}", quoted(name)),
                        Self::Members(_) => format!("{}:{{{}}}", quoted(name), member.members()),
                    })
                    .collect();
                list.join(",")
            }
        }
    }
}

/// `text` as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
