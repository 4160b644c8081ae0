//! What an application must see, whatever SDK it uses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::call::KeyPair;
use crate::support::simulator::Seen;
use crate::support::warden::{Setup, TestWarden};

/// What one case must come to.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// An answer with exactly this text.
    Text(&'static str),
    /// A stream with exactly this text, read to its proper end.
    Stream(&'static str),
    /// An answer to a request that the policy changed, which the answer's headers say.
    Changed(&'static str),
    /// A list with one model and without another.
    Models { with: &'static str, without: &'static str },
    /// The SDK's own exception for a refusal, whose message mentions all of these.
    Refused { code: &'static str, status: u16, mentions: &'static [&'static str] },
    /// The client's own exception for a refusal, whose text mentions all of these.
    Raised { class: &'static str, mentions: &'static [&'static str] },
    /// The SDK's own exception out of the middle of a stream that began well.
    Broken { code: &'static str },
}

/// The application's cases, in the order in which it runs them.
pub const CASES: &[(&str, Expected)] = &[
    ("converse", Expected::Text("hello from converse")),
    ("invoke_claude", Expected::Text("hello from claude")),
    ("invoke_titan", Expected::Text("hello from titan")),
    ("converse_stream", Expected::Stream("hello from a converse stream")),
    ("invoke_stream", Expected::Stream("hello from an invoke stream")),
    (
        "list_models",
        Expected::Models {
            with: "anthropic.claude-3-haiku-20240307-v1:0",
            without: "meta.llama3-70b-instruct-v1:0",
        },
    ),
    (
        "denied_model",
        Expected::Refused {
            code: "AccessDeniedException",
            status: 403,
            mentions: &["payments/allow", "meta.llama3-70b-instruct-v1:0"],
        },
    ),
    (
        "denied_parameter",
        Expected::Refused {
            code: "ValidationException",
            status: 400,
            mentions: &["payments/limits", "temperature"],
        },
    ),
    (
        "denied_stream",
        Expected::Refused {
            code: "AccessDeniedException",
            status: 403,
            mentions: &["payments/allow", "meta.llama3-70b-instruct-v1:0"],
        },
    ),
    ("broken_converse_stream", Expected::Broken { code: "ModelStreamErrorException" }),
    ("broken_invoke_stream", Expected::Broken { code: "ModelStreamErrorException" }),
    ("clamped", Expected::Changed("hello, shortened")),
    ("throttled", Expected::Refused { code: "ThrottlingException", status: 429, mentions: &[] }),
];

/// Streams that [`editing`] changes or cuts.
pub const EDITED: &[(&str, Expected)] = &[
    ("edited_converse_stream", Expected::Stream("mail {EMAIL} today")),
    ("edited_invoke_stream", Expected::Stream("mail {EMAIL} today")),
    ("cut_converse_stream", Expected::Stream("key: The answer was withheld by policy.")),
    ("cut_invoke_stream", Expected::Broken { code: "ValidationException" }),
];

/// What [`tokenising`] gives back over three turns.
pub const TOKENISED: &[(&str, Expected)] = &[(
    "conversation",
    Expected::Text(
        "mail alice.example@mail.example.com today | mail bob.example@mail.example.com today | \
         mail alice.example@mail.example.com today",
    ),
)];

/// A warden that keeps addresses from the model.
pub fn tokenising() -> TestWarden {
    let rules = "allow:\n  - models: [\"*\"]\nsensitive:\n  - { id: mail, detect: [email], prompt: tokenize, response: deny }\n";
    Setup::new().org(rules).start()
}

/// Checks a run of the cases in [`TOKENISED`]: the client read its own addresses, and Bedrock never did.
pub fn check_tokenised(warden: &TestWarden, observed: &[Observed]) {
    for ((case, expected), line) in TOKENISED.iter().zip(observed) {
        expected.check(case, line);
    }
    let seen = warden.upstream();
    assert_eq!(seen.len(), 3);
    for (turn, request) in seen.iter().enumerate() {
        assert!(!request.body().contains("mail.example.com"), "turn {turn}: {}", request.body());
        let body = request.json();
        assert_eq!(body["system"][0]["text"], "You are {EMAIL_1}.", "turn {turn}");
        for (place, number) in [2, 2, 3, 3, 2].into_iter().take(2 * turn + 1).enumerate() {
            let said = &body["messages"][place]["content"][0]["text"];
            let said = said.as_str().unwrap_or_default();
            assert!(said.contains(&format!("mail {{EMAIL_{number}}} today")), "turn {turn}: {said}");
        }
    }
    warden.assert_never_kept("alice.example");
}

/// What the model says in streams that are changed, and in those that are cut.
pub const MAIL: &str = "say: mail alice.example@mail.example.com today";
pub const KEY: &str = "say: key: AKIAQWERTYUIOPASDFGH, and more";

/// A warden that takes addresses out of answers and denies those that hold a key.
pub fn editing() -> TestWarden {
    let rules = "allow:\n  - models: [\"*\"]\nsensitive:\n  - { id: mail, detect: [email], response: redact }\n  \
                 - { id: keys, detect: [aws_access_key], response: deny }\n";
    Setup::new().org(rules).start()
}

/// Checks a run of the cases in [`EDITED`].
pub fn check_edited(observed: &[Observed]) {
    for ((case, expected), line) in EDITED.iter().zip(observed) {
        expected.check(case, line);
    }
    let cut = observed.last().unwrap();
    check_message("cut_invoke_stream", cut, &["org/sensitive/keys", "AWS_ACCESS_KEY", "withheld by policy"]);
}

/// Attempts of the SDK's retry loop, set by the standard `AWS_MAX_ATTEMPTS`.
pub const ATTEMPTS: usize = 2;

/// Has the warden say over which version of HTTP a request arrived.
pub const LOG: &str = "warn,bedrock_warden=info,bedrock_warden::proxy=debug";

/// What one case came to: the application's own words.
pub type Observed = Value;

/// Keys with which every call is refused, and how.
pub struct BadKey {
    pub what: &'static str,
    pub key: KeyPair,
    pub expected: Expected,
}

/// The warden of the conformance runs.
pub fn warden() -> TestWarden {
    let models = "allow:\n  - models: [\"anthropic.claude-*\", \"amazon.titan-*\", \"amazon.nova-*\"]\n";
    let team = "allow:\n  - models: [\"anthropic.claude-*\", \"amazon.titan-text-*\"]\n\
                limits:\n  - maxTokens: { max: 4096, over: clamp }\n    temperature: { max: 0.8, over: deny }\n";
    Setup::new().org(models).team(team).setting("RUST_LOG", LOG).start()
}

/// What the cases of a table are called.
pub fn case_names(cases: &[(&'static str, Expected)]) -> Vec<&'static str> {
    cases.iter().map(|(case, _)| *case).collect()
}

/// Every kind of key that must not work. Revokes one for it.
pub fn bad_keys(warden: &TestWarden) -> Vec<BadKey> {
    let revoked = warden.add_caller("payments", "retired");
    let done = warden.run(&["caller", "revoke", &revoked.id]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let unknown = Expected::Refused { code: "UnrecognizedClientException", status: 403, mentions: &[] };
    vec![
        BadKey {
            what: "wrong secret",
            key: KeyPair {
                id: warden.key.id.clone(),
                secret: "not/the+secret/of/this/key/0000000000000".into(),
            },
            expected: Expected::Refused { code: "InvalidSignatureException", status: 403, mentions: &[] },
        },
        BadKey {
            what: "unknown key",
            key: KeyPair { id: "AKIAUNKNOWN000000000".into(), secret: warden.key.secret.clone() },
            expected: unknown,
        },
        BadKey { what: "revoked key", key: revoked, expected: unknown },
    ]
}

/// Checks a run of all cases: each against the table, and all of them against simulator and journal.
pub fn check_run(warden: &TestWarden, observed: &[Observed]) {
    let by_case: BTreeMap<&str, &Observed> =
        observed.iter().map(|line| (line["case"].as_str().unwrap(), line)).collect();
    for (case, expected) in CASES {
        let observed = by_case.get(case).unwrap_or_else(|| panic!("no line for {case}: {observed:?}"));
        expected.check(case, observed);
    }
    check_clamp(warden);
    check_retries(warden);
    check_denials(warden, &by_case);
}

impl Expected {
    pub fn check(self, case: &str, observed: &Observed) {
        let text = observed["text"].as_str().unwrap_or_default();
        match self {
            Self::Text(expected) => assert_eq!(text, expected, "{case}: {observed}"),
            Self::Stream(expected) => {
                assert_eq!(
                    (text, &observed["finished"]),
                    (expected, &Value::Bool(true)),
                    "{case}: {observed}"
                );
            }
            Self::Changed(expected) => {
                assert_eq!(text, expected, "{case}: {observed}");
                let modified = observed["headers"]["x-warden-modified"].as_str().unwrap_or_default();
                assert!(modified.contains("maxTokens"), "{case}: {observed}");
                assert!(modified.contains("payments/limits"), "{case}: {observed}");
            }
            Self::Models { with, without } => {
                let models = observed["models"].as_array().unwrap_or_else(|| panic!("{case}: {observed}"));
                assert!(models.iter().any(|model| model == with), "{case}: {observed}");
                assert!(!models.iter().any(|model| model == without), "{case}: {observed}");
            }
            Self::Broken { code } => {
                // Within a stream, exceptions go by the name of the union's member, which begins in lower case.
                let seen = observed["code"].as_str().unwrap_or_default();
                assert!(seen.eq_ignore_ascii_case(code), "{case}: {observed}");
                assert!(
                    observed["message"].as_str().is_some_and(|text| !text.is_empty()),
                    "{case}: {observed}"
                );
                assert!(observed["finished"].is_null(), "{case}: {observed}");
            }
            Self::Raised { class, mentions } => {
                assert_eq!(observed["error"], class, "{case}: {observed}");
                check_message(case, observed, mentions);
            }
            Self::Refused { code, status, mentions } => {
                assert_eq!(observed["code"], code, "{case}: {observed}");
                assert_eq!(observed["status"], status, "{case}: {observed}");
                check_message(case, observed, mentions);
            }
        }
    }
}

fn check_message(case: &str, observed: &Observed, mentions: &[&str]) {
    let message = observed["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty(), "{case}: {observed}");
    for mention in mentions {
        assert!(message.contains(mention), "{case} must mention `{mention}`: {observed}");
    }
}

/// The clamped request arrived clamped.
fn check_clamp(warden: &TestWarden) {
    let requests = warden.upstream();
    let clamped = requests.iter().find(|seen| seen.body().contains("hello, shortened")).expect("arrived");
    assert_eq!(clamped.json()["inferenceConfig"]["maxTokens"], 4096);
    assert!(requests.iter().all(Seen::signature_ok), "{requests:?}");
}

/// The SDK tried again after being throttled, and every attempt has its own intent under one invocation id.
fn check_retries(warden: &TestWarden) {
    let requests = warden.upstream();
    let attempts: Vec<_> =
        requests.iter().filter(|seen| seen.body().contains("simulate: throttle")).collect();
    assert_eq!(attempts.len(), ATTEMPTS, "{attempts:?}");
    let invocation = attempts[0].invocation_id();
    let journal = warden.journal();
    let intents = journal.intents().filter(|intent| intent.invocation_id() == invocation).count();
    assert_eq!(intents, ATTEMPTS);
}

/// A refusal's request id, as the SDK shows it, finds the record.
fn check_denials(warden: &TestWarden, observed: &BTreeMap<&str, &Observed>) {
    let journal = warden.journal();
    for case in ["denied_model", "denied_parameter", "denied_stream"] {
        let id = observed[case]["request_id"].as_str().unwrap_or_else(|| panic!("{}", observed[case]));
        assert!(journal.end_of(id).is_denial(), "{case}");
    }
}
