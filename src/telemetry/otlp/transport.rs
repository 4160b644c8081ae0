//! OTLP over HTTP, with the connections of hyper.
//!
//! The exporters run on threads of their own; each request hops onto the runtime and is waited for there. Calls only the
//! URLs of the configuration, follows no redirect, keeps no more of an answer than it needs.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::config::Receiver;
use crate::tls::{self, TlsError};

/// Answers say what was rejected, in a few bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// The way to one receiver.
#[derive(Debug, Clone)]
pub struct Transport {
    client: Connections,
    timeout: Duration,
    runtime: Handle,
}

/// A machine without CA certificates can still reach a collector beside it.
#[derive(Debug, Clone)]
enum Connections {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Transport {
    pub fn new(receiver: &Receiver, runtime: Handle) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(receiver.timeout));
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(Duration::from_secs(90));
        let client = if receiver.url.starts_with("https:") {
            tcp.enforce_http(false);
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config(tls::client_config(None)?)
                .https_only()
                .enable_all_versions()
                .wrap_connector(tcp);
            Connections::Tls(builder.build(connector))
        } else {
            Connections::Plain(builder.build(tcp))
        };
        Ok(Self { client, timeout: receiver.timeout, runtime })
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Transport {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let (client, limit) = (self.client.clone(), self.timeout);
        // Aborted when the exporter gives up on it; over when the runtime is.
        let sent = self.runtime.spawn(async move { timeout(limit, client.send(request)).await });
        Box::pin(async move { sent.await?? })
    }
}

impl Connections {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = request.map(Full::new);
        let answer = match self {
            Self::Plain(client) => client.request(request).await?,
            Self::Tls(client) => client.request(request).await?,
        };
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
