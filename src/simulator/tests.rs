//! The double over real sockets, called with requests that AWS's own signer signed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::bedrock::event_stream::{Frame, FrameReader};
use crate::clock;

const KEY: &str = "AKIASIMULATOR0000000";
const SECRET: &str = "secret/0000000000000000000000000000000000";
const HAIKU: &str = "/model/anthropic.claude-3-haiku-20240307-v1%3A0";

/// A running double and someone who calls it.
struct Double {
    running: Running,
    folder: tempfile::TempDir,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A complete answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    version: Version,
}

impl Double {
    async fn start(encrypted: bool, version: Version) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let transport =
            if encrypted { Transport::Folder(folder.path().to_owned()) } else { Transport::Plain };
        let options = SimulatorOptions {
            listen: "127.0.0.1:0".parse().unwrap(),
            transport,
            credentials: vec![Credential {
                access_key_id: KEY.to_owned(),
                secret_access_key: Zeroizing::new(SECRET.to_owned()),
                session_token: None,
            }],
            region: "us-east-1".to_owned(),
            pace: Pace { first_byte: Duration::ZERO, event_gap: Duration::ZERO },
            request_log: Some(folder.path().join("requests.jsonl")),
            log_bodies: false,
        };
        let running = start(options).await.unwrap();
        let client = client(encrypted.then(|| folder.path().join("ca.pem")).as_deref(), version);
        Self { running, folder, client }
    }

    fn request(&self, method: &str, path: &str, body: &str, secret: &str) -> Request<Full<Bytes>> {
        let url = format!("{}{path}", self.running.url());
        let identity: Identity = Credentials::new(KEY, secret, None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("bedrock")
            .time(clock::system_now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let host = self.running.address().to_string();
        let headers = [("host", host.as_str())].into_iter();
        let signable =
            SignableRequest::new(method, &url, headers, SignableBody::Bytes(body.as_bytes())).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let request = Request::builder().method(method).uri(&url).header("amz-sdk-invocation-id", "call-1");
        let mut request = request.body(Full::from(body.to_owned())).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    async fn send(&self, path: &str, body: &Value) -> http::Response<Incoming> {
        self.client.request(self.request("POST", path, &body.to_string(), SECRET)).await.unwrap()
    }

    async fn call(&self, path: &str, body: &Value) -> Answer {
        answer(self.send(path, body).await).await
    }

    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("requests.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }
}

fn client(ca: Option<&Path>, version: Version) -> Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(ca) = ca {
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let mut builder = Client::builder(TokioExecutor::new());
    if version == Version::HTTP_2 {
        builder.http2_only(true).build(connector.enable_http2().build())
    } else {
        builder.build(connector.enable_http1().build())
    }
}

async fn answer(response: http::Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body, version: head.version }
}

fn frames(body: &[u8]) -> Vec<Frame> {
    let mut reader = FrameReader::new();
    reader.push(body);
    let frames = std::iter::from_fn(|| reader.next().unwrap()).collect();
    reader.finish().unwrap();
    frames
}

fn conversation(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}], "inferenceConfig": {"maxTokens": 50}})
}

fn messages(text: &str) -> Value {
    json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": text}],
    })
}

#[tokio::test]
async fn signed_calls_are_answered_over_both_versions_of_http_with_and_without_tls() {
    for encrypted in [true, false] {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let double = Double::start(encrypted, version).await;

            let converse = double.call(&format!("{HAIKU}/converse"), &conversation("say: hello")).await;
            assert_eq!((converse.status, converse.version), (StatusCode::OK, version));
            let body = converse.json();
            assert_eq!(body["output"]["message"]["content"][0]["text"], "hello");
            assert_eq!(body["usage"], json!({"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}));
            assert_eq!(body["stopReason"], "end_turn");
            assert_eq!(converse.header("x-amzn-requestid").len(), 36);
            assert!(converse.headers.contains_key("date"));

            let claude = double.call(&format!("{HAIKU}/invoke"), &messages("say: hello")).await;
            assert_eq!(claude.json()["content"][0]["text"], "hello");
            assert_eq!(claude.header("x-amzn-bedrock-input-token-count"), "3");
            assert_eq!(claude.header("x-amzn-bedrock-output-token-count"), "2");
            assert!(claude.headers.contains_key("x-amzn-bedrock-invocation-latency"));
            assert_eq!(claude.json()["usage"], json!({"input_tokens": 3, "output_tokens": 2}));

            let titan = "/model/amazon.titan-text-express-v1/invoke";
            let titan = double.call(titan, &json!({"inputText": "say: hello"})).await;
            assert_eq!(titan.json()["results"][0]["outputText"], "hello");

            let list = double.request("GET", "/foundation-models?byProvider=AI21%20Labs", "", SECRET);
            let list = answer(double.client.request(list).await.unwrap()).await;
            assert_eq!(list.json()["modelSummaries"][0]["modelId"], "ai21.j2-mid-v1");

            assert!(double.log().iter().all(|line| line["signature_ok"] == true));
            assert_eq!(double.log().len(), 4);
            double.running.shutdown().await;
        }
    }
}

#[tokio::test]
async fn streams_carry_the_answer_in_frames_of_the_operation() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let double = Double::start(true, version).await;
        let text = "an answer that is long enough for several pieces";

        let body = conversation(&format!("say: {text}"));
        let converse = double.call(&format!("{HAIKU}/converse-stream"), &body).await;
        assert_eq!(converse.header("content-type"), "application/vnd.amazon.eventstream");
        let frames_of_converse = frames(&converse.body);
        let names: Vec<_> = frames_of_converse.iter().filter_map(Frame::event_type).collect();
        assert_eq!(names.first(), Some(&"messageStart"));
        assert_eq!(&names[names.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
        let documents: Vec<Value> =
            frames_of_converse.iter().map(|frame| serde_json::from_slice(frame.payload()).unwrap()).collect();
        let said: String =
            documents.iter().filter_map(|document| document["delta"]["text"].as_str()).collect();
        assert_eq!(said, text);
        assert_eq!(documents.last().unwrap()["usage"]["outputTokens"], 12);

        let body = messages(&format!("say: {text}"));
        let invoke = double.call(&format!("{HAIKU}/invoke-with-response-stream"), &body).await;
        assert_eq!(invoke.header("x-amzn-bedrock-content-type"), "application/json");
        assert!(frames(&invoke.body).iter().all(|frame| frame.event_type() == Some("chunk")));
        double.running.shutdown().await;
    }
}

#[tokio::test]
async fn requests_that_bedrock_refuses_are_refused_and_logged() {
    let double = Double::start(true, Version::HTTP_11).await;
    let request = double.request("POST", &format!("{HAIKU}/converse"), "{}", "another secret");
    let forged = answer(double.client.request(request).await.unwrap()).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert!(forged.header("x-amzn-errortype").starts_with("InvalidSignatureException:"));
    let log = double.log();
    assert_eq!((&log[0]["signature_ok"], &log[0]["access_key_id"]), (&json!(false), &json!(KEY)));
    assert_eq!(log[0]["amz-sdk-invocation-id"], "call-1");

    let titan = json!({"inputText": "hi"});
    let cases = [
        ("/model/x..y/converse", conversation("hi"), 400, "The provided model identifier is invalid."),
        ("/embed", json!({}), 404, "The requested operation is not recognized"),
        (
            "/model/anthropic.claude-v9/converse",
            conversation("hi"),
            400,
            "The provided model identifier is invalid.",
        ),
        (
            "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
            conversation("hi"),
            400,
            "on-demand throughput isn\u{2019}t supported",
        ),
        (
            "/model/amazon.titan-text-express-v1/invoke",
            json!({"prompt": "hi"}),
            400,
            "Malformed input request: #: ",
        ),
        (
            "/model/amazon.titan-embed-text-v1/converse",
            conversation("hi"),
            400,
            "This action doesn't support the model",
        ),
        (
            "/model/amazon.titan-embed-text-v1/invoke-with-response-stream",
            titan.clone(),
            400,
            "The model is unsupported for streaming.",
        ),
        (
            "/model/ai21.j2-mid-v1/converse-stream",
            conversation("hi"),
            400,
            "This action doesn't support the model",
        ),
        (
            "/model/amazon.titan-text-express-v1/converse",
            json!({"messages": []}),
            400,
            "Malformed input request",
        ),
    ];
    for (path, body, status, message) in cases {
        let refused = double.call(path, &body).await;
        assert_eq!(refused.status, status, "{path}");
        let said = refused.json()["message"].as_str().unwrap().to_owned();
        assert!(said.contains(message), "{path}: {said}");
    }
    double.running.shutdown().await;
}

#[tokio::test]
async fn failures_happen_when_the_prompt_asks_for_them() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let double = Double::start(true, version).await;
        let converse = format!("{HAIKU}/converse");
        let refusals = [
            ("throttle", 429, "ThrottlingException:"),
            ("error-500", 500, "InternalServerException:"),
            ("model-error", 424, "ModelErrorException:"),
            ("bad-crc", 400, "ValidationException:"),
            ("nothing known", 400, "ValidationException:"),
        ];
        for (name, status, kind) in refusals {
            let refused = double.call(&converse, &conversation(&format!("simulate: {name}"))).await;
            assert_eq!(refused.status, status, "{name}");
            assert!(refused.header("x-amzn-errortype").starts_with(kind), "{name}");
        }
        for (path, body) in [
            (converse.clone(), conversation("simulate: reset")),
            (format!("{HAIKU}/converse-stream"), conversation("simulate: reset")),
            (format!("{HAIKU}/invoke-with-response-stream"), messages("simulate: reset")),
        ] {
            let response = double.send(&path, &body).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(response.into_body().collect().await.is_err(), "{path}");
        }
        double.running.shutdown().await;
    }
}

#[tokio::test]
async fn frames_arrive_while_the_stream_is_still_open() {
    let double = Double::start(true, Version::HTTP_2).await;
    let response =
        double.send(&format!("{HAIKU}/converse-stream"), &conversation("simulate: stall-mid-stream")).await;
    let mut body = response.into_body();
    let mut reader = FrameReader::new();
    while let Some(data) = body.frame().await {
        reader.push(data.unwrap().data_ref().unwrap());
        if reader.next().unwrap().is_some_and(|frame| frame.event_type() == Some("contentBlockDelta")) {
            break;
        }
    }
    // The rest never comes; a shutdown does not wait for it.
    double.running.shutdown().await;
}
