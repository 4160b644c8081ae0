//! The canonical request: the one text that a signature covers.
//!
//! Receives a request as it was on the wire and returns the text that its sender must have signed. Encodes the wire
//! path once more and never decodes it, since decoding is where two readers start to disagree.
//! Rules as captured from botocore, the JavaScript, Rust and Anthropic SDKs, and aws4fetch.

use http::{HeaderMap, Method};
use thiserror::Error;

/// The parts of a request head that can be signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// Path and query as on the wire.
    pub target: &'a str,
    pub headers: &'a HeaderMap,
    /// `:authority` of an HTTP/2 request.
    pub authority: Option<&'a str>,
}

/// A header is named as signed but was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("signed header `{0}` is absent")]
pub struct AbsentHeader(pub String);

impl<'a> Request<'a> {
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The canonical value of one signed header: trimmed, inner spaces collapsed, repetitions joined by `,`. Without
    /// a `host` header, `host` is the authority: the Rust SDK signs it so over HTTP/2, and JavaScript as `:authority`.
    fn header_value(&self, name: &str) -> Option<Vec<u8>> {
        let authority = || self.authority.map(|authority| authority.as_bytes().to_vec());
        if name == ":authority" {
            return authority();
        }
        let mut values = self.headers.get_all(name).iter().map(|value| collapse(value.as_bytes()));
        let Some(mut joined) = values.next() else {
            return if name == "host" { authority() } else { None };
        };
        for value in values {
            joined.push(b',');
            joined.extend(value);
        }
        Some(joined)
    }
}

/// The canonical request. Bytes, because header values need not be UTF-8. `payload_hash` is what stands for the body:
/// 64 hexadecimal digits, or the sender's marker.
pub fn canonical_request(
    request: &Request<'_>,
    signed_headers: &[String],
    payload_hash: &str,
) -> Result<Vec<u8>, AbsentHeader> {
    let mut text = Vec::with_capacity(512);
    for line in [request.method.as_str(), &canonical_uri(request.path()), &canonical_query(request.query())] {
        text.extend(line.as_bytes());
        text.push(b'\n');
    }
    for name in signed_headers {
        let value = request.header_value(name).ok_or_else(|| AbsentHeader(name.clone()))?;
        text.extend(name.as_bytes());
        text.push(b':');
        text.extend(value);
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend(signed_headers.join(";").as_bytes());
    text.push(b'\n');
    text.extend(payload_hash.as_bytes());
    Ok(text)
}

/// The wire path, normalised and encoded once more: `%3A` becomes `%253A`, a bare `:` becomes `%3A`.
pub fn canonical_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len() + 16);
    for byte in normalise(path).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push('%');
            uri.push_str(&hex::encode_upper([byte]));
        }
    }
    uri
}

/// The path without empty and `.` segments, `..` resolved. Encoded dots are not dots here.
pub fn normalise(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let tail = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{tail}", kept.join("/"))
}

/// The query's pairs as on the wire, sorted by name, then value.
pub fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn collapse(value: &[u8]) -> Vec<u8> {
    let words = value.split(|&byte| byte == b' ' || byte == b'\t').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}
