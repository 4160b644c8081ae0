//! HTTP/2 connections, over TLS by ALPN or in the clear with prior knowledge.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::call::Call;
use super::http::{Head, Response, Target};

/// Sends all `calls` at once on one HTTP/2 connection; answers in the order of the calls.
pub fn exchange(target: &Target, calls: &[Call]) -> Vec<Response> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sender = connect(target).await;
        let mut answers = JoinSet::new();
        for (place, call) in calls.iter().enumerate() {
            let (mut sender, request) = (sender.clone(), request(target, call));
            answers.spawn(async move {
                sender.ready().await.unwrap();
                let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
                assert_eq!(head.version, Version::HTTP_2);
                let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
                (place, Response { status: head.status.as_u16(), headers: head.headers, body })
            });
        }
        let mut answers = answers.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, response)| response).collect()
    })
}

pub fn send(target: &Target, call: &Call) -> Response {
    exchange(target, std::slice::from_ref(call)).remove(0)
}

/// Sends `call`, reads the first piece of the answer and resets the stream; the connection lives on for a moment.
pub fn leave_inside_answer(target: &Target, call: &Call) -> Head {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut sender = connect(target).await;
        let answer = sender.send_request(request(target, call)).await.expect("an answer");
        let (head, mut body) = answer.into_parts();
        let piece = body.frame().await.expect("the stream goes on").expect("a piece of it");
        assert!(piece.data_ref().is_some_and(|data| !data.is_empty()));
        drop(body);
        // Everything the connection has to say has been said when another exchange on it has ended.
        sender.ready().await.unwrap();
        let mut other = Call::new("GET", "/", "");
        other.replace_header("host", &target.authority());
        let refused = sender.send_request(request(target, &other)).await.expect("an answer");
        assert_eq!(refused.status(), 403);
        Head { status: head.status.as_u16(), headers: head.headers }
    })
}

async fn connect(target: &Target) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(target.address).await.unwrap();
    let Some(config) = &target.tls else { return handshake(TokioIo::new(socket)).await };
    let name = ServerName::from(target.address.ip());
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, socket).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()), "the server must choose h2");
    handshake(TokioIo::new(stream)).await
}

async fn handshake<T>(io: T) -> SendRequest<Full<Bytes>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// `host` becomes `:authority`, as every HTTP/2 client does it.
fn request(target: &Target, call: &Call) -> Request<Full<Bytes>> {
    let scheme = if target.tls.is_some() { "https" } else { "http" };
    let authority = call.header_value("host").map_or_else(|| target.authority(), str::to_owned);
    let mut request = Request::builder()
        .method(call.method.as_str())
        .uri(format!("{scheme}://{authority}{}", call.target))
        .version(Version::HTTP_2);
    for (name, value) in call.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::from(call.body.clone()))).unwrap()
}
