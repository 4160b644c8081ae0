//! HTTP/1.1 by hand: whatever bytes a test wants to send, and answers read without forgiveness.
//!
//! A body that ends early is an error here, so that no test can take a cut answer for a whole one.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::PATIENCE;
use super::call::Call;

/// Where to connect, and what the server must prove.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// `None` for a plain listener.
    pub tls: Option<Arc<ClientConfig>>,
}

/// An open connection.
pub struct Connection {
    stream: BufReader<Box<dyn Wire>>,
    framing: Framing,
}

/// Status line and headers.
#[derive(Debug, Clone)]
pub struct Head {
    pub status: u16,
    pub headers: HeaderMap,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

trait Wire: Read + Write + Send {}

impl<T: Read + Write + Send> Wire for T {}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Done,
    Length(usize),
    Chunked,
    UntilClose,
}

impl Target {
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// TLS that trusts `ca` only and offers `protocols` by ALPN.
    pub fn tls(address: SocketAddr, ca: &Path, protocols: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { address, tls: Some(Arc::new(config)) }
    }

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Sends one well-formed request on its own connection.
    pub fn send(&self, call: &Call) -> Response {
        self.try_send(call).expect("an answer")
    }

    pub fn try_send(&self, call: &Call) -> io::Result<Response> {
        let mut connection = Connection::open(self)?;
        connection.write(&call.to_bytes())?;
        connection.response()
    }

    /// Sends bytes as they are. `None` when the server closed the connection without an answer, which is an answer too.
    pub fn send_raw(&self, bytes: &[u8]) -> Option<Response> {
        let mut connection = Connection::open(self).unwrap();
        // The server may answer and close before it has read everything.
        let written = connection.write(bytes);
        match (connection.response(), written) {
            (Ok(response), _) => Some(response),
            (Err(error), _) if is_close(&error) => None,
            (Err(error), written) => panic!("no answer: {error}; writing: {written:?}"),
        }
    }

    /// Sends a request and reads the head of the answer; the body is left on the connection.
    pub fn start(&self, call: &Call) -> (Connection, Head) {
        let mut connection = Connection::open(self).unwrap();
        connection.write(&call.to_bytes()).unwrap();
        let head = connection.head().unwrap();
        (connection, head)
    }
}

impl Connection {
    pub fn open(target: &Target) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&target.address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let wire: Box<dyn Wire> = match &target.tls {
            None => Box::new(socket),
            Some(config) => {
                let name = ServerName::from(target.address.ip());
                let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                Box::new(StreamOwned::new(session, socket))
            }
        };
        Ok(Self { stream: BufReader::new(wire), framing: Framing::Done })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wire = self.stream.get_mut();
        wire.write_all(bytes)?;
        wire.flush()
    }

    /// Reads the head of an answer. Interim answers are read over.
    pub fn head(&mut self) -> io::Result<Head> {
        loop {
            let head = self.any_head()?;
            if head.status >= 200 {
                self.framing = Framing::of(&head);
                return Ok(head);
            }
        }
    }

    /// Reads a head of any status, interim ones included.
    pub fn any_head(&mut self) -> io::Result<Head> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {line:?}")))?;
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Head { status, headers });
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| io::Error::other("header without colon"))?;
            let name = HeaderName::from_str(name).map_err(io::Error::other)?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(io::Error::other)?);
        }
    }

    /// The next bytes of the body as they arrive; `None` at its proper end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.framing {
            Framing::Done | Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                let piece = self.some(left)?;
                self.framing = Framing::Length(left - piece.len());
                Ok(Some(piece))
            }
            Framing::Chunked => self.chunk(),
            Framing::UntilClose if self.stream.fill_buf()?.is_empty() => Ok(None),
            Framing::UntilClose => self.some(usize::MAX).map(Some),
        }
    }

    /// The rest of the body.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece()? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    pub fn response(&mut self) -> io::Result<Response> {
        let Head { status, headers } = self.head()?;
        Ok(Response { status, headers, body: self.body()? })
    }

    /// Waits until the peer has closed the connection. Panics when it sends something instead.
    pub fn assert_closed(&mut self) {
        match self.stream.fill_buf() {
            Ok(rest) => {
                assert!(rest.is_empty(), "expected a close, read {:?}", String::from_utf8_lossy(rest));
            }
            Err(error) => assert!(is_close(&error), "expected a close, got {error}"),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection ended inside a line")),
        }
    }

    /// Between one byte and `most`.
    fn some(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let available = self.stream.fill_buf()?;
        if available.is_empty() {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "the connection ended inside a body"));
        }
        let piece = available[..available.len().min(most)].to_vec();
        self.stream.consume(piece.len());
        Ok(piece)
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16);
        let size = size.map_err(|_| io::Error::other(format!("not a chunk size: {line:?}")))?;
        let mut piece = vec![0; size];
        self.stream.read_exact(&mut piece)?;
        if size > 0 {
            self.line()?;
            return Ok(Some(piece));
        }
        while !self.line()?.is_empty() {}
        self.framing = Framing::Done;
        Ok(None)
    }
}

impl Framing {
    fn of(head: &Head) -> Self {
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        if head.status == 204 || head.status == 304 {
            Self::Done
        } else if header("transfer-encoding") == Some("chunked") {
            Self::Chunked
        } else if let Some(length) = header("content-length") {
            Self::Length(length.parse().expect("a content length"))
        } else {
            Self::UntilClose
        }
    }
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn decision_id(&self) -> String {
        decision_id(&self.headers)
    }
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The exception's name, as SDKs read it: up to the first colon.
    pub fn error_type(&self) -> &str {
        self.header("x-amzn-errortype").unwrap_or_default().split(':').next().unwrap_or_default()
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The decision id, which is the request id of the record.
    pub fn request_id(&self) -> &str {
        self.header("x-amzn-requestid").expect("every answer has a request id")
    }

    /// The id of the warden's decision about this request, whoever answered it.
    pub fn decision_id(&self) -> String {
        decision_id(&self.headers)
    }

    /// Checks that this is a refusal as SDKs understand it. Returns the message.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, error_type: &str) -> String {
        assert_eq!(
            (self.status, self.error_type()),
            (status, error_type),
            "{:?} {}",
            self.headers,
            self.text()
        );
        assert!(!self.request_id().is_empty());
        let message = self.message();
        assert!(!message.is_empty(), "a refusal explains itself: {}", self.text());
        message
    }

    #[track_caller]
    pub fn assert_ok(&self) -> &Self {
        assert_eq!(self.status, 200, "{:?} {}", self.headers, self.text());
        self
    }

    /// The text of a Converse answer.
    pub fn converse_text(&self) -> String {
        self.assert_ok();
        let content = &self.json()["output"]["message"]["content"];
        content.as_array().expect("content").iter().filter_map(|block| block["text"].as_str()).collect()
    }
}

fn decision_id(headers: &HeaderMap) -> String {
    let decision =
        headers.get("x-warden-decision").expect("every answer names its decision").to_str().unwrap();
    let id = decision.split(';').find_map(|part| part.trim().strip_prefix("id="));
    id.unwrap_or_else(|| panic!("no id in `{decision}`")).to_owned()
}

/// Whether an error says that the peer has closed the connection.
pub fn is_close(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
    )
}
