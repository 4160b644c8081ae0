//! British national insurance numbers.
//!
//! Two letters of those that are given out, six digits, and a letter from A to D.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "UK_NATIONAL_INSURANCE_NUMBER",
    short: "uk_nino",
    aliases: &[],
    finds: "British national insurance numbers",
    check: Some("prefixes that are given out"),
    triggers: &[Trigger::Digits(6)],
    pattern: r"(?i-u:[abceghj-prstw-z][abceghj-prstw-z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[a-d])",
    validate,
    words: &["ni", "nino", "ni number", "national insurance*"],
    keys: &["nino", "nationalinsurance"],
    whole: false,
    examples: Examples {
        found: &[
            ("NI number BW 56 12 19 B must", "BW 56 12 19 B"),
            ("GE913851D", "GE913851D"),
            ("nino ge913851d", "ge913851d"),
        ],
        passed: &["GB123456A", "order GE913851D", "AB123456E", "xGE913851D", "ge913851d"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched().to_ascii_uppercase();
    let prefix = matched.get(..2)?;
    let never = ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"].contains(&prefix);
    let capitals = candidate.matched().bytes().all(|byte| !byte.is_ascii_lowercase());
    let written = || candidate.has_context() || (capitals && !candidate.is_other());
    (candidate.is_word() && !never && written()).then(|| candidate.by_shape())
}
