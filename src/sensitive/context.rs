//! Words around a candidate, and names of the member that holds it.
//!
//! Receives text, a position and words, and returns whether one of them speaks there. Looks at a few dozen bytes only. A
//! placeholder that a redaction left behind is not a word: it would find what stands beside it.

use std::ops::Range;

/// How far before a candidate words count, in bytes of folded text.
pub(super) const CONTEXT: usize = 48;

/// What the nearest word before a candidate says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It is what the detector looks for. With the word's place.
    This(Range<usize>),
    /// It is something else. `general` when that is nothing that any detector looks for.
    Other {
        general: bool,
    },
    Nothing,
}

/// Words that say what a number is, when it is none of the things detectors look for.
pub(super) const OTHER: &[&str] = &[
    "isbn",
    "issn",
    "doi",
    "order",
    "orders",
    "invoice",
    "reference",
    "ref",
    "case",
    "ticket",
    "serial",
    "tax",
    "vat",
    "lot",
    "batch",
    "sku",
    "tracking",
    "parcel",
    "shipment",
    "imei",
    "medicare",
    "policy",
    "trace",
    "id",
    "ids",
    "uuid",
    "commit",
    "version",
    "build",
    "weights",
    "arn",
    "transaction",
    "confirmation",
    "request",
    "meter",
    "patent",
    "part number",
];

/// Whether what stands between a word and a candidate leaves hardly a doubt that they belong together.
pub(super) fn is_link(between: &str, longest: usize) -> bool {
    let ends_sentence = |pair: &[u8]| matches!(pair, [b'.' | b'!' | b'?', b' ', ..]);
    let bytes = between.as_bytes();
    let abbreviates = |at: usize| {
        let start = bytes.get(..at).unwrap_or_default();
        [b"no".as_slice(), b"nr", b"num", b"nbr"]
            .iter()
            .any(|short| start.to_ascii_lowercase().ends_with(short))
    };
    let sentence =
        bytes.windows(2).enumerate().any(|(at, pair)| ends_sentence(pair) && !abbreviates(at) && at > 0);
    let apart = between.contains("\n\n") || between.contains("\r\n\r\n");
    let number = bytes.iter().any(|byte| byte.is_ascii_digit() || *byte == b'}');
    between.len() <= longest && !sentence && !apart && !number
}

/// Whether a word may begin at `at`: where letters begin, or a capital follows a small letter.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    let Some(&first) = bytes.get(at) else { return false };
    let previous = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or_default();
    let camel = first.is_ascii_uppercase() && previous.is_ascii_lowercase();
    !(first.is_ascii_alphanumeric() && previous.is_ascii_alphanumeric()) || camel
}

/// Whether a word that ends at `end` is whole: what follows is no letter or digit, but for an `s` of the plural, or begins
/// a new word in camel case.
pub(super) fn ends_word(bytes: &[u8], end: usize) -> bool {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let last = end.checked_sub(1).map_or(0, byte);
    let plural = usize::from(byte(end) == b's' && !byte(end + 1).is_ascii_alphanumeric());
    let next = byte(end + plural);
    let camel = next.is_ascii_uppercase() && last.is_ascii_lowercase();
    !(last.is_ascii_alphanumeric() && next.is_ascii_alphanumeric()) || camel
}

/// Whether the capitals that end at `end` are part of `{NAME}`, as redaction writes it.
pub(super) fn is_placeholder(bytes: &[u8], start: usize, end: usize) -> bool {
    let of_name = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let word = bytes.get(start..end).unwrap_or_default();
    let rest = bytes.get(end..).unwrap_or_default();
    let length = rest.iter().take(CONTEXT).take_while(|byte| of_name(**byte)).count();
    word.iter().all(|byte| of_name(*byte)) && rest.get(length) == Some(&b'}')
}

/// Whether a member's name is one of `names`, which are given in lower-case letters only. Short names must be a whole
/// word of it (`user_ssn`, `ssnNumber`); long ones may be anywhere in it (`primaryCardNumber`).
pub(super) fn key_is_one_of<'n>(key: &str, names: impl IntoIterator<Item = &'n str>) -> bool {
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
    names.into_iter().any(|name| if name.len() <= SHORT { whole_word(name) } else { anywhere(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_short_and_hold_no_number_and_no_end_of_a_sentence() {
        for between in [": ", " number is ", " no. ", " (new style) ", "=\"", ""] {
            assert!(is_link(between, 24), "{between}");
        }
        for between in [" 12 ", " it. Call ", "\n\n", "} ", " is a very long way from there "] {
            assert!(!is_link(between, 24), "{between}");
        }
    }

    #[test]
    fn placeholders_are_no_words() {
        let text = b"{US_TAX_ID} TAX_ID} tax} {TAX 1";
        assert!(is_placeholder(text, 4, 7) && is_placeholder(text, 12, 15));
        assert!(!is_placeholder(text, 20, 23) && !is_placeholder(text, 26, 29));
    }

    #[test]
    fn member_names_are_read_in_every_style() {
        let names = ["ssn", "cardnumber"];
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
