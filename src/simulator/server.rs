//! Sockets of the double: accepts, terminates TLS, speaks HTTP/1.1 and HTTP/2, and stops when told to.
//!
//! Receives [`SimulatorOptions`] and returns a [`Running`] double. Dropping it stops it; [`Running::shutdown`] also
//! waits until it has stopped. Connections are bounded by nothing but the machine: this is a tool for one's own use.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::async_invokes::AsyncInvokes;
use super::exchange::Bedrock;
use super::log::RequestLog;
use super::lookups::Names;
use super::stream::Pace;
use super::tls::{Transport, TransportError};
use super::verify::{Credential, Verifier};

/// How long open connections may finish after a shutdown began. Stalled ones never do.
const GRACE: Duration = Duration::from_secs(1);
/// Pause after a failed accept (no descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the double is to be.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// Port 0 takes any free one.
    pub listen: SocketAddr,
    pub transport: Transport,
    /// Keys whose signatures are accepted.
    pub credentials: Vec<Credential>,
    /// The region that it is an endpoint of.
    pub region: String,
    pub pace: Pace,
    pub request_log: Option<PathBuf>,
    /// Whether the request log holds bodies.
    pub log_bodies: bool,
}

/// Why the double did not start.
#[derive(Debug, Error)]
pub enum SimulatorError {
    #[error("cannot listen on `{address}`: {reason}")]
    Listen { address: SocketAddr, reason: io::Error },
    #[error("cannot write the request log `{path}`: {reason}")]
    RequestLog { path: String, reason: io::Error },
    #[error(transparent)]
    Tls(#[from] TransportError),
}

/// A double that answers requests.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    encrypted: bool,
    tasks: TaskTracker,
    stop: DropGuard,
}

/// Starts a double. Returns once it accepts connections. Needs a tokio runtime with I/O and time.
pub async fn start(options: SimulatorOptions) -> Result<Running, SimulatorError> {
    let log = match &options.request_log {
        None => None,
        Some(path) => Some(
            RequestLog::open(path, options.log_bodies)
                .map_err(|reason| SimulatorError::RequestLog { path: path.display().to_string(), reason })?,
        ),
    };
    let tls = options.transport.server_config(options.listen.ip())?.map(TlsAcceptor::from);
    let unbound = |reason| SimulatorError::Listen { address: options.listen, reason };
    let socket = TcpListener::bind(options.listen).await.map_err(unbound)?;
    let address = socket.local_addr().map_err(unbound)?;
    let bedrock = Bedrock {
        verifier: Verifier::new(options.credentials, options.region.clone()),
        names: Names::new(options.region.clone()),
        region: options.region,
        pace: options.pace,
        log,
        invocations: AsyncInvokes::default(),
    };
    let encrypted = tls.is_some();
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let listener =
        Listener { socket, tls, bedrock: Arc::new(bedrock), stop: stop.clone(), tasks: tasks.clone() };
    tasks.spawn(listener.accept());
    Ok(Running { address, encrypted, tasks, stop: stop.drop_guard() })
}

impl Running {
    /// The address that was really bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an SDK is given as its endpoint.
    pub fn url(&self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Stops accepting, lets open answers finish for a moment, and returns when every connection is closed.
    pub async fn shutdown(self) {
        drop(self.stop);
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A bound socket and what each of its connections needs.
struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    bedrock: Arc<Bedrock>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// One accepted connection.
struct Connection {
    tls: Option<TlsAcceptor>,
    bedrock: Arc<Bedrock>,
    stop: CancellationToken,
}

impl Listener {
    async fn accept(self) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = Connection {
                        tls: self.tls.clone(),
                        bedrock: Arc::clone(&self.bedrock),
                        stop: self.stop.clone(),
                    };
                    self.tasks.spawn(connection.serve(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let Some(acceptor) = self.tls.clone() else { return self.http(stream).await };
        let accepted = tokio::select! {
            () = self.stop.cancelled() => return,
            accepted = acceptor.accept(stream) => accepted,
        };
        match accepted {
            Ok(stream) => self.http(stream).await,
            Err(error) => tracing::debug!(%error, "TLS handshake failed"),
        }
    }

    async fn http<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let bedrock = self.bedrock;
        let service = service_fn(move |request| {
            let bedrock = Arc::clone(&bedrock);
            async move { Ok::<_, Infallible>(bedrock.answer(request).await) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                // A connection that is still open when the time is over is dropped, and thereby closed.
                tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended early");
        }
    }
}
