//! The rules for signed requests that need no secret.
//!
//! Receives a request head and its parsed `Authorization` header, and returns all of the canonical request but the
//! body's hash. Stricter than AWS: whatever could be read in two ways, or could have been changed on the way without
//! breaking the signature, is refused. Never normalises what it judges.

use http::HeaderMap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::claim::{StatedPayload, UnhashedRequest};
use super::sigv4::{Authorization, EVENTS_PAYLOAD, Request, canonical_request, normalise};
use super::{AuthenticationError, RequestHead};

pub(super) const SERVICE: &str = "bedrock";
/// How far a signer's clock may be off, in either direction.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
pub(super) const WIRE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Checks everything but the signature itself.
pub(super) fn check(
    head: &RequestHead<'_>,
    authorization: &Authorization,
    region: &str,
    now: Timestamp,
) -> Result<UnhashedRequest, AuthenticationError> {
    let amz_date = check_scope_and_date(head.headers, authorization, region, now)?;
    // HTTP/1 has no `:authority`; what a server filled in from elsewhere must not count as one.
    let authority = head.authority.filter(|_| head.http2);
    let request = Request { method: head.method, target: head.target, headers: head.headers, authority };
    if normalise(request.path()) != request.path() {
        return Err(AuthenticationError::Path);
    }
    check_host(&request, head.http2, authorization)?;
    check_headers(head.headers, authorization)?;
    let stated = stated_payload(head.headers)?;
    let canonical = canonical_request(&request, &authorization.signed_headers, "")?;
    Ok(UnhashedRequest { canonical, amz_date, stated })
}

/// Whether the query holds parts of a presigned request.
pub(super) fn is_presigned(target: &str) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let presigned = |pair: &str| pair.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
    query.split('&').any(presigned)
}

fn check_scope_and_date(
    headers: &HeaderMap,
    authorization: &Authorization,
    region: &str,
    now: Timestamp,
) -> Result<String, AuthenticationError> {
    let sent = only(headers, "x-amz-date").and_then(|value| Some((value, parse_date(value)?)));
    let (amz_date, time) = sent.ok_or(AuthenticationError::Date)?;
    let scope = &authorization.scope;
    if !amz_date.starts_with(&scope.date) {
        return Err(AuthenticationError::ScopeDate);
    }
    if scope.region != region {
        return Err(AuthenticationError::Region(region.to_owned()));
    }
    if scope.service != SERVICE {
        return Err(AuthenticationError::Service);
    }
    check_clock(amz_date, time, now)?;
    Ok(amz_date.to_owned())
}

/// Whether something that says it was signed at `time`, written `amz_date`, is neither old nor early.
pub(super) fn check_clock(
    amz_date: &str,
    time: Timestamp,
    now: Timestamp,
) -> Result<(), AuthenticationError> {
    let late = now.duration_since(time);
    let wire = |time: Timestamp| time.strftime(WIRE_FORMAT).to_string();
    let limit = |by: SignedDuration| now.checked_add(by).map(wire).unwrap_or_default();
    let (sent, now) = (amz_date.to_owned(), wire(now));
    if late > TOLERANCE {
        return Err(AuthenticationError::Expired { sent, limit: limit(-TOLERANCE), now });
    }
    if late < -TOLERANCE {
        return Err(AuthenticationError::NotYetCurrent { sent, limit: limit(TOLERANCE), now });
    }
    Ok(())
}

/// `YYYYMMDDTHHMMSSZ`, and nothing that merely resembles it.
fn parse_date(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().enumerate().all(|(index, byte)| match index {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    let civil = DateTime::strptime(WIRE_FORMAT, text).ok().filter(|_| digits && text.len() == 16)?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// The host must be signed, and there must be only one answer to what it is.
fn check_host(
    request: &Request<'_>,
    http2: bool,
    authorization: &Authorization,
) -> Result<(), AuthenticationError> {
    let hosts = request.headers.get_all("host").iter().count();
    let agreed = match (http2, hosts) {
        (false, 1) => true,
        (true, 0) => request.authority.is_some(),
        (true, 1) => {
            let host = only(request.headers, "host");
            host.is_some() && request.authority.is_none_or(|authority| Some(authority) == host)
        }
        (false | true, _) => false,
    };
    if !agreed {
        return Err(AuthenticationError::Host);
    }
    if authorization.signs("host") || (http2 && authorization.signs(":authority")) {
        Ok(())
    } else {
        Err(AuthenticationError::Unsigned("host".to_owned()))
    }
}

/// Every header that means something to AWS is signed, and every signed header is there once.
fn check_headers(headers: &HeaderMap, authorization: &Authorization) -> Result<(), AuthenticationError> {
    // FAIL-CLOSED: no key of ours comes with a session token, so this one belongs to somebody else.
    if headers.contains_key("x-amz-security-token") {
        return Err(AuthenticationError::Unrecognised);
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        let meaningful = name.starts_with("x-amz-") || name.starts_with("x-amzn-bedrock-");
        if meaningful && !authorization.signs(name) {
            return Err(AuthenticationError::Unsigned(name.to_owned()));
        }
    }
    for name in &authorization.signed_headers {
        if name != ":authority" && headers.get_all(name).iter().count() > 1 {
            return Err(AuthenticationError::Repeated(name.clone()));
        }
    }
    Ok(())
}

fn stated_payload(headers: &HeaderMap) -> Result<StatedPayload, AuthenticationError> {
    let name = "x-amz-content-sha256";
    if !headers.contains_key(name) {
        return Ok(StatedPayload::Unsaid);
    }
    let is_hash =
        |text: &str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match only(headers, name) {
        Some(EVENTS_PAYLOAD) => Ok(StatedPayload::Events),
        Some(hash) if is_hash(hash) => Ok(StatedPayload::Hash(hash.to_owned())),
        Some(_) | None => Err(AuthenticationError::PayloadMarker),
    }
}

/// The value of a header that was sent exactly once, as printable ASCII.
pub(super) fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
