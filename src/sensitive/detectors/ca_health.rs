//! Canadian health card numbers.
//!
//! Ten digits, in Ontario with the Luhn check and up to two letters; the word must stand by them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "CA_HEALTH_NUMBER",
    short: "ca_health",
    aliases: &[],
    finds: "Canadian health card numbers",
    check: Some("Luhn, in Ontario"),
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{4}[ -]?[0-9]{3}[ -]?[0-9]{3}(?:[ -]?[A-Z]{2})?",
    validate,
    words: &[
        "health card*",
        "ohip*",
        "phn",
        "personal health number",
        "health insurance number",
        "carte santé",
    ],
    keys: &["healthcard", "healthnumber", "ohip", "phn"],
    whole: false,
    examples: Examples {
        found: &[
            ("OHIP: 9876-543-217 AB", "9876-543-217 AB"),
            ("health card number 1234567890", "1234567890"),
        ],
        passed: &["9876543217", "NHS 9876543210", "health card 12345678901"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let apart = candidate.begins_apart() && !candidate.byte(candidate.range.end).is_ascii_alphanumeric();
    let checked = checksums::luhn(candidate.matched());
    let said = apart && candidate.is_linked(32);
    said.then(|| if checked { candidate.checked() } else { candidate.by_shape() })
}
