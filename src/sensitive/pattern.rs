//! A compiled pattern, tried where words and numbers begin.
//!
//! Receives a regular expression; then a text and places, and returns the first match that begins at one of them. No detector accepts what begins inside a word, and an attempt that is tied to one
//! place ends at the first byte that cannot be part of a match, however many patterns there are.

use regex_automata::meta::{self, BuildError};
use regex_automata::{Anchored, Input, Span};
use regex_syntax::hir::{Class, Hir, HirKind};

/// The most memory one compiled pattern may take, in bytes.
pub(super) const LIMIT: usize = 4 * 1024 * 1024;

/// A bounded pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    source: String,
    regex: meta::Regex,
    /// Which bytes a match can begin with.
    first: [bool; 256],
    /// The most bytes a match has.
    longest: usize,
}

impl Pattern {
    /// `limit` is the most memory it may take, in bytes.
    pub fn new(source: &str, limit: usize) -> Result<Self, Box<BuildError>> {
        let config = meta::Config::new().nfa_size_limit(Some(limit));
        let regex = meta::Builder::new().configure(config).build(source)?;
        // A pattern that was compiled has been parsed before.
        let hir = regex_syntax::parse(source).unwrap_or_else(|_| Hir::fail());
        let mut first = [false; 256];
        add_first(&hir, &mut first);
        let longest = hir.properties().maximum_len().unwrap_or(usize::MAX);
        Ok(Self { source: source.to_owned(), regex, first, longest })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first match that begins at one of `starts`.
    pub fn find(&self, text: &str, starts: &[usize]) -> Option<Span> {
        let bytes = text.as_bytes();
        let begins =
            |at: usize| bytes.get(at).is_some_and(|&byte| self.first.get(usize::from(byte)) == Some(&true));
        starts.iter().filter(|&&start| begins(start)).find_map(|&start| {
            let end = start.saturating_add(self.longest).min(bytes.len());
            let input = Input::new(bytes).span(start..end).anchored(Anchored::Yes);
            self.regex.search_half(&input).map(|found| Span { start, end: found.offset() })
        })
    }
}

/// Where in a text a match may begin: at each character that is not inside of a word, but for spaces.
pub(super) fn starts(text: &str) -> Vec<usize> {
    let mut inside = false;
    let mut starts = Vec::with_capacity(text.len() / 4);
    for (at, byte) in text.bytes().enumerate() {
        let of_word = byte.is_ascii_alphanumeric();
        let continued = (of_word && inside) || (0x80..0xC0).contains(&byte);
        if !continued && !byte.is_ascii_whitespace() {
            starts.push(at);
        }
        inside = of_word;
    }
    starts
}

/// Marks the bytes that a match of `hir` can begin with. Returns whether it can be empty.
fn add_first(hir: &Hir, first: &mut [bool; 256]) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.first().is_none_or(|byte| {
            mark(first, *byte, *byte);
            false
        }),
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().for_each(|range| mark(first, range.start(), range.end()));
            false
        }
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                mark(first, lead(range.start()), lead(range.end()));
            }
            false
        }
        HirKind::Repetition(repetition) => add_first(&repetition.sub, first) || repetition.min == 0,
        HirKind::Capture(capture) => add_first(&capture.sub, first),
        HirKind::Concat(parts) => parts.iter().all(|part| add_first(part, first)),
        HirKind::Alternation(parts) => {
            // Each part is read, whether or not one before it can be empty.
            let empty = parts.iter().filter(|part| add_first(part, first)).count();
            empty > 0
        }
    }
}

/// The first byte of a character in UTF-8.
fn lead(character: char) -> u8 {
    let mut buffer = [0; 4];
    character.encode_utf8(&mut buffer).bytes().next().unwrap_or_default()
}

fn mark(first: &mut [bool; 256], from: u8, to: u8) {
    for byte in from..=to {
        if let Some(mark) = first.get_mut(usize::from(byte)) {
            *mark = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_found_where_words_begin_only() {
        let pattern = Pattern::new("é?[0-9]{2}|ab", LIMIT).unwrap();
        let find = |text: &str| pattern.find(text, &starts(text)).map(|found| (found.start, found.end));
        assert_eq!(find("x12 xab é34 ab"), Some((8, 12)));
        assert_eq!(find("-12"), Some((1, 3)));
        assert_eq!(find("x12 3"), None);
        assert_eq!(pattern.longest, 4);
    }
}
