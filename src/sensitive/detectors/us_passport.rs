//! Passport numbers of the United States, and of others that write theirs alike.
//!
//! Eight or nine characters that could be anything, so the word must stand close by.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "US_PASSPORT_NUMBER",
    short: "us_passport",
    aliases: &["PASSPORT_NUMBER"],
    finds: "passport numbers, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[A-Za-z]?[0-9]{8,9}|[A-Za-z]{1,2}[0-9]{6,7}",
    validate,
    words: &["passport*", "passeport", "pasaporte", "reisepass*", "travel document*"],
    keys: &["passport"],
    whole: false,
    examples: Examples {
        found: &[
            ("Passport 422803052", "422803052"),
            ("Passport (new style) Z88491976 valid to", "Z88491976"),
            ("my passport number is C01234567.", "C01234567"),
            ("passport no. 422803052", "422803052"),
        ],
        passed: &[
            "422803052",
            "Z88491976",
            "passport renewal, order 422803052",
            "I need my passport by 2031-01-12",
            "passport 12345678901",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    (candidate.is_word() && candidate.is_linked(40)).then(|| candidate.by_shape())
}
