//! The demo's application: signs with the key pair it was given and calls the warden over TLS, as an SDK does.

use std::path::Path;

use aws_credential_types::Credentials;
use aws_lc_rs::digest;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::bedrock::event_stream::FrameReader;
use crate::cli::Failure;
use crate::clock;
use crate::tls;
use crate::upstream::sign_request;

/// An application with one key pair.
pub struct Application {
    client: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: String,
    region: String,
    identity: Identity,
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Pieces in which the body arrived.
    pub pieces: u32,
}

impl Application {
    pub fn new(url: &str, ca: &Path, region: &str, key_id: &str, secret: &str) -> Result<Self, Failure> {
        let tls = tls::client_config_trusting_only(ca).map_err(Failure::internal)?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_all_versions().build();
        Ok(Self {
            client: HyperClient::builder(TokioExecutor::new()).build(connector),
            url: url.to_owned(),
            region: region.to_owned(),
            identity: Credentials::new(key_id, secret, None, None, "bedrock-warden demo").into(),
        })
    }

    /// Sends a JSON body and collects the answer.
    pub async fn post(&self, path: &str, body: &serde_json::Value) -> Result<Reply, Failure> {
        let body = Bytes::from(body.to_string());
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.url))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()))
            .map_err(Failure::internal)?;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let hash = hex::encode(digest::digest(&digest::SHA256, &body));
        let now = clock::system_now();
        sign_request(&mut request, &host, &self.region, &hash, &self.identity, now)
            .map_err(Failure::internal)?;
        let (parts, mut incoming) =
            self.client.request(request).await.map_err(Failure::internal)?.into_parts();
        let (mut body, mut pieces) = (Vec::new(), 0);
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame.map_err(Failure::internal)?.into_data() {
                body.extend_from_slice(&data);
                pieces += 1;
            }
        }
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.into(), pieces })
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON, null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of a Converse answer.
    pub fn converse_text(&self) -> String {
        let json = self.json();
        json.pointer("/output/message/content/0/text")
            .and_then(|text| text.as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// The events of a ConverseStream answer: how many there were, and the text of their deltas.
    pub fn streamed(&self) -> Result<(usize, String), Failure> {
        let mut frames = FrameReader::new();
        frames.push(&self.body);
        let (mut count, mut text) = (0, String::new());
        while let Some(frame) = frames.next().map_err(Failure::internal)? {
            count += 1;
            let payload: serde_json::Value = serde_json::from_slice(frame.payload()).unwrap_or_default();
            text.push_str(payload.pointer("/delta/text").and_then(|text| text.as_str()).unwrap_or_default());
        }
        Ok((count, text))
    }
}
