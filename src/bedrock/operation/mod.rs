//! Which operation a request line asks for, and on which model.
//!
//! Receives the method and the target exactly as they came over the wire. Returns one of six operations, or refuses:
//! what is not recognised is never passed on. The target is compared byte by byte and its label decoded once; nothing
//! is normalised, because what one layer tidies another layer reads differently.

mod query;

use http::Method;
use thiserror::Error;

use super::fault::Fault;
use super::model::{ModelError, ModelReference};

/// The operations that are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    InvokeModel,
    InvokeModelWithResponseStream,
    InvokeModelWithBidirectionalStream,
    Converse,
    ConverseStream,
    ListFoundationModels,
}

impl Operation {
    pub const ALL: [Self; 6] = [
        Self::InvokeModel,
        Self::InvokeModelWithResponseStream,
        Self::InvokeModelWithBidirectionalStream,
        Self::Converse,
        Self::ConverseStream,
        Self::ListFoundationModels,
    ];

    /// AWS's own name of the operation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvokeModel => "InvokeModel",
            Self::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
            Self::InvokeModelWithBidirectionalStream => "InvokeModelWithBidirectionalStream",
            Self::Converse => "Converse",
            Self::ConverseStream => "ConverseStream",
            Self::ListFoundationModels => "ListFoundationModels",
        }
    }

    /// Whether a successful answer is an event stream.
    pub const fn is_streaming(self) -> bool {
        match self {
            Self::InvokeModelWithResponseStream
            | Self::InvokeModelWithBidirectionalStream
            | Self::ConverseStream => true,
            Self::InvokeModel | Self::Converse | Self::ListFoundationModels => false,
        }
    }

    /// Whether bodies have Converse's shape, the same for every model.
    pub const fn is_converse(self) -> bool {
        match self {
            Self::Converse | Self::ConverseStream => true,
            Self::InvokeModel
            | Self::InvokeModelWithResponseStream
            | Self::InvokeModelWithBidirectionalStream
            | Self::ListFoundationModels => false,
        }
    }

    /// Whether the request is a stream as well, of which an answer begins before the request ends.
    pub const fn is_bidirectional(self) -> bool {
        match self {
            Self::InvokeModelWithBidirectionalStream => true,
            Self::InvokeModel
            | Self::InvokeModelWithResponseStream
            | Self::Converse
            | Self::ConverseStream
            | Self::ListFoundationModels => false,
        }
    }

    /// Whether members of the request travel in headers: guardrail, trace, metadata (botocore model).
    pub const fn binds_headers(self) -> bool {
        match self {
            Self::InvokeModel | Self::InvokeModelWithResponseStream => true,
            Self::InvokeModelWithBidirectionalStream
            | Self::Converse
            | Self::ConverseStream
            | Self::ListFoundationModels => false,
        }
    }

    /// Whether `bedrock.{region}` serves it instead of `bedrock-runtime.{region}`.
    pub const fn is_control_plane(self) -> bool {
        match self {
            Self::ListFoundationModels => true,
            Self::InvokeModel
            | Self::InvokeModelWithResponseStream
            | Self::InvokeModelWithBidirectionalStream
            | Self::Converse
            | Self::ConverseStream => false,
        }
    }

    /// The operation behind the last segment of `/model/{modelId}/{action}` (botocore model).
    fn of_action(action: &str) -> Option<Self> {
        match action {
            "invoke" => Some(Self::InvokeModel),
            "invoke-with-response-stream" => Some(Self::InvokeModelWithResponseStream),
            "invoke-with-bidirectional-stream" => Some(Self::InvokeModelWithBidirectionalStream),
            "converse" => Some(Self::Converse),
            "converse-stream" => Some(Self::ConverseStream),
            _ => None,
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A recognised request line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub operation: Operation,
    /// The model named in the path; `None` for `ListFoundationModels` only.
    pub model: Option<ModelReference>,
}

impl Route {
    /// Recognises a request by its method and its target (path and query as on the wire).
    pub fn recognise(method: &Method, raw_target: &str) -> Result<Self, RouteError> {
        if !raw_target.starts_with('/') {
            return Err(RouteError::NotOriginForm);
        }
        let readable = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
        if let Some(at) = raw_target.bytes().position(|byte| !readable(byte)) {
            return Err(RouteError::Character(at));
        }
        let (path, query) = match raw_target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw_target, None),
        };
        match path.strip_prefix("/model/") {
            Some(rest) if method == Method::POST => Self::runtime(rest, query),
            None if method == Method::GET && path == "/foundation-models" => {
                query.map_or(Ok(()), query::check)?;
                Ok(Self { operation: Operation::ListFoundationModels, model: None })
            }
            // FAIL-CLOSED: inference hides behind many paths, some of them with the model in the body.
            Some(_) | None => Err(RouteError::UnknownOperation),
        }
    }

    /// `rest` is what follows `/model/`.
    fn runtime(rest: &str, query: Option<&str>) -> Result<Self, RouteError> {
        let (label, action) = rest.rsplit_once('/').ok_or(RouteError::UnknownOperation)?;
        let operation = Operation::of_action(action).ok_or(RouteError::UnknownOperation)?;
        if query.is_some() {
            return Err(RouteError::RuntimeQuery);
        }
        if label.contains('/') {
            return Err(RouteError::BareSlash);
        }
        let model = ModelReference::parse(&decode_once(label)?)?;
        Ok(Self { operation, model: Some(model) })
    }
}

/// Why a request line is not passed on. Texts hold no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    #[error(
        "operation is not passed on; bedrock-warden passes on InvokeModel, InvokeModelWithResponseStream, \
         InvokeModelWithBidirectionalStream, Converse, ConverseStream and ListFoundationModels"
    )]
    UnknownOperation,
    #[error("request target must be a path; absolute addresses and `*` are not passed on")]
    NotOriginForm,
    #[error("request target holds a character that must be percent-encoded, at byte {0}")]
    Character(usize),
    #[error("model operations take no query string")]
    RuntimeQuery,
    #[error(
        "ListFoundationModels takes the query members `byProvider`, `byCustomizationType`, `byOutputModality` and \
         `byInferenceType`, each at most once and with a plain value"
    )]
    Query,
    #[error("path of a model operation has more than one segment for the model; encode `/` in it as `%2F`")]
    BareSlash,
    #[error("model id in the path has an invalid percent escape")]
    Escape,
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl RouteError {
    /// How the refusal is answered.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::UnknownOperation => Fault::AccessDenied,
            Self::NotOriginForm
            | Self::Character(_)
            | Self::RuntimeQuery
            | Self::Query
            | Self::BareSlash
            | Self::Escape
            | Self::Model(_) => Fault::Validation,
        }
    }
}

/// Percent-decodes once. Whether the result is a fit for its place (a `%` left over, say) is for the caller to check.
fn decode_once(text: &str) -> Result<String, RouteError> {
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

#[cfg(test)]
mod tests;
