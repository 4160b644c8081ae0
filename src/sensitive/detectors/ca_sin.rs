//! Canadian social insurance numbers.
//!
//! Nine digits with the Luhn check. Written in one piece, or with a first digit that is not given out, they need the word.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "CA_SOCIAL_INSURANCE_NUMBER",
    short: "ca_sin",
    aliases: &[],
    finds: "Canadian social insurance numbers",
    check: Some("Luhn"),
    triggers: &[Trigger::Digits(9)],
    pattern: r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}(?:[.-][0-9])?",
    validate,
    words: &["sin", "sins", "social insurance*", "insurance sociale", "assurance sociale", "nas"],
    keys: &["sin", "socialinsurance"],
    whole: false,
    examples: Examples {
        found: &[
            ("SIN: 294-185-574", "294-185-574"),
            ("SIN: 223677725", "223677725"),
            ("his is 709 235 444, he says", "709 235 444"),
        ],
        passed: &["223677725", "SIN: 223677726", "lot 709 235 444", "709-235 444", "1.709-235-444"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(9)?;
    let number = candidate.until(end);
    let grouped = || {
        let issued = !number.starts_with(['0', '8']);
        issued && number.len() == 11 && same_joints(number) && !candidate.is_other()
    };
    let apart = candidate.begins_apart() && !candidate.goes_on(end);
    (apart && checksums::luhn(number) && (candidate.has_context() || grouped()))
        .then(|| candidate.checked_until(end))
}

fn same_joints(number: &str) -> bool {
    number.as_bytes().get(3) == number.as_bytes().get(7)
}
