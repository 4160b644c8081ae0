//! Which headers cross the warden, in either direction. Both lists are closed: what is not named does not cross.
//!
//! The caller's `Authorization`, `X-Amz-*`, `Host`, `X-Forwarded-*`, hop-by-hop headers and every header named in
//! `Connection` therefore never reach Bedrock, and `Age`, cookies or framing never reach the caller. Trace context is
//! placed by the request path after it was read; baggage never crosses.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use crate::bedrock::chat::Api;
use crate::bedrock::operation::{Body, Operation};

/// Members of InvokeModel and InvokeModelWithResponseStream that are bound to headers (botocore model), beside the
/// guardrail, which the decision places.
const INVOKE: &[&str] =
    &["x-amzn-bedrock-accept", "x-amzn-bedrock-trace", LATENCY, TIER, "x-amzn-bedrock-request-metadata"];

/// What the APIs of OpenAI take beside the guardrail (seen in recorded calls).
const OPENAI: &[&str] = &["x-amzn-bedrock-trace"];

/// What Anthropic's API takes: its version and beta features, as in native bodies.
const ANTHROPIC: &[&str] = &["x-amzn-bedrock-trace", "anthropic-version", BETA];

const BETA: &str = "anthropic-beta";

const LATENCY: &str = "x-amzn-bedrock-performanceconfig-latency";
const TIER: &str = "x-amzn-bedrock-service-tier";

/// Members that decide what a call costs. FAIL-CLOSED: nothing but the default is forwarded, as in Converse bodies.
const DEFAULTS: &[(&str, &str)] = &[(LATENCY, "standard"), (TIER, "default")];

/// Retry bookkeeping of the SDKs; the invocation id joins attempts in AWS's records and in ours.
const SDK: &[&str] = &["amz-sdk-invocation-id", "amz-sdk-request"];

/// What an answer may carry (bedrock-runtime answers as recorded by public SDK fixtures).
const ANSWER: &[&str] = &[
    "content-type",
    "x-amzn-requestid",
    "x-amzn-errortype",
    "x-amzn-bedrock-content-type",
    "x-amzn-bedrock-invocation-latency",
    "x-amzn-bedrock-input-token-count",
    "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count",
    "x-amzn-bedrock-cache-write-input-token-count",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-service-tier",
    "retry-after",
];

/// A caller's header that would mean different things to different readers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidHeader {
    #[error("header `{0}` is sent more than once")]
    Repeated(HeaderName),
    #[error("header `{name}` is forwarded only as `{default}`")]
    NotDefault { name: HeaderName, default: &'static str },
    #[error("header `{0}` holds something else than names of features, separated by commas")]
    NotFeatures(HeaderName),
    #[error("header `{0}` holds bytes that are not printable ASCII")]
    NotText(HeaderName),
}

/// The caller's headers that go on to Bedrock with a call of `operation`.
pub fn forwarded(from: &HeaderMap, operation: Operation) -> Result<HeaderMap, InvalidHeader> {
    let mut to = HeaderMap::with_capacity(8);
    let bound = match operation.body() {
        Body::Invoke => INVOKE,
        Body::Chat(Api::Completions | Api::Responses) => OPENAI,
        Body::Chat(Api::Messages) => ANTHROPIC,
        Body::None
        | Body::Converse
        | Body::Session
        | Body::CountTokens
        | Body::AsyncInvoke
        | Body::Guardrail
        | Body::GuardrailChecks => &[],
    };
    let names = [CONTENT_TYPE.as_str(), ACCEPT.as_str()].into_iter().chain(SDK.iter().copied());
    for name in names.chain(bound.iter().copied()) {
        let name = HeaderName::from_static(name);
        if let Some(value) = single(from, &name)? {
            check_default(&name, value)?;
            check_features(&name, value)?;
            to.insert(name, value.clone());
        }
    }
    to.insert(USER_AGENT, user_agent(from.get(USER_AGENT)));
    Ok(to)
}

/// The one value of a header. FAIL-CLOSED: two values are refused, because proxies disagree on which one counts.
pub fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, InvalidHeader> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(InvalidHeader::Repeated(name.clone()));
    }
    match first {
        Some(value) if value.to_str().is_err() => Err(InvalidHeader::NotText(name.clone())),
        Some(_) | None => Ok(first),
    }
}

fn check_default(name: &HeaderName, value: &HeaderValue) -> Result<(), InvalidHeader> {
    match DEFAULTS.iter().find(|(restricted, _)| name == restricted) {
        Some((_, default)) if value != default => {
            Err(InvalidHeader::NotDefault { name: name.clone(), default })
        }
        Some(_) | None => Ok(()),
    }
}

/// FAIL-CLOSED: no detector looks into headers, so this one has names of features and nothing else.
fn check_features(name: &HeaderName, value: &HeaderValue) -> Result<(), InvalidHeader> {
    let feature = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_., ".contains(byte);
    if name == BETA && !(value.len() <= 1024 && value.as_bytes().iter().all(feature)) {
        return Err(InvalidHeader::NotFeatures(name.clone()));
    }
    Ok(())
}

fn user_agent(from: Option<&HeaderValue>) -> HeaderValue {
    const OWN: &str = concat!("bedrock-warden/", env!("CARGO_PKG_VERSION"));
    from.and_then(|value| value.to_str().ok())
        .filter(|text| text.len() <= 1024)
        .and_then(|text| HeaderValue::from_str(&format!("{text} {OWN}")).ok())
        .unwrap_or_else(|| HeaderValue::from_static(OWN))
}

/// The answer's headers that go on to the caller.
pub fn to_downstream(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(8);
    for name in ANSWER.iter().map(|name| HeaderName::from_static(name)) {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    #[test]
    fn only_named_headers_cross() {
        let from = headers(
            &[
                ("Authorization", "AWS4-HMAC-SHA256 Credential=…"),
                ("X-Amz-Date", "20261124T000000Z"),
                ("X-Amz-Security-Token", "token"),
                ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
                ("Host", "evil.example"),
                ("Connection", "x-amzn-bedrock-trace, close"),
                ("Cookie", "a=b"),
                ("X-Forwarded-For", "10.0.0.1"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                ("tracestate", "a=b"),
                ("baggage", "user=jane"),
                ("Accept-Encoding", "gzip"),
                ("Expect", "100-continue"),
                ("X-Amzn-Bedrock-GuardrailIdentifier", "gr"),
                ("Content-Type", "application/json"),
                ("amz-sdk-invocation-id", "1"),
                ("X-Amzn-Bedrock-Trace", "ENABLED"),
            ]
            .map(|(name, value)| (name, if value.contains('…') { "AWS4-HMAC-SHA256 x" } else { value })),
        );
        let names = |map: &HeaderMap| {
            let mut names: Vec<_> = map.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        let to = forwarded(&from, Operation::InvokeModel).unwrap();
        assert_eq!(
            names(&to),
            ["amz-sdk-invocation-id", "content-type", "user-agent", "x-amzn-bedrock-trace"]
        );
        let to = forwarded(&from, Operation::Converse).unwrap();
        assert_eq!(names(&to), ["amz-sdk-invocation-id", "content-type", "user-agent"]);
    }

    #[test]
    fn what_costs_more_than_the_default_is_refused() {
        for (name, value, passes) in [
            (TIER, "default", true),
            (TIER, "priority", false),
            (TIER, "DEFAULT", false),
            (TIER, "", false),
            (LATENCY, "standard", true),
            (LATENCY, "optimized", false),
        ] {
            let from = headers(&[(name, value)]);
            assert_eq!(forwarded(&from, Operation::InvokeModel).is_ok(), passes, "{name}: {value}");
            assert!(forwarded(&from, Operation::Converse).unwrap().get(name).is_none());
        }
    }

    #[test]
    fn a_header_sent_twice_is_refused() {
        let from = headers(&[("X-Amzn-Bedrock-Trace", "ENABLED"), ("x-amzn-bedrock-trace", "DISABLED")]);
        let name = HeaderName::from_static("x-amzn-bedrock-trace");
        assert_eq!(forwarded(&from, Operation::InvokeModel), Err(InvalidHeader::Repeated(name)));
    }
}
