//! Numbers of Indian job cards under the rural employment act.
//!
//! State, district, block, village and family, joined by dashes and a slash.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "IN_NREGA",
    short: "in_nrega",
    aliases: &[],
    finds: "numbers of Indian job cards under the rural employment act",
    check: None,
    triggers: &[Trigger::Digits(11)],
    pattern: r"[A-Za-z]{2}-[0-9]{2}-[0-9]{3}-[0-9]{3}-[0-9]{3}/[0-9]{1,6}(?:-[A-Z])?",
    validate,
    words: &["nrega", "mgnrega", "job card"],
    keys: &["nrega", "jobcard"],
    whole: false,
    examples: Examples {
        found: &[("job card UP-12-001-002-003/145 of", "UP-12-001-002-003/145")],
        passed: &["UP-12-001-002-003", "12-001-002-003/145", "XUP-12-001-002-003/145"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    candidate.is_word().then(|| candidate.by_shape())
}
