//! Placeholders that can be turned back: `{EMAIL_1}` for one value, `{EMAIL_2}` for the next.
//!
//! Receives the texts of a request and what was found in them, returns texts in which each value has a placeholder of its
//! own, and puts the values back into the texts of the answer. Lives as long as one exchange or session, in memory only;
//! values are wiped when it is dropped, and it shows none of them.
//!
//! Numbers count the values of a detector in the order in which they are first seen. That makes them the same in every
//! turn of a conversation, because a client repeats what was said before, and needs no key that the wardens of a fleet
//! would have to share. A number that is made from the value by a key would also be the same after a client drops its
//! oldest messages; but it would be the same in every other conversation, too, and so tell Bedrock which of them are about
//! the same person. A history without its beginning is numbered anew, as a whole, so that it still agrees with itself.
//!
//! A value that the caller sent is given back to that caller, and is no finding of the answer: detectors look at an answer
//! as the model wrote it, where a placeholder stands for the value. Rules about answers are about what the model adds.

mod restore;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Bound;

use super::redact::{push_placeholder, replaced};
use super::{DetectorId, DetectorSet, Match};

use value::Value;

pub use restore::{Restorer, Spelling};

/// What was replaced, and by what.
#[derive(Default)]
pub struct Tokens {
    numbers: BTreeMap<DetectorId, Numbers>,
    /// The values by their placeholders.
    values: BTreeMap<String, Value>,
    /// The length of the longest placeholder.
    longest: usize,
    /// What looks like a placeholder and was written by somebody else.
    foreign: BTreeSet<String>,
}

/// The values of one detector.
#[derive(Default)]
struct Numbers {
    last: u32,
    placeholders: BTreeMap<Value, String>,
}

impl Tokens {
    /// Whether no value was replaced.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Notes what in `text` looks like a placeholder. It is somebody else's, stays what it is and is never turned into a
    /// value. ORDER: to be called with every text of a request before the first is tokenised.
    pub fn avoid(&mut self, text: &str) {
        for foreign in look_alikes(text) {
            if let Some(value) = self.values.remove(foreign) {
                self.numbers
                    .values_mut()
                    .for_each(|numbers| drop(numbers.placeholders.remove(value.as_str())));
            }
            self.foreign.insert(foreign.to_owned());
        }
    }

    /// The text with its matches of `tokenize` replaced by placeholders and those of `redact` by the names of what they
    /// are; `None` when nothing changes. `matches` are a scan's of this text: sorted, not overlapping.
    pub fn clean(
        &mut self,
        text: &str,
        matches: &[Match],
        redact: DetectorSet,
        tokenize: DetectorSet,
    ) -> Option<String> {
        let going = redact.union(tokenize);
        let going = matches.iter().filter(|found| going.contains(found.detector));
        replaced(text, going, |clean, detector, value| {
            let is_redacted = redact.contains(detector);
            clean.push_str(&self.stand_in(
                detector,
                value,
                if is_redacted { DetectorSet::EMPTY } else { tokenize },
            ));
        })
    }

    /// What `value` is replaced by: its placeholder where `tokenize` has the detector, else the name of what it is.
    pub fn stand_in(&mut self, detector: DetectorId, value: &str, tokenize: DetectorSet) -> String {
        if tokenize.contains(detector) {
            return self.placeholder(detector, value).to_owned();
        }
        let mut name = String::new();
        push_placeholder(&mut name, detector);
        name
    }

    /// What stands for `value`.
    fn placeholder(&mut self, detector: DetectorId, value: &str) -> &str {
        let Self { numbers, values, longest, foreign } = self;
        let Numbers { last, placeholders } = numbers.entry(detector).or_default();
        if !placeholders.contains_key(value) {
            let placeholder = loop {
                *last = last.saturating_add(1);
                let placeholder = format!("{{{}_{last}}}", detector.name());
                if !foreign.contains(&placeholder) {
                    break placeholder;
                }
            };
            *longest = placeholder.len().max(*longest);
            let value = Value::new(value);
            values.insert(placeholder.clone(), value.clone());
            placeholders.insert(value, placeholder);
        }
        placeholders.get(value).map_or("", String::as_str)
    }

    /// The value that `placeholder` stands for.
    fn value(&self, placeholder: &str) -> Option<&str> {
        self.values.get(placeholder).map(Value::as_str)
    }

    /// As much of a text as a placeholder that begins with it can take.
    fn within_reach<'t>(&self, text: &'t str) -> &'t str {
        text.get(..text.floor_char_boundary(self.longest)).unwrap_or(text)
    }

    /// Whether some placeholder begins so.
    fn may_begin(&self, text: &str) -> bool {
        let mut from = self.values.range::<str, _>((Bound::Included(text), Bound::Unbounded));
        from.next().is_some_and(|(placeholder, _)| placeholder.starts_with(text))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: how many there are, and nothing else.
        formatter.debug_struct("Tokens").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

/// Everything in a text that has the form of a placeholder.
fn look_alikes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(|(start, _)| {
        let rest = text.get(start..)?;
        let inner = rest.get(1..)?;
        let length = inner.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')?;
        let number = inner.get(..length)?.rsplit_once('_')?.1;
        let is_one = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let is_closed = inner.as_bytes().get(length) == Some(&b'}');
        rest.get(..length + 2).filter(|_| is_one && is_closed)
    })
}

#[cfg(test)]
mod tests;
