//! Questions to the control plane about models.
//!
//! The one thing that is sent without a [`Permit`](crate::permit::Permit): the request is the warden's own. INVARIANT: it
//! takes nothing but a [`Lookup`], a `GET` without a body that is made of a parsed model reference and of nothing else that
//! a caller wrote. Only proven callers lead to one (`proxy::pipeline`).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};

use crate::bedrock::model::resolution::Lookup;
use crate::clock;
use crate::identity::Principal;

use super::client::{Upstream, UpstreamError};
use super::signer::sign_request;

/// The control plane as the resolver sees it.
pub trait ControlPlane {
    /// Asks once, without retries, with the credentials that `principal` is served with.
    fn ask(
        &self,
        principal: &Principal,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Reply, UpstreamError>> + Send;
}

/// What the control plane answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: StatusCode,
    /// Name of the error, `None` for a success or an answer that is not AWS's.
    pub error: Option<String>,
    pub body: Bytes,
}

impl ControlPlane for Upstream {
    async fn ask(&self, principal: &Principal, lookup: &Lookup) -> Result<Reply, UpstreamError> {
        match tokio::time::timeout(ATTEMPT, self.look_up(principal, lookup)).await {
            Ok(reply) => reply,
            Err(_) => Err(UpstreamError::Timeout),
        }
    }
}

impl<C: ControlPlane + Send + Sync> ControlPlane for Arc<C> {
    fn ask(
        &self,
        principal: &Principal,
        lookup: &Lookup,
    ) -> impl Future<Output = Result<Reply, UpstreamError>> + Send {
        self.as_ref().ask(principal, lookup)
    }
}

impl Upstream {
    async fn look_up(&self, principal: &Principal, lookup: &Lookup) -> Result<Reply, UpstreamError> {
        let identity = self.identity(principal).await?;
        let now = clock::system_now();
        let agents = lookup.is_of_agents();
        let endpoint = if agents { &self.config.agent_endpoint } else { &self.config.control_plane_endpoint };
        let uri = endpoint.uri(&lookup.path())?;
        let mut request =
            Request::builder().method(Method::GET).uri(uri).body(Either::Left(Full::new(Bytes::new())))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(OWN_AGENT));
        let host = endpoint.authority().as_str();
        sign_request(&mut request, host, &self.config.region, EMPTY_SHA256, &identity, now)?;
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(UpstreamError::Connect(error)),
            Err(error) => return Err(UpstreamError::Transport(error)),
        };
        let (head, body) = response.into_parts();
        let error = head.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let error = error.and_then(|text| text.split(':').next()).map(str::to_owned);
        let body = Limited::new(body, LARGEST_ANSWER).collect().await.map_err(|_| UpstreamError::Answer)?;
        Ok(Reply { status: head.status, error, body: body.to_bytes() })
    }
}

const ATTEMPT: Duration = Duration::from_secs(5);

/// Descriptions of one resource are a few kilobytes.
const LARGEST_ANSWER: usize = 256 * 1024;

const OWN_AGENT: &str = concat!("bedrock-warden/", env!("CARGO_PKG_VERSION"));

const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
