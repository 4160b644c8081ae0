//! Personal identification numbers.
//!
//! Four to eight digits, so the word must stand right before them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "PIN",
    short: "pin",
    aliases: &[],
    finds: "personal identification numbers, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{4,8}",
    validate,
    words: &["pin", "pins", "pin code", "pin number", "pincode", "atm pin", "passcode", "unlock code"],
    keys: &["pin", "pincode", "passcode"],
    whole: false,
    examples: Examples {
        found: &[("PIN: 5375", "5375"), ("my pin is 123456.", "123456")],
        passed: &["5375", "pin 123", "GPIO pin 12", "pin the tab, order 12345", "PIN: 123456789"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let apart = candidate.begins_alone() && !candidate.goes_on(candidate.range.end);
    (apart && candidate.is_linked(20)).then(|| candidate.by_shape())
}
