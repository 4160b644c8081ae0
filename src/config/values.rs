//! How each kind of value is written. Every function answers with what is wrong, to stand after the key's name.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::LogFormat;

/// Scheme and authority of a Bedrock endpoint. Comes from configuration only, never from a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// What paths begin with: empty, or `/a/b`.
    base: String,
}

impl Endpoint {
    /// AWS's own endpoint of `service` in `region` (suffixes from the botocore partition data).
    pub(super) fn aws(service: &str, region: &str) -> Self {
        let suffix = match region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        let authority = format!("{service}.{region}.{suffix}");
        // `region` was checked to hold only letters, digits and dashes, so this is an authority.
        let authority = authority.parse().unwrap_or_else(|_| Authority::from_static("invalid"));
        Self { scheme: Scheme::HTTPS, authority, base: String::new() }
    }

    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where a call of `target`, a path with its query, goes.
    pub fn uri(&self, target: &str) -> Result<Uri, http::Error> {
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        match self.base.as_str() {
            "" => builder.path_and_query(target).build(),
            base => builder.path_and_query(format!("{base}{target}")).build(),
        }
    }

    /// Whether connections to this endpoint reach `address` on this machine.
    pub(super) fn is(&self, address: SocketAddr) -> bool {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let default_port = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        let local = address.ip().is_unspecified() || address.ip().is_loopback();
        let same_host = host == address.ip().to_string()
            || local
                && (host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()));
        address.port() != 0
            && same_host
            && self.authority.port_u16().unwrap_or(default_port) == address.port()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be an address and port such as `127.0.0.1:8443`, not `{text}`"))
}

pub fn loopback_address(text: &str) -> Result<SocketAddr, String> {
    let address = address(text)?;
    // FAIL-CLOSED: plain HTTP carries prompts in clear; it never leaves the machine.
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!("must be on a loopback address such as `127.0.0.1:8080`, not `{text}`: it is not encrypted"))
}

pub fn endpoint(text: &str) -> Result<Endpoint, String> {
    let wrong = || {
        format!("must be an origin such as `https://bedrock-runtime.us-east-1.amazonaws.com`, not `{text}`")
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let parts = uri.into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
    let (Some(scheme), Some(authority), "/") = (parts.scheme, parts.authority, path) else {
        return Err(wrong());
    };
    if authority.as_str().contains('@') {
        return Err("must not hold credentials".to_owned());
    }
    let loopback = matches!(authority.host(), "localhost" | "[::1]") || authority.host().starts_with("127.");
    match scheme.as_str() {
        "https" => Ok(Endpoint { authority: without_port(authority, 443), scheme, base: String::new() }),
        "http" if loopback => {
            Ok(Endpoint { authority: without_port(authority, 80), scheme, base: String::new() })
        }
        "http" => Err("must be `https`: prompts and credentials would cross the network in clear".to_owned()),
        _ => Err(wrong()),
    }
}

/// An endpoint of Bedrock's, perhaps below a path of a gateway's: `https://gateway.example/bedrock`.
pub fn endpoint_below(text: &str) -> Result<Endpoint, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let origin = rest.find('/').and_then(|at| text.split_at_checked(scheme.len() + "://".len() + at));
    match origin {
        None | Some((_, "/")) => endpoint(text),
        Some((origin, base)) => Ok(Endpoint { base: base_path(base)?, ..endpoint(origin)? }),
    }
}

/// What all paths begin with. FAIL-CLOSED: one spelling only, so that what is signed, compared and cut off is the same.
pub fn base_path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(plain);
    match text.strip_prefix('/') {
        Some(rest) if rest.split('/').all(segment) => Ok(text.to_owned()),
        Some(_) | None => Err(format!(
            "must be a path such as `/bedrock`, of letters, digits, `-`, `_`, `.` and `~`, without an end in `/`, not `{text}`"
        )),
    }
}

/// HTTP libraries leave a scheme's own port out of `Host`, and the signature covers what they send.
fn without_port(authority: Authority, default: u16) -> Authority {
    if authority.port_u16() == Some(default) {
        return authority.host().parse().unwrap_or(authority);
    }
    authority
}

pub fn region(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split('-').collect();
    let well_formed = parts.len() >= 3
        && parts.iter().all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(format!("must be a region such as `us-east-1`, not `{text}`"))
    }
}

/// `arn:aws:iam::111122223333:role/path/name`.
pub fn role_arn(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let is_role = match parts.as_slice() {
        ["arn", partition, "iam", "", account, role] => {
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    if is_role {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be the ARN of a role, such as `arn:aws:iam::111122223333:role/bedrock`, not `{text}`"
        ))
    }
}

/// Two to 1,224 characters that STS takes as an external id (API reference of AssumeRole).
pub fn external_id(text: &str) -> Result<String, String> {
    let well_formed = (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte));
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err("must be 2 to 1224 letters, digits and `_+=,.@:/-`".to_owned())
    }
}

/// STS gives 15 minutes to 12 hours, and an hour at most when the warden's own credentials are a role's.
pub fn session_duration(text: &str) -> Result<Duration, String> {
    let session = duration(text)?;
    if (Duration::from_mins(15)..=Duration::from_hours(12)).contains(&session) {
        Ok(session)
    } else {
        Err(format!("must be between `15m` and `12h`, not `{text}`"))
    }
}

pub fn word(text: &str) -> Result<String, String> {
    let well_formed = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(format!("must be a word of letters, digits, `-`, `_` and `.`, not `{text}`"))
    }
}

/// `500ms`, `30s`, `5m`, `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let count: Option<u64> = digits.parse().ok();
    match count.zip(milliseconds).and_then(|(count, unit)| count.checked_mul(unit)) {
        Some(total) if total > 0 => Ok(Duration::from_millis(total)),
        Some(_) | None => Err(format!("must be a duration such as `500ms`, `30s` or `5m`, not `{text}`")),
    }
}

/// How long a name that can be pointed at another model is believed to lead where it led: a moment, so at most 5 minutes.
pub fn recheck(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| {
        if time <= Duration::from_mins(5) { Ok(time) } else { Err("must be at most `5m`".to_owned()) }
    })
}

pub fn bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        Ok(_) | Err(_) => Err(format!("must be a whole number above 0, not `{text}`")),
    }
}

pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("must be `true` or `false`, not `{text}`")),
    }
}

/// How metrics reach CloudWatch, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudWatchMode {
    Off,
    PutMetricData,
    Emf,
}

pub fn cloudwatch_mode(text: &str) -> Result<CloudWatchMode, String> {
    match text {
        "off" => Ok(CloudWatchMode::Off),
        "put-metric-data" => Ok(CloudWatchMode::PutMetricData),
        "emf" => Ok(CloudWatchMode::Emf),
        _ => Err(format!("must be `put-metric-data`, `emf` or `off`, not `{text}`")),
    }
}

/// A CloudWatch namespace (API reference of PutMetricData).
pub fn namespace(text: &str) -> Result<String, String> {
    let well_formed = (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./-_#:".contains(&byte));
    match text {
        _ if !well_formed => Err(format!("must be 1 to 255 letters, digits and `./-_#:`, not `{text}`")),
        _ if text.starts_with("AWS/") => Err("must not begin with `AWS/`, which is AWS's own".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// How often metrics are sent. Faster than a second is more than CloudWatch keeps; slower than an hour is no monitoring.
pub fn flush_interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&interval) {
        Ok(interval)
    } else {
        Err(format!("must be between `1s` and `1h`, not `{text}`"))
    }
}

/// Most CloudWatch metrics. Fewer than 50 do not hold what is always sent; 10,000 are what CloudWatch's first price is for.
pub fn series_budget(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (50..=10_000).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(format!("must be a whole number from 50 to 10000, not `{text}`")),
    }
}

/// The base URL of an OTLP/HTTP receiver, to which `/v1/traces` and `/v1/metrics` are added.
pub fn otlp_endpoint(text: &str) -> Result<String, String> {
    let url: Option<http::Uri> = text.parse().ok();
    let scheme = url.as_ref().and_then(http::Uri::scheme_str);
    let host = url.as_ref().and_then(http::Uri::authority);
    match (scheme, host) {
        (Some("http" | "https"), Some(host)) if !host.as_str().contains('@') => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!("must be a URL such as `http://127.0.0.1:4318`, not `{text}`")),
    }
}

/// Milliseconds, as OpenTelemetry's variables have them.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(count) if (1..=86_400_000).contains(&count) => Ok(Duration::from_millis(count)),
        Ok(_) | Err(_) => Err(format!("must be milliseconds, above 0 and at most a day, not `{text}`")),
    }
}

/// A number of things that are held in memory.
pub fn whole(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=1_000_000).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(format!("must be a whole number from 1 to 1000000, not `{text}`")),
    }
}

/// A part of all there are.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => Err(format!("must be a number from 0 to 1, not `{text}`")),
    }
}

pub fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("must be `text` or `json`, not `{text}`")),
    }
}

/// A key whose other values this version does not offer.
pub fn only(text: &str, offered: &str) -> Result<(), String> {
    if text == offered {
        return Ok(());
    }
    Err(format!("can only be `{offered}` in this version, not `{text}`"))
}
