//! Every way in which a request is not served, in one table: whose fault it is, what Bedrock would call it, and what
//! the caller may read about it.
//!
//! Texts for the caller never hold prompt text, matches, credentials or anything of Bedrock's own answer to our
//! signature, which would repeat the session token.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use thiserror::Error;

use crate::audit::JournalError;
use crate::bedrock::envelope::OpenError;
use crate::bedrock::event_stream::FrameError;
use crate::bedrock::fault::{ErrorShape, Fault};
use crate::bedrock::format::{DecodeError, UnknownFamily};
use crate::bedrock::json::JsonError;
use crate::bedrock::model::resolution::ResolutionError;
use crate::bedrock::operation::RouteError;
use crate::bedrock::speech::{ChunkError, OrderError};
use crate::identity::AuthenticationError;
use crate::policy::Denial;
use crate::upstream::{InvalidHeader, ResolveError, UpstreamError};

use super::body::BodyError;

/// Why an exchange ends without Bedrock's answer.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("requests must be HTTP with one `host` and a path, as AWS SDKs send them")]
    RequestForm,
    #[error("this operation takes no body")]
    UnexpectedBody,
    #[error("no policies are loaded; nothing is allowed until they are")]
    NoPolicies,
    #[error("the model's region `{model}` is not `{upstream}`, which requests are sent to")]
    ForeignRegion { model: String, upstream: String },
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    UnknownFamily(#[from] UnknownFamily),
    #[error("a guardrail needs one identifier and one version")]
    IncompleteGuardrail,
    #[error(
        "the body holds `amazon-bedrock-guardrailConfig` and no header names a guardrail; send \
         `x-amzn-bedrock-guardrailidentifier` and `x-amzn-bedrock-guardrailversion`"
    )]
    UnnamedGuardrail,
    #[error("request bodies must be JSON; send `content-type: application/json`")]
    MediaType,
    #[error("sessions are streams of events; send `content-type: application/vnd.amazon.eventstream`")]
    StreamMediaType,
    #[error("the stream of events cannot be read: {0}")]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("an event could not be signed for Bedrock")]
    Unsigned,
    #[error("no event arrived in time")]
    NoEvent,
    #[error("a session may last {} minutes", .0.as_secs() / 60)]
    SessionTooLong(Duration),
    #[error("the warden is about to stop; open the session again")]
    Draining,
    #[error("request metadata must be a JSON object of strings")]
    Metadata,
    #[error("request metadata has room for {room} pairs beside those that bedrock-warden adds; send fewer")]
    MetadataFull { room: usize },
    #[error("request metadata is too long with the pairs that bedrock-warden adds; send less")]
    MetadataTooLong,
    /// The verdict in the judgement says which rules; its own sentence is the message.
    #[error("denied by policy")]
    Denied,
    #[error("quotas cannot be counted at the moment; nothing was sent to Bedrock")]
    QuotasUnavailable,
    /// Of an event that followed the intent of its session.
    #[error("{}", .0.message)]
    EventDenied(Denial),
    #[error(
        "{rules}: the answer must be filtered, which is not possible where it is written to S3; call an operation that \
         answers the caller"
    )]
    AnswerOutOfSight { rules: String },
    #[error("the request could not be recorded; nothing was sent to Bedrock")]
    NotRecorded(#[from] JournalError),
    #[error("Bedrock could not be called")]
    Upstream(#[from] UpstreamError),
    #[error("AWS does not accept the warden's own credentials; the operator finds the reason in the record")]
    UpstreamCredentials,
    #[error("the warden's own role may not do this; the operator finds the reason in the record")]
    UpstreamForbidden,
    #[error("the upstream answered {0} in a way that is not Bedrock's; its answer is not passed on")]
    ForeignAnswer(StatusCode),
    #[error("Bedrock's answer could not be read and is not passed on")]
    AnswerUnreadable,
    #[error("Bedrock's answer did not arrive completely")]
    AnswerBroken,
    #[error("the answer is about a model that this caller may not use")]
    AnswerDeclined,
    #[error("the answer was withheld by policy: {reasons}")]
    AnswerDenied { reasons: String },
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Json(error) => Self::Json(error),
            OpenError::Decode(error) => Self::Decode(error),
            OpenError::UnknownFamily(error) => Self::UnknownFamily(error),
        }
    }
}

impl Refusal {
    /// Bedrock's word for it. `Denied` takes the fault of its verdict instead.
    pub fn fault(&self) -> Fault {
        match self {
            Self::RequestForm
            | Self::UnexpectedBody
            | Self::Frame(_)
            | Self::Chunk(_)
            | Self::Order(_)
            | Self::ForeignRegion { .. }
            | Self::Header(
                InvalidHeader::Repeated(_) | InvalidHeader::NotText(_) | InvalidHeader::NotFeatures(_),
            )
            | Self::Json(_)
            | Self::IncompleteGuardrail
            | Self::UnnamedGuardrail
            | Self::Metadata
            | Self::MetadataFull { .. }
            | Self::MetadataTooLong
            | Self::AnswerDenied { .. } => Fault::Validation,
            Self::NoEvent => Fault::RequestTimeout,
            Self::SessionTooLong(_) => Fault::ModelTimeout,
            Self::MediaType | Self::StreamMediaType => Fault::UnsupportedMediaType,
            Self::Decode(error) => error.fault(),
            Self::EventDenied(denial) => denial.fault,
            Self::Authentication(error) => error.fault(),
            Self::Route(error) => error.fault(),
            Self::Resolve(error) => match error {
                ResolveError::Resolution(error) => match error {
                    ResolutionError::Draft | ResolutionError::Loop | ResolutionError::TooDeep => {
                        Fault::AccessDenied
                    }
                    ResolutionError::Json(_)
                    | ResolutionError::Member(_)
                    | ResolutionError::TooManyModels => Fault::InternalServer,
                },
                ResolveError::NotFound => Fault::ResourceNotFound,
                ResolveError::Forbidden { .. } => Fault::AccessDenied,
                ResolveError::Unavailable => Fault::ServiceUnavailable,
                ResolveError::Busy => Fault::Throttling,
            },
            Self::Body(error) => match error {
                BodyError::Encoded | BodyError::TransferCoding => Fault::UnsupportedMediaType,
                BodyError::TooLarge(_) => Fault::RequestEntityTooLarge,
                BodyError::TooSlow => Fault::RequestTimeout,
                BodyError::Broken => Fault::Validation,
                BodyError::Busy => Fault::ServiceUnavailable,
            },
            Self::Header(InvalidHeader::NotDefault { .. })
            | Self::AnswerDeclined
            | Self::UnknownFamily(_)
            | Self::Denied
            | Self::AnswerOutOfSight { .. }
            | Self::UpstreamForbidden => Fault::AccessDenied,
            Self::NotRecorded(_)
            | Self::NoPolicies
            | Self::Draining
            | Self::QuotasUnavailable
            | Self::UpstreamCredentials
            | Self::ForeignAnswer(StatusCode::SERVICE_UNAVAILABLE) => Fault::ServiceUnavailable,
            Self::Upstream(error) => match error {
                UpstreamError::NoCredentials(_) | UpstreamError::NoSession(_) | UpstreamError::Connect(_) => {
                    Fault::ServiceUnavailable
                }
                UpstreamError::Timeout => Fault::ModelTimeout,
                UpstreamError::Sign(_)
                | UpstreamError::Request(_)
                | UpstreamError::FirstEvent(_)
                | UpstreamError::Open(_)
                | UpstreamError::Transport(_)
                | UpstreamError::Answer => Fault::InternalServer,
            },
            Self::ForeignAnswer(StatusCode::TOO_MANY_REQUESTS) => Fault::Throttling,
            Self::ForeignAnswer(_) | Self::AnswerUnreadable | Self::AnswerBroken | Self::Unsigned => {
                Fault::InternalServer
            }
        }
    }

    /// Whether the record should call it a failure rather than a denial: nothing the caller did.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::NotRecorded(_)
            | Self::NoPolicies
            | Self::Draining
            | Self::QuotasUnavailable
            | Self::Upstream(_)
            | Self::UpstreamCredentials
            | Self::UpstreamForbidden
            | Self::ForeignAnswer(_)
            | Self::AnswerUnreadable
            | Self::AnswerBroken
            | Self::Unsigned
            | Self::Body(BodyError::Busy)
            | Self::Resolve(
                ResolveError::Forbidden { .. }
                | ResolveError::Unavailable
                | ResolveError::Resolution(
                    ResolutionError::Json(_) | ResolutionError::Member(_) | ResolutionError::TooManyModels,
                ),
            ) => true,
            Self::RequestForm
            | Self::UnexpectedBody
            | Self::ForeignRegion { .. }
            | Self::Authentication(_)
            | Self::Route(_)
            | Self::Resolve(_)
            | Self::Header(_)
            | Self::Body(_)
            | Self::Json(_)
            | Self::Decode(_)
            | Self::UnknownFamily(_)
            | Self::IncompleteGuardrail
            | Self::UnnamedGuardrail
            | Self::MediaType
            | Self::StreamMediaType
            | Self::Frame(_)
            | Self::Chunk(_)
            | Self::Order(_)
            | Self::NoEvent
            | Self::SessionTooLong(_)
            | Self::Metadata
            | Self::MetadataFull { .. }
            | Self::MetadataTooLong
            | Self::Denied
            | Self::EventDenied(_)
            | Self::AnswerOutOfSight { .. }
            | Self::AnswerDeclined
            | Self::AnswerDenied { .. } => false,
        }
    }
}

/// Header that says what the warden decided, in every answer it makes or changes.
pub const DECISION: HeaderName = HeaderName::from_static("x-warden-decision");

/// Header that names every rule that refused a request.
pub const RULES: HeaderName = HeaderName::from_static("x-warden-rules");

/// Header that names the rules in shadow mode that would have refused a request.
pub const WOULD_DENY: HeaderName = HeaderName::from_static("x-warden-would-deny");

/// Header with which a caller invokes an exception by name. It is the warden's own and never forwarded.
pub const BREAK_GLASS: HeaderName = HeaderName::from_static("x-warden-break-glass");

/// Header that says what the warden changed, in the request or in the answer.
pub const MODIFIED: HeaderName = HeaderName::from_static("x-warden-modified");

/// A native error answer: what the SDKs of a route turn into their typed exceptions.
pub fn native(
    fault: Fault,
    message: &str,
    shape: ErrorShape,
    request_id: &str,
    decision: &str,
) -> (Response<()>, Vec<u8>) {
    let mut head = Response::new(());
    *head.status_mut() = fault.status();
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-errortype", HeaderValue::from_static(fault.name()));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Ok(decision) = HeaderValue::from_str(decision) {
        headers.insert(DECISION, decision);
    }
    if matches!(fault.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    (head, fault.shaped(message, shape))
}
