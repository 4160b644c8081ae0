//! Words around a candidate, and names of the member that holds it.
//!
//! Receives folded text, a position and a detector's words, and returns whether one of them stands there. Looks at a
//! few dozen bytes only. A placeholder that a redaction left behind is not a word: it would find what stands beside it.

use super::detectors::CATALOGUE;

const BEFORE: usize = 48;
const AFTER: usize = 12;

/// Whether one of `words` begins in the 48 bytes before `at`. What follows it may make it another word: `tel` stands
/// for `telephone`.
pub(super) fn before(text: &str, at: usize, words: &[&str]) -> bool {
    let begins = |start| mentioned(text, start, at, words).is_some();
    (at.saturating_sub(BEFORE)..at).any(begins)
}

/// What stands between `at` and the last whole word before it that is one of `words`, within 48 bytes.
pub(super) fn after_last<'t>(text: &'t str, at: usize, words: &[&str]) -> Option<&'t str> {
    let whole_word = |start| {
        let end = start + mentioned(text, start, at, words)?;
        let ends = text.as_bytes().get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        ends.then(|| text.get(end..at)).flatten()
    };
    (at.saturating_sub(BEFORE)..at).rev().find_map(whole_word)
}

/// Whether one of `words` begins in the 12 bytes after `at`.
pub(super) fn after(text: &str, at: usize, words: &[&str]) -> bool {
    let end = (at + AFTER).min(text.len());
    (at..end).any(|start| mentioned(text, start, end, words).is_some())
}

/// The length of the first of `words` that stands at `start` and before `end`.
fn mentioned(text: &str, start: usize, end: usize, words: &[&str]) -> Option<usize> {
    let bytes = text.as_bytes();
    let rest = bytes.get(start..end).unwrap_or_default();
    let stands = |word: &&str| {
        rest.get(..word.len()).is_some_and(|letters| letters.eq_ignore_ascii_case(word.as_bytes()))
    };
    let found = words.iter().find(|word| begins_word(bytes, start) && stands(word))?;
    (!is_placeholder(bytes, start)).then_some(found.len())
}

/// Words begin where letters begin, or a capital follows a small letter; a sign that is no letter begins anywhere. None
/// begins with a digit or a space.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(&first) = bytes.get(at) else { return false };
    if first.is_ascii_digit() || first.is_ascii_whitespace() {
        return false;
    }
    let previous = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or_default();
    let camel = first.is_ascii_uppercase() && previous.is_ascii_lowercase();
    !(first.is_ascii_alphanumeric() && previous.is_ascii_alphanumeric()) || camel
}

/// Whether the word at `at` lies in `{NAME}` of a detector.
fn is_placeholder(bytes: &[u8], at: usize) -> bool {
    let name = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    let before = bytes.get(..at).unwrap_or_default();
    let open = before.iter().rposition(|byte| !name(byte));
    let Some(open) = open.filter(|&open| before.get(open) == Some(&b'{')) else { return false };
    let inside = bytes.get(open + 1..).unwrap_or_default();
    let Some(length) = inside.iter().position(|byte| !name(byte)) else { return false };
    let found = inside.get(..length).unwrap_or_default();
    inside.get(length) == Some(&b'}') && CATALOGUE.iter().any(|detector| detector.name.as_bytes() == found)
}

/// Whether a member's name is one of `names`, which are given in lower-case letters only. Short names must be a whole
/// word of it (`user_ssn`, `ssnNumber`); long ones may be anywhere in it (`primaryCardNumber`).
pub(super) fn key_is_one_of(key: &str, names: &[&str]) -> bool {
    const SHORT: usize = 4;
    let letters = key.bytes().filter(u8::is_ascii_alphabetic).map(|byte| byte.to_ascii_lowercase());
    let joined: Vec<u8> = letters.collect();
    let anywhere = |name: &str| joined.windows(name.len()).any(|part| part == name.as_bytes());
    let bytes = key.as_bytes();
    let whole_word = |name: &str| {
        (0..bytes.len()).any(|at| {
            let end = at + name.len();
            bytes.get(at..end).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
                && begins_word(bytes, at)
                && bytes.get(end).is_none_or(|byte| !byte.is_ascii_lowercase())
        })
    };
    names.iter().any(|name| if name.len() <= SHORT { whole_word(name) } else { anywhere(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_from_their_beginning_and_nearby_only() {
        let found = |text: &str| before(text, text.len(), &["tel", "phone"]);
        for text in ["Tel. ", "téléfono/tel:", "(phone) ", "home_phone=", "homePhone: ", "telephone "] {
            assert!(found(text), "{text}");
        }
        let far = format!("phone {}", "x ".repeat(30));
        for text in ["hotel ", "", "microphone ", "{PHONE} ", "a {PHONE}, ", &far] {
            assert!(!found(text), "{text}");
        }
        assert!(found("{phone: "), "a brace alone makes no placeholder");
        let after_last = |text| after_last(text, 13, &["case", "order"]);
        assert_eq!(after_last("order case 7 1234"), Some(" 7 "));
        assert_eq!(after_last("casey casual 1234"), None, "a name that begins like a word is not that word");
        assert!(after("123 office", 3, &["office"]) && !after("123 and then the office", 3, &["office"]));
    }

    #[test]
    fn member_names_are_read_in_every_style() {
        let names = &["ssn", "cardnumber"];
        for key in [
            "ssn",
            "SSN",
            "user_ssn",
            "ssnNumber",
            "userSSN",
            "card_number",
            "primaryCardNumber",
            "card-number",
        ] {
            assert!(key_is_one_of(key, names), "{key}");
        }
        for key in ["", "lessn", "ssnx", "card", "number", "classname"] {
            assert!(!key_is_one_of(key, names), "{key}");
        }
    }
}
