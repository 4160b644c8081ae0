//! Names that people log in with, by the word before them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::secrets;

pub(super) static DETECTOR: Detector = Detector {
    name: "USERNAME",
    short: "username",
    aliases: &[],
    finds: "names that people log in with, where the word stands before them",
    check: None,
    triggers: &[Trigger::Literal("user"), Trigger::Literal("login")],
    pattern: r#"(?i-u:user(?:[_ -]?(?:name|id))?|login)["\x27]?(?: ?[:=] ?| is | )["\x27]?[A-Za-z0-9._-]{3,64}"#,
    validate,
    words: &[],
    keys: &["username", "userid", "login"],
    whole: true,
    examples: Examples {
        found: &[("username: stricklandmichael", "stricklandmichael"), ("user kyle38 pass x", "kyle38")],
        passed: &["the user interface", "user: string", "superuser=bob123", "user said hello"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let start = matched.rfind([' ', '"', '\x27', ':', '='])? + 1;
    let value = matched.get(start..)?.trim_end_matches(['.', '-']);
    let before = candidate.byte_before(candidate.range.start);
    let begins = !before.is_ascii_alphanumeric();
    let told = matched.contains([':', '=']) || value.bytes().any(|byte| byte.is_ascii_digit());
    let start = candidate.range.start + start;
    (begins && told && value.len() >= 3 && !secrets::is_no_secret(value))
        .then(|| Accepted::part(start..start + value.len()))
}
