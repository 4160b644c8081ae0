//! Pooled TLS connections to Bedrock, HTTP/1.1 or HTTP/2 as ALPN decides.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;

use crate::clock;
use crate::config;
use crate::permit::Permit;
use crate::tls::{self, TlsError};

use super::credentials::{CredentialSource, NoCredentials};
use super::signer::{SignError, sign_request};

/// Which of Bedrock's two services a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Runtime,
    Control,
}

/// A request as it will be sent, but for the signature.
#[derive(Debug)]
pub struct Call {
    pub plane: Plane,
    pub method: Method,
    /// Path and query exactly as the caller wrote them.
    pub target: PathAndQuery,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// SHA-256 of `body` in hexadecimal.
    pub body_sha256: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    #[error("the request could not be signed")]
    Sign(#[from] SignError),
    #[error("the request could not be put together")]
    Request(#[from] http::Error),
    #[error("no connection to Bedrock")]
    Connect(#[source] hyper_util::client::legacy::Error),
    #[error("the connection to Bedrock failed")]
    Transport(#[source] hyper_util::client::legacy::Error),
    #[error("Bedrock did not answer in time")]
    Timeout,
    #[error("an answer of the control plane did not arrive whole")]
    Answer,
}

/// The way to Bedrock.
pub struct Upstream {
    pub(super) client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(super) config: config::Upstream,
    pub(super) credentials: Arc<CredentialSource>,
}

impl Upstream {
    pub fn new(config: config::Upstream, credentials: Arc<CredentialSource>) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(config.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(config.ca.as_deref())?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(std::time::Duration::from_secs(30))
            .build(connector);
        Ok(Self { client, config, credentials })
    }

    pub fn region(&self) -> &str {
        &self.config.region
    }

    pub fn idle_timeout(&self) -> std::time::Duration {
        self.config.idle_timeout
    }

    /// Whether a request could be signed now.
    pub fn ready(&self) -> Result<(), NoCredentials> {
        self.credentials.current(clock::system_now()).map(drop)
    }

    /// Signs and sends. INVARIANT: takes a permit, so that nothing is sent that was not allowed and recorded.
    pub async fn send(&self, _permit: Permit, call: Call) -> Result<Response<Incoming>, UpstreamError> {
        let now = clock::system_now();
        let identity = self.credentials.current(now)?;
        let endpoint = match call.plane {
            Plane::Runtime => &self.config.endpoint,
            Plane::Control => &self.config.control_plane_endpoint,
        };
        let uri = Uri::builder()
            .scheme(endpoint.scheme().clone())
            .authority(endpoint.authority().clone())
            .path_and_query(call.target)
            .build()?;
        let mut request = Request::builder().method(call.method).uri(uri).body(Full::new(call.body))?;
        *request.headers_mut() = call.headers;
        let host = endpoint.authority().as_str();
        sign_request(&mut request, host, &self.config.region, &call.body_sha256, &identity, now)?;
        match tokio::time::timeout(self.config.answer_timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(UpstreamError::Connect(error)),
            Ok(Err(error)) => Err(UpstreamError::Transport(error)),
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("config", &self.config).finish_non_exhaustive()
    }
}
