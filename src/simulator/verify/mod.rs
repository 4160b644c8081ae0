//! Signatures, checked as strictly as AWS checks them, and refused in AWS's words.
//!
//! Receives a request head and the digest of its body and returns nothing but whether it may go on. The same rules as
//! the sidecar applies to its callers ([`crate::identity::sigv4`]), so that both sides are tested against real SDKs.
//! Never shows a secret or a signature.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::bedrock::fault::Fault;
use crate::identity::sigv4::{
    ALGORITHM, Authorization, AuthorizationError, EVENTS_PAYLOAD, EventChain, Request, canonical_request,
    signature, string_to_sign,
};

use super::reply::Refusal;
use super::session::EventProof;

/// Most that two clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
const SERVICE: &str = "bedrock";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// A key that the double accepts.
#[derive(Clone)]
pub struct Credential {
    pub access_key_id: String,
    pub secret_access_key: Zeroizing<String>,
    /// Must come with the request when set, and must not when not.
    pub session_token: Option<Zeroizing<String>>,
}

/// What signatures are checked against.
#[derive(Debug)]
pub struct Verifier {
    credentials: Vec<Credential>,
    region: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    pub const fn new(credentials: Vec<Credential>, region: String) -> Self {
        Self { credentials, region }
    }

    /// Accepts a request that was signed with a known key, for this region and service, about now.
    /// `body_sha256` is in lower-case hexadecimal digits, of the body that arrived.
    pub fn verify(&self, request: &Request<'_>, body_sha256: &str, now: Timestamp) -> Result<(), Refusal> {
        let authorization = authorization(request.headers)?;
        let credential = self.credential(&authorization, request.headers)?;
        let date = header(request.headers, "x-amz-date").ok_or_else(|| {
            Refusal::new(
                Fault::IncompleteSignature,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            )
        })?;
        self.check_scope(&authorization, date)?;
        check_date(date, now)?;
        check_signed_headers(&authorization, request.headers)?;
        let mismatch = || {
            Refusal::new(
                Fault::InvalidSignature,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            )
        };
        let canonical =
            canonical_request(request, &authorization.signed_headers, body_sha256).map_err(|_| mismatch())?;
        let to_sign = string_to_sign(date, &authorization.scope, &canonical);
        let expected = signature(&credential.secret_access_key, &authorization.scope, &to_sign);
        let named = header(request.headers, "x-amz-content-sha256").is_none_or(|named| named == body_sha256);
        if named && expected == authorization.signature { Ok(()) } else { Err(mismatch()) }
    }

    /// What verifies the frames of a session whose head was verified.
    pub fn event_proof(&self, headers: &HeaderMap) -> Result<EventProof, Refusal> {
        let authorization = authorization(headers)?;
        let secret = self.credential(&authorization, headers)?.secret_access_key.clone();
        Ok(EventProof::new(secret, EventChain::new(authorization.signature, &self.region, SERVICE)))
    }

    /// The key that was named, whose session token came along.
    fn credential(&self, authorization: &Authorization, headers: &HeaderMap) -> Result<&Credential, Refusal> {
        let token = header(headers, "x-amz-security-token");
        let mut credentials = self.credentials.iter();
        credentials
            .find(|credential| credential.access_key_id == authorization.access_key_id)
            .filter(|credential| credential.session_token.as_ref().map(|token| token.as_str()) == token)
            .ok_or_else(|| {
                Refusal::new(
                    Fault::UnrecognizedClient,
                    "The security token included in the request is invalid.",
                )
            })
    }

    fn check_scope(&self, authorization: &Authorization, date: &str) -> Result<(), Refusal> {
        let scope = &authorization.scope;
        let complaint = if scope.region != self.region {
            format!("Credential should be scoped to a valid region, not '{}'.", scope.region)
        } else if scope.service != SERVICE {
            format!("Credential should be scoped to correct service: '{SERVICE}'.")
        } else if date.get(..8) != Some(scope.date.as_str()) {
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{}', from '{date}'.",
                scope.date,
                date.get(..8).unwrap_or(date),
            )
        } else {
            return Ok(());
        };
        Err(Refusal::new(Fault::InvalidSignature, complaint))
    }
}

/// What stands for the body in the signature of a session's head: what the head itself says, or the hash of nothing.
pub fn session_payload(headers: &HeaderMap) -> String {
    match header(headers, "x-amz-content-sha256") {
        Some(named) if named == EVENTS_PAYLOAD => EVENTS_PAYLOAD.to_owned(),
        Some(_) | None => hex::encode(digest(&SHA256, b"")),
    }
}

/// The key that a request claims to be signed with, for the log.
pub fn claimed_access_key_id(headers: &HeaderMap) -> Option<String> {
    Authorization::parse(header(headers, AUTHORIZATION.as_str())?).ok().map(|parsed| parsed.access_key_id)
}

fn authorization(headers: &HeaderMap) -> Result<Authorization, Refusal> {
    let Some(value) = header(headers, AUTHORIZATION.as_str()) else {
        return Err(Refusal::new(Fault::MissingAuthenticationToken, "Missing Authentication Token"));
    };
    if value.starts_with("Bearer ") {
        let message = "Authentication failed: Please make sure your API Key is valid.";
        return Err(Refusal::new(Fault::AccessDenied, message));
    }
    Authorization::parse(value).map_err(|error| {
        let message = match error {
            AuthorizationError::Missing(name) => format!("Authorization header requires '{name}' parameter."),
            AuthorizationError::Algorithm => {
                format!("Authorization header requires the algorithm {ALGORITHM}.")
            }
            AuthorizationError::Repeated(_)
            | AuthorizationError::Unknown
            | AuthorizationError::Credential
            | AuthorizationError::SignedHeaders
            | AuthorizationError::Signature => error.to_string(),
        };
        Refusal::new(Fault::IncompleteSignature, message)
    })
}

fn check_date(date: &str, now: Timestamp) -> Result<(), Refusal> {
    let parsed = jiff::fmt::strtime::parse(DATE_FORMAT, date).and_then(|parsed| parsed.to_datetime());
    let Ok(signed) = parsed.and_then(|time| TimeZone::UTC.to_timestamp(time)) else {
        return Err(Refusal::new(
            Fault::IncompleteSignature,
            "Date must be in ISO-8601 'basic format': YYYYMMDD'T'HHMMSS'Z'.",
        ));
    };
    let show = |time: Timestamp| time.strftime(DATE_FORMAT).to_string();
    let (oldest, newest) = (now - SKEW, now + SKEW);
    let complaint = if signed < oldest {
        format!("Signature expired: {date} is now earlier than {} ({} - 5 min.)", show(oldest), show(now))
    } else if signed > newest {
        format!(
            "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
            show(newest),
            show(now)
        )
    } else {
        return Ok(());
    };
    Err(Refusal::new(Fault::InvalidSignature, complaint))
}

/// The host and everything that AWS itself reads must be signed.
fn check_signed_headers(authorization: &Authorization, headers: &HeaderMap) -> Result<(), Refusal> {
    let complaint = if authorization.signs("host") || authorization.signs(":authority") {
        let names = headers.keys().map(http::HeaderName::as_str);
        let unsigned: Vec<&str> =
            names.filter(|name| name.starts_with("x-amz-") && !authorization.signs(name)).collect();
        if unsigned.is_empty() {
            return Ok(());
        }
        format!("There were headers present in the request which were not signed: {}", unsigned.join(", "))
    } else {
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()
    };
    Err(Refusal::new(Fault::InvalidSignature, complaint))
}

/// The value of a header that is there once and is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (Some(_) | None, _) => None,
    }
}

#[cfg(test)]
mod tests;
