//! Security codes of payment cards.
//!
//! Three or four digits, so the word must stand right before them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "CREDIT_DEBIT_CARD_CVV",
    short: "card_cvv",
    aliases: &[],
    finds: "security codes of payment cards, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{3,4}",
    validate,
    words: &[
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "cid",
        "csc",
        "cav2",
        "security code",
        "card verification*",
        "verification value",
        "card code",
    ],
    keys: &["cvv", "cvc", "cvvtwo", "securitycode", "cvn"],
    whole: false,
    examples: Examples {
        found: &[("cvv: 544}", "544"), ("the security code is 1234.", "1234"), ("\"cvc\":\"123\"", "123")],
        passed: &["544", "cvv 12", "cvv 12345", "the cvv of card 4111", "cvv: 12/27"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let apart = candidate.begins_alone() && !candidate.goes_on(candidate.range.end);
    (apart && candidate.is_linked(20)).then(|| candidate.by_shape())
}
