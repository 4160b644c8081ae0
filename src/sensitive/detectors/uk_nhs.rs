//! Numbers of the British National Health Service.
//!
//! Ten digits with a check digit modulo 11, and a word: one in eleven telephone numbers passes the check.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
    short: "uk_nhs",
    aliases: &[],
    finds: "numbers of the British National Health Service",
    check: Some("modulo 11"),
    triggers: &[Trigger::Context],
    pattern: r"[0-9]{3}[ .-]{0,2}[0-9]{3}[ .-]{0,2}[0-9]{4}(?:[.-][0-9])?",
    validate,
    words: &[
        "nhs",
        "nhs number",
        "nhs no",
        "national health*",
        "health service*",
        "health number",
        "patient*",
        "hospital*",
    ],
    keys: &["nhs", "nhsnumber"],
    whole: false,
    examples: Examples {
        found: &[
            ("Her NHS no. is 856-565-9194 and", "856-565-9194"),
            ("NHS number 573 687 9034", "573 687 9034"),
            ("nhs: 5153344118", "5153344118"),
        ],
        passed: &["856-565-9194", "NHS 856-565-9195", "nhs 85656591941"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(10)?;
    let apart = candidate.begins_apart() && !candidate.goes_on(end);
    (apart && checksums::nhs(candidate.until(end)) && candidate.has_context())
        .then(|| candidate.checked_until(end))
}
