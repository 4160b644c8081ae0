//! The traffic of these tests: every way in which telemetry tells requests apart, a known number of times.

use serde_json::json;

use crate::support::call::{Call, HAIKU, KeyPair, converse_body};
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

pub const OPUS: &str = "anthropic.claude-opus-4-1-20250805-v1:0";

pub const DENY_RULE: &str = "org/deny/no-opus";
pub const EDIT_RULE: &str = "org/sensitive/pii";
pub const SHADOW_RULE: &str = "payments/limits/cooler";

/// What no receiver may be told.
pub const PLANTED: [&str; 3] =
    ["wilma.wiretap@planted.example", "4111 1111 1111 1111", "AKIAIOSFODNN7PLANTED"];

// How many requests of each kind there are in one round of traffic.
pub const PLAIN: u32 = 3;
pub const EDITED: u32 = 1;
pub const SHADOWED: u32 = 1;
pub const STREAMED: u32 = 2;
pub const DENIED: u32 = 2;
pub const THROTTLED: u32 = 1;
pub const UNPROVEN: u32 = 1;

/// Answered by Bedrock with success.
pub const ANSWERED: u32 = PLAIN + EDITED + SHADOWED + STREAMED;
pub const FORWARDED: u32 = ANSWERED + THROTTLED;
/// By callers who proved who they are.
pub const PROVEN: u32 = FORWARDED + DENIED;
pub const REQUESTS: u32 = PROVEN + UNPROVEN;

/// Tokens as the record has them.
pub struct Tokens {
    pub input: u64,
    pub output: u64,
}

/// The policies that the traffic meets.
pub fn setup() -> Setup {
    let org = format!(
        "{ALLOW_ALL}\
         deny:\n  - id: no-opus\n    models: [\"anthropic.claude-opus-*\"]\n\
         sensitive:\n  - id: pii\n    detect: [email, credit_card, aws_access_key]\n    prompt: redact\n    response: report\n"
    );
    let team = format!(
        "{ALLOW_ALL}limits:\n  - id: cooler\n    mode: shadow\n    temperature: {{ max: 0.3, over: deny }}\n"
    );
    Setup::new().org(&org).team(&team)
}

/// Sends one round.
pub fn send(warden: &TestWarden) {
    // The first answer makes the model known by its name.
    times(PLAIN, || warden.send(Call::converse(HAIKU, "say: hello there")).status, 200);
    let planted = format!("say: noted\n{}", PLANTED.join(" and "));
    times(EDITED, || warden.send(Call::converse(HAIKU, &planted)).status, 200);
    let mut warm = converse_body("say: hello");
    warm["inferenceConfig"] = json!({ "temperature": 0.9, "maxTokens": 100 });
    times(SHADOWED, || warden.send(Call::converse_with(HAIKU, &warm)).status, 200);
    let words = "say: one two three four five six seven eight";
    times(STREAMED, || warden.send(Call::converse_stream(HAIKU, words)).status, 200);
    times(DENIED, || warden.send(Call::converse(OPUS, &planted)).status, 403);
    times(THROTTLED, || warden.send(Call::converse(HAIKU, "simulate: throttle")).status, 429);
    let unproven = KeyPair { id: warden.key.id.clone(), secret: "not/the+secret/of/this/key/000".to_owned() };
    let call = || Call::converse(HAIKU, "say: hello").sign(&unproven, &warden.authority());
    times(UNPROVEN, || warden.tls().send(&call()).status, 403);
}

/// All tokens that the journal knows of.
pub fn tokens(warden: &TestWarden) -> Tokens {
    let journal = warden.journal();
    let sum = |member| journal.records.iter().filter_map(|record| record.number(member)).sum();
    Tokens { input: sum("in_tokens"), output: sum("out_tokens") }
}

/// Checks that `said`, everything that a receiver holds, has nothing in it that was planted.
#[track_caller]
pub fn assert_innocent(warden: &TestWarden, said: &str) {
    use crate::support::call::PROMPT_CANARY;
    use crate::support::simulator::SECRET_ACCESS_KEY;
    for secret in PLANTED.into_iter().chain([PROMPT_CANARY, SECRET_ACCESS_KEY, &warden.key.secret]) {
        assert!(!said.contains(secret), "`{secret}` was told to a receiver");
    }
}

#[track_caller]
fn times(count: u32, mut send: impl FnMut() -> u16, expected: u16) {
    for _ in 0..count {
        assert_eq!(send(), expected);
    }
}
