//! Strings that carry bytes instead of words.
//!
//! Receives the string of a member that the wire defines as base64, says whether it really is that, and turns documents
//! that are plain text into text. What claims to be bytes and is not base64 stays a text: nothing hides behind a name.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Whether `text` is base64 of the standard alphabet, padded or not.
pub(crate) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len() - body.len() <= 2
        && body.len() % 4 != 1
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// Whether `text` is a `data:` URI whose payload is base64.
pub(crate) fn is_data_uri(text: &str) -> bool {
    let Some((head, payload)) = text.split_once(";base64,") else { return false };
    let Some(media_type) = head.strip_prefix("data:") else { return false };
    media_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'.' | b'-'))
        && is_base64(payload)
}

/// What a document in base64 turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Words(String),
    Binary,
    NotBase64,
}

/// Reads a document. Whatever is UTF-8, or UTF-16 by its own mark, is words under any format; a document that claims to
/// be plain text is words in any encoding.
pub(crate) fn document(payload: &str, format: &str) -> Document {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let compact: String = payload.split_ascii_whitespace().collect();
    let Ok(bytes) = LENIENT.decode(compact) else { return Document::NotBase64 };
    let words = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => std::str::from_utf8(&bytes).ok().map(str::to_owned),
    };
    match words {
        // UTF-16 without a mark is text with a NUL beside every character.
        Some(words) if is_markup(format) => Document::Words(without_references(&words.replace('\0', ""))),
        Some(words) => Document::Words(words.replace('\0', "")),
        None if is_plain_text(format) => {
            Document::Words(bytes.iter().filter(|byte| **byte != 0).copied().map(char::from).collect())
        }
        None => Document::Binary,
    }
}

/// Whether documents of this Converse format or media type are text a model reads as it stands.
pub(crate) fn is_plain_text(format: &str) -> bool {
    matches!(format, "txt" | "md" | "csv" | "html" | "application/json") || format.starts_with("text/")
}

/// Whether documents of this format write characters as references: `&#45;` for a hyphen.
fn is_markup(format: &str) -> bool {
    format == "html" || format.ends_with("html") || format.ends_with("xml")
}

/// Markup with the characters that its references stand for. Names are only those of letters and signs that values are
/// made of; other names are left as they are.
fn without_references(markup: &str) -> String {
    let mut plain = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (character, tail) = reference(after).unwrap_or(('&', after));
        plain.push(character);
        rest = tail;
    }
    plain.push_str(rest);
    plain
}

/// The character of the reference that `text` begins with, and what follows it. Readers forgive a missing semicolon.
fn reference(text: &str) -> Option<(char, &str)> {
    let (character, tail) = if let Some(number) = text.strip_prefix('#') {
        let hexadecimal = number.strip_prefix(['x', 'X']);
        hexadecimal.map_or_else(|| numbered(number, 10), |number| numbered(number, 16))?
    } else {
        let end = text.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (name, tail) = text.split_at_checked(end)?;
        (named(name)?, tail)
    };
    Some((character, tail.strip_prefix(';').unwrap_or(tail)))
}

fn numbered(text: &str, radix: u32) -> Option<(char, &str)> {
    let end = text.bytes().position(|byte| !char::from(byte).is_digit(radix)).unwrap_or(text.len());
    let (digits, tail) = text.split_at_checked(end)?;
    Some((char::from_u32(u32::from_str_radix(digits, radix).ok()?)?, tail))
}

const fn named(name: &str) -> Option<char> {
    match name.as_bytes() {
        b"amp" | b"AMP" => Some('&'),
        b"lt" | b"LT" => Some('<'),
        b"gt" | b"GT" => Some('>'),
        b"quot" | b"QUOT" => Some('"'),
        b"apos" => Some('\''),
        b"commat" => Some('@'),
        b"period" => Some('.'),
        b"plus" => Some('+'),
        b"lowbar" | b"UnderBar" => Some('_'),
        b"sol" => Some('/'),
        b"colon" => Some(':'),
        b"equals" => Some('='),
        b"nbsp" | b"ensp" | b"emsp" | b"thinsp" => Some(' '),
        b"shy" | b"zwj" | b"zwnj" => Some('\u{ad}'),
        b"hyphen" | b"dash" | b"ndash" | b"mdash" | b"minus" => Some('-'),
        _ => None,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_base64_counts_as_bytes() {
        for text in ["", "iVBORw0KGgo=", "AAAA", "a+b/", "UEs="] {
            assert!(is_base64(text), "{text}");
        }
        for text in ["my ssn", "123 45", "a=b", "AAAA===", "a-b_", "AAAAA", "data:;base64,AA"] {
            assert!(!is_base64(text), "{text}");
        }
        assert!(is_data_uri("data:image/png;base64,iVBORw0KGgo="));
        assert!(!is_data_uri("data:image/png;base64,not base64"));
        assert!(!is_data_uri("https://images.example/?q=;base64,AA"));
    }

    #[test]
    fn documents_are_read_in_the_encodings_they_come_in() {
        let words = |payload: &str| document(payload, "txt");
        for payload in ["aGk=", "aGk", "aG\nk=", "//5oAGkA", "/v8AaABp", "aABpAA=="] {
            assert_eq!(words(payload), Document::Words("hi".into()), "{payload}");
        }
        assert_eq!(document("gGhp", "txt"), Document::Words("\u{80}hi".into()));
        assert_eq!(document("gGhp", "pdf"), Document::Binary);
        assert_eq!(document("aGk=", "pdf"), Document::Words("hi".into()));
        assert_eq!(document("no base64!", "txt"), Document::NotBase64);
    }

    #[test]
    fn characters_that_markup_writes_as_references_are_read() {
        let table = [
            ("<p>12&#51;-4&#x35;-67</p>", "<p>123-45-67</p>"),
            ("a&commat;b&period;example", "a@b.example"),
            ("4111&nbsp;1111&hyphen;1", "4111 1111-1"),
            ("&#51&#x32;", "32"),
            ("1 & 2 && 3 &unknown; &#xZZ; &#1114112; &", "1 & 2 && 3 &unknown; &#xZZ; &#1114112; &"),
            ("&amp;#51;", "&#51;"),
            ("&é;", "&é;"),
            ("&#0000000000000051;", "3"),
            ("&#51abc &#x33;", "3abc 3"),
        ];
        for (markup, plain) in table {
            assert_eq!(without_references(markup), plain, "{markup}");
        }
        let html = base64::engine::general_purpose::STANDARD.encode("&#51;");
        assert_eq!(document(&html, "html"), Document::Words("3".into()));
        assert_eq!(document(&html, "text/html"), Document::Words("3".into()));
        assert_eq!(document(&html, "txt"), Document::Words("&#51;".into()));
    }
}
