//! What a detector is, and what its validator sees.
//!
//! A detector is data: names, a pattern that finds candidates, words that make a candidate likelier, and a validator
//! that accepts it, whole or in part. A validator sees the bytes of its candidate, the 48 before it and one character
//! after it, and nothing else: this is what makes it possible to search a text while it arrives.

use std::ops::Range;

use super::context::{self, Told};
use super::words::Words;
use super::{DetectorId, context::CONTEXT};

/// One entry of the catalogue.
///
/// INVARIANT: what `validate` says depends on nothing but the bytes of the candidate, at most [`CONTEXT`] bytes of folded
/// text before it, one character after it, and the name of the member. Patterns are bounded and free of look-around; a
/// claim never reaches beyond what the pattern matched. A pattern may match more than is claimed, where the validator has
/// to see what follows. A search can start anew wherever no match of a pattern crosses.
#[derive(Debug)]
pub(super) struct Detector {
    /// The name Bedrock Guardrails gives the type, or one in its style.
    pub name: &'static str,
    /// The short spelling for policies.
    pub short: &'static str,
    /// Other names that policies may use, such as Amazon Comprehend's.
    pub aliases: &'static [&'static str],
    /// What it finds, as a noun phrase.
    pub finds: &'static str,
    /// The arithmetic that confirms a candidate, or the rule that stands for it.
    pub check: Option<&'static str>,
    /// One of these must be in a text before the pattern is tried at all.
    pub triggers: &'static [Trigger],
    /// A regular expression that matches at most a few thousand bytes.
    pub pattern: &'static str,
    pub validate: Validate,
    /// Words that count when they stand shortly before a candidate. Lower-case; `*` at the end lets the word go on.
    pub words: &'static [&'static str],
    /// Names of JSON members whose values are expected to be of this type: lower-case letters only.
    pub keys: &'static [&'static str],
    /// Whether a value of such a member is of this type whatever it looks like, as a password may be.
    pub whole: bool,
    pub examples: Examples,
}

/// Accepts a candidate, whole or in part.
pub(super) type Validate = fn(&Candidate<'_>) -> Option<Accepted>;

/// A condition that one pass over the bytes can decide.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trigger {
    /// At least so many digits.
    Digits(usize),
    /// This text, in any case.
    Literal(&'static str),
    /// One of the detector's words, or a member's name that speaks for it.
    Context,
}

/// Texts that show what a detector does.
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
    /// The whole folded text. Private, so that no validator looks further than it may.
    text: &'t str,
    pub range: Range<usize>,
    detector: DetectorId,
    words: &'t Words,
    /// Whether the member's name speaks for it.
    key: bool,
}

/// A candidate that the validator believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    pub range: Range<usize>,
    /// Whether arithmetic confirms it, or a prefix that only its issuer uses.
    pub checked: bool,
}

impl Accepted {
    /// Part of a candidate, believed for its shape.
    pub(super) const fn part(range: Range<usize>) -> Self {
        Self { range, checked: false }
    }
}

impl<'t> Candidate<'t> {
    pub(super) const fn new(
        detector: DetectorId,
        text: &'t str,
        range: Range<usize>,
        words: &'t Words,
        key: bool,
    ) -> Self {
        Self { text, range, detector, words, key }
    }

    /// Whether the nearest word or the member's name speaks for it. Costs more than looking at the candidate itself.
    pub(super) fn has_context(&self) -> bool {
        self.key || matches!(self.told(), Told::This(_))
    }

    /// Whether the nearest word says that it is nothing to look for, such as an order's number.
    pub(super) fn is_other(&self) -> bool {
        !self.key && self.told() == Told::Other { general: true }
    }

    /// Whether the nearest word says that it is something else, to look for or not.
    pub(super) fn is_any_other(&self) -> bool {
        !self.key && matches!(self.told(), Told::Other { .. })
    }

    /// Whether its word stands so close that hardly anything but this candidate can be meant: the same sentence, at most
    /// `longest` bytes away and no number between.
    pub(super) fn is_linked(&self, longest: usize) -> bool {
        let Told::This(gap) = self.told() else { return self.key };
        let between = self.text.get(gap.end..self.range.start).unwrap_or_default();
        self.key || context::is_link(between, longest)
    }

    /// Whether one of `words`, given in lower case, is among the last three before it, with no number between.
    pub(super) fn follows(&self, words: &[&str]) -> bool {
        let bytes = self.text.as_bytes().get(self.range.start.saturating_sub(CONTEXT)..self.range.start);
        let last = bytes.unwrap_or_default().rsplit(|byte| !byte.is_ascii_alphanumeric());
        last.filter(|word| !word.is_empty())
            .take(3)
            .take_while(|word| !word.iter().any(u8::is_ascii_digit))
            .any(|word| words.iter().any(|one| word.eq_ignore_ascii_case(one.as_bytes())))
    }

    /// Whether a number of at least `count` digits stands right before it, with a sign or a space between.
    pub(super) fn follows_digits(&self, count: usize) -> bool {
        let bytes = self.text.as_bytes().get(self.range.start.saturating_sub(CONTEXT)..self.range.start);
        let last = bytes.unwrap_or_default().iter().rev();
        let mut last = last.skip_while(|byte| b" \t,;|/:".contains(byte)).peekable();
        let number =
            std::iter::from_fn(|| last.next_if(|byte| byte.is_ascii_digit() || b" -".contains(byte)));
        number.filter(|byte| byte.is_ascii_digit()).count() >= count
    }

    fn told(&self) -> Told {
        self.words.told(self.text, self.detector, self.range.start)
    }

    pub(super) fn matched(&self) -> &'t str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The text behind the candidate.
    ///
    /// INVARIANT: only for candidates that fill a repetition without end, of which a stream holds everything until it has
    /// ended (`stream/holding`).
    pub(super) fn behind(&self) -> &'t str {
        self.text.get(self.range.end..).unwrap_or_default()
    }

    /// The candidate up to `end`.
    pub(super) fn until(&self, end: usize) -> &'t str {
        self.text.get(self.range.start..end.min(self.range.end)).unwrap_or_default()
    }

    /// The byte before a position, `\0` at the start and further away than [`CONTEXT`].
    pub(super) fn byte_before(&self, at: usize) -> u8 {
        let near = at + CONTEXT > self.range.start;
        at.checked_sub(1).filter(|_| near).map_or(0, |at| self.byte(at))
    }

    /// The byte at a position, `\0` at the end and behind the first byte after the candidate.
    pub(super) fn byte(&self, at: usize) -> u8 {
        if at > self.range.end {
            return 0;
        }
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// Whether the candidate begins where a word or number does, not inside of one.
    pub(super) fn begins_apart(&self) -> bool {
        let start = self.range.start;
        let before = self.byte_before(start);
        let inside = b".-".contains(&before) && self.byte_before(start - 1).is_ascii_digit();
        !before.is_ascii_alphanumeric() && !inside
    }

    /// Whether the candidate begins where a date does: not inside of a longer one, a fraction or a path.
    pub(super) fn begins_alone(&self) -> bool {
        let before = self.byte_before(self.range.start);
        self.begins_apart() && !b"/\\_".contains(&before)
    }

    /// Whether a number that ends at `end` goes on there: in a letter or digit, or in a digit after `.` or `-`. The
    /// latter is seen only where the pattern has matched it.
    pub(super) fn goes_on(&self, end: usize) -> bool {
        let next = self.byte(end);
        next.is_ascii_alphanumeric() || (b".-".contains(&next) && self.byte(end + 1).is_ascii_digit())
    }

    /// Whether it is a word of its own: letters, digits and `_` neither before nor after it.
    pub(super) fn is_word(&self) -> bool {
        let of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !of_word(self.byte_before(self.range.start)) && !of_word(self.byte(self.range.end))
    }

    /// Where the digits of a number end whose pattern looks at what follows.
    pub(super) fn digits_end(&self, count: usize) -> Option<usize> {
        let bytes = self.matched().bytes().enumerate();
        let nth = bytes.filter(|(_, byte)| byte.is_ascii_digit()).nth(count.checked_sub(1)?)?;
        Some(self.range.start + nth.0 + 1)
    }

    /// The whole candidate, believed for its shape.
    pub(super) fn by_shape(&self) -> Accepted {
        self.shape_until(self.range.end)
    }

    /// The candidate up to `end`, believed for its shape.
    pub(super) fn shape_until(&self, end: usize) -> Accepted {
        Accepted { range: self.range.start..end, checked: false }
    }

    /// The whole candidate, confirmed.
    pub(super) fn checked(&self) -> Accepted {
        self.checked_until(self.range.end)
    }

    /// The candidate up to `end`, confirmed.
    pub(super) fn checked_until(&self, end: usize) -> Accepted {
        Accepted { range: self.range.start..end, checked: true }
    }
}

/// The values of the ASCII digits in `text`.
pub(super) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0'))
}
