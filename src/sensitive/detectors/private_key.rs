//! Private keys in PEM form.
//!
//! From the opening line to the closing one. A key whose end is missing, because a text was cut, ends with the last
//! line that still looks like part of it.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "PRIVATE_KEY",
    short: "private_key",
    aliases: &[],
    finds: "private keys in PEM form",
    check: Some("the opening line"),
    triggers: &[Trigger::Literal("PRIVATE KEY")],
    // Headers, then base64 with what separates its lines, which in a string of JSON are a backslash and a letter.
    pattern: concat!(
        r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
        r"(?:[\t\n\r \\n]{1,8}[A-Z][A-Za-z-]{2,16}: [ -,./-\[\]-~]{1,80}(?:-[ -,./-\[\]-~]{1,80}){0,3}){0,6}",
        r"[A-Za-z0-9+/=\t\n\r\\ ]{0,8192}",
        r"(?:-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    validate,
    words: &[],
    keys: &[],
    whole: false,
    examples: Examples {
        found: &[
            (
                "cat key\n-----BEGIN RSA PRIVATE KEY-----\nTWFkZSB1cCBmb3IgYSB0ZXN0\n-----END RSA PRIVATE KEY-----\nok",
                "-----BEGIN RSA PRIVATE KEY-----\nTWFkZSB1cCBmb3IgYSB0ZXN0\n-----END RSA PRIVATE KEY-----",
            ),
            (
                r"x\n-----BEGIN PRIVATE KEY-----\nTWFkZSB1cA==\n-----END PRIVATE KEY-----\n",
                r"-----BEGIN PRIVATE KEY-----\nTWFkZSB1cA==\n-----END PRIVATE KEY-----",
            ),
            (
                "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nTWFkZSB1cCBmb3IgYSB0ZXN0\n\nHello there",
                "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nTWFkZSB1cCBmb3IgYSB0ZXN0",
            ),
            ("-----BEGIN PRIVATE KEY----- and so on", "-----BEGIN PRIVATE KEY-----"),
        ],
        passed: &[
            "-----BEGIN PUBLIC KEY-----\nTWFkZSB1cCBmb3IgYSB0ZXN0\n-----END PUBLIC KEY-----",
            "-----END PRIVATE KEY-----",
            "a PRIVATE KEY is a secret",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    const DASHES: &str = "-----";
    let matched = candidate.matched();
    let opening = matched.get(DASHES.len()..)?.find(DASHES)? + 2 * DASHES.len();
    let body = matched.get(opening..)?;
    let closed = body.ends_with(DASHES);
    let end = if closed { candidate.range.end } else { candidate.range.start + opening + cut_body(body) };
    Some(candidate.checked_until(end))
}

/// The length of what still looks like key where a closing line is missing: headers, and lines of base64 that no prose
/// has.
fn cut_body(body: &str) -> usize {
    const ENDS: [char; 4] = ['\n', ' ', '\\', '\r'];
    let (mut length, mut at, mut escaped) = (0, 0, false);
    for line in body.split_inclusive(ENDS) {
        let word = line.trim_end_matches(ENDS);
        let word = word.strip_prefix(['n', 'r']).filter(|_| escaped).unwrap_or(word);
        let base64 = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let header = word.ends_with(':') || word.contains(',');
        let of_key = (base64 && word.len() >= 16) || header;
        if !of_key && !word.is_empty() {
            break;
        }
        at += line.len();
        escaped = line.ends_with('\\');
        if of_key {
            length = at - (line.len() - line.trim_end_matches(ENDS).len());
        }
    }
    length
}
