//! Secrets of no particular issuer, by the name they are assigned to.
//!
//! `api_key = …`, `client_secret: …`, `token=…`: a long value without pattern, behind a name that says what it is.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::secrets;

pub(super) static DETECTOR: Detector = Detector {
    name: "SECRET",
    short: "secret",
    aliases: &[],
    finds: "keys, tokens and secrets of no particular issuer, by the name they are assigned to",
    check: Some("entropy"),
    triggers: &[
        Trigger::Literal("key"),
        Trigger::Literal("token"),
        Trigger::Literal("secret"),
        Trigger::Literal("auth"),
        Trigger::Literal("bearer"),
        Trigger::Literal("credential"),
    ],
    // What programs write before the name without a sign between: `stripeSecretKey`.
    pattern: r#"(?i-u:(?:open|openai|anthropic|aws|azure|google|gcp|github|gitlab|stripe|slack|twilio|sendgrid|datadog|firebase|cloudflare|jwt|o?auth|bot|admin|user|db|my|app|service|web|csrf|session|refresh|access)?(?:api[_ -]?key|(?:access|auth|refresh|session|id|bearer)[_ -]?token|token|(?:client|app|shared|signing|webhook)?[_ -]?secret(?:[_ -]?key)?|(?:private|encryption|signing|master|access|account)[_ -]?key|authorization|bearer|credentials?))["\x27`]?[ \t]{0,3}(?:[:=]|=>|:=|is|bearer|basic)?[ \t]{0,3}["\x27`]?(?i-u:bearer |basic )?[A-Za-z0-9_.+/=~-]{16,512}"#,
    validate,
    words: &[],
    keys: &[
        "secret",
        "apikey",
        "accesstoken",
        "authtoken",
        "refreshtoken",
        "clientsecret",
        "token",
        "authorization",
        "credential",
        "privatekey",
        "secretkey",
    ],
    whole: true,
    examples: Examples {
        found: &[
            ("api_key = \"a8f5f167f44f4964e6c998dee827110c\"", "a8f5f167f44f4964e6c998dee827110c"),
            ("apiKey: \"a8f5f167f44f4964e6c998dee827110c\"", "a8f5f167f44f4964e6c998dee827110c"),
            ("const stripeSecretKey = 'Zm9vYmFyYmF6cXV4MTIz';", "Zm9vYmFyYmF6cXV4MTIz"),
            ("client_secret: Zm9vYmFyYmF6cXV4MTIz", "Zm9vYmFyYmF6cXV4MTIz"),
            ("Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==", "dXNlcjpwYXNzd29yZDEyMw=="),
        ],
        passed: &[
            "token = os.environ[\"A_LONG_TOKEN_NAME_1\"]",
            "the primary key is customer_identifier_number",
            "secret = \"aaaaaaaaaaaaaaaaaaaaaaa1\"",
            "tokens: 1234567890123456",
            "43a044aaaac5d2d10085fa9942f861ff75cc219d",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let of_value = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+/=~-".contains(&byte);
    let length = matched.bytes().rev().take_while(|byte| of_value(*byte)).count();
    let value = matched.get(matched.len() - length..)?;
    let sign = value.len() - value.trim_start_matches(['=', '~', '.']).len();
    let value = value.get(sign..)?.trim_end_matches('.');
    let start = candidate.range.end - length + sign;
    let before = candidate.byte_before(candidate.range.start);
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let random = letters && value.bytes().any(|byte| byte.is_ascii_digit()) && secrets::entropy(value) >= 3.2;
    let believed =
        value.len() >= 16 && random && !secrets::is_no_secret(value) && !before.is_ascii_lowercase();
    (believed && !of_value(candidate.byte(candidate.range.end)))
        .then(|| Accepted::part(start..start + value.len()))
}
