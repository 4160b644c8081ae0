//! Private keys in PEM form.
//!
//! From the opening line to the closing one, however long: the pattern is bounded, and what lies behind its bound is followed
//! by hand. A key whose end is missing, because a text was cut, ends with the last
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

const DASHES: &str = "-----";
/// What the pattern takes of a key at most.
const BOUND: usize = 8192;

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let opening = matched.get(DASHES.len()..)?.find(DASHES)? + 2 * DASHES.len();
    let body = matched.get(opening..)?;
    if body.ends_with(DASHES) {
        return Some(candidate.checked());
    }
    let behind = if body.len() < BOUND { "" } else { candidate.behind() };
    let run = behind.bytes().take_while(|byte| of_body(*byte)).count();
    let (run, after) = behind.split_at_checked(run)?;
    let end = match closing_line(after) {
        Some(closing) => candidate.range.end + run.len() + closing,
        None => candidate.range.start + opening + cut_body(&[body, run].concat()),
    };
    Some(candidate.checked_until(end))
}

fn of_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\t\n\r\\ ".contains(&byte)
}

/// The length of the closing line that `text` begins with.
fn closing_line(text: &str) -> Option<usize> {
    const BEGINNING: &str = "-----END ";
    let label = text.strip_prefix(BEGINNING)?;
    let length = label.find(DASHES)?;
    let label = label.get(..length)?;
    let is_key = label.strip_suffix(" BLOCK").unwrap_or(label).ends_with("PRIVATE KEY");
    let is_label = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    (is_key && is_label).then_some(BEGINNING.len() + length + DASHES.len())
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

#[cfg(test)]
mod tests {
    use crate::sensitive::{Scanner, find, redact};

    #[test]
    fn a_key_goes_to_its_end_however_long_it_is() {
        let detectors = [find("private_key").unwrap()].into_iter().collect();
        let scanner = Scanner::new().unwrap();
        let line = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfnygWzM5Yk4c7xK0NqYf0x6Qd8wJb1s7T2u";
        for lines in [1, 100, 125, 126, 127, 200, 16_000] {
            for separator in ["\n", "\\n", "\r\n"] {
                let key = format!("{line}{separator}").repeat(lines);
                let begin = format!("a -----BEGIN RSA PRIVATE KEY-----{separator}{key}");
                let whole = format!("{begin}-----END RSA PRIVATE KEY----- and ABCDEFGHIJKLMNOPQR");
                let matches = scanner.scan(detectors, &whole, None);
                let clean = redact(&whole, &matches, detectors).unwrap();
                assert_eq!(clean, "a {PRIVATE_KEY} and ABCDEFGHIJKLMNOPQR", "{lines}");
                let cut = format!("{begin}\n\nand so on.");
                let matches = scanner.scan(detectors, &cut, None);
                let clean = redact(&cut, &matches, detectors).unwrap();
                assert!(clean.starts_with("a {PRIVATE_KEY}") && clean.ends_with("and so on."), "{clean}");
                assert!(clean.len() < 40, "{lines}: {}", clean.len());
            }
        }
    }
}
