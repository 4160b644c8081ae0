//! Requests no SDK would send: each is refused or cut off, none reaches Bedrock, and the warden goes on serving.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::support::PATIENCE;
use crate::support::call::{Call, HAIKU};
use crate::support::http::{Connection, Response, Target};
use crate::support::warden::{Setup, TestWarden};

/// What is done to the text of a well-formed request.
type Edit = fn(&str) -> String;

#[test]
fn requests_that_two_parsers_could_frame_differently_are_refused() {
    let warden = Setup::new().start();
    let edits: &[(&str, Edit)] = &[
        ("no host", |text| without(text, "host")),
        ("two hosts", |text| text.replacen("\r\n\r\n", "\r\nhost: bedrock.example\r\n\r\n", 1)),
        ("a host with user information", |text| text.replacen("host: ", "host: bedrock@", 1)),
        ("a target with an authority", |text| text.replacen(" /model", " https://bedrock.example/model", 1)),
        ("a target that is another host's", |text| text.replacen(" /model", " //bedrock.example/model", 1)),
        ("a compressed transfer", |text| framed(text, "transfer-encoding: gzip, chunked")),
        ("an unknown transfer", |text| framed(text, "transfer-encoding: xchunked")),
        ("two lengths", |text| text.replacen("content-length: ", "content-length: 5\r\ncontent-length: ", 1)),
        ("a signed length", |text| text.replacen("content-length: ", "content-length: +", 1)),
        ("a hexadecimal length", |text| text.replacen("content-length: ", "content-length: 0x", 1)),
        ("a space before the colon", |text| text.replacen("host:", "host :", 1)),
        ("a folded header", |text| text.replacen("\r\n\r\n", "\r\nx-folded: a\r\n b\r\n\r\n", 1)),
        ("a NUL in a header", |text| text.replacen("\r\n\r\n", "\r\nx-nul: a\0b\r\n\r\n", 1)),
        ("another protocol", |text| text.replacen("HTTP/1.1", "HTTP/3.0", 1)),
        ("an unknown expectation", |text| text.replacen("\r\n\r\n", "\r\nexpect: 200-ok\r\n\r\n", 1)),
        ("an upgrade", |text| {
            text.replacen("\r\n\r\n", "\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n", 1)
        }),
    ];
    for (what, edit) in edits {
        let call = warden.sign(Call::converse(HAIKU, "say: hello"));
        let text = edit(&String::from_utf8(call.to_bytes()).unwrap());
        let before = warden.upstream().len();
        let answer = warden.tls().send_raw(text.as_bytes());
        let forwarded = warden.upstream().len() - before;
        match answer {
            // HTTP lets a server ignore these; what counts is that one request was read.
            Some(response)
                if matches!(*what, "an upgrade" | "an unknown expectation") && response.status == 200 =>
            {
                assert_eq!(forwarded, 1, "{what}");
            }
            Some(response) => {
                assert!((400..500).contains(&response.status), "{what}: {}", response.status);
                assert_eq!(forwarded, 0, "{what}");
            }
            None => assert_eq!(forwarded, 0, "{what}"),
        }
    }
    assert_serves(&warden);
}

/// No client may send one, and HTTP libraries cut it off unseen. What counts is that nobody reads it as part of the path.
#[test]
fn a_fragment_is_neither_signed_nor_forwarded() {
    let warden = Setup::new().start();
    let signed_without = warden.sign(Call::converse(HAIKU, "say: hello"));
    let mut with_fragment = signed_without.clone();
    with_fragment.target.push_str("#/../invoke");
    assert_eq!(warden.tls().send(&with_fragment).converse_text(), "hello");
    let seen = warden.upstream_request();
    assert_eq!(seen.path(), signed_without.target);
    assert!(seen.signature_ok());

    let mut signed_with = Call::converse(HAIKU, "say: hello");
    signed_with.target.push_str("%23/../invoke");
    let mut signed_with = warden.sign(signed_with);
    signed_with.target = signed_with.target.replace("%23", "#");
    warden.tls().send(&signed_with).assert_refused(403, "InvalidSignatureException");
    assert_eq!(warden.upstream().len(), 1);
}

#[test]
fn a_second_request_hidden_in_the_first_is_not_served() {
    let warden = Setup::new().start();
    let hidden = String::from_utf8(warden.sign(Call::converse(HAIKU, "say: hidden")).to_bytes()).unwrap();
    let call = warden.sign(Call::converse(HAIKU, "say: hello"));
    let text = String::from_utf8(call.to_bytes()).unwrap();
    let smuggled = [
        text.replacen("content-length: ", "transfer-encoding: chunked\r\ncontent-length: ", 1),
        text.replacen(
            "\r\ncontent-length",
            "\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\ncontent-length",
            1,
        ),
        text.replacen("\r\ncontent-length", "\r\ntransfer-encoding:\x0bchunked\r\ncontent-length", 1),
    ];
    for text in smuggled {
        let head = text.split_once("\r\n\r\n").unwrap().0;
        let bytes = format!("{head}\r\n\r\n0\r\n\r\n{hidden}");
        let _answer = warden.tls().send_raw(bytes.as_bytes());
        assert!(!warden.upstream().iter().any(|seen| seen.body().contains("hidden")));
    }
    assert_serves(&warden);
}

#[test]
fn a_chunked_body_is_forwarded_with_one_framing() {
    let warden = Setup::new().start();
    let mut call = warden.sign(Call::converse(HAIKU, "say: in pieces"));
    let body = std::mem::take(&mut call.body);
    call.headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
    let mut bytes = call.to_bytes();
    for piece in body.chunks(7) {
        bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    assert_eq!(warden.tls().send_raw(&bytes).unwrap().converse_text(), "in pieces");
    assert_eq!(warden.upstream_request().body().as_bytes(), body);
}

#[test]
fn an_encoded_body_is_not_guessed_at() {
    let warden = Setup::new().start();
    for encoding in ["gzip", "identity, gzip", "br", "aws-chunked"] {
        let call = Call::converse(HAIKU, "say: hello").header("content-encoding", encoding);
        let response = warden.send(call);
        assert_eq!(response.status, 415, "{encoding}: {}", response.text());
        assert!(warden.record_of(&response).is_denial(), "{encoding}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_body_beyond_the_limit_is_not_read() {
    let warden = Setup::new().setting("WARDEN_LIMITS_BODY_BYTES", "2000").start();
    let large = "x".repeat(3000);
    let declared = warden.send(Call::converse(HAIKU, &large));
    assert_eq!(declared.status, 413, "{}", declared.text());
    assert!(warden.record_of(&declared).is_denial());

    let mut call = warden.sign(Call::converse(HAIKU, &large));
    let body = std::mem::take(&mut call.body);
    call.headers.push(("transfer-encoding".to_owned(), "chunked".to_owned()));
    let mut bytes = call.to_bytes();
    bytes.extend(format!("{:x}\r\n", body.len()).bytes().chain(body).chain(*b"\r\n0\r\n\r\n"));
    let chunked = warden.tls().send_raw(&bytes).expect("an answer");
    assert_eq!(chunked.status, 413, "{}", chunked.text());

    // What is announced is believed before it arrives: the body is never sent here.
    let call = warden.sign(Call::converse(HAIKU, "say: hello"));
    let text = String::from_utf8(call.to_bytes()).unwrap();
    let head = text.split_once("\r\n\r\n").unwrap().0;
    let length = format!("content-length: {}", call.body.len());
    let announced = head.replacen(&length, "content-length: 99999999999", 1) + "\r\n\r\n";
    assert_eq!(warden.tls().send_raw(announced.as_bytes()).expect("an answer").status, 413);
    assert!(warden.upstream().is_empty());
}

#[test]
fn an_expectation_is_answered_before_the_body() {
    let warden = Setup::new().start();
    let call = warden.sign(Call::converse(HAIKU, "say: hello").header("expect", "100-continue"));
    let bytes = call.to_bytes();
    let (head, body) = bytes.split_at(bytes.len() - call.body.len());
    let mut connection = Connection::open(&warden.tls()).unwrap();
    connection.write(head).unwrap();
    assert_eq!(connection.any_head().unwrap().status, 100);
    connection.write(body).unwrap();
    assert_eq!(connection.response().unwrap().converse_text(), "hello");
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let warden = Setup::new().start();
    let big = "x".repeat(40 * 1024);
    let many = "x-one-of-many: x\r\n".repeat(200);
    let rows = [
        ("a long header", format!("POST / HTTP/1.1\r\nhost: x\r\nx-long: {big}\r\n\r\n")),
        ("many headers", format!("POST / HTTP/1.1\r\nhost: x\r\n{many}\r\n")),
        ("a long target", format!("POST /{big} HTTP/1.1\r\nhost: x\r\n\r\n")),
        ("no HTTP", "hello warden, how are you?\r\n\r\n".to_owned()),
        ("binary", "\0\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
    ];
    for (what, head) in rows {
        let answer = warden.tls().send_raw(head.as_bytes());
        assert!(answer.is_none_or(|response| (400..500).contains(&response.status)), "{what}");
    }
    assert_serves(&warden);
}

#[test]
fn slow_senders_are_cut_off() {
    let warden = Setup::new()
        .setting("WARDEN_LIMITS_HEADER_TIMEOUT", "1200ms")
        .setting("WARDEN_LIMITS_BODY_TIMEOUT", "1200ms")
        .start();
    let call = warden.sign(Call::converse(HAIKU, "say: hello"));
    let bytes = call.to_bytes();
    let head = bytes.len() - call.body.len();
    // Each of these would wait for ever if nobody ended it.
    for (what, sent) in [("nothing", 0), ("half a head", head / 2), ("half a body", head + 5)] {
        let mut connection = Connection::open(&warden.tls()).unwrap();
        connection.write(&bytes[..sent]).unwrap();
        match connection.response() {
            Ok(response) => assert_eq!(response.status, 408, "{what}"),
            Err(error) => assert!(crate::support::http::is_close(&error), "{what}: {error}"),
        }
    }
    let mut silent = TcpStream::connect(warden.tls().address).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    silent.write_all(b"\x16\x03\x01").unwrap();
    assert!(matches!(silent.read(&mut [0; 64]), Ok(0) | Err(_)), "half a handshake ends too");
    assert!(warden.upstream().is_empty());
    assert_serves(&warden);
}

#[test]
fn a_client_that_leaves_inside_its_body_leaves_a_record() {
    let warden = Setup::new().start();
    let call = warden.sign(Call::converse(HAIKU, "say: hello"));
    let bytes = call.to_bytes();
    let mut connection = Connection::open(&warden.tls()).unwrap();
    connection.write(&bytes[..bytes.len() - 5]).unwrap();
    drop(connection);
    crate::support::eventually("a record of the request that was never whole", || {
        warden.journal().records.iter().any(super::support::journal::Record::is_denial)
    });
    assert!(warden.upstream().is_empty());
}

/// A request without a body once reserved as much memory as the largest body.
#[test]
fn a_request_without_a_body_needs_no_share_of_the_memory_for_bodies() {
    let warden = Setup::new()
        .setting("WARDEN_LIMITS_BODY_BYTES", "4000")
        .setting("WARDEN_LIMITS_BUFFERED_BYTES", "4000")
        .start();
    let call = warden.sign(Call::converse(HAIKU, &"hold ".repeat(700)));
    let bytes = call.to_bytes();
    let mut holding = Connection::open(&warden.tls()).unwrap();
    holding.write(&bytes[..bytes.len() - 5]).unwrap();
    crate::support::eventually("a body that takes its share", || {
        let second = warden.send(Call::converse(HAIKU, &"busy ".repeat(700)));
        second.status == 503
    });
    warden.send(Call::list_models()).assert_ok();
    holding.write(&bytes[bytes.len() - 5..]).unwrap();
    assert_eq!(holding.response().unwrap().status, 200);
}

#[test]
fn methods_beyond_the_table_are_refused() {
    let warden = Setup::new().start();
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "post", "PROPFIND"] {
        let mut call = Call::converse(HAIKU, "say: hello");
        call.method = method.to_owned();
        let target = warden.tls();
        let mut connection = Connection::open(&target).unwrap();
        connection.write(&warden.sign(call).to_bytes()).unwrap();
        let head = connection.head().unwrap();
        assert!((400..500).contains(&head.status), "{method}: {}", head.status);
    }
    for line in ["OPTIONS * HTTP/1.1", "CONNECT bedrock.example:443 HTTP/1.1"] {
        let head = format!("{line}\r\nhost: {}\r\n\r\n", warden.authority());
        let answer = warden.tls().send_raw(head.as_bytes());
        assert!(answer.is_none_or(|response| (400..500).contains(&response.status)), "{line}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn only_named_headers_cross() {
    let warden = Setup::new().start();
    let response = warden.send(
        Call::invoke(HAIKU, "say: hello")
            .header("cookie", "session=1")
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-amzn-trace-id", "Root=1-1-1")
            .header("accept-encoding", "gzip")
            .header("x-custom", "mine")
            .header("x-warden-break-glass", "please")
            .header("te", "trailers"),
    );
    response.assert_ok();
    let seen = warden.upstream_request();
    for name in ["cookie", "x-forwarded-for", "x-custom", "x-warden-break-glass", "te"] {
        assert_eq!(seen.header(name), None, "{seen:?}");
    }
    assert_ne!(seen.header("accept-encoding"), Some("gzip"));
    let authorization = seen.header("authorization").unwrap_or_default();
    assert!(!authorization.contains(&warden.key.id), "the caller's key does not cross");
    for name in ["age", "server", "set-cookie", "via"] {
        assert_eq!(response.header(name), None, "{response:?}");
    }
    assert!(response.header("date").is_some(), "SDKs set their clocks by it");
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let warden = Setup::new().start();
    let mut connection = Connection::open(&warden.tls()).unwrap();
    for number in 0..5 {
        let said = format!("answer {number}");
        let call = warden.sign(Call::converse(HAIKU, &format!("say: {said}")));
        connection.write(&call.to_bytes()).unwrap();
        assert_eq!(connection.response().unwrap().converse_text(), said);
    }
    // A refusal whose body was read leaves the connection usable.
    let denied = warden.sign(Call::new("POST", "/embed", "{}"));
    connection.write(&denied.to_bytes()).unwrap();
    assert_eq!(connection.response().unwrap().status, 403);
}

#[test]
fn plain_text_on_the_tls_listener_is_cut_off() {
    let warden = Setup::new().start();
    let mut socket = TcpStream::connect(warden.tls().address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // A TLS alert at most.
    let _end = socket.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"));
    assert_serves(&warden);
}

#[test]
fn health_is_not_on_the_data_listener() {
    let warden = Setup::new().start();
    for path in ["/livez", "/readyz", "/metrics"] {
        let response = warden.send(Call::new("GET", path, ""));
        assert_eq!(response.status, 403, "{path}");
    }
}

fn assert_serves(warden: &TestWarden) {
    assert_eq!(hello(warden, &warden.tls()).converse_text(), "hello");
}

fn hello(warden: &TestWarden, target: &Target) -> Response {
    target.send(&warden.sign(Call::converse(HAIKU, "say: hello")))
}

fn without(text: &str, header: &str) -> String {
    let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with(&format!("{header}:")));
    lines.collect()
}

/// The request with another header in place of its length.
fn framed(text: &str, header: &str) -> String {
    let start = text.find("content-length").unwrap();
    let end = start + text[start..].find("\r\n").unwrap();
    format!("{}{header}{}", &text[..start], &text[end..])
}
