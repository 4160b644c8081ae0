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
    /// `{"error":{"message":…}}`, as the SDKs of OpenAI and Anthropic do on the routes that have their shapes.
    Nested,
}

impl ErrorShape {
    /// By the path, whether or not it is passed on: a refusal has to be read, too.
    pub fn of_path(path: &str) -> Self {
        let nested = ["/openai/", "/anthropic/", "/v1/"].iter().any(|prefix| path.starts_with(prefix));
        if nested { Self::Nested } else { Self::Aws }
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

    /// `{"message":"…"}`, the body of an answer and the payload of an exception frame.
    pub fn body(self, message: &str) -> Vec<u8> {
        self.shaped(message, ErrorShape::Aws)
    }

    /// The body of an answer for the clients of one route.
    pub fn shaped(self, message: &str, shape: ErrorShape) -> Vec<u8> {
        let (name, message) = (self.name(), quoted(message));
        let body = match shape {
            ErrorShape::Aws => format!("{{\"message\":{message}}}"),
            ErrorShape::Nested => format!(
                "{{\"type\":\"error\",\"error\":{{\"type\":\"{name}\",\"code\":\"{name}\",\"param\":null,\
                 \"message\":{message}}},\"message\":{message}}}"
            ),
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
            let body = Fault::AccessDenied.shaped(message, ErrorShape::Nested);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["error"]["message"], message);
            assert_eq!(body["error"]["code"], "AccessDeniedException");
        }
    }

    #[test]
    fn the_shape_of_an_error_follows_from_the_path() {
        for (path, shape) in [
            ("/openai/v1/chat/completions", ErrorShape::Nested),
            ("/v1/responses", ErrorShape::Nested),
            ("/anthropic/v1/messages", ErrorShape::Nested),
            ("/model/openai.gpt-oss-20b-1%3A0/invoke", ErrorShape::Aws),
            ("/openai", ErrorShape::Aws),
            ("/", ErrorShape::Aws),
        ] {
            assert_eq!(ErrorShape::of_path(path), shape, "{path}");
        }
    }
}
