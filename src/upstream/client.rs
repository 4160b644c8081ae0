//! Pooled TLS connections to Bedrock, HTTP/1.1 or HTTP/2 as ALPN decides.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio_util::task::TaskTracker;

use crate::bedrock::event_stream::FrameError;
use crate::bedrock::speech::wrap_chunk;
use crate::clock;
use crate::config;
use crate::identity::Principal;
use crate::identity::sigv4::{EVENTS_PAYLOAD, Signature};
use crate::permit::Permit;
use crate::tls::{self, TlsError};

use super::credentials::{CredentialSource, NoCredentials};
use super::live::{Live, LiveError, OpenBody};
use super::sessions::{NoSession, Sessions, Sts};
use super::signer::{SignError, sign_request};

/// Which of Bedrock's two services a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Runtime,
    Control,
}

/// A request as it will be sent, but for the signature.
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
    #[error(transparent)]
    NoSession(#[from] NoSession),
    #[error("the request could not be signed")]
    Sign(#[from] SignError),
    #[error("the request could not be put together")]
    Request(#[from] http::Error),
    #[error("the first event could not be put together")]
    FirstEvent(#[from] FrameError),
    #[error("the session could not be opened")]
    Open(#[from] LiveError),
    #[error("no connection to Bedrock")]
    Connect(#[source] hyper_util::client::legacy::Error),
    #[error("the connection to Bedrock failed")]
    Transport(#[source] hyper_util::client::legacy::Error),
    #[error("Bedrock did not answer in time")]
    Timeout,
    #[error("an answer of the control plane did not arrive whole")]
    Answer,
}

impl UpstreamError {
    /// Whether it is certain that nothing was sent.
    pub const fn is_before_sending(&self) -> bool {
        match self {
            Self::NoCredentials(_)
            | Self::NoSession(_)
            | Self::Sign(_)
            | Self::Request(_)
            | Self::FirstEvent(_)
            | Self::Open(_) => true,
            Self::Connect(_) | Self::Transport(_) | Self::Timeout | Self::Answer => false,
        }
    }
}

/// A session's request, signed. INVARIANT: made of a permit only.
pub struct Opened(Request<Either<Full<Bytes>, OpenBody>>);

/// The way to Bedrock.
pub struct Upstream {
    pub(super) client: Client<HttpsConnector<HttpConnector>, Either<Full<Bytes>, OpenBody>>,
    pub(super) config: config::Upstream,
    credentials: Arc<CredentialSource>,
    /// With a role to assume, what Bedrock is called with instead of `credentials`.
    sessions: Option<Arc<Sessions<Sts>>>,
}

impl Upstream {
    /// `environment` becomes a tag of the sessions, which are renewed on `tasks`.
    pub fn new(
        config: config::Upstream,
        environment: &str,
        credentials: Arc<CredentialSource>,
        tasks: TaskTracker,
    ) -> Result<Self, TlsError> {
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
        let sessions = config.assume_role.clone().map(|role| {
            let sts = Sts::new(role, &config.region, environment, Arc::clone(&credentials));
            Sessions::new(sts, tasks, clock::system_now)
        });
        Ok(Self { client, config, credentials, sessions })
    }

    pub fn region(&self) -> &str {
        &self.config.region
    }

    pub fn idle_timeout(&self) -> std::time::Duration {
        self.config.idle_timeout
    }

    /// Whether a request could be signed now.
    pub fn ready(&self) -> Result<(), UpstreamError> {
        self.credentials.current(clock::system_now())?;
        let problem = self.sessions.as_ref().and_then(Sessions::problem);
        problem.map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Forgets what it holds for principals (team, application) that are not `known` any more.
    pub fn retain(&self, known: impl Fn(&str, &str) -> bool) {
        if let Some(sessions) = &self.sessions {
            sessions.retain(known);
        }
    }

    /// When the credentials at hand end; `None` without an end, or before there are any.
    pub fn credentials_expire(&self) -> Option<std::time::SystemTime> {
        self.credentials.expiry()
    }

    /// Signs and sends for `principal`. INVARIANT: takes a permit, so that nothing is sent that was not allowed and
    /// recorded.
    pub async fn send(
        &self,
        _permit: Permit,
        principal: &Principal,
        call: Call,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let identity = self.identity(principal).await?;
        let body = Either::Left(Full::new(call.body.clone()));
        let (request, _) = self.request(call, &identity, body)?;
        self.answer(request).await
    }

    /// Signs a session for `principal`, whose first event is the call's body. Returns the request's side of it, and the
    /// request itself, of which nothing is sent before [`Self::converse`] is polled.
    pub async fn open(
        &self,
        _permit: Permit,
        principal: &Principal,
        mut call: Call,
    ) -> Result<(Live, Opened), UpstreamError> {
        let identity = self.identity(principal).await?;
        let first = wrap_chunk(&call.body)?;
        call.headers.insert("x-amz-content-sha256", HeaderValue::from_static(EVENTS_PAYLOAD));
        EVENTS_PAYLOAD.clone_into(&mut call.body_sha256);
        let (request, signature) = self.request(call, &identity, ())?;
        let seed = Signature::parse(&signature).ok_or(LiveError::Unsigned)?;
        let (mut live, body) = Live::new(seed, &self.config.region, identity);
        live.pass(first).await?;
        Ok((live, Opened(request.map(|()| Either::Right(body)))))
    }

    /// Sends a session's request and waits for the head of its answer.
    pub async fn converse(&self, opened: Opened) -> Result<Response<Incoming>, UpstreamError> {
        self.answer(opened.0).await
    }

    /// A signed request with `body`, and its signature in hexadecimal.
    fn request<B>(
        &self,
        call: Call,
        identity: &Identity,
        body: B,
    ) -> Result<(Request<B>, String), UpstreamError> {
        let now = clock::system_now();
        let endpoint = match call.plane {
            Plane::Runtime => &self.config.endpoint,
            Plane::Control => &self.config.control_plane_endpoint,
        };
        let uri = endpoint.uri(call.target.as_str())?;
        let mut request = Request::builder().method(call.method).uri(uri).body(body)?;
        *request.headers_mut() = call.headers;
        let (host, region) = (endpoint.authority().as_str(), self.config.region.as_str());
        let signature = sign_request(&mut request, host, region, &call.body_sha256, identity, now)?;
        Ok((request, signature))
    }

    async fn answer(
        &self,
        request: Request<Either<Full<Bytes>, OpenBody>>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        match tokio::time::timeout(self.config.answer_timeout, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(UpstreamError::Connect(error)),
            Ok(Err(error)) => Err(UpstreamError::Transport(error)),
            Err(_) => Err(UpstreamError::Timeout),
        }
    }

    /// FAIL-CLOSED: with a role to assume, never the warden's own credentials.
    pub(super) async fn identity(&self, principal: &Principal) -> Result<Identity, UpstreamError> {
        match &self.sessions {
            None => Ok(self.credentials.current(clock::system_now())?),
            Some(sessions) => Ok(sessions.of(principal).await?),
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: the head holds a signature and maybe a session token.
        formatter.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: the body is the prompt.
        formatter
            .debug_struct("Call")
            .field("plane", &self.plane)
            .field("method", &self.method)
            .field("target", &self.target)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upstream").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_call_is_shown_without_what_it_carries() {
        let call = Call {
            plane: Plane::Runtime,
            method: Method::POST,
            target: PathAndQuery::from_static("/model/m/converse"),
            headers: [(http::header::USER_AGENT, HeaderValue::from_static("an agent"))].into_iter().collect(),
            body: Bytes::from_static(b"a prompt"),
            body_sha256: "0123abcd".to_owned(),
        };
        let shown = format!("{call:?}");
        assert!(shown.contains("/model/m/converse") && shown.contains("body_bytes: 8"), "{shown}");
        for held in ["prompt", "agent", "0123abcd"] {
            assert!(!shown.contains(held), "{shown}");
        }
    }
}
