use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderName, HeaderValue, Method};

use super::*;

const KEY: &str = "AKIASIMULATOR0000000";
const SECRET: &str = "secret/0000000000000000000000000000000000";
const PATH: &str = "/model/anthropic.claude-v2%3A1/invoke";
const BODY: &[u8] = b"{}";
const BODY_SHA256: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const NOW: i64 = 1_795_536_000;

/// A request that AWS's own signer signed.
struct Signed {
    headers: HeaderMap,
    target: String,
}

struct Signing {
    key: &'static str,
    secret: &'static str,
    token: Option<String>,
    region: &'static str,
    service: &'static str,
    seconds: i64,
}

impl Default for Signing {
    fn default() -> Self {
        Self { key: KEY, secret: SECRET, token: None, region: "us-east-1", service: "bedrock", seconds: NOW }
    }
}

impl Signing {
    fn sign(self) -> Signed {
        let identity: Identity = Credentials::new(self.key, self.secret, self.token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.seconds.unsigned_abs()))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = format!("https://localhost:8443{PATH}");
        let headers = [("host", "localhost:8443"), ("content-type", "application/json")];
        let signable =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(BODY)).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut request = http::Request::post(&url).header("content-type", "application/json");
        request = request.header("host", "localhost:8443");
        let mut request = request.body(()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        Signed { headers: request.headers().clone(), target: PATH.to_owned() }
    }
}

impl Signed {
    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn edit(self, from: &str, to: &str) -> Self {
        let value = self.headers["authorization"].to_str().unwrap().replace(from, to);
        self.set("authorization", &value)
    }

    fn verify(&self, token: Option<&str>) -> Result<(), Refusal> {
        let session_token = token.map(|token| Zeroizing::new(token.to_owned()));
        let secret_access_key = Zeroizing::new(SECRET.to_owned());
        let credential = Credential { access_key_id: KEY.to_owned(), secret_access_key, session_token };
        let verifier = Verifier::new(vec![credential], "us-east-1".to_owned());
        let method = Method::POST;
        let request =
            Request { method: &method, target: &self.target, headers: &self.headers, authority: None };
        verifier.verify(&request, BODY_SHA256, Timestamp::from_second(NOW).unwrap())
    }
}

fn signed() -> Signed {
    Signing::default().sign()
}

#[test]
fn a_request_signed_by_the_aws_signer_is_accepted() {
    signed().verify(None).unwrap();
    let temporary = Signing { token: Some("token/1".to_owned()), ..Signing::default() }.sign();
    temporary.verify(Some("token/1")).unwrap();
    signed().set("x-amz-content-sha256", "x").without("x-amz-content-sha256").verify(None).unwrap();
}

#[test]
fn every_other_request_is_refused_in_the_words_of_aws() {
    let moved = |seconds| Signing { seconds: NOW + seconds, ..Signing::default() }.sign();
    let mut other_path = signed();
    other_path.target = "/model/anthropic.claude-v2:1/invoke".to_owned();
    let cases: Vec<(Signed, &str)> = vec![
        (
            signed().without("authorization"),
            "MissingAuthenticationTokenException: Missing Authentication Token",
        ),
        (signed().set("authorization", "Bearer abc"), "AccessDeniedException: Authentication failed"),
        (
            signed().edit("Signature=", "Sig="),
            "IncompleteSignatureException: the authorization header has a parameter other than",
        ),
        (
            signed().without("x-amz-date"),
            "IncompleteSignatureException: Authorization header requires existence",
        ),
        (
            signed().set("x-amz-date", "today"),
            "InvalidSignatureException: Date in Credential scope does not match",
        ),
        (
            Signing { key: "AKIAOTHER", ..Signing::default() }.sign(),
            "UnrecognizedClientException: The security token included in the request is invalid.",
        ),
        (
            Signing { token: Some("unexpected".to_owned()), ..Signing::default() }.sign(),
            "UnrecognizedClientException: The security token included in the request is invalid.",
        ),
        (
            Signing { secret: "another", ..Signing::default() }.sign(),
            "InvalidSignatureException: The request signature we calculated does not match",
        ),
        (
            Signing { region: "eu-west-1", ..Signing::default() }.sign(),
            "InvalidSignatureException: Credential should be scoped to a valid region",
        ),
        (
            Signing { service: "s3", ..Signing::default() }.sign(),
            "InvalidSignatureException: Credential should be scoped to correct service: 'bedrock'.",
        ),
        (
            moved(-301),
            "InvalidSignatureException: Signature expired: 20261124T155459Z is now earlier than 20261124T155500Z \
             (20261124T160000Z - 5 min.)",
        ),
        (moved(301), "InvalidSignatureException: Signature not yet current: 20261124T160501Z is still later"),
        (
            signed().set("x-amz-target", "x"),
            "InvalidSignatureException: There were headers present in the request which were not signed: x-amz-target",
        ),
        (
            signed().edit("content-type;host;x-amz-date", "x-amz-date"),
            "InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader'",
        ),
        (
            signed().set("content-type", "text/plain"),
            "InvalidSignatureException: The request signature we calculated",
        ),
        (signed().without("content-type"), "InvalidSignatureException: The request signature we calculated"),
        (other_path, "InvalidSignatureException: The request signature we calculated"),
    ];
    for (request, expected) in cases {
        let refusal = request.verify(None).unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{refusal}\n{expected}");
    }
    assert!(moved(-300).verify(None).is_ok() && moved(300).verify(None).is_ok());
    assert!(signed().verify(Some("token/1")).is_err(), "the session token is missing");
}

#[test]
fn neither_secrets_nor_tokens_are_shown() {
    let credential = Credential {
        access_key_id: KEY.to_owned(),
        secret_access_key: Zeroizing::new(SECRET.to_owned()),
        session_token: Some(Zeroizing::new("token/1".to_owned())),
    };
    let shown = format!("{credential:?}");
    assert!(shown.contains(KEY) && !shown.contains(SECRET) && !shown.contains("token/1"));
}
