//! Answers that Bedrock would never give, or that must not reach a caller although it would.
//!
//! Whatever the upstream says, the caller reads a native error, the record has one outcome, and the session token that
//! the warden signed with stays where it is.

use std::io::Write;

use crate::support::call::{Call, HAIKU};
use crate::support::hostile_upstream::{HostileUpstream, Received};
use crate::support::http::Response;
use crate::support::warden::{Setup, TestWarden};

/// The session token of the warden's own credentials. Every hostile answer here repeats it.
const TOKEN: &str = "session-token-canary/that+nobody/may+read==";

const JSON: &str = "content-type: application/json\r\n";

const GZIP: &str = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
const ELSEWHERE: &str = "location: /elsewhere\r\n";
const VALIDATION: &str = "x-amzn-errortype: ValidationException\r\n";
const INVALID_SIGNATURE: &str = "x-amzn-errortype: InvalidSignatureException:http://internal.amazon.com/\r\n";
const INCOMPLETE: &str = "x-amzn-errortype: IncompleteSignatureException\r\n";
const EXPIRED: &str = "x-amzn-errortype: ExpiredTokenException\r\n";
const ACCESS_DENIED: &str = "x-amzn-errortype: AccessDeniedException\r\n";

/// What the caller gets where the upstream spoke of the warden's own credentials.
const OURS: (u16, &str) = (403, "AccessDeniedException");
/// What the caller gets where the upstream did not speak as Bedrock does.
const BROKEN: (u16, &str) = (500, "InternalServerException");

const BUSY: (u16, &str) = (503, "ServiceUnavailableException");

/// Makes bytes of the request that came in.
type Reply = fn(&Received) -> Vec<u8>;

/// An answer: status line, further headers, and how the request that came in becomes its body.
struct Row {
    what: &'static str,
    status: &'static str,
    headers: &'static str,
    body: Reply,
    /// What the caller must get.
    expected: (u16, &'static str),
    /// What the record must call it.
    end_state: &'static str,
}

const fn row(
    what: &'static str,
    status: &'static str,
    headers: &'static str,
    body: Reply,
    expected: (u16, &'static str),
    end_state: &'static str,
) -> Row {
    Row { what, status, headers, body, expected, end_state }
}

#[test]
fn errors_that_are_not_for_the_caller_do_not_reach_it() {
    let rows = [
        row("a wrong signature", "403 Forbidden", INVALID_SIGNATURE, message, BUSY, "complete"),
        row("half a signature", "400 Bad Request", INCOMPLETE, message, BUSY, "complete"),
        row("an expired token", "400 Bad Request", EXPIRED, message, BUSY, "complete"),
        row("no rights", "403 Forbidden", ACCESS_DENIED, message, OURS, "complete"),
        row("401 without a name", "401 Unauthorized", "", message, OURS, "complete"),
        row("an error without a name", "400 Bad Request", "", page, BROKEN, "upstream_abort"),
        row("a proxy's page", "502 Bad Gateway", "", page, BROKEN, "upstream_abort"),
        row("a busy proxy", "503 Service Unavailable", "", page, BUSY, "upstream_abort"),
        row("a redirection", "302 Found", ELSEWHERE, page, BROKEN, "upstream_abort"),
        row("a redirected body", "307 Temporary Redirect", ELSEWHERE, page, BROKEN, "upstream_abort"),
        row("a success that is none", "202 Accepted", VALIDATION, message, BROKEN, "upstream_abort"),
    ];
    for row in rows {
        let converse = Call::converse(HAIKU, "say: hello");
        check(&row, vec![converse, Call::invoke_stream(HAIKU, "say: hello"), Call::list_models()]);
    }
}

#[test]
fn answers_that_cannot_be_read_do_not_reach_the_caller() {
    let rows = [
        row("a page", "200 OK", "content-type: text/html\r\n", page, BROKEN, "refused"),
        row("a page that calls itself JSON", "200 OK", JSON, page, BROKEN, "refused"),
        row("an encoded answer", "200 OK", GZIP, compressed, BROKEN, "upstream_abort"),
        row("an answer beyond the limit", "200 OK", JSON, large, BROKEN, "upstream_abort"),
        row("an error beyond the limit", "400 Bad Request", VALIDATION, large, BROKEN, "upstream_abort"),
    ];
    for row in rows {
        let converse = Call::converse(HAIKU, "say: hello");
        check(&row, vec![converse, Call::invoke(HAIKU, "say: hello"), Call::list_models()]);
    }
}

#[test]
fn a_stream_that_is_none_is_an_error_and_not_a_stream() {
    let rows = [
        ("no content type", ""),
        ("JSON", JSON),
        ("a page", "content-type: text/html\r\n"),
        (
            "an encoded stream",
            "content-type: application/vnd.amazon.eventstream\r\ncontent-encoding: gzip\r\n",
        ),
    ];
    for (what, headers) in rows {
        let row = row(what, "200 OK", headers, message, BROKEN, "upstream_abort");
        let converse = Call::converse_stream(HAIKU, "say: hello");
        check(&row, vec![converse, Call::invoke_stream(HAIKU, "say: hello")]);
    }
}

#[test]
fn bytes_that_are_no_frames_end_a_stream_by_an_exception() {
    let upstream = HostileUpstream::start(|received| {
        answer("200 OK", "content-type: application/vnd.amazon.eventstream\r\n", &page(received))
    });
    let warden = behind(&upstream);
    for call in [Call::converse_stream(HAIKU, "say: hello"), Call::invoke_stream(HAIKU, "say: hello")] {
        let response = warden.send(call);
        let events = crate::support::frames::decode(&response.assert_ok().body);
        assert!(events.len() == 1 && events[0].is_exception(), "{events:?}");
        assert_silent(&warden, &response);
        assert_eq!(warden.record_of(&response).text("end_state"), "upstream_abort");
    }
}

#[test]
fn half_an_answer_and_no_answer_are_errors_and_outcomes() {
    let rows: [(&str, Reply); 5] = [
        ("nothing", |_| Vec::new()),
        ("no HTTP", page),
        ("half a head", |_| b"HTTP/1.1 200 OK\r\ncontent-type: appl".to_vec()),
        ("two lengths", |_| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{}".to_vec()),
        ("half a body", |received| {
            let whole = answer("200 OK", JSON, &message(received));
            whole[..whole.len() - 9].to_vec()
        }),
    ];
    for (what, reply) in rows {
        let upstream = HostileUpstream::start(reply);
        let warden = behind(&upstream);
        let response = warden.send(Call::converse(HAIKU, "say: hello"));
        assert_eq!((response.status, response.error_type()), BROKEN, "{what}");
        assert_silent(&warden, &response);
        let outcome = warden.record_of(&response);
        assert!(outcome.is_outcome(), "{what}: {outcome:?}");
        assert_eq!(outcome.text("end_state"), "upstream_abort", "{what}: {outcome:?}");
        assert_eq!(upstream.received().len(), 1, "{what}: what was sent once is not sent again");
    }
}

#[test]
fn an_answer_cannot_speak_for_the_warden() {
    let upstream = HostileUpstream::start(|_| {
        let forged = "content-type: application/json\r\nx-warden-decision: allow; id=forged\r\n\
                      x-warden-modified: forged\r\nset-cookie: forged=1\r\nserver: forged\r\nvia: forged\r\n\
                      access-control-allow-origin: *\r\nx-amzn-requestid: upstream-1\r\n";
        answer("200 OK", forged, br#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#)
    });
    let warden = behind(&upstream);
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    assert_eq!(response.converse_text(), "hi");
    for (name, value) in &response.headers {
        assert!(!value.to_str().unwrap().contains("forged"), "{name}: {value:?}");
    }
    assert_eq!(response.headers.get_all("x-warden-decision").iter().count(), 1);
    assert_eq!(response.header("access-control-allow-origin"), None);
    let outcome = warden.record_of(&response);
    assert_eq!(
        (outcome.number("in_tokens"), outcome.number("out_tokens")),
        (Some(1), Some(1)),
        "{outcome:?}"
    );
    assert_eq!(outcome.text("upstream_request_id"), "upstream-1");
}

/// Sends `calls` to a warden before an upstream that answers as `row` says, and checks all that is promised.
fn check(row: &Row, calls: Vec<Call>) {
    let (status, headers, body) = (row.status, row.headers, row.body);
    let upstream = HostileUpstream::start(move |received| answer(status, headers, &body(received)));
    let warden = behind(&upstream);
    let sent = calls.len();
    for call in calls {
        let what = format!("{} to {}", row.what, call.target);
        let response = warden.send(call);
        let seen = (response.status, response.error_type());
        assert_eq!(seen, row.expected, "{what}: {:?} {}", response.headers, response.text());
        assert!(!response.message().is_empty(), "{what}");
        assert_silent(&warden, &response);
        let outcome = warden.record_of(&response);
        assert!(outcome.is_outcome(), "{what}: {outcome:?}");
        assert_eq!(outcome.text("end_state"), row.end_state, "{what}: {outcome:?}");
        assert_eq!(outcome.number("http_status"), Some(u64::from(row.expected.0)), "{what}: {outcome:?}");
        let status = status.split(' ').next().unwrap().parse().ok();
        assert_eq!(outcome.number("upstream_status"), status, "{what}: {outcome:?}");
    }
    let received = upstream.received();
    assert_eq!(received.len(), sent, "nothing is sent twice, no redirection is followed: {received:?}");
    for request in received {
        assert_eq!(request.header("x-amz-security-token"), Some(TOKEN), "the canary was there to be leaked");
    }
}

/// The token crossed nowhere: not in the answer, not in the log, not in the journal.
#[track_caller]
fn assert_silent(warden: &TestWarden, response: &Response) {
    assert!(!response.text().contains("canary"), "{}", response.text());
    assert!(!format!("{:?}", response.headers).contains("canary"), "{:?}", response.headers);
    warden.assert_never_kept(TOKEN);
    warden.assert_never_kept("session-token-canary");
}

/// A warden with temporary credentials whose Bedrock is `upstream`.
fn behind(upstream: &HostileUpstream) -> TestWarden {
    Setup::new()
        .setting("WARDEN_UPSTREAM_ENDPOINT", &upstream.endpoint())
        .setting("WARDEN_UPSTREAM_CONTROL_PLANE_ENDPOINT", &upstream.endpoint())
        .setting("WARDEN_LIMITS_ANSWER_BYTES", "100000")
        .setting("AWS_SESSION_TOKEN", TOKEN)
        .start()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write!(
        bytes,
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .unwrap();
    bytes.extend_from_slice(body);
    bytes
}

/// As Bedrock explains a signature that does not match: with all that should have been signed.
fn message(received: &Received) -> Vec<u8> {
    let text = format!("The Canonical String for this request should have been\n\n'{}'", received.head);
    serde_json::json!({ "message": text }).to_string().into_bytes()
}

/// As a proxy explains that it does not like a request.
fn page(received: &Received) -> Vec<u8> {
    format!("<html><h1>Denied</h1><pre>{}</pre></html>", received.head).into_bytes()
}

fn compressed(received: &Received) -> Vec<u8> {
    [b"\x1f\x8b\x08".to_vec(), page(received)].concat()
}

fn large(received: &Received) -> Vec<u8> {
    [message(received), vec![b' '; 200_000]].concat()
}
