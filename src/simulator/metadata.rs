//! `requestMetadata`: pairs that a caller wants to find again in the invocation log.
//!
//! Receives the member of a Converse body or the header of an invoke operation, returns what the service would complain
//! about. Limits and alphabet from the service model. Never repeats a key or a value.

use http::HeaderMap;
use serde_json::Value;

use crate::bedrock::fault::Fault;

use super::reply::Refusal;

const HEADER: &str = "x-amzn-bedrock-request-metadata";
const LONGEST_HEADER: usize = 8500;
const MOST_PAIRS: usize = 16;
const LONGEST: usize = 256;

/// Checks the header of an invoke operation.
pub fn check_header(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(HEADER) else { return Ok(()) };
    if value.len() > LONGEST_HEADER {
        return Err(complaint(&format!("Member must have length less than or equal to {LONGEST_HEADER}")));
    }
    let pairs = serde_json::from_slice(value.as_bytes());
    check(&pairs.map_err(|_| complaint("Member must be a JSON object"))?)
}

/// Checks the member of a Converse body.
pub fn check(pairs: &Value) -> Result<(), Refusal> {
    let pairs = pairs.as_object().ok_or_else(|| complaint("Member must be a JSON object"))?;
    if pairs.is_empty() || pairs.len() > MOST_PAIRS {
        return Err(complaint(&format!("Member must have between 1 and {MOST_PAIRS} pairs")));
    }
    for (key, value) in pairs {
        let value = value.as_str().ok_or_else(|| complaint("Map value must be a string"))?;
        if key.is_empty() || [key, value].iter().any(|text| text.chars().count() > LONGEST) {
            return Err(complaint(&format!(
                "Map keys and values must have length less than or equal to {LONGEST}"
            )));
        }
        if !key.chars().chain(value.chars()).all(is_allowed) {
            return Err(complaint(
                "Map keys and values must satisfy regular expression pattern: [a-zA-Z0-9\\s:_@$#=/+,-.]{0,256}",
            ));
        }
    }
    Ok(())
}

/// The pattern's `,-.` is a range: comma, hyphen, full stop.
fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || character.is_ascii_whitespace() || ":_@$#=/+,-.".contains(character)
}

fn complaint(constraint: &str) -> Refusal {
    let message = format!(
        "1 validation error detected: Value at 'requestMetadata' failed to satisfy constraint: {constraint}"
    );
    Refusal::new(Fault::Validation, message)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn pairs_are_few_short_and_plain() {
        let many = |count: usize| -> Value {
            (0..count).map(|nth| (nth.to_string(), json!("v"))).collect::<Map<_, _>>().into()
        };
        let table = [
            (json!({"warden:team": "a b", "k": ""}), true),
            (many(16), true),
            (many(17), false),
            (json!({}), false),
            (json!({"k": 1}), false),
            (json!(["k"]), false),
            (json!({"": "v"}), false),
            (json!({"k": "v".repeat(256)}), true),
            (json!({"k": "v".repeat(257)}), false),
            (json!({"k": "a;b"}), false),
            (json!({"caf\u{e9}": "v"}), false),
        ];
        for (pairs, fits) in table {
            assert_eq!(check(&pairs).is_ok(), fits, "{pairs}");
            let header = HeaderValue::from_bytes(pairs.to_string().as_bytes()).unwrap();
            let headers: HeaderMap = [(HEADER.parse().unwrap(), header)].into_iter().collect();
            assert_eq!(check_header(&headers).is_ok(), fits, "{pairs}");
        }
        assert!(check_header(&HeaderMap::new()).is_ok());
    }
}
