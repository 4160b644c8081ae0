//! The part of a text that is not settled yet, and a little before it.
//!
//! Receives pieces of text and keeps them twice, as they came and folded for matching, with the way back from folded
//! offsets. Forgets what is settled but for a bounded rest, which detectors look at for words and boundaries.

use std::ops::Range;

use crate::sensitive::fold::{Fold, fold};

/// Folded bytes that are kept before the first one that is not settled: the words that detectors look for, and what
/// tells a word from a placeholder.
const CONTEXT: usize = 128;
/// So much more is kept before it is dropped in one go, so that dropping costs little.
const SLACK: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Window {
    original: String,
    folded: String,
    /// Where folded and original text stop running in step, ascending.
    steps: Vec<Step>,
    settled: usize,
    /// Where in the original the part begins that is not settled: a character that is dropped at the end of what is
    /// settled comes after it.
    released: usize,
}

/// From here on, byte `folded` of the copy is byte `original` of the original, until the next step.
#[derive(Debug, Clone, Copy)]
struct Step {
    folded: usize,
    original: usize,
}

impl Window {
    pub(super) fn push(&mut self, text: &str) {
        if text.is_ascii() {
            self.original.push_str(text);
            self.folded.push_str(text);
            return;
        }
        for character in text.chars() {
            self.original.push(character);
            let before = self.folded.len();
            match if character.is_ascii() { Fold::Keep } else { fold(character) } {
                Fold::To(byte) => self.folded.push(char::from(byte)),
                Fold::Drop => {}
                Fold::Keep => self.folded.push(character),
            }
            if self.folded.len() - before != character.len_utf8() {
                self.steps.push(Step { folded: self.folded.len(), original: self.original.len() });
            }
        }
    }

    /// The folded text: what was kept for context, then what is not settled.
    pub(super) fn folded(&self) -> &str {
        &self.folded
    }

    /// Where in the folded text the part begins that is not settled.
    pub(super) const fn settled(&self) -> usize {
        self.settled
    }

    /// The original text between two folded offsets. Characters that were dropped inside of it belong to it.
    pub(super) fn between(&self, range: Range<usize>) -> &str {
        let start = if range.start == self.settled { self.released } else { self.origin(range.start) };
        self.original.get(start..self.origin(range.end)).unwrap_or_default()
    }

    /// The characters that were dropped right before the folded offset `end` of a match. They do not belong to it.
    pub(super) fn dropped_before(&self, end: usize) -> &str {
        let before = self.folded.get(..end).unwrap_or_default();
        let last = before.chars().next_back().map_or(end, |last| end - last.len_utf8());
        let rest = self.original.get(self.origin(last)..self.origin(end)).unwrap_or_default();
        let mut characters = rest.chars();
        characters.next();
        characters.as_str()
    }

    /// Bytes that are taken up.
    #[cfg(test)]
    pub(super) const fn memory(&self) -> usize {
        self.original.capacity() + self.folded.capacity() + self.steps.capacity() * size_of::<Step>()
    }

    /// Everything before the folded offset `to` is settled. Returns by how much all offsets have become smaller.
    pub(super) fn settle(&mut self, to: usize) -> usize {
        self.settled = to;
        self.released = self.origin(to);
        let Some(spare) = to.checked_sub(CONTEXT + SLACK) else { return 0 };
        let mut cut = spare + SLACK;
        while !self.folded.is_char_boundary(cut) {
            cut -= 1;
        }
        let origin = self.origin(cut);
        self.original.drain(..origin);
        self.folded.drain(..cut);
        self.steps.retain_mut(|step| {
            let later = step.folded > cut;
            step.folded = step.folded.saturating_sub(cut);
            step.original = step.original.saturating_sub(origin);
            later
        });
        self.settled -= cut;
        self.released -= origin;
        cut
    }

    /// Where the character that starts at a folded offset starts in the original; at the end, its end.
    fn origin(&self, folded: usize) -> usize {
        let steps = self.steps.partition_point(|step| step.folded <= folded);
        let step = steps.checked_sub(1).and_then(|index| self.steps.get(index));
        step.map_or(folded, |step| step.original + (folded - step.folded))
    }
}
