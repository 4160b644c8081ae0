//! Access tokens of GitHub.
//!
//! The prefixes that GitHub gives to each kind of token, and as many characters as it has.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "GITHUB_TOKEN",
    short: "github_token",
    aliases: &[],
    finds: "access tokens of GitHub",
    check: Some("a prefix that only GitHub uses"),
    triggers: &[
        Trigger::Literal("ghp_"),
        Trigger::Literal("gho_"),
        Trigger::Literal("ghu_"),
        Trigger::Literal("ghs_"),
        Trigger::Literal("ghr_"),
        Trigger::Literal("github_pat_"),
    ],
    pattern: r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{40,244}",
    validate,
    words: &["github*"],
    keys: &["githubtoken"],
    whole: false,
    examples: Examples {
        found: &[(
            "token = \"ghp_z0H5GfTaFdlC39bHqvldEO3CAf6AragOUJPX\"",
            "ghp_z0H5GfTaFdlC39bHqvldEO3CAf6AragOUJPX",
        )],
        passed: &[
            "ghp_z0H5GfTaFdlC39bHqvldEO3CAf6AragOUJP",
            "xghp_z0H5GfTaFdlC39bHqvldEO3CAf6AragOUJPX",
            "ghp_function_name",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    candidate.is_word().then(|| candidate.checked())
}
