//! Query strings.
//!
//! Receives one raw, accepts the members that the service model gives the operation and nothing else, each once. They
//! filter, sort and page; what they cannot do is widen an answer. Refusing the rest keeps members that a later version
//! of the API may add from reaching AWS unjudged.

use super::path::decode_once;
use super::{Operation, RouteError};

/// The query members of an operation.
pub(super) type Queries = &'static [(&'static str, Kind)];

/// What a member's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A short word or name.
    Word,
    Number,
    /// A time as ISO 8601 writes it.
    Time,
    /// Printable characters without spaces: tokens for the next page, ARNs.
    Token,
}

use Kind::{Number, Time, Token, Word};

pub(super) const FOUNDATION_MODELS: Queries = &[
    ("byProvider", Word),
    ("byCustomizationType", Word),
    ("byOutputModality", Word),
    ("byInferenceType", Word),
];

pub(super) const ASYNC_INVOKES: Queries = &[
    ("submitTimeAfter", Time),
    ("submitTimeBefore", Time),
    ("statusEquals", Word),
    ("maxResults", Number),
    ("nextToken", Token),
    ("sortBy", Word),
    ("sortOrder", Word),
];

/// Inference profiles and prompt routers.
pub(super) const TYPED: Queries = &[("type", Word), ("maxResults", Number), ("nextToken", Token)];

pub(super) const PROVISIONED_MODELS: Queries = &[
    ("creationTimeAfter", Time),
    ("creationTimeBefore", Time),
    ("statusEquals", Word),
    ("modelArnEquals", Token),
    ("nameContains", Word),
    ("maxResults", Number),
    ("nextToken", Token),
    ("sortBy", Word),
    ("sortOrder", Word),
];

pub(super) const CUSTOM_MODELS: Queries = &[
    ("creationTimeBefore", Time),
    ("creationTimeAfter", Time),
    ("nameContains", Word),
    ("baseModelArnEquals", Token),
    ("foundationModelArnEquals", Token),
    ("maxResults", Number),
    ("nextToken", Token),
    ("sortBy", Word),
    ("sortOrder", Word),
    ("isOwned", Word),
    ("modelStatus", Word),
];

pub(super) const CUSTOM_MODEL_DEPLOYMENTS: Queries = &[
    ("createdBefore", Time),
    ("createdAfter", Time),
    ("nameContains", Word),
    ("maxResults", Number),
    ("nextToken", Token),
    ("sortBy", Word),
    ("sortOrder", Word),
    ("statusEquals", Word),
    ("modelArnEquals", Token),
];

pub(super) const IMPORTED_MODELS: Queries = &[
    ("creationTimeBefore", Time),
    ("creationTimeAfter", Time),
    ("nameContains", Word),
    ("maxResults", Number),
    ("nextToken", Token),
    ("sortBy", Word),
    ("sortOrder", Word),
];

pub(super) const MARKETPLACE_ENDPOINTS: Queries =
    &[("maxResults", Number), ("nextToken", Token), ("modelSourceIdentifier", Token)];

pub(super) const GUARDRAILS: Queries =
    &[("guardrailIdentifier", Token), ("maxResults", Number), ("nextToken", Token)];

pub(super) const GUARDRAIL: Queries = &[("guardrailVersion", Word)];

/// Checks what follows the `?` of a request for `operation`.
pub(super) fn check(operation: Operation, query: &str) -> Result<(), RouteError> {
    let members = operation.row().query;
    if members.is_empty() {
        return Err(RouteError::NoQuery);
    }
    let invalid = RouteError::Query(operation);
    let mut seen = Vec::with_capacity(members.len());
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or(invalid)?;
        let (_, kind) = members.iter().find(|(member, _)| *member == name).ok_or(invalid)?;
        // A bare plus is a space to some readers and a plus to others.
        let plain = !value.contains('+') && !seen.contains(&name);
        let value = decode_once(value).map_err(|_| invalid)?;
        if !plain || !kind.admits(&value) {
            return Err(invalid);
        }
        seen.push(name);
    }
    Ok(())
}

/// The members in words, for a message.
pub(super) fn members(operation: Operation) -> String {
    let names: Vec<_> = operation.row().query.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

impl Kind {
    fn admits(self, value: &str) -> bool {
        let (longest, letter): (usize, fn(u8) -> bool) = match self {
            Self::Word => (63, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b' ')),
            Self::Number => (4, |byte| byte.is_ascii_digit()),
            Self::Time => (40, |byte| byte.is_ascii_digit() || b"-:.+TZ".contains(&byte)),
            Self::Token => (2048, |byte| byte.is_ascii_graphic()),
        };
        !value.is_empty() && value.len() <= longest && value.bytes().all(letter)
    }
}
