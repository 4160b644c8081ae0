//! What tells a secret from a word.
//!
//! Receives a value that stands where a password or a token might and returns whether it can be one. Names of types,
//! placeholders and calls stand in the same places.

/// Values that documentation, schemas and programs put where a secret would be. Lower-case.
const NO_SECRETS: &[&str] = &[
    "null",
    "none",
    "true",
    "false",
    "nil",
    "undefined",
    "string",
    "str",
    "bytes",
    "text",
    "number",
    "boolean",
    "object",
    "required",
    "optional",
    "password",
    "passwd",
    "secret",
    "token",
    "changeme",
    "example",
    "redacted",
    "hidden",
    "empty",
    "default",
    "value",
    "your_password",
    "your-password",
    "yourpassword",
    "input",
    "private",
    "public",
    "unknown",
    "bearer",
    "basic",
    "self",
    "must",
    "should",
    "reset",
    "manager",
    "field",
    "expired",
    "incorrect",
    "invalid",
    "wrong",
    "protected",
];

/// Whether a value is a word that stands for a secret, or a reference to one.
pub(super) fn is_no_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let word = lower.trim_matches(|sign: char| !sign.is_ascii_alphanumeric());
    let masked = value.bytes().all(|byte| b"*.xX-_#?".contains(&byte));
    let reference = ["${", "{{", "<", "%(", "$(", "[", "{", "env.", "os.", "process.", "vault:", "arn:"]
        .iter()
        .any(|start| lower.starts_with(start));
    masked || reference || NO_SECRETS.contains(&word)
}

/// How many of capitals, small letters, digits and signs a value has.
pub(super) fn kinds(value: &str) -> usize {
    let kinds =
        [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit, u8::is_ascii_punctuation];
    kinds.iter().filter(|kind| value.as_bytes().iter().any(kind)).count()
}

/// Shannon's entropy of a value's characters, in bits for each.
pub(super) fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_stand_for_secrets_are_none() {
        for value in ["string", "********", "${PASSWORD}", "<your password>", "None", "os.environ[\"X\"]"] {
            assert!(is_no_secret(value), "{value}");
        }
        for value in ["hunter2", "correct-horse", "x9", "Tr0ub4dor&3"] {
            assert!(!is_no_secret(value), "{value}");
        }
        assert_eq!((kinds("aB3$"), kinds("aaaa"), kinds("")), (4, 1, 0));
        assert!(entropy("aaaaaaaa") < 0.1 && (entropy("abcdefgh") - 3.0).abs() < 0.01);
    }
}
