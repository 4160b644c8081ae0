//! The copy of a text that detectors match on.
//!
//! Receives a text and returns it with look-alikes folded to ASCII, and the way back from its offsets to the text's
//! own. A text of plain ASCII is its own copy and costs nothing. Never shown, never forwarded: only offsets leave.

use std::borrow::Cow;
use std::ops::Range;

use super::fold::{Fold, fold};

/// A folded copy and where its parts come from.
#[derive(Debug)]
pub(super) struct Normalised<'a> {
    original: &'a str,
    text: Cow<'a, str>,
    /// Where copy and original stop running in step, ascending.
    steps: Vec<Step>,
}

/// From here on, byte `copy` of the copy is byte `original` of the original, until the next step.
#[derive(Debug, Clone, Copy)]
struct Step {
    copy: usize,
    original: usize,
}

impl<'a> Normalised<'a> {
    pub(super) fn new(original: &'a str) -> Self {
        if original.is_ascii() {
            return Self { original, text: Cow::Borrowed(original), steps: Vec::new() };
        }
        let mut text = String::with_capacity(original.len());
        let mut steps = Vec::new();
        for (at, character) in original.char_indices() {
            let before = text.len();
            let folded = if character.is_ascii() { Fold::Keep } else { fold(character) };
            match folded {
                Fold::To(byte) => text.push(char::from(byte)),
                Fold::Drop => {}
                Fold::Keep => text.push(character),
            }
            if text.len() - before != character.len_utf8() {
                steps.push(Step { copy: text.len(), original: at + character.len_utf8() });
            }
        }
        Self { original, text: Cow::Owned(text), steps }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the original that a range of the copy was made from. Characters that were dropped inside of it
    /// belong to it; those before and after it do not.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.original_offset(range.start);
        let covered = self.text.get(range.clone()).unwrap_or_default();
        let Some(last) = covered.chars().next_back() else { return start..start };
        let last = self.original_offset(range.end - last.len_utf8());
        let length = self.original.get(last..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        start..last + length
    }

    /// Where the character that starts at `copy` starts in the original.
    fn original_offset(&self, copy: usize) -> usize {
        let steps = self.steps.partition_point(|step| step.copy <= copy);
        let step = steps.checked_sub(1).and_then(|index| self.steps.get(index));
        step.map_or(copy, |step| step.original + (copy - step.copy))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_ascii_is_not_copied() {
        assert!(matches!(Normalised::new("my ssn is 123-45-6789").text, Cow::Borrowed(_)));
    }

    #[test]
    fn offsets_lead_back_to_what_was_folded() {
        let text = "é １２\u{200b}３–4\u{ad}!";
        let normalised = Normalised::new(text);
        assert_eq!(normalised.text(), "é 123-4!");
        let start = normalised.text().find('1').unwrap();
        let found = normalised.original(&(start..start + 5));
        assert_eq!(text.get(found).unwrap(), "１２\u{200b}３–4");
        assert_eq!(normalised.original(&(3..3)).len(), 0);
    }

    proptest! {
        #[test]
        fn every_range_of_the_copy_is_one_of_the_original(text in "(\\PC|[0-9０-９\u{200b}–]){0,30}", a: usize, b: usize) {
            let normalised = Normalised::new(&text);
            let bounds: Vec<usize> = normalised.text().char_indices().map(|(at, _)| at)
                .chain([normalised.text().len()]).collect();
            let (a, b) = (bounds[a % bounds.len()], bounds[b % bounds.len()]);
            let range = a.min(b)..a.max(b);
            let original = text.get(normalised.original(&range)).expect("offsets lie on characters");
            let again = Normalised::new(original);
            prop_assert_eq!(again.text(), normalised.text().get(range).unwrap());
        }
    }
}
