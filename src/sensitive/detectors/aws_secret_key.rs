//! AWS secret access keys.
//!
//! Forty characters of base64 could be anything, so a word, a member's name or an access key id must stand by them,
//! and they must mix letters as random ones do.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::secrets;

pub(super) static DETECTOR: Detector = Detector {
    name: "AWS_SECRET_KEY",
    short: "aws_secret_key",
    aliases: &[],
    finds: "secret access keys of AWS, where a word or an access key id stands by them",
    check: None,
    triggers: &[Trigger::Digits(1)],
    pattern: "[A-Za-z0-9/+]{40}",
    validate,
    words: &["secret*", "access key", "akia*", "asia*", "secret access key"],
    keys: &["secret", "secretkey", "secretaccesskey", "awssecret"],
    whole: false,
    examples: Examples {
        found: &[
            (
                "AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            (
                "secretAccessKey=/yOYonETJr/l0B5DMHv32IF2VuZy21dMFNylO3at;",
                "/yOYonETJr/l0B5DMHv32IF2VuZy21dMFNylO3at",
            ),
            (
                "AKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
        ],
        passed: &[
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY0",
            "secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY=",
            "secret commit 43a044aaaac5d2d10085fa9942f861ff75cc219d",
            "secret aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA1",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    let after = candidate.byte(candidate.range.end);
    let apart =
        !of_base64(candidate.byte_before(candidate.range.start)) && !of_base64(after) && after != b'=';
    let matched = candidate.matched();
    // Hardly any other forty characters are as random as a key.
    let believed =
        || candidate.has_context() || secrets::entropy(matched) >= KEY_ENTROPY && has_no_run(matched);
    (apart && is_random(matched) && believed()).then(|| candidate.by_shape())
}

/// Bits for each character that forty random ones of sixty-four nearly always reach, and names hardly ever.
const KEY_ENTROPY: f64 = 4.5;

/// No seven letters of one case in a row, as the words of a path or of an identifier have them.
fn has_no_run(text: &str) -> bool {
    let run =
        |part: &[u8]| part.iter().all(u8::is_ascii_lowercase) || part.iter().all(u8::is_ascii_uppercase);
    !text.as_bytes().windows(7).any(run)
}

/// Capitals, small letters and digits, and at least 16 different characters, of which random keys have about 30.
fn is_random(text: &str) -> bool {
    let mut different: Vec<u8> = text.bytes().collect();
    different.sort_unstable();
    different.dedup();
    let kinds = [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
    kinds.iter().all(|kind| different.iter().any(kind)) && different.len() >= 16
}
