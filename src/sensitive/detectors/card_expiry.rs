//! Expiry dates of payment cards.
//!
//! A month and a year; a word must say that something ends then, or a long number such as a card's stand before it.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "CREDIT_DEBIT_CARD_EXPIRY",
    short: "card_expiry",
    aliases: &[],
    finds: "expiry dates of payment cards, where a word for it stands by them",
    check: None,
    triggers: &[Trigger::Context, Trigger::Digits(16)],
    pattern: r"(?:0?[1-9]|1[0-2])(?: ?[/-] ?|\.)(?:20)?[2-5][0-9](?:[/.-][0-9])?",
    validate,
    words: &[
        "expiry*",
        "expires",
        "expire",
        "expiration*",
        "exp",
        "exp.",
        "exp date",
        "expdate",
        "valid thru",
        "valid through",
        "valid until",
        "valid to",
        "good thru",
        "mm/yy",
        "gültig bis",
        "expira",
    ],
    keys: &["expiry", "expiration", "expirydate", "expdate", "exp", "validthru"],
    whole: false,
    examples: Examples {
        found: &[
            ("4111111111111111 | 09/27 | 123", "09/27"),
            ("expiry: 07/28, cvv", "07/28"),
            ("exp 1/2029", "1/2029"),
            ("valid thru 12-27.", "12-27"),
        ],
        passed: &["07/28", "expiry: 13/28", "valid to 10/12/2027", "expires 2027-01-12", "exp 07/280"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end =
        candidate.matched().bytes().rposition(|byte| byte.is_ascii_digit())? + 1 + candidate.range.start;
    let next = candidate.byte(end);
    let goes_on =
        next.is_ascii_alphanumeric() || (b"/.-".contains(&next) && candidate.byte(end + 1).is_ascii_digit());
    (candidate.begins_alone() && !goes_on && (candidate.is_linked(28) || candidate.follows_digits(13)))
        .then(|| candidate.shape_until(end))
}
