//! Requests as an application makes them, and their signatures.
//!
//! Signed by the SDK's own signing crate, not by the code under test. A [`Call`] that was signed is plain data: hostile
//! tests change it afterwards.

use std::fmt::Write;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// A model that every test policy of the suite may grant.
pub const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
pub const TITAN: &str = "amazon.titan-text-express-v1";

/// Stands in every prompt that is built here. It may reach the simulator and nothing else: no log, no journal.
pub const PROMPT_CANARY: &str = "quokka umbrella canary of the prompt";

/// An AWS-shaped key.
#[derive(Clone)]
pub struct KeyPair {
    pub id: String,
    pub secret: String,
}

/// One request: method, target as on the wire, headers in order, body.
#[derive(Clone)]
pub struct Call {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(method: &str, target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let invocation = uuid::Uuid::now_v7().to_string();
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: vec![("amz-sdk-invocation-id".to_owned(), invocation)],
            body: body.into(),
        }
    }

    pub fn converse(model: &str, prompt: &str) -> Self {
        Self::converse_with(model, &converse_body(prompt))
    }

    pub fn converse_with(model: &str, body: &Value) -> Self {
        Self::runtime(model, "converse", body.to_string())
    }

    pub fn converse_stream(model: &str, prompt: &str) -> Self {
        Self::runtime(model, "converse-stream", converse_body(prompt).to_string())
    }

    /// InvokeModel with the body of Claude's Messages API.
    pub fn invoke(model: &str, prompt: &str) -> Self {
        Self::runtime(model, "invoke", claude_body(prompt).to_string())
    }

    pub fn invoke_with(model: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::runtime(model, "invoke", body)
    }

    pub fn invoke_stream(model: &str, prompt: &str) -> Self {
        Self::runtime(model, "invoke-with-response-stream", claude_body(prompt).to_string())
    }

    pub fn list_models() -> Self {
        Self::new("GET", "/foundation-models", "")
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts another value under `name`, or adds it.
    pub fn replace_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Adds `host`, `x-amz-date` and `authorization` as an SDK would, now.
    #[must_use]
    pub fn sign(self, key: &KeyPair, authority: &str) -> Self {
        self.sign_at(key, authority, SystemTime::now(), "us-east-1", "bedrock")
    }

    #[must_use]
    pub fn sign_at(
        mut self,
        key: &KeyPair,
        authority: &str,
        time: SystemTime,
        region: &str,
        service: &str,
    ) -> Self {
        let identity = Credentials::new(&key.id, &key.secret, None, None, "tests").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let uri = format!("https://{authority}{}", self.target);
        self.headers.insert(0, ("host".to_owned(), authority.to_owned()));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable =
            SignableRequest::new(&self.method, uri, headers, SignableBody::Bytes(&self.body)).unwrap();
        let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
        for (name, value) in instructions.headers() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Adds `host` and a key for bearers in the place of a signature.
    #[must_use]
    pub fn bearer(self, token: &str, authority: &str) -> Self {
        let mut call = self.header("authorization", &format!("Bearer {token}"));
        call.replace_header("host", authority);
        call
    }

    /// The request as HTTP/1.1 bytes, with a `content-length` when it has a body and no framing of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let framed =
            ["content-length", "transfer-encoding"].iter().any(|name| self.header_value(name).is_some());
        let bodiless = self.body.is_empty() && self.method == "GET";
        let length =
            (!framed && !bodiless).then(|| ("content-length".to_owned(), self.body.len().to_string()));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in self.headers.iter().chain(&length) {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    fn runtime(model: &str, action: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", format!("/model/{}/{action}", label(model)), body)
            .header("content-type", "application/json")
    }
}

/// A model id as the SDKs write it into a path.
pub fn label(model: &str) -> String {
    model.replace(':', "%3A").replace('/', "%2F")
}

pub fn converse_body(prompt: &str) -> Value {
    json!({
        "messages": [{ "role": "user", "content": [{ "text": prompt }] }],
        "system": [{ "text": PROMPT_CANARY }],
    })
}

pub fn claude_body(prompt: &str) -> Value {
    json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 64,
        "system": PROMPT_CANARY,
        "messages": [{ "role": "user", "content": prompt }],
    })
}

pub fn titan_body(prompt: &str) -> Value {
    json!({ "inputText": prompt, "textGenerationConfig": { "maxTokenCount": 64 } })
}

/// A PNG of one pixel, for requests with an image.
pub fn tiny_png() -> String {
    BASE64_STANDARD.encode(b"\x89PNG\r\n\x1a\n not decoded by anybody on the way")
}
