//! Indian permanent account numbers.
//!
//! Five letters, the fourth of which tells the kind of holder, four digits and a letter.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "IN_PERMANENT_ACCOUNT_NUMBER",
    short: "in_pan",
    aliases: &[],
    finds: "Indian permanent account numbers",
    check: None,
    triggers: &[Trigger::Digits(4)],
    pattern: r"(?i-u:[a-z]{3}[abcfghjlpt][a-z][0-9]{4}[a-z])",
    validate,
    words: &["pan", "pan card", "permanent account*", "income tax"],
    keys: &["pan", "pannumber", "permanentaccount"],
    whole: false,
    examples: Examples {
        found: &[("PAN: ABCPE1234F", "ABCPE1234F"), ("pan abcpe1234f", "abcpe1234f")],
        passed: &["ABCXE1234F", "abcpe1234f", "ABCPE12345F", "order ABCPE1234F"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let capitals = candidate.matched().bytes().all(|byte| !byte.is_ascii_lowercase());
    let believed = || candidate.has_context() || (capitals && !candidate.is_other());
    (candidate.is_word() && believed()).then(|| candidate.by_shape())
}
