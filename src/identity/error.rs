//! Why a caller was not let in.
//!
//! One closed list. The text of each is what the caller may read: it names header names, days and regions that the
//! caller sent, never values of credentials, and does not tell an unknown key from a revoked one.

use thiserror::Error;

use crate::bedrock::fault::Fault;

use super::sigv4::{AbsentHeader, AuthorizationError};

/// A refusal before anything else is known about a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthenticationError {
    #[error("no credentials: sign the request with a key pair that was issued to you, or send a bearer key")]
    Missing,
    #[error("the authorization scheme is not supported: use AWS4-HMAC-SHA256 or Bearer")]
    Scheme,
    #[error("the request carries more than one credential")]
    Several,
    #[error("a bearer key must not be sent over a connection without TLS")]
    BearerInClear,
    #[error("the access key, bearer key or security token included in the request is invalid")]
    Unrecognised,
    #[error("the key included in the request is expired or not yet valid")]
    ExpiredKey,
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    #[error(transparent)]
    AbsentHeader(#[from] AbsentHeader),
    #[error("the credential should be scoped to region `{0}`")]
    Region(String),
    #[error("the credential should be scoped to service `bedrock`")]
    Service,
    #[error("the date in the credential scope does not match the day of x-amz-date")]
    ScopeDate,
    #[error("the request needs exactly one x-amz-date header that reads YYYYMMDDTHHMMSSZ")]
    Date,
    #[error("signature expired: {sent} is now earlier than {limit} ({now} - 5 min.)")]
    Expired { sent: String, limit: String, now: String },
    #[error("signature not yet current: {sent} is still later than {limit} ({now} + 5 min.)")]
    NotYetCurrent { sent: String, limit: String, now: String },
    #[error("header `{0}` must be signed")]
    Unsigned(String),
    #[error("header `{0}` is signed and must be sent exactly once")]
    Repeated(String),
    #[error("the host header must be sent once and agree with the request's authority")]
    Host,
    #[error("the request path must not hold empty or dot segments")]
    Path,
    #[error("a signature in the query is not supported: sign in the authorization header")]
    Presigned,
    #[error(
        "x-amz-content-sha256 must be the hash of the body: unsigned payloads are not supported, and signed events \
         belong to bidirectional streams"
    )]
    PayloadMarker,
    #[error(
        "a stream of signed events is signed with `STREAMING-AWS4-HMAC-SHA256-EVENTS` or as an empty body without \
         x-amz-content-sha256"
    )]
    SessionPayload,
    #[error("bearer keys cannot open a bidirectional stream; sign with a key pair")]
    BearerSession,
    #[error("the signature of an event does not follow from the one before it")]
    EventSignature,
    #[error("an event is dated outside of all time")]
    EventDate,
    #[error("something follows the signed end of the stream")]
    EventAfterEnd,
    #[error("the stream ended without its signed end")]
    NoSignedEnd,
    #[error("the body does not have the hash that x-amz-content-sha256 states")]
    PayloadHash,
    #[error(
        "the request signature we calculated does not match the signature you provided; check your secret access \
         key and signing method"
    )]
    Signature,
}

impl AuthenticationError {
    /// How Bedrock's own front door names the refusal, so that SDKs treat it as they would there.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Missing | Self::Scheme => Fault::MissingAuthenticationToken,
            Self::BearerInClear | Self::BearerSession => Fault::AccessDenied,
            Self::Several | Self::Unrecognised => Fault::UnrecognizedClient,
            Self::ExpiredKey => Fault::ExpiredToken,
            Self::Authorization(AuthorizationError::Missing(_)) => Fault::IncompleteSignature,
            Self::Authorization(
                AuthorizationError::Algorithm
                | AuthorizationError::Repeated(_)
                | AuthorizationError::Unknown
                | AuthorizationError::Credential
                | AuthorizationError::SignedHeaders
                | AuthorizationError::Signature,
            )
            | Self::AbsentHeader(_)
            | Self::Region(_)
            | Self::Service
            | Self::ScopeDate
            | Self::Date
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::Unsigned(_)
            | Self::Repeated(_)
            | Self::Host
            | Self::Path
            | Self::Presigned
            | Self::PayloadMarker
            | Self::SessionPayload
            | Self::EventSignature
            | Self::EventDate
            | Self::EventAfterEnd
            | Self::NoSignedEnd
            | Self::PayloadHash
            | Self::Signature => Fault::InvalidSignature,
        }
    }
}
