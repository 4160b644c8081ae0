//! The reader behind [`Document::parse`](super::Document::parse): grammar, limits, and what is refused.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{JsonError, MAX_DEPTH, MAX_VALUES, Member, Node, Number, Span, Value};

/// Recursive-descent reader over validated UTF-8. `at` is always a character boundary between tokens.
pub(super) struct Parser<'a> {
    source: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    pub const fn new(source: &'a str) -> Self {
        Self { source, at: 0, values: 0 }
    }

    /// Byte that is read next.
    pub const fn position(&self) -> usize {
        self.at
    }

    pub fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax(self.at))
    }

    pub fn skip_whitespace(&mut self) {
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

    /// One value that stands `depth` levels deep.
    pub fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
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
