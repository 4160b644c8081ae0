//! The query string of `ListFoundationModels`.
//!
//! Receives it raw, accepts the four filters of the service model and nothing else. A filter can only shorten the
//! answer; refusing the rest keeps members that a later API version may add from reaching AWS unjudged.

use super::{RouteError, decode_once};

const MEMBERS: [&str; 4] = ["byProvider", "byCustomizationType", "byOutputModality", "byInferenceType"];

/// Longest value of `byProvider` (botocore model); the other members are short words.
const MAX_VALUE: usize = 63;

pub(super) fn check(query: &str) -> Result<(), RouteError> {
    let mut seen = Vec::with_capacity(MEMBERS.len());
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or(RouteError::Query)?;
        let value = decode_once(value).map_err(|_| RouteError::Query)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b' ');
        let valid = !value.is_empty() && value.len() <= MAX_VALUE && value.bytes().all(plain);
        if !valid || !MEMBERS.contains(&name) || seen.contains(&name) {
            return Err(RouteError::Query);
        }
        seen.push(name);
    }
    Ok(())
}
