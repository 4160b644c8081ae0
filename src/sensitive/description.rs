//! What people are told about a detector.
//!
//! Receives an id and returns the entry of the catalogue in words and examples. Plain data, for `sensitive list`.

use super::DetectorId;

/// A built-in detector in words.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    pub name: &'static str,
    pub short: &'static str,
    pub aliases: &'static [&'static str],
    /// A noun phrase.
    pub finds: &'static str,
    /// The arithmetic or rule that confirms a candidate.
    pub check: Option<&'static str>,
    /// Words that speak for a candidate; a `*` lets the word go on.
    pub keywords: &'static [&'static str],
    /// Members whose name speaks for their value.
    pub keys: &'static [&'static str],
    /// Texts, and what is found in each.
    pub matches: &'static [(&'static str, &'static str)],
    /// Texts in which nothing is found.
    pub passes: &'static [&'static str],
}

/// What the catalogue says of a detector; `None` for a custom one.
pub fn describe(id: DetectorId) -> Option<Description> {
    let detector = id.built_in()?;
    Some(Description {
        name: detector.name,
        short: detector.short,
        aliases: detector.aliases,
        finds: detector.finds,
        check: detector.check,
        keywords: detector.words,
        keys: detector.keys,
        matches: detector.examples.found,
        passes: detector.examples.passed,
    })
}
