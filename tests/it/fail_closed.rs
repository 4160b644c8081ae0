//! What cannot be judged, recorded or sent safely is not forwarded.

use serde_json::json;

use crate::support::call::{Call, HAIKU, TITAN, titan_body};
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

#[test]
fn without_policies_nothing_is_forwarded_fails_closed() {
    let warden = Setup::new().no_policies().start();
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    response.assert_refused(503, "ServiceUnavailableException");
    assert!(warden.record_of(&response).is_denial());
    assert_eq!(admin(&warden, "/livez").status, 200);
    assert_eq!(admin(&warden, "/readyz").status, 503);
    assert!(warden.upstream().is_empty());
    warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{ALLOW_ALL}"));
    warden.write_policy("teams/payments.yaml", &format!("version: 1\nscope: team/payments\n{ALLOW_ALL}"));
    // Ready as soon as there is one file; granted once the second has been read, too.
    eventually("readiness", || admin(&warden, "/readyz").status == 200);
    eventually("the grant", || warden.send(Call::converse(HAIKU, "say: hello")).status == 200);
}

#[test]
fn an_unknown_operation_is_refused_and_recorded_fails_closed() {
    let rows = [
        ("DELETE", "/async-invoke"),
        ("GET", "/guardrail-checks/invoke"),
        ("POST", "/guardrails/abc/version/1/apply"),
        ("GET", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/count-tokens"),
        ("POST", "/openai/v1/files"),
        ("POST", "/v1/completions"),
        ("POST", "/anthropic/v1/messages/batches"),
        ("POST", "/foundation-models"),
        ("GET", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"),
        ("DELETE", "/custom-models/mine"),
        ("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse/"),
        ("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/Converse"),
        ("POST", "/"),
    ];
    let warden = Setup::new().start();
    for (method, target) in rows {
        let response = warden.send(Call::new(method, target, "{}"));
        assert_eq!(
            (response.status, response.error_type()),
            (403, "AccessDeniedException"),
            "{method} {target}"
        );
        let record = warden.record_of(&response);
        assert!(record.is_denial(), "{method} {target}: {record:?}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_label_that_is_not_one_model_is_refused_fails_closed() {
    let labels = [
        "..",
        "%2e%2e",
        ".",
        "a%2F..%2Fb",
        "anthropic.claude-v2%00",
        "anthropic.claude-v2%0a",
        "anthropic.claude-v2%253A1",
        "anthropic.claude-v2;x=1",
        "anthropic.claude-v2%3B",
        "anthropic.claude-v2%20",
        "anthropic.claude-v2%5C",
        "anthropic.claude-v2%C3%A9",
        "anthropic.claude-v2%zz",
        "anthropic.claude-v2%",
        "%EF%BC%8E%EF%BC%8E",
        "ANTHROPIC.claude-v2",
        "",
    ];
    let warden = Setup::new().start();
    for label in labels {
        let call =
            Call::new("POST", "/", r#"{"prompt":"\n\nHuman: hi\n\nAssistant:","max_tokens_to_sample":5}"#);
        let mut call = warden.sign(call);
        call.target = format!("/model/{label}/invoke");
        let response = warden.tls().send(&call);
        assert!(matches!(response.status, 400 | 403), "{label}: {} {}", response.status, response.text());
        assert!(warden.record_of(&response).is_denial(), "{label}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_family_without_a_decoder_is_refused_fails_closed() {
    let warden = Setup::new().start();
    for model in ["acme.future-model-v1:0", "amazon.nova-sonic-v1:0", "luma.ray-v2:0"] {
        let response = warden.send(Call::invoke_with(model, json!({ "prompt": "say: hello" }).to_string()));
        assert!(matches!(response.status, 400 | 403), "{model}: {} {}", response.status, response.text());
        assert!(warden.record_of(&response).is_denial(), "{model}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_body_of_another_family_is_refused_fails_closed() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 100, over: clamp }}\n"))
        .start();
    // What no reading of the family allows is invalid; what Bedrock might understand and the warden does not, denied.
    let (invalid, denied) = ((400, "ValidationException"), (403, "AccessDeniedException"));
    let cohere = "cohere.command-text-v14";
    let rows = [
        ("Titan's to Claude", HAIKU, json!({ "inputText": "say: hello" }), denied),
        ("Claude's to Titan", TITAN, json!({ "messages": [], "max_tokens": 9999 }), denied),
        ("an unknown member", cohere, json!({ "prompt": "hi", "max_tokens_v2": 9999 }), denied),
        (
            "an unknown member of a known one",
            TITAN,
            {
                let mut body = titan_body("say: hello");
                body["textGenerationConfig"]["maxTokens"] = json!(9999);
                body
            },
            denied,
        ),
        ("a number for the prompt", cohere, json!({ "prompt": 1 }), invalid),
        ("no prompt", cohere, json!({ "max_tokens": 5 }), invalid),
        ("a list", TITAN, json!([titan_body("say: hello")]), invalid),
    ];
    for (what, model, body, expected) in rows {
        let response = warden.send(Call::invoke_with(model, body.to_string()));
        assert_eq!((response.status, response.error_type()), expected, "{what}: {}", response.text());
        assert!(warden.record_of(&response).is_denial(), "{what}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_journal_that_is_gone_stops_everything_fails_closed() {
    let mut warden = Setup::new().start();
    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
    warden.lose_journal();
    eventually("not ready without a journal", || admin(&warden, "/readyz").status == 503);
    let before = warden.upstream().len();
    for call in
        [Call::converse(HAIKU, "say: hello"), Call::converse_stream(HAIKU, "say: hello"), Call::list_models()]
    {
        let response = warden.send(call);
        assert_eq!((response.status, response.error_type()), (503, "ServiceUnavailableException"));
    }
    assert_eq!(warden.upstream().len(), before);
    assert_eq!(admin(&warden, "/livez").status, 200);
}

#[test]
fn a_full_disk_stops_everything_fails_closed() {
    // Files may not grow beyond this; ignoring the signal turns the limit into a write error, as a full disk would.
    let mut warden = Setup::new().shell("trap '' XFSZ; ulimit -f 2048").start();
    let mut answers = (0..2000).map(|_| warden.send(Call::converse(HAIKU, "say: hello")));
    let refused = answers.find(|response| response.status != 200).expect("the limit is reached");
    refused.assert_refused(503, "ServiceUnavailableException");
    eventually("not ready without room for records", || admin(&warden, "/readyz").status == 503);
    let before = warden.upstream().len();
    for _ in 0..5 {
        let response = warden.send(Call::converse(HAIKU, "say: hello"));
        response.assert_refused(503, "ServiceUnavailableException");
    }
    assert_eq!(warden.upstream().len(), before);
    warden.kill();
    warden.restart_without_limits();
    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
}

#[test]
fn without_credentials_nothing_is_sent_fails_closed() {
    let warden = Setup::new().setting("AWS_ACCESS_KEY_ID", "").setting("AWS_SECRET_ACCESS_KEY", "").start();
    assert_eq!(admin(&warden, "/readyz").status, 503);
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    response.assert_refused(503, "ServiceUnavailableException");
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_peer_that_cannot_prove_to_be_bedrock_gets_nothing_fails_closed() {
    // The system's roots do not know the simulator.
    let warden = Setup::new().setting("WARDEN_UPSTREAM_CA", "tls/ca.pem").start();
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    response.assert_refused(503, "ServiceUnavailableException");
    assert!(warden.upstream().is_empty());
    assert!(warden.record_of(&response).is_outcome());
}

#[test]
fn an_unreachable_bedrock_is_an_answer_and_an_outcome() {
    let mut warden = Setup::new().start();
    warden.simulator.kill();
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    response.assert_refused(503, "ServiceUnavailableException");
    let outcome = warden.record_of(&response);
    assert!(outcome.is_outcome(), "{outcome:?}");
    assert_ne!(outcome.text("end_state"), "complete");
}

fn admin(warden: &TestWarden, path: &str) -> Response {
    let target = warden.admin();
    let mut call = Call::new("GET", path, "");
    call.replace_header("host", &target.authority());
    target.send(&call)
}
