//! Routing numbers of American banks.
//!
//! A district that exists and the 3-7-1 check, and a word for it or for banking: one in twenty numbers passes otherwise.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "US_BANK_ROUTING_NUMBER",
    short: "us_bank_routing",
    aliases: &["BANK_ROUTING"],
    finds: "routing numbers of American banks",
    check: Some("district, weights 3-7-1"),
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9](?:[.-][0-9])?",
    validate,
    words: &["aba", "rtn", "routing*", "transit*", "ach", "wire*", "fedwire", "bank", "bank routing*"],
    keys: &["routing", "routingnumber", "aba", "rtn"],
    whole: false,
    examples: Examples {
        found: &[
            ("ABA 221487745, a/c", "221487745"),
            ("routing number: 021000021", "021000021"),
            ("wire to 0210-0002-1", "0210-0002-1"),
        ],
        passed: &["021000021", "ABA 021000022", "bank, since then 991000021", "order 021000021"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(9)?;
    let number = candidate.until(end);
    let district = digits(number).take(2).fold(0, |number, digit| number * 10 + digit);
    let known = matches!(district, 0..=12 | 21..=32 | 61..=72 | 80);
    let apart = candidate.begins_apart() && !candidate.goes_on(end);
    // A word right before it makes up for a district that is not in use.
    let told = || if known { candidate.has_context() } else { candidate.is_linked(24) };
    (apart && checksums::aba(number) && told()).then(|| candidate.checked_until(end))
}
