//! Payment card numbers.
//!
//! A known issuer prefix, a length that issuer uses, and the Luhn check. Digits may stand in groups.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "CREDIT_DEBIT_CARD_NUMBER",
    short: "credit_card",
    aliases: &["CREDIT_DEBIT_NUMBER"],
    finds: "numbers of payment cards, in groups or not",
    check: Some("issuer prefix, length, Luhn"),
    triggers: &[Trigger::Digits(13)],
    pattern: r"[0-9](?:[ \t.-]{0,2}[0-9]){12,18}(?:[ \t.-]?[0-9])?",
    validate,
    words: &[
        "card",
        "credit",
        "debit",
        "visa",
        "mastercard",
        "master card",
        "amex",
        "american express",
        "discover",
        "jcb",
        "diners",
        "pan",
        "maestro",
        "cc",
        "karte",
        "kreditkarte",
        "carte",
        "tarjeta",
    ],
    keys: &["card", "cardnumber", "pan", "creditcard", "debitcard", "ccnumber", "cc"],
    whole: false,
    examples: Examples {
        found: &[
            ("4111 1111 1111 1111", "4111 1111 1111 1111"),
            ("4111-1111-1111-1111.", "4111-1111-1111-1111"),
            ("card 4111111111111111, thanks", "4111111111111111"),
            ("4111\u{2009}1111\u{2009}1111\u{2009}1111", "4111\u{2009}1111\u{2009}1111\u{2009}1111"),
            ("amex 3782 822463 10005", "3782 822463 10005"),
            ("5555 5555 5555 4444 123", "5555 5555 5555 4444"),
            ("12 4111 1111 1111 1111", "4111 1111 1111 1111"),
            ("2221 0000 0000 0009", "2221 0000 0000 0009"),
            ("30569309025904", "30569309025904"),
            ("card 6759649826438453", "6759649826438453"),
            ("４１１１１１１１１１１１１１１１", "４１１１１１１１１１１１１１１１"),
            ("4111\u{200b}1111\u{200b}1111\u{200b}1111", "4111\u{200b}1111\u{200b}1111\u{200b}1111"),
        ],
        passed: &[
            "4111 1111 1111 1112",
            "0.4111111111111111",
            "41111111111111111111",
            "order 1234567890123452",
            "a4111111111111111",
            "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
            "4111-1111-1111-1111-2222",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    if !candidate.begins_apart() {
        return None;
    }
    let bytes = candidate.matched().as_bytes();
    let start = candidate.range.start;
    let is_end = |&at: &usize| !bytes.get(at).is_some_and(u8::is_ascii_digit);
    // The run may have taken in the number that follows: give its groups back, but only at spaces.
    let mut ends = (13..=bytes.len()).rev().filter(is_end).filter(|&at| bytes.get(at - 1) != Some(&b' '));
    let end = ends.find(|&at| {
        let whole = at == bytes.len() && !candidate.goes_on(start + at);
        let at_space = candidate.byte(start + at) == b' ';
        (whole || at_space) && is_card(candidate.until(start + at), candidate)
    })?;
    Some(candidate.checked_until(start + end))
}

fn is_card(text: &str, candidate: &Candidate<'_>) -> bool {
    if !checksums::luhn(text) {
        return false;
    }
    let digits: Vec<u32> = digits(text).collect();
    let context = candidate.has_context();
    // A list of small numbers is hardly ever a card, and one in ten passes the check.
    let groups = text.split(|sign: char| !sign.is_ascii_digit()).filter(|group| !group.is_empty()).count();
    let spelled_out = groups > MOST_GROUPS;
    is_issued(&digits, context) && (context || !spelled_out)
}

/// Nobody writes a card in more groups.
const MOST_GROUPS: usize = 6;

/// Whether an issuer uses this prefix with this length. Less common issuers need a word that speaks for a card.
fn is_issued(digits: &[u32], context: bool) -> bool {
    let prefix = |length: usize| digits.iter().take(length).fold(0, |number, digit| number * 10 + digit);
    let length = digits.len();
    match (prefix(2), length) {
        (34 | 37, 15)
        | (36 | 38 | 39, 14..=19)
        | (51..=55, 16)
        | (62 | 65, 16..=19)
        | (40..=49, 13 | 16 | 19) => true,
        (30, 14) => prefix(3) <= 305,
        (22..=27, 16) => (2221..=2720).contains(&prefix(4)) || (context && prefix(4) <= 2204),
        (35, 16..=19) => (3528..=3589).contains(&prefix(4)),
        (60, 16..=19) => prefix(4) == 6011 || context,
        (64, 16..=19) => prefix(3) >= 644,
        (50 | 56..=58 | 61 | 63 | 66..=69 | 81 | 82, 13..=19) => context,
        (97, 16) => prefix(4) == 9792 && context,
        _ => false,
    }
}
