//! SigV4 for the way to Bedrock, over exactly the bytes that are sent.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderMap, Request};
use thiserror::Error;

/// Signing name of both planes (botocore models of `bedrock-runtime` and `bedrock`).
pub(super) const SERVICE: &str = "bedrock";

/// Headers that pass but are not signed: they may change on the way, and AWS does not need them signed.
const UNSIGNED: &[&str] = &[
    "user-agent",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "content-length",
    "traceparent",
    "tracestate",
];

/// The request could not be signed; the text of the cause is for the log only.
#[derive(Debug, Error)]
pub enum SignError {
    #[error("a header to be signed is not text")]
    HeaderNotText,
    #[error("the signature could not be computed")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Adds `authorization`, `x-amz-date` and the session token to `request`, whose URI is the full one that is sent and
/// whose body has the given SHA-256 in hexadecimal, or what stands for it. `host` is the authority as the wire will carry
/// it. Returns the signature in hexadecimal.
pub fn sign_request<B>(
    request: &mut Request<B>,
    host: &str,
    region: &str,
    body_sha256: &str,
    identity: &Identity,
    now: SystemTime,
) -> Result<String, SignError> {
    let params = v4::SigningParams::builder()
        .identity(identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| SignError::Signature(error.into()))?;
    let uri = request.uri().to_string();
    let headers = signed_headers(host, request.headers())?;
    let body = SignableBody::Precomputed(body_sha256.to_owned());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers.into_iter(), body)
        .map_err(|error| SignError::Signature(error.into()))?;
    let (instructions, signature) =
        sign(signable, &params.into()).map_err(|error| SignError::Signature(error.into()))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(signature)
}

fn signed_headers<'a>(host: &'a str, headers: &'a HeaderMap) -> Result<Vec<(&'a str, &'a str)>, SignError> {
    let mut signed = vec![("host", host)];
    for (name, value) in headers {
        if !UNSIGNED.contains(&name.as_str()) {
            signed.push((name.as_str(), value.to_str().map_err(|_| SignError::HeaderNotText)?));
        }
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_credential_types::Credentials;
    use http::Method;
    use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
    use proptest::prelude::*;

    use super::*;
    use crate::identity::sigv4::{self, Authorization};

    const SECRET: &str = "secret of the test";
    /// 2026-11-24T12:00:00Z.
    const NOW: Duration = Duration::from_hours(498_756);

    fn signed(
        target: &str,
        headers: &[(&'static str, String)],
        token: Option<&str>,
        hash: &str,
    ) -> Request<()> {
        let uri = format!("https://bedrock-runtime.us-east-1.amazonaws.com{target}");
        let mut request = Request::builder().method(Method::POST).uri(uri).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let identity = Credentials::new("AKIATEST", SECRET, token.map(str::to_owned), None, "test").into();
        let host = "bedrock-runtime.us-east-1.amazonaws.com";
        sign_request(&mut request, host, "us-east-1", hash, &identity, UNIX_EPOCH + NOW).unwrap();
        request
    }

    /// Recomputes the signature as a receiver does, by the other implementation in this crate.
    fn receiver_accepts(request: &Request<()>, hash: &str) -> bool {
        let header = request.headers().get(AUTHORIZATION).unwrap().to_str().unwrap();
        let authorization = Authorization::parse(header).unwrap();
        let mut headers = request.headers().clone();
        headers.insert("host", "bedrock-runtime.us-east-1.amazonaws.com".parse().unwrap());
        let received = sigv4::Request {
            method: request.method(),
            target: request.uri().path_and_query().unwrap().as_str(),
            headers: &headers,
            authority: None,
        };
        let canonical = sigv4::canonical_request(&received, &authorization.signed_headers, hash).unwrap();
        let date = request.headers().get("x-amz-date").unwrap().to_str().unwrap();
        let string = sigv4::string_to_sign(date, &authorization.scope, &canonical);
        sigv4::signature(SECRET, &authorization.scope, &string) == authorization.signature
    }

    proptest! {
        #[test]
        fn a_receiver_that_recomputes_the_signature_accepts_it(
            label in "[A-Za-z0-9._~-]{1,24}(%3A[0-9]{1,2})?(:[0-9])?",
            accept in "[ -~]{1,20}",
            token in proptest::option::of("[A-Za-z0-9+/=]{8,40}"),
            hash in "[0-9a-f]{64}",
        ) {
            let target = format!("/model/{label}/invoke");
            let headers = [("content-type", "application/json".to_owned()), ("accept", accept.trim().to_owned() + ";")];
            let request = signed(&target, &headers, token.as_deref(), &hash);
            prop_assert!(receiver_accepts(&request, &hash));
            let other = hash.replace('0', "1") + "0";
            prop_assert!(!receiver_accepts(&request, &other));
        }
    }

    #[test]
    fn what_may_change_on_the_way_is_not_signed() {
        let headers = [("content-type", "application/json".to_owned()), ("user-agent", "sdk".to_owned())];
        let mut request = signed("/model/m/converse", &headers, None, &"0".repeat(64));
        request.headers_mut().insert(USER_AGENT, "another".parse().unwrap());
        assert!(receiver_accepts(&request, &"0".repeat(64)));
        request.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().unwrap());
        assert!(!receiver_accepts(&request, &"0".repeat(64)));
    }
}
