//! HTTP/1.1 and HTTP/2, with and without TLS: the same answers, whatever a client speaks.

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::frames::{converse_text, decode};
use crate::support::http::Target;
use crate::support::http2;
use crate::support::simulator::Seen;
use crate::support::warden::{Setup, TestWarden};

#[test]
fn http1_is_served_with_and_without_alpn() {
    let warden = Setup::new().start();
    for target in [warden.tls(), warden.tls_with(&["http/1.1"]), warden.plain()] {
        let response = target.send(&hello(&warden, &target));
        assert_eq!(response.converse_text(), "hello");
    }
}

#[test]
fn http2_is_served_by_alpn_and_by_prior_knowledge() {
    let warden = Setup::new().start();
    for target in [warden.tls_with(&["h2"]), warden.tls_with(&["h2", "http/1.1"]), warden.plain()] {
        let response = http2::send(&target, &hello(&warden, &target));
        assert_eq!(response.converse_text(), "hello");
        assert!(!response.request_id().is_empty());
    }
    assert!(warden.upstream().iter().all(Seen::signature_ok));
}

#[test]
fn one_http2_connection_carries_many_requests_at_once() {
    let warden = Setup::new().event_gap_ms(5).start();
    let target = warden.tls_with(&["h2"]);
    let said = |number: usize| format!("stream {number} of many on one connection");
    let calls: Vec<_> = (0..12)
        .map(|number| {
            let prompt = format!("say: {}", said(number));
            sign(&warden, &target, Call::converse_stream(HAIKU, &prompt))
        })
        .collect();
    for (number, response) in http2::exchange(&target, &calls).iter().enumerate() {
        assert_eq!(converse_text(&decode(&response.assert_ok().body)), said(number));
    }
}

#[test]
fn refusals_read_the_same_over_http2() {
    let warden = Setup::new().org("allow:\n  - models: [\"amazon.*\"]\n").start();
    for target in [warden.tls_with(&["h2"]), warden.plain()] {
        let response = http2::send(&target, &hello(&warden, &target));
        let message = response.assert_refused(403, "AccessDeniedException");
        assert!(message.contains("org/allow"), "{message}");
        assert!(warden.record_of(&response).is_denial());
    }
}

#[test]
fn authority_and_host_must_not_differ_over_http2() {
    let warden = Setup::new().start();
    let target = warden.tls_with(&["h2"]);
    let mut call = hello(&warden, &target);
    // `:authority` is another one than what was signed as `host`.
    call.replace_header("host", "bedrock.example");
    let response = http2::send(&target, &call);
    assert!(matches!(response.status, 400 | 403), "{}", response.text());
    assert!(warden.upstream().is_empty());
}

#[test]
fn the_admin_listener_answers_and_knows_no_bedrock() {
    let warden = Setup::new().start();
    let target = warden.admin();
    let get = |path: &str| {
        let mut call = Call::new("GET", path, "");
        call.replace_header("host", &target.authority());
        target.send(&call)
    };
    assert_eq!(get("/livez").status, 200);
    eventually("the warden is ready", || get("/readyz").status == 200);
    assert!(get("/readyz").json().is_object());
    let call = hello(&warden, &target);
    assert!(matches!(target.send(&call).status, 404 | 405));
    assert!(warden.upstream().is_empty());
}

fn hello(warden: &TestWarden, target: &Target) -> Call {
    sign(warden, target, Call::converse(HAIKU, "say: hello"))
}

fn sign(warden: &TestWarden, target: &Target, call: Call) -> Call {
    call.sign(&warden.key, &target.authority())
}
