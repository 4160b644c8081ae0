//! Every error a caller can be answered with, as Bedrock itself would say it.
//!
//! Receives nothing, hands out names, statuses and bodies. The set is closed, so that whoever refuses a request must
//! choose an error that every SDK can decode. Never holds the text of a request.

use http::StatusCode;

use super::json::quoted;

/// How the clients of a route read an error's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// `{"message":…}`, as every AWS SDK does.
    Aws,
    /// `{"error":{"message":…,"code":…}}`, as OpenAI's SDKs do.
    OpenAi,
    /// `{"type":"error","error":{"type":…,"message":…}}`, as Anthropic's SDKs do.
    Anthropic,
}

impl ErrorShape {
    /// By the path, whether or not it is passed on: a refusal has to be read, too.
    pub fn of_path(path: &str) -> Self {
        if path.starts_with("/anthropic/") {
            Self::Anthropic
        } else if path.starts_with("/openai/") || path.starts_with("/v1/") {
            Self::OpenAi
        } else {
            Self::Aws
        }
    }
}

/// An error of Bedrock's runtime or of the front door before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    AccessDenied,
    Validation,
    ResourceNotFound,
    ServiceQuotaExceeded,
    Conflict,
    ModelTimeout,
    ModelError,
    ModelStreamError,
    Throttling,
    ModelNotReady,
    InternalServer,
    ServiceUnavailable,
    MissingAuthenticationToken,
    IncompleteSignature,
    InvalidSignature,
    UnrecognizedClient,
    ExpiredToken,
    UnknownOperation,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    RequestTimeout,
}

impl Fault {
    pub const ALL: [Self; 21] = [
        Self::AccessDenied,
        Self::Validation,
        Self::ResourceNotFound,
        Self::ServiceQuotaExceeded,
        Self::Conflict,
        Self::ModelTimeout,
        Self::ModelError,
        Self::ModelStreamError,
        Self::Throttling,
        Self::ModelNotReady,
        Self::InternalServer,
        Self::ServiceUnavailable,
        Self::MissingAuthenticationToken,
        Self::IncompleteSignature,
        Self::InvalidSignature,
        Self::UnrecognizedClient,
        Self::ExpiredToken,
        Self::UnknownOperation,
        Self::RequestEntityTooLarge,
        Self::UnsupportedMediaType,
        Self::RequestTimeout,
    ];

    /// The exception name, for `x-amzn-errortype`. Without that header most SDKs report an unknown error.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::Validation => "ValidationException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::ServiceQuotaExceeded => "ServiceQuotaExceededException",
            Self::Conflict => "ConflictException",
            Self::ModelTimeout => "ModelTimeoutException",
            Self::ModelError => "ModelErrorException",
            Self::ModelStreamError => "ModelStreamErrorException",
            Self::Throttling => "ThrottlingException",
            Self::ModelNotReady => "ModelNotReadyException",
            Self::InternalServer => "InternalServerException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::RequestEntityTooLarge => "RequestEntityTooLargeException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::RequestTimeout => "RequestTimeoutException",
        }
    }

    /// The status of the answer. Those of the runtime are the service model's, odd ones included: an exceeded quota
    /// and a conflict are 400, a failed model 424. SDKs repeat calls that end in 429 and 5xx.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Validation | Self::ServiceQuotaExceeded | Self::Conflict | Self::IncompleteSignature => {
                StatusCode::BAD_REQUEST
            }
            Self::AccessDenied
            | Self::MissingAuthenticationToken
            | Self::InvalidSignature
            | Self::UnrecognizedClient
            | Self::ExpiredToken => StatusCode::FORBIDDEN,
            Self::ResourceNotFound | Self::UnknownOperation => StatusCode::NOT_FOUND,
            Self::ModelTimeout | Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::RequestEntityTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ModelError | Self::ModelStreamError => StatusCode::FAILED_DEPENDENCY,
            Self::Throttling | Self::ModelNotReady => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalServer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The nearest `:exception-type` that both `InvokeModelWithResponseStream` and `ConverseStream` model, for a
    /// refusal after the answer has begun. What no stream models becomes `validationException`, which every SDK
    /// raises and none repeats.
    pub const fn stream_member(self) -> &'static str {
        match self {
            Self::ModelTimeout | Self::ModelError | Self::ModelStreamError => "modelStreamErrorException",
            Self::Throttling | Self::ModelNotReady => "throttlingException",
            Self::InternalServer => "internalServerException",
            Self::ServiceUnavailable => "serviceUnavailableException",
            Self::AccessDenied
            | Self::Validation
            | Self::ResourceNotFound
            | Self::ServiceQuotaExceeded
            | Self::Conflict
            | Self::MissingAuthenticationToken
            | Self::IncompleteSignature
            | Self::InvalidSignature
            | Self::UnrecognizedClient
            | Self::ExpiredToken
            | Self::UnknownOperation
            | Self::RequestEntityTooLarge
            | Self::UnsupportedMediaType
            | Self::RequestTimeout => "validationException",
        }
    }

    /// The kind of error in the words of OpenAI and Anthropic, which their SDKs show beside the status.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Validation | Self::IncompleteSignature | Self::UnsupportedMediaType | Self::Conflict => {
                "invalid_request_error"
            }
            Self::MissingAuthenticationToken
            | Self::InvalidSignature
            | Self::UnrecognizedClient
            | Self::ExpiredToken => "authentication_error",
            Self::AccessDenied => "permission_error",
            Self::ResourceNotFound | Self::UnknownOperation => "not_found_error",
            Self::RequestEntityTooLarge => "request_too_large",
            Self::Throttling | Self::ModelNotReady | Self::ServiceQuotaExceeded => "rate_limit_error",
            Self::ModelTimeout | Self::RequestTimeout => "timeout_error",
            Self::ServiceUnavailable => "overloaded_error",
            Self::ModelError | Self::ModelStreamError | Self::InternalServer => "api_error",
        }
    }

    /// The fault that OpenAI or Anthropic mean by a kind of error.
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "invalid_request_error" => Some(Self::Validation),
            "authentication_error" => Some(Self::UnrecognizedClient),
            "permission_error" => Some(Self::AccessDenied),
            "not_found_error" => Some(Self::ResourceNotFound),
            "request_too_large" => Some(Self::RequestEntityTooLarge),
            "rate_limit_error" | "rate_limit_exceeded" => Some(Self::Throttling),
            "timeout_error" => Some(Self::ModelTimeout),
            "overloaded_error" => Some(Self::ServiceUnavailable),
            "api_error" | "server_error" => Some(Self::ModelStreamError),
            _ => None,
        }
    }

    /// `{"message":"…"}`, the body of an answer and the payload of an exception frame.
    pub fn body(self, message: &str) -> Vec<u8> {
        self.shaped(message, ErrorShape::Aws)
    }

    /// The body of an answer for the clients of one route.
    pub fn shaped(self, message: &str, shape: ErrorShape) -> Vec<u8> {
        let (name, kind, message) = (self.name(), self.kind(), quoted(message));
        let body = match shape {
            ErrorShape::Aws => format!("{{\"message\":{message}}}"),
            ErrorShape::OpenAi => format!(
                "{{\"error\":{{\"message\":{message},\"type\":\"{kind}\",\"param\":null,\"code\":\"{name}\"}}}}"
            ),
            ErrorShape::Anthropic => {
                format!("{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":{message}}}}}")
            }
        };
        body.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_the_name_status_and_stream_member_of_the_service() {
        let expected = [
            "AccessDeniedException 403 validationException",
            "ValidationException 400 validationException",
            "ResourceNotFoundException 404 validationException",
            "ServiceQuotaExceededException 400 validationException",
            "ConflictException 400 validationException",
            "ModelTimeoutException 408 modelStreamErrorException",
            "ModelErrorException 424 modelStreamErrorException",
            "ModelStreamErrorException 424 modelStreamErrorException",
            "ThrottlingException 429 throttlingException",
            "ModelNotReadyException 429 throttlingException",
            "InternalServerException 500 internalServerException",
            "ServiceUnavailableException 503 serviceUnavailableException",
            "MissingAuthenticationTokenException 403 validationException",
            "IncompleteSignatureException 400 validationException",
            "InvalidSignatureException 403 validationException",
            "UnrecognizedClientException 403 validationException",
            "ExpiredTokenException 403 validationException",
            "UnknownOperationException 404 validationException",
            "RequestEntityTooLargeException 413 validationException",
            "UnsupportedMediaTypeException 415 validationException",
            "RequestTimeoutException 408 validationException",
        ];
        let table = Fault::ALL
            .map(|fault| format!("{} {} {}", fault.name(), fault.status().as_u16(), fault.stream_member()));
        assert_eq!(table, expected);
    }

    #[test]
    fn every_fault_is_listed_once() {
        let names: std::collections::HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
    }

    #[test]
    fn the_body_is_json_whatever_the_message_holds() {
        for message in ["plain", "say \"no\"", "line\nbreak \\ tab\t", "\u{0}\u{1f}", "snow ☃ 𝄞", ""] {
            let body: serde_json::Value = serde_json::from_slice(&Fault::AccessDenied.body(message)).unwrap();
            assert_eq!(body, serde_json::json!({ "message": message }));
            let shaped = |shape| -> serde_json::Value {
                serde_json::from_slice(&Fault::AccessDenied.shaped(message, shape)).unwrap()
            };
            let (openai, anthropic) = (shaped(ErrorShape::OpenAi), shaped(ErrorShape::Anthropic));
            assert_eq!(openai["error"]["code"], "AccessDeniedException");
            assert_eq!(
                (&openai["error"]["message"], &openai["error"]["type"]),
                (&message.into(), &"permission_error".into())
            );
            assert_eq!(anthropic["type"], "error");
            assert_eq!(
                anthropic["error"],
                serde_json::json!({ "type": "permission_error", "message": message })
            );
        }
    }

    #[test]
    fn the_shape_of_an_error_follows_from_the_path() {
        for (path, shape) in [
            ("/openai/v1/chat/completions", ErrorShape::OpenAi),
            ("/v1/responses", ErrorShape::OpenAi),
            ("/anthropic/v1/messages", ErrorShape::Anthropic),
            ("/model/openai.gpt-oss-20b-1%3A0/invoke", ErrorShape::Aws),
            ("/openai", ErrorShape::Aws),
            ("/", ErrorShape::Aws),
        ] {
            assert_eq!(ErrorShape::of_path(path), shape, "{path}");
        }
    }
}
