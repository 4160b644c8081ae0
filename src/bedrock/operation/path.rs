//! Paths against templates such as `/model/{modelId}/invoke`.
//!
//! Receives a raw path and compares it byte by byte, segment by segment. Labels come out as they were written; nothing is
//! decoded before the path has been taken apart, because an encoded `/` is no separator.

use super::RouteError;

/// The labels of `path`, in order, with the names that `template` gives them. `None` when it is another path.
pub(super) fn labels<'p>(template: &'static str, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
    let (mut expected, mut found) = (template.split('/'), path.split('/'));
    let mut labels = Vec::new();
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return Some(labels),
            (Some(segment), Some(written)) => match label(segment) {
                Some(name) => labels.push((name, written)),
                None if segment == written => {}
                None => return None,
            },
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

/// Whether `path` would fit, if a label could stretch over several segments.
pub(super) fn fits_with_bare_slash(template: &str, path: &str) -> bool {
    let is_label = |segment: &&str| label(segment).is_some();
    let expected: Vec<_> = template.split('/').collect();
    let found: Vec<_> = path.split('/').collect();
    let before = expected.iter().take_while(|segment| !is_label(segment)).count();
    let after = expected.iter().rev().take_while(|segment| !is_label(segment)).count();
    let same = |pair: (&&str, &&str)| pair.0 == pair.1;
    before < expected.len()
        && found.len() > expected.len()
        && expected.iter().zip(&found).take(before).all(same)
        && expected.iter().rev().zip(found.iter().rev()).take(after).all(same)
}

fn label(segment: &str) -> Option<&str> {
    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
}

/// Percent-decodes once. Whether the result is a fit for its place (a `%` left over, say) is for the caller to check.
pub(super) fn decode_once(text: &str) -> Result<String, RouteError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let high = bytes.next().and_then(hex_digit).ok_or(RouteError::Escape)?;
            let low = bytes.next().and_then(hex_digit).ok_or(RouteError::Escape)?;
            high << 4 | low
        } else {
            byte
        });
    }
    String::from_utf8(decoded).map_err(|_| RouteError::Escape)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
