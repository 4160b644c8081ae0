//! Private keys in PEM form.
//!
//! From the opening line to the closing one. A key whose end is missing, because a text was cut, ends with the last
//! line that still looks like part of it.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Trigger};

/// The longest distance at which a closing line is looked for; an RSA key of 16384 bits fits.
const LONGEST: usize = 16 * 1024;

pub(super) static DETECTOR: Detector = Detector {
    name: "PRIVATE_KEY",
    short: "private_key",
    triggers: &[Trigger::Literal("PRIVATE KEY")],
    pattern: "-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----",
    validate,
    before: &[],
    after: &[],
    keys: &[],
    #[cfg(test)]
    examples: crate::sensitive::candidate::Examples {
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
    let rest = candidate.text.get(candidate.range.end..)?;
    let length = closing_line(rest).unwrap_or_else(|| cut_body(rest));
    Some(candidate.shape_until(candidate.range.end + length))
}

/// The end of the closing line, which holds the first dashes after the opening one.
fn closing_line(rest: &str) -> Option<usize> {
    let line = rest.find("-----").filter(|&at| at <= LONGEST)?;
    let label = rest.get(line..)?.strip_prefix("-----END ")?;
    let (name, _) = label.split_once("-----")?;
    let of_key = name.len() <= 80 && name.contains("PRIVATE KEY");
    of_key.then(|| rest.len() - label.len() + name.len() + "-----".len())
}

/// The length of what still looks like key: headers, and lines of base64 that no prose has.
fn cut_body(rest: &str) -> usize {
    let mut length = 0;
    let mut at = 0;
    for line in rest.split_inclusive(['\n', ' ', '\\']) {
        let word = line.trim_end_matches(['\n', '\r', ' ', '\\']);
        let word = word
            .strip_prefix('n')
            .filter(|_| at > 0 && rest.as_bytes().get(at - 1) == Some(&b'\\'))
            .unwrap_or(word);
        let base64 = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let of_key =
            (base64 && word.len() >= 16) || ["Proc-Type:", "DEK-Info:", "4,ENCRYPTED"].contains(&word);
        let cipher = word.split_once(',').is_some_and(|(name, _)| name.ends_with("-CBC"));
        let part = of_key || cipher;
        if !part && !word.is_empty() {
            break;
        }
        at += line.len();
        if part {
            length = at - (line.len() - line.trim_end_matches(['\n', '\r', ' ', '\\']).len());
        }
    }
    length
}
