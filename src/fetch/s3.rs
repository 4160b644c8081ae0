//! One object in S3, by path-style `GetObject`, asked for only if its ETag has changed.

use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::Empty;

use super::{FetchError, Found, Http};
use crate::bundle::LARGEST;
use crate::clock;
use crate::config::Endpoint;
use crate::upstream::{CredentialSource, SignError};

/// An object.
pub(super) struct Object<'a> {
    pub endpoint: &'a Endpoint,
    pub bucket: &'a str,
    pub key: &'a str,
    pub region: &'a str,
}

impl Object<'_> {
    /// The object; `None` when its ETag is `seen`.
    pub async fn fetch(
        &self,
        client: &Http,
        credentials: &CredentialSource,
        seen: Option<&str>,
    ) -> Result<Option<Found>, FetchError> {
        let now = clock::system_now();
        let identity = credentials.current(now)?;
        let mut headers = HeaderMap::new();
        if let Some(seen) = seen.and_then(|seen| HeaderValue::from_str(seen).ok()) {
            headers.insert(IF_NONE_MATCH, seen);
        }
        let uri = self.endpoint.uri(&format!("/{}/{}", self.bucket, self.key))?;
        let mut request = Http::request(uri, headers)?;
        self.sign(&mut request, &identity, now)?;
        let (head, bytes) = client.answer(request, LARGEST).await?;
        match head.status {
            StatusCode::OK => {
                let mark = head.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
                Ok(Some(Found { bytes, mark }))
            }
            StatusCode::NOT_MODIFIED if seen.is_some() => Ok(None),
            status => Err(FetchError::Status { status, code: code(&bytes) }),
        }
    }

    /// S3 signs paths as they are sent, and wants the payload's hash as a header (SigV4 documentation of S3).
    fn sign(
        &self,
        request: &mut Request<Empty<Bytes>>,
        identity: &Identity,
        now: SystemTime,
    ) -> Result<(), SignError> {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(identity)
            .region(self.region)
            .name("s3")
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| SignError::Signature(error.into()))?;
        let uri = request.uri().to_string();
        let host = [("host", self.endpoint.authority().as_str())];
        let signable = SignableRequest::new("GET", uri, host.into_iter(), SignableBody::Bytes(&[]))
            .map_err(|error| SignError::Signature(error.into()))?;
        let (instructions, _) =
            sign(signable, &params.into()).map_err(|error| SignError::Signature(error.into()))?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

/// Name of the error in an answer of S3's, and nothing else of it.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("", |(code, _)| code);
    let plain = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { code.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_credential_types::Credentials;

    use super::*;
    use crate::config::{Config, Place, Policies, PolicySource};
    use crate::identity::sigv4::{self, Authorization};
    use crate::yaml::Source;

    const SECRET: &str = "secret of the test";

    fn source() -> crate::config::RemoteSource {
        let text = "listen: { address: 127.0.0.1:1, tls: { certificate: c, key: k } }\nupstream: { region: eu-central-1 }\n\
            policies: { source: s3://my-bucket/a/b.json, public_key: p }\ncallers: c\naudit: { journal: j }\n";
        let config = Config::parse(&Source::new("warden.yaml", text), "".as_ref(), &[]).unwrap();
        match config.policies {
            Policies::Signed { source: PolicySource::Remote(source), .. } => source,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_receiver_that_recomputes_the_signature_accepts_it() {
        let source = source();
        let Place::S3 { bucket, key, region } = &source.place else { panic!("{source:?}") };
        let object = Object { endpoint: &source.endpoint, bucket, key, region };
        for token in [None, Some("token/of+the=session".to_owned())] {
            let uri = source.endpoint.uri("/my-bucket/a/b.json").unwrap();
            let mut request = Http::request(uri, HeaderMap::new()).unwrap();
            let identity = Credentials::new("AKIATEST", SECRET, token, None, "test").into();
            object.sign(&mut request, &identity, UNIX_EPOCH + Duration::from_hours(498_756)).unwrap();
            let text = |name: &str| request.headers()[name].to_str().unwrap();
            let authorization = Authorization::parse(text("authorization")).unwrap();
            let mut headers = request.headers().clone();
            headers.insert("host", "s3.eu-central-1.amazonaws.com".parse().unwrap());
            let received = sigv4::Request {
                method: request.method(),
                target: "/my-bucket/a/b.json",
                headers: &headers,
                authority: None,
            };
            let hash = text("x-amz-content-sha256");
            let canonical = sigv4::canonical_request(&received, &authorization.signed_headers, hash).unwrap();
            let string = sigv4::string_to_sign(text("x-amz-date"), &authorization.scope, &canonical);
            assert_eq!(sigv4::signature(SECRET, &authorization.scope, &string), authorization.signature);
        }
    }

    #[test]
    fn an_error_is_told_by_its_name_alone() {
        let table = [
            ("<Error><Code>NoSuchKey</Code><Message>key secret</Message></Error>", "NoSuchKey"),
            ("<Error><Code>No such\nkey</Code></Error>", ""),
            ("<Code>", ""),
            ("", ""),
        ];
        for (body, expected) in table {
            assert_eq!(code(body.as_bytes()), expected, "{body}");
        }
    }
}
