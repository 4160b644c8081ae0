//! Passwords, by the word before them.
//!
//! After a colon or an equals sign nearly anything is one; after the word alone only what no sentence goes on with.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::secrets;

pub(super) static DETECTOR: Detector = Detector {
    name: "PASSWORD",
    short: "password",
    aliases: &[],
    finds: "passwords, where the word stands before them",
    check: None,
    triggers: &[
        Trigger::Literal("pass"),
        Trigger::Literal("pwd"),
        Trigger::Literal("contraseña"),
        Trigger::Literal("passwort"),
    ],
    // What programs write before the word without a sign between: `dbPassword`.
    pattern: r#"(?i-u:(?:db|database|user|admin|root|master|service|smtp|e?mail|sql|mysql|postgres|pg|redis|mongo|ftp|ssh|ldap|account|login|client|app|my|new|old|key|store|keystore|truststore|wifi|proxy|default|test|api|auth)?(?:pass(?:word|wort|wd|phrase|code)?|pwd))(?:[ \t"\x27`:=>]{1,5}(?:is )?)["\x27`: ]{0,2}[!-~]{4,128}"#,
    validate,
    words: &["password*", "pass", "pwd", "passwd", "passphrase", "login"],
    keys: &["password", "passwd", "pwd", "passphrase", "pass"],
    whole: true,
    examples: Examples {
        found: &[
            ("user bob pass 9IQXp7QdGxp2jn", "9IQXp7QdGxp2jn"),
            ("password: hunter2", "hunter2"),
            ("password = \"correct horse\"", "correct"),
            ("the password is f!aI8UuJ*.", "f!aI8UuJ*"),
            ("\"password\":\"letmein\",", "letmein"),
            ("dbPassword = 9IQXp7QdGxp2jn", "9IQXp7QdGxp2jn"),
            ("smtpPassword: \"letmein1\",", "letmein1"),
        ],
        passed: &[
            "pass the salt",
            "myPassword = get_password()",
            "the bypass = 9IQXp7QdGxp2jn",
            "password: string",
            "password = get_password()",
            "password: ********",
            "password=${DB_PASSWORD}",
            "a passport 12345",
            "reset your password today",
            "password must have 8 characters",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let before = candidate.byte_before(candidate.range.start);
    if before.is_ascii_alphanumeric() {
        return None;
    }
    let word = matched.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = matched.get(word..)?;
    let value =
        rest.trim_start_matches(|sign: char| b" \t\"'`:=>".iter().any(|one| char::from(*one) == sign));
    let joint = rest.get(..rest.len() - value.len())?;
    let (joint, value) = value.strip_prefix("is ").map_or((joint, value), |value| (":", value.trim_start()));
    let value = value.trim_start_matches(['"', '\'', '`', ':', ' ']);
    let start = candidate.range.end - value.len();
    let value = trim(value, joint);
    let assigned = joint.contains([':', '=', '>']);
    let quoted = joint.ends_with(['"', '\'', '`']);
    let length = value.chars().count();
    let random = secrets::kinds(value) >= 3 || (secrets::kinds(value) == 2 && is_jumbled(value));
    let believed = match (assigned, quoted) {
        (true, true) => length >= 4,
        (true, false) => {
            length >= 4
                && (random
                    || secrets::kinds(value) >= 2 && !is_code(value)
                    || is_last(candidate, start + value.len()))
        }
        (false, _) => length >= 6 && random && !is_code(value),
    };
    (believed && !secrets::is_no_secret(value)).then(|| Accepted::part(start..start + value.len()))
}

/// Without the quote that closes it and the signs that end a sentence.
fn trim<'v>(value: &'v str, joint: &str) -> &'v str {
    if let Some(quote) =
        joint.chars().next_back().filter(|last| b"\"'`".iter().any(|one| char::from(*one) == *last))
    {
        return value.split(quote).next().unwrap_or_default();
    }
    let value = value.split(['"', '\'', '`']).next().unwrap_or_default();
    value.trim_end_matches(['.', ',', ';', ':', '?', '}', ']', '>'])
}

/// Digits among letters, or capitals in the middle of small letters.
fn is_jumbled(value: &str) -> bool {
    let pairs = || value.as_bytes().windows(2);
    let digit = value.bytes().any(|byte| byte.is_ascii_digit());
    digit
        || pairs().any(
            |pair| matches!(pair, [one, other] if one.is_ascii_lowercase() && other.is_ascii_uppercase()),
        )
}

/// A call, a member or an address, as programs and configurations have where the password comes from.
fn is_code(value: &str) -> bool {
    value.ends_with("()")
        || value.contains("://")
        || value.contains("(\"")
        || value.split('.').count() > 2
        || value.contains('_')
            && secrets::kinds(value) <= 2
            && !value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a line or the text ends there.
fn is_last(candidate: &Candidate<'_>, end: usize) -> bool {
    let letters = candidate.until(end).bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    end == candidate.range.end && b"\n\r\0".contains(&candidate.byte(end)) && letters >= 5
}
