//! Tokens of Slack, and the addresses of its incoming webhooks, which are as good as tokens.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "SLACK_TOKEN",
    short: "slack_token",
    aliases: &[],
    finds: "tokens and webhook addresses of Slack",
    check: Some("a prefix that only Slack uses"),
    triggers: &[Trigger::Literal("xox"), Trigger::Literal("xapp-"), Trigger::Literal("hooks.slack.com")],
    pattern: r"xox[abceoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{10,250}|xapp-[0-9]-[A-Za-z0-9-]{10,250}|https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,90}",
    validate,
    words: &["slack*"],
    keys: &["slacktoken"],
    whole: false,
    examples: Examples {
        found: &[(
            "SLACK_TOKEN=xoxb-975482254814-236971562262-vOsxtSC2s9gbEudUZH7bVKpQ",
            "xoxb-975482254814-236971562262-vOsxtSC2s9gbEudUZH7bVKpQ",
        )],
        passed: &["xoxb-short", "fooxoxb-975482254814-236971562262", "xoxb-your-token-here-please"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let token = candidate.matched().trim_end_matches('-');
    let telling = token.bytes().any(|byte| byte.is_ascii_digit());
    let begins = !candidate.byte_before(candidate.range.start).is_ascii_alphanumeric();
    (begins && telling).then(|| candidate.checked_until(candidate.range.start + token.len()))
}
