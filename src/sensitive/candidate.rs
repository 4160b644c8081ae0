//! What a detector is, and what its validator sees.
//!
//! A detector is data: names, a pattern that finds candidates, words that make a candidate likelier, and a validator
//! that accepts it, whole or in part. Validators receive the folded text around a candidate and return a range of it.
//! They look at bounded surroundings only and never keep what they saw.

use std::ops::Range;

use super::context;

/// One entry of the catalogue.
#[derive(Debug)]
pub(super) struct Detector {
    /// The name Bedrock Guardrails gives the type, or one in its style.
    pub name: &'static str,
    /// The short spelling for policies.
    pub short: &'static str,
    /// One of these must be in a text before the pattern is tried at all.
    pub triggers: &'static [Trigger],
    /// A regular expression that matches at most a few hundred bytes.
    pub pattern: &'static str,
    pub validate: fn(&Candidate<'_>) -> Option<Accepted>,
    /// Words that count when they stand shortly before a candidate. Lower-case.
    pub before: &'static [&'static str],
    /// Words that count when they stand right after it. Lower-case.
    pub after: &'static [&'static str],
    /// Names of JSON members whose values are expected to be of this type: lower-case letters only.
    pub keys: &'static [&'static str],
    #[cfg(test)]
    pub examples: Examples,
}

/// A condition that one pass over the bytes can decide.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trigger {
    /// At least so many digits.
    Digits(usize),
    /// This text.
    Literal(&'static str),
}

/// Texts that show what a detector does.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Examples {
    /// A text, and what must be found in it.
    pub found: &'static [(&'static str, &'static str)],
    /// Texts in which nothing must be found.
    pub passed: &'static [&'static str],
}

/// A match of a detector's pattern, before it is believed.
#[derive(Debug)]
pub(super) struct Candidate<'t> {
    /// The whole folded text.
    pub text: &'t str,
    pub range: Range<usize>,
    detector: &'static Detector,
    /// Whether the member's name speaks for it.
    key: bool,
}

/// A candidate that the validator believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    pub range: Range<usize>,
    /// Whether arithmetic confirms it, beyond its shape.
    pub checksum: bool,
}

impl<'t> Candidate<'t> {
    pub(super) const fn new(
        detector: &'static Detector,
        text: &'t str,
        range: Range<usize>,
        key: bool,
    ) -> Self {
        Self { text, range, detector, key }
    }

    /// Whether a word nearby or the member's name speaks for it. Costs more than looking at the candidate itself.
    pub(super) fn has_context(&self) -> bool {
        self.key
            || context::before(self.text, self.range.start, self.detector.before)
            || context::after(self.text, self.range.end, self.detector.after)
    }

    pub(super) fn matched(&self) -> &'t str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The byte before a position, `\0` at the start.
    pub(super) fn byte_before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    /// The byte at a position, `\0` at the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// Whether the candidate begins where a word or number does, not inside of one.
    pub(super) fn begins_apart(&self) -> bool {
        let before = self.byte_before(self.range.start);
        let inside = b".-".contains(&before) && self.byte_before(self.range.start - 1).is_ascii_digit();
        !before.is_ascii_alphanumeric() && !inside
    }

    /// Whether a number that ends at `end` goes on there: in a letter or digit, or in a digit after `.` or `-`.
    pub(super) fn goes_on(&self, end: usize) -> bool {
        let next = self.byte(end);
        next.is_ascii_alphanumeric() || (b".-".contains(&next) && self.byte(end + 1).is_ascii_digit())
    }

    /// The whole candidate, believed for its shape.
    pub(super) fn by_shape(&self) -> Accepted {
        Accepted { range: self.range.clone(), checksum: false }
    }

    /// The candidate up to `end`, believed for its shape.
    pub(super) fn shape_until(&self, end: usize) -> Accepted {
        Accepted { range: self.range.start..end, checksum: false }
    }

    /// The candidate up to `end`, confirmed by arithmetic.
    pub(super) fn checked_until(&self, end: usize) -> Accepted {
        Accepted { range: self.range.start..end, checksum: true }
    }
}

/// The values of the ASCII digits in `text`.
pub(super) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0'))
}
