//! SigV4 for the way to Bedrock, over exactly the bytes that are sent.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderMap, Request};
use thiserror::Error;

/// Signing name of both planes (botocore models of `bedrock-runtime` and `bedrock`).
const SERVICE: &str = "bedrock";

/// Headers that pass but are not signed: they may change on the way, and AWS does not need them signed.
const UNSIGNED: &[&str] = &["user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "content-length"];

/// The request could not be signed; the text of the cause is for the log only.
#[derive(Debug, Error)]
pub enum SignError {
    #[error("a header to be signed is not text")]
    HeaderNotText,
    #[error("the signature could not be computed")]
    Signature(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Adds `authorization`, `x-amz-date` and the session token to `request`, whose URI is the full one that is sent and
/// whose body has the given SHA-256 in hexadecimal. `host` is the authority as the wire will carry it.
pub fn sign_request<B>(
    request: &mut Request<B>,
    host: &str,
    region: &str,
    body_sha256: &str,
    identity: &Identity,
    now: SystemTime,
) -> Result<(), SignError> {
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
    let (instructions, _) =
        sign(signable, &params.into()).map_err(|error| SignError::Signature(error.into()))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
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
