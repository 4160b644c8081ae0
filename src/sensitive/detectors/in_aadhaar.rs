//! Indian Aadhaar numbers.
//!
//! Twelve digits that do not begin with 0 or 1, with Verhoeff's check. In one piece they need the word.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "IN_AADHAAR",
    short: "in_aadhaar",
    aliases: &[],
    finds: "Indian Aadhaar numbers",
    check: Some("Verhoeff"),
    triggers: &[Trigger::Digits(12)],
    pattern: r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}(?:[ .-][0-9])?",
    validate,
    words: &["aadhaar*", "aadhar*", "adhaar*", "uidai", "uid"],
    keys: &["aadhaar", "aadhar"],
    whole: false,
    examples: Examples {
        found: &[
            ("Aadhaar 234123412346", "234123412346"),
            ("his is 2341 2341 2346, he says", "2341 2341 2346"),
        ],
        passed: &["234123412346", "aadhaar 234123412347", "2341 2341 2346 1111"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(12)?;
    let number = candidate.until(end);
    let grouped = || number.len() == 14 && !candidate.is_other();
    let apart = candidate.begins_apart()
        && !candidate.goes_on(end)
        && !(candidate.byte(end) == b' ' && candidate.byte(end + 1).is_ascii_digit());
    let believed = || candidate.has_context() || grouped();
    (apart && checksums::verhoeff(number) && believed()).then(|| candidate.checked_until(end))
}
