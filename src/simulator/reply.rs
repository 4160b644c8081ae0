//! Answers as they leave: documents, streams, and the service's refusals.
//!
//! Receives what was decided and returns responses with the headers that the service sends. Pure.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::bedrock::fault::{ErrorShape, Fault};

use super::session::Session;
use super::stream::{BrokenOff, EventStream};

/// What the service appends to an exception's name in `x-amzn-errortype`.
const ERROR_NAMESPACE: &str = "http://internal.amazon.com/coral/com.amazon.bedrock/";

/// A refusal as the service words it.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{}: {}", .fault.name(), self.message())]
pub struct Refusal {
    pub fault: Fault,
    members: Map<String, Value>,
}

/// The body of a response.
#[derive(Debug)]
pub enum ReplyBody {
    /// Bytes still to be sent.
    Whole(Option<Bytes>),
    /// Bytes still to be sent before the connection breaks, and whether the connection had time to send them.
    BrokenOff {
        bytes: Option<Bytes>,
        flushed: bool,
    },
    Events(Box<EventStream>),
    Session(Box<Session>),
}

impl Refusal {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, members: Map::from_iter([("message".to_owned(), message.into().into())]) }
    }

    /// With one more member of the modelled exception.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The message that the caller reads.
    pub fn message(&self) -> &str {
        self.members.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// The answer, in the form that the clients of a route read.
    pub fn into_response(self, errors: ErrorShape) -> Response<ReplyBody> {
        let kind = format!("{}:{ERROR_NAMESPACE}", self.fault.name());
        let mut response = match errors {
            ErrorShape::Aws => document(self.fault.status(), &Value::Object(self.members)),
            ErrorShape::OpenAi | ErrorShape::Anthropic => {
                json(self.fault.status(), self.fault.shaped(self.message(), errors).into())
            }
        };
        if let Ok(kind) = HeaderValue::try_from(kind) {
            response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), kind);
        }
        response
    }
}

/// A JSON document.
pub fn document(status: StatusCode, document: &Value) -> Response<ReplyBody> {
    json(status, document.to_string().into())
}

fn json(status: StatusCode, body: Bytes) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Whole(Some(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl ReplyBody {
    /// The first half, and then the connection breaks.
    #[must_use]
    pub fn broken_off(self) -> Self {
        match self {
            Self::Whole(bytes) => {
                Self::BrokenOff { bytes: bytes.map(|bytes| bytes.slice(..bytes.len() / 2)), flushed: false }
            }
            Self::BrokenOff { .. } | Self::Events(_) | Self::Session(_) => self,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::BrokenOff { bytes, flushed } => {
                if let Some(bytes) = bytes.take() {
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                if !std::mem::replace(flushed, true) {
                    // Back to the connection once, which then writes what it holds.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(BrokenOff)))
            }
            Self::Events(events) => Pin::new(events.as_mut()).poll_frame(context),
            Self::Session(session) => Pin::new(session.as_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(Some(bytes)) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Self::Whole(None) => SizeHint::with_exact(0),
            Self::BrokenOff { .. } | Self::Events(_) | Self::Session(_) => SizeHint::default(),
        }
    }
}
