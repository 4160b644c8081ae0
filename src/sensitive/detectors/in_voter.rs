//! Numbers of Indian voters' photo identity cards.
//!
//! Three letters and seven digits; the word must stand by them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "IN_VOTER_NUMBER",
    short: "in_voter",
    aliases: &[],
    finds: "numbers of Indian voters' identity cards",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[A-Za-z]{3}[0-9]{7}",
    validate,
    words: &["voter*", "epic", "election card", "elector*"],
    keys: &["voter", "epic"],
    whole: false,
    examples: Examples {
        found: &[("voter id ABC1234567", "ABC1234567"), ("EPIC no. XGZ0012345", "XGZ0012345")],
        passed: &["ABC1234567", "order ABC1234567"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    (candidate.is_word() && candidate.has_context()).then(|| candidate.by_shape())
}
