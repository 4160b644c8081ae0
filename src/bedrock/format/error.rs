//! Why a body is not let through because of its shape.
//!
//! Receives the place of the fault, hands out a message for the caller. Names come from the caller's own body, so they
//! are shown only when they look like a field name; anything else is given as a byte offset. Never holds a value.

use std::fmt;

use base64::DecodeError as Base64Error;
use thiserror::Error;

use crate::bedrock::fault::Fault;
use crate::bedrock::json::{JsonError, Member, Node};

/// Why a request body, or an event of a streamed answer, was not understood completely.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("body must be a JSON object")]
    NotAnObject,
    #[error("the body names another model than the path; leave `model` out of the body")]
    OtherModel,
    #[error("{place} lacks `{member}`")]
    Missing { place: &'static str, member: &'static str },
    #[error("{member} must be {expected}")]
    WrongType { member: MemberName, expected: &'static str },
    #[error("{member} is not a known member of {place}; unknown members are not forwarded")]
    UnknownMember { member: MemberName, place: &'static str },
    #[error("{member} is not forwarded; {reason}")]
    Refused { member: MemberName, reason: &'static str },
    #[error("`{first}` and `{second}` exclude each other")]
    Exclusive { first: &'static str, second: &'static str },
    #[error("{place} at byte {at} must hold exactly one known kind of content")]
    Union { place: &'static str, at: usize },
    #[error("`source` of the object at byte {0} must be `INPUT` or `OUTPUT`")]
    Source(usize),
    #[error(
        "unknown role at byte {0}; use the roles of the model's own format, such as `user` and `assistant`"
    )]
    Role(usize),
    #[error("answer holds an event of a kind that is not known")]
    UnknownEvent,
    #[error("answer holds an event that cannot be read: {0}")]
    EventJson(#[from] JsonError),
    #[error("answer holds a chunk that is not base64")]
    EventBase64(#[from] Base64Error),
    #[error("answer holds a chunk whose shape is not known")]
    UnknownChunk,
}

impl DecodeError {
    /// The error to answer with. What no family could mean is a validation error; what Bedrock might understand and
    /// this gateway does not forward is a denial.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::NotAnObject
            | Self::Missing { .. }
            | Self::WrongType { .. }
            | Self::Exclusive { .. }
            | Self::Source(_) => Fault::Validation,
            Self::OtherModel
            | Self::UnknownMember { .. }
            | Self::Refused { .. }
            | Self::Union { .. }
            | Self::Role(_) => Fault::AccessDenied,
            Self::UnknownEvent | Self::EventJson(_) | Self::EventBase64(_) | Self::UnknownChunk => {
                Fault::ModelStreamError
            }
        }
    }

    pub(crate) fn unknown(member: &Member<'_>, place: &'static str) -> Self {
        Self::UnknownMember { member: MemberName::of(member), place }
    }

    pub(crate) fn refused(member: &Member<'_>, reason: &'static str) -> Self {
        Self::Refused { member: MemberName::of(member), reason }
    }

    pub(crate) fn wrong_type(member: &Member<'_>, expected: &'static str) -> Self {
        Self::WrongType { member: MemberName::of(member), expected }
    }

    pub(crate) fn wrong_element(node: &Node<'_>, expected: &'static str) -> Self {
        Self::WrongType { member: MemberName { name: None, at: node.span.start }, expected }
    }
}

/// A member of the caller's body, fit to be shown. Displays as `` `name` `` or, where the name is no field name, as a
/// byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberName {
    name: Option<String>,
    at: usize,
}

impl MemberName {
    fn of(member: &Member<'_>) -> Self {
        let name = is_field_name(&member.name).then(|| member.name.clone().into_owned());
        Self { name, at: member.name_span.start }
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "`{name}`"),
            None => write!(formatter, "value at byte {}", self.at),
        }
    }
}

// SECRET: a caller can write anything as a key, a card number or an access key included. What has upper case only, or
// more than a few digits, is not repeated.
fn is_field_name(name: &str) -> bool {
    const LONGEST: usize = 48;
    const MOST_DIGITS: usize = 3;
    let bytes = name.as_bytes();
    bytes.len() <= LONGEST
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() <= MOST_DIGITS
        && bytes.iter().any(u8::is_ascii_lowercase)
}
