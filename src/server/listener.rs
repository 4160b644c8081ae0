//! One bound socket: accepts, terminates TLS, reads HTTP/1.1 and HTTP/2, and bounds every wait that hyper leaves open.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::{Peer, ReplyBody};

/// Largest request head, and most headers in it.
const HEAD_BYTES: usize = 32 * 1024;
const HEADERS: usize = 64;
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 250;
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept (no descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on `{address}`: {reason}")]
pub struct ListenError {
    address: SocketAddr,
    reason: std::io::Error,
}

/// A bound socket, not yet accepting.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    header_timeout: Duration,
}

impl Listener {
    pub async fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        connections: Arc<Semaphore>,
        header_timeout: Duration,
    ) -> Result<Self, ListenError> {
        let failed = |reason| ListenError { address, reason };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, tls: tls.map(TlsAcceptor::from), connections, header_timeout })
    }

    /// `https://127.0.0.1:8443`, with the port that was really bound.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop`, then lets open connections finish. Returns once all of them are closed.
    pub async fn serve<H, F>(self, handle: H, stop: CancellationToken, tasks: TaskTracker)
    where
        H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept() => accepted,
            };
            let Some((stream, address, slot)) = accepted else { continue };
            let connection = Connection {
                peer: Peer { address, encrypted: self.tls.is_some() },
                tls: self.tls.clone(),
                header_timeout: self.header_timeout,
                watcher: graceful.watcher(),
                _slot: slot,
            };
            tasks.spawn(connection.serve(stream, handle.clone()));
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, address)) => Some((stream, address, slot)),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// One accepted connection.
struct Connection {
    peer: Peer,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
    watcher: Watcher,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve<H, F>(self, stream: TcpStream, handle: H)
    where
        H: Fn(Peer, Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        match self.tls.clone() {
            None => self.http(stream, handle).await,
            Some(acceptor) => {
                match tokio::time::timeout(self.header_timeout, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.http(stream, handle).await,
                    Ok(Err(error)) => {
                        tracing::debug!(peer = %self.peer.address, %error, "TLS handshake failed");
                    }
                    Err(_) => tracing::debug!(peer = %self.peer.address, "TLS handshake timed out"),
                }
            }
        }
    }

    async fn http<S, H, F>(self, stream: S, handle: H)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        H: Fn(Peer, Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        let Self { peer, header_timeout, watcher, .. } = self;
        let asked = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&asked);
        let service = service_fn(move |request| {
            first.store(true, Ordering::Relaxed);
            let reply = handle(peer, request);
            async move { Ok::<_, Infallible>(reply.await) }
        });
        let builder = builder(header_timeout);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let mut connection = pin!(watcher.watch(connection));
        // hyper's own header timeout starts with the first byte of HTTP/1.1; this one covers a connection that says
        // nothing at all, or half a preface of HTTP/2.
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = tokio::time::sleep(header_timeout) => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %peer.address, %error, "connection ended early");
        }
    }
}

fn builder(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(32 * 1024);
    builder
}
