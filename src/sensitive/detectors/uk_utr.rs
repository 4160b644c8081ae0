//! British unique taxpayer references.
//!
//! Ten digits, the first of which checks the others. The word must stand by them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER",
    short: "uk_utr",
    aliases: &[],
    finds: "British unique taxpayer references",
    check: Some("modulo 11"),
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{5}[ -]?[0-9]{5}(?:[.-][0-9])?",
    validate,
    words: &["utr", "taxpayer reference*", "unique taxpayer*", "tax reference*", "self assessment", "hmrc"],
    keys: &["utr", "taxpayerreference"],
    whole: false,
    examples: Examples {
        found: &[
            ("UTR 1955839661", "1955839661"),
            ("unique taxpayer reference: 19558 39661.", "19558 39661"),
        ],
        passed: &["1955839661", "utr 2955839661", "utr 19558396611"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(10)?;
    let apart = candidate.begins_apart() && !candidate.goes_on(end);
    (apart && checksums::utr(candidate.until(end)) && candidate.has_context())
        .then(|| candidate.checked_until(end))
}
