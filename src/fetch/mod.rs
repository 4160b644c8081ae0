//! A bundle from elsewhere: an object in S3, or an artifact in an OCI registry.
//!
//! Receives the configured source, returns the bundle that is there when it is another than before. Calls the one
//! configured host and no other, follows no redirect, and reads a bounded number of bytes in a bounded time. Nothing that
//! it returns is proven.

mod oci;
mod s3;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;

use crate::bundle::{BundleError, Seal, unpack};
use crate::causes::causes;
use crate::config::{self, Place, RemoteSource};
use crate::tls::{self, TlsError};
use crate::upstream::{CredentialSource, NoCredentials, SignError};
use crate::yaml::Source;

/// Why nothing was fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    #[error("the request could not be signed")]
    Sign(#[from] SignError),
    #[error("the request could not be put together")]
    Request(#[from] http::Error),
    #[error("no answer: {0}")]
    Transport(String),
    #[error("no whole answer within {} seconds", ATTEMPT.as_secs())]
    Timeout,
    #[error("it answered {status}{}{code}", if code.is_empty() { "" } else { " " })]
    Status { status: StatusCode, code: String },
    #[error("it answered with more than {0} bytes")]
    TooLarge(usize),
    #[error("it sent something else than `{0}`")]
    Digest(String),
    #[error("the artifact's manifest {0}")]
    Manifest(&'static str),
    #[error("it wants a token of `{0}`, which is not the configured host")]
    Elsewhere(String),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("it wants a token in a way that is not known, or gives none")]
    Token,
}

/// A source, and what was last seen there.
pub struct Remote {
    source: RemoteSource,
    client: Http,
    credentials: Arc<CredentialSource>,
    /// What tells the contents last fetched from others: an ETag or a digest.
    seen: Option<String>,
}

impl Remote {
    /// `credentials` sign what goes to S3. Certificates are those that Bedrock's endpoints are trusted with.
    pub fn new(
        source: RemoteSource,
        upstream: &config::Upstream,
        credentials: Arc<CredentialSource>,
    ) -> Result<Self, TlsError> {
        let client = Http::new(upstream)?;
        Ok(Self { source, client, credentials, seen: None })
    }

    /// As operators write it, with the host that is really called.
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// How long to wait between two looks.
    pub fn poll(&self) -> Duration {
        self.source.poll
    }

    /// The bundle that is there, unproven; `None` when it is the one that was there before.
    pub async fn fetch(&mut self) -> Result<Option<(Seal, Vec<Source>)>, FetchError> {
        tokio::time::timeout(ATTEMPT, self.look()).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn look(&mut self) -> Result<Option<(Seal, Vec<Source>)>, FetchError> {
        let seen = self.seen.as_deref();
        let endpoint = &self.source.endpoint;
        let found = match &self.source.place {
            Place::S3 { bucket, key, region } => {
                let object = s3::Object { endpoint, bucket, key, region };
                object.fetch(&self.client, &self.credentials, seen).await?
            }
            Place::Oci { repository, reference } => {
                let artifact = oci::Artifact { endpoint, repository, reference };
                artifact.fetch(&self.client, seen).await?
            }
        };
        let Some(found) = found else { return Ok(None) };
        // ORDER: what is no bundle is not remembered, so that it goes on being said.
        let bundle = unpack(&found.bytes)?;
        self.seen = found.mark;
        Ok(Some(bundle))
    }
}

/// Contents, and what tells them from others.
struct Found {
    bytes: Bytes,
    mark: Option<String>,
}

/// Plain `GET`s.
struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Http {
    fn new(upstream: &config::Upstream) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(upstream.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(upstream.ca.as_deref())?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)))
    }

    fn request(uri: http::Uri, headers: HeaderMap) -> Result<Request<Empty<Bytes>>, http::Error> {
        let mut request = Request::builder().method(Method::GET).uri(uri).body(Empty::new())?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(OWN_AGENT));
        Ok(request)
    }

    /// The answer, of which at most `largest` bytes are read.
    async fn answer(
        &self,
        request: Request<Empty<Bytes>>,
        largest: usize,
    ) -> Result<(Parts, Bytes), FetchError> {
        let response =
            self.0.request(request).await.map_err(|error| FetchError::Transport(causes(&error)))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, largest).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                FetchError::TooLarge(largest)
            } else {
                FetchError::Transport("the answer broke off".to_owned())
            }
        })?;
        Ok((head, body.to_bytes()))
    }
}

/// A whole attempt, tokens and all.
const ATTEMPT: Duration = Duration::from_secs(30);

const OWN_AGENT: &str = concat!("bedrock-warden/", env!("CARGO_PKG_VERSION"));

impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Remote").field("source", &self.source).finish_non_exhaustive()
    }
}
