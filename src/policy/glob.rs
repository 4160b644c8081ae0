//! Patterns over ids and names: `*` for any run of characters, `{a,b}` for either word. Nothing else is special.
//!
//! Receives the pattern as written, returns something that matches whole strings, without case folding. Braces are
//! spelled out when a pattern is read, so that matching is one loop without recursion and cannot be made slow.

use std::fmt;

use thiserror::Error;

/// A pattern and the plain patterns (`*` only) that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    written: String,
    alternatives: Vec<String>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GlobError {
    #[error("has a character that no id has: `{}`", .0.escape_unicode())]
    Character(char),
    #[error("is empty")]
    Empty,
    #[error("has braces that do not pair up, or braces inside braces")]
    Braces,
    #[error("has an empty word in braces")]
    EmptyWord,
    #[error("is longer than {LONGEST} characters or stands for more than {MOST_ALTERNATIVES} patterns")]
    TooLarge,
}

impl Glob {
    /// Reads a pattern. Only characters that ids, ARNs and tool names are made of are accepted, so that a pattern
    /// with an invisible or look-alike letter is an error and not a rule that never matches.
    pub fn parse(written: &str) -> Result<Self, GlobError> {
        if written.is_empty() {
            return Err(GlobError::Empty);
        }
        if written.len() > LONGEST {
            return Err(GlobError::TooLarge);
        }
        if let Some(character) = written.chars().find(|&character| !is_known(character)) {
            return Err(GlobError::Character(character));
        }
        let mut alternatives = vec![String::new()];
        let mut rest = written;
        while let Some((plain, braced)) = rest.split_once('{') {
            let (words, after) = braced.split_once('}').ok_or(GlobError::Braces)?;
            if words.contains('{') || plain.contains('}') {
                return Err(GlobError::Braces);
            }
            if words.split(',').any(str::is_empty) {
                return Err(GlobError::EmptyWord);
            }
            alternatives = alternatives
                .iter()
                .flat_map(|start| words.split(',').map(move |word| format!("{start}{plain}{word}")))
                .take(MOST_ALTERNATIVES + 1)
                .collect();
            if alternatives.len() > MOST_ALTERNATIVES {
                return Err(GlobError::TooLarge);
            }
            rest = after;
        }
        if rest.contains(['}', ',']) {
            return Err(GlobError::Braces);
        }
        for alternative in &mut alternatives {
            alternative.push_str(rest);
        }
        Ok(Self { written: written.to_owned(), alternatives })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.alternatives.iter().any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
    }

    /// Whether one of the alternatives is exactly `text`, letter for letter: what a pattern with `*` never is.
    pub fn lists(&self, text: &str) -> bool {
        self.literals().any(|literal| literal == text)
    }

    /// Whether an alternative with `*` matches `text`.
    pub fn spans(&self, text: &str) -> bool {
        let mut wild = self.alternatives.iter().filter(|pattern| pattern.contains('*'));
        wild.any(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
    }

    /// The alternatives that name one thing only.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().map(String::as_str).filter(|pattern| !pattern.contains('*'))
    }

    /// Texts that the pattern matches, two for each alternative with `*`.
    pub fn examples(&self) -> impl Iterator<Item = String> {
        let of = |pattern: &String| [pattern.replace('*', ""), pattern.replace('*', "-x")];
        self.alternatives.iter().flat_map(of).filter(|example| !example.is_empty())
    }

    /// Each alternative as a pattern of its own.
    pub fn alternatives(&self) -> impl Iterator<Item = Self> {
        self.alternatives
            .iter()
            .map(|pattern| Self { written: pattern.clone(), alternatives: vec![pattern.clone()] })
    }

    /// Whether some text matches both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        let pair = |left: &String| {
            other.alternatives.iter().any(|right| overlaps(left.as_bytes(), right.as_bytes()))
        };
        self.alternatives.iter().any(pair)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

const LONGEST: usize = 512;
const MOST_ALTERNATIVES: usize = 64;

fn is_known(character: char) -> bool {
    character.is_ascii_alphanumeric() || "*{},.:/_-@+=".contains(character)
}

/// Matches by going back to the last `*` only, which is enough when `*` is the only wildcard.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if Some(letter) == text.get(read) => {
                at += 1;
                read += 1;
            }
            Some(_) | None => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    at = after + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&letter| letter == b'*'))
}

/// Row by row: `reach[j]` says whether some text matches the left pattern so far and the first `j` bytes of the right.
fn overlaps(left: &[u8], right: &[u8]) -> bool {
    let reachable = |reach: &[bool], index: usize| reach.get(index).copied().unwrap_or(false);
    let mut reach = vec![true];
    for &letter in right {
        let before = reach.last().copied().unwrap_or(false);
        reach.push(before && letter == b'*');
    }
    for &letter in left {
        let mut next = vec![reachable(&reach, 0) && letter == b'*'];
        for (index, &other) in right.iter().enumerate() {
            let here = if letter == b'*' || other == b'*' {
                reachable(&reach, index + 1) || reachable(&next, index)
            } else {
                reachable(&reach, index) && letter == other
            };
            next.push(here);
        }
        reach = next;
    }
    reachable(&reach, right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(written: &str) -> Glob {
        Glob::parse(written).unwrap()
    }

    #[test]
    fn patterns_match_whole_strings() {
        let table = [
            ("anthropic.claude-*", "anthropic.claude-3-haiku-20240307-v1:0", true),
            ("anthropic.claude-*", "x.anthropic.claude-3", false),
            ("anthropic.claude-{sonnet,haiku}-4-5-*", "anthropic.claude-haiku-4-5-20251001-v1:0", true),
            ("anthropic.claude-{sonnet,haiku}-4-5-*", "anthropic.claude-opus-4-5-20251101-v1:0", false),
            ("*preview*", "amazon.nova-preview", true),
            ("*preview*", "preview", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("amazon.titan-embed-text-v1", "amazon.titan-embed-text-v1", true),
            ("amazon.titan-embed-text-v1", "amazon.titan-embed-text-v1:2", false),
            ("Anthropic.*", "anthropic.claude-v2", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        let table = [
            ("claude\u{200b}", GlobError::Character('\u{200b}')),
            ("", GlobError::Empty),
            ("a b", GlobError::Character(' ')),
            ("a?", GlobError::Character('?')),
            ("[ab]", GlobError::Character('[')),
            ("{a,b", GlobError::Braces),
            ("a,b", GlobError::Braces),
            ("a}", GlobError::Braces),
            ("{a,{b,c}}", GlobError::Braces),
            ("{a,}", GlobError::EmptyWord),
            ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", GlobError::TooLarge),
        ];
        for (pattern, expected) in table {
            assert_eq!(Glob::parse(pattern), Err(expected), "{pattern}");
        }
    }

    #[test]
    fn only_a_pattern_without_a_star_lists_a_text() {
        assert!(
            glob("arn:aws:bedrock:eu-central-1:111122223333:prompt-router/r1")
                .lists("arn:aws:bedrock:eu-central-1:111122223333:prompt-router/r1")
        );
        assert!(glob("{a,b*}").lists("a"));
        assert!(!glob("{a,b*}").lists("b*"));
        assert!(!glob("*").lists("a"));
        assert!(glob("{a,b*}").spans("bc"));
        assert!(!glob("{a,b*}").spans("a"));
    }

    #[test]
    fn overlap_is_found_from_the_patterns_alone() {
        let table = [
            ("anthropic.*", "anthropic.claude-{a,b}*", true),
            ("deepseek.*", "anthropic.*", false),
            ("*haiku*", "anthropic.claude-*", true),
            ("a*c", "ab", false),
            ("a*c", "abc", true),
            ("*a", "*b", false),
            ("*", "x", true),
            ("a*", "*b", true),
        ];
        for (left, right, expected) in table {
            assert_eq!(glob(left).overlaps(&glob(right)), expected, "{left} {right}");
            assert_eq!(glob(right).overlaps(&glob(left)), expected, "{right} {left}");
        }
    }

    #[test]
    fn a_hostile_pattern_stays_fast() {
        let pattern = glob(&format!("{}b", "a*".repeat(200)));
        assert!(!pattern.matches(&"a".repeat(3000)));
        assert!(pattern.matches(&("a".repeat(3000) + "b")));
    }
}
