//! Bodies that two parsers could read differently: refused, recorded, never forwarded.

use crate::support::call::{Call, HAIKU, TITAN};
use crate::support::warden::Setup;

#[test]
fn ambiguous_bodies_are_refused_and_recorded() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let deep_body = format!("{{\"messages\":{deep}}}");
    let bodies: Vec<(&str, &[u8])> = vec![
        ("nothing", b""),
        ("white space", b"  \r\n"),
        ("no JSON", b"messages=hello"),
        ("a cut document", br#"{"messages":[{"role":"user","content":[{"text":"hel"#),
        ("a repeated key", br#"{"messages":[],"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#),
        ("a repeated key in other spelling", br#"{"messages":[],"\u006dessages":[]}"#),
        (
            "a repeated key further down",
            br#"{"messages":[],"inferenceConfig":{"maxTokens":1,"maxTokens":9999}}"#,
        ),
        ("a byte order mark", b"\xef\xbb\xbf{\"messages\":[]}"),
        ("UTF-16", b"{\0\"\0m\0\"\0:\0\x31\0}\0"),
        ("invalid UTF-8", b"{\"messages\":[],\"x\":\"\xff\"}"),
        ("an overlong encoding", b"{\"messages\":[],\"x\":\"\xc0\xaf\"}"),
        ("half a surrogate pair", br#"{"messages":[],"x":"\ud83d"}"#),
        ("bytes after the document", br#"{"messages":[]} {"messages":[{}]}"#),
        ("a NUL after the document", b"{\"messages\":[]}\0"),
        ("a comment", br#"{"messages":[]/* hello */}"#),
        ("a trailing comma", br#"{"messages":[],}"#),
        ("single quotes", br"{'messages':[]}"),
        ("NaN", br#"{"messages":[],"inferenceConfig":{"temperature":NaN}}"#),
        ("infinity", br#"{"messages":[],"inferenceConfig":{"temperature":1e999}}"#),
        ("a leading zero", br#"{"messages":[],"inferenceConfig":{"maxTokens":0100}}"#),
        ("a raw control character", b"{\"messages\":[],\"x\":\"a\nb\"}"),
        ("too deep", deep_body.as_bytes()),
        ("a list", br#"[{"messages":[]}]"#),
        ("a string", br#""messages""#),
    ];
    let warden = Setup::new().start();
    for (what, body) in bodies {
        let call = Call::new("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", body);
        let response = warden.send(call);
        assert_eq!((response.status, response.error_type()), (400, "ValidationException"), "{what}");
        let record = warden.record_of(&response);
        assert!(record.is_denial(), "{what}: {record:?}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn parameters_of_the_wrong_type_are_refused() {
    let rows: &[(&str, Call)] = &[
        ("a number as text", Call::invoke_with(HAIKU, r#"{"max_tokens":"9999","messages":[]}"#)),
        ("a list", Call::invoke_with(HAIKU, r#"{"max_tokens":[9999],"messages":[]}"#)),
        (
            "in an object",
            Call::invoke_with(TITAN, r#"{"inputText":"x","textGenerationConfig":{"temperature":{}}}"#),
        ),
        (
            "in Converse",
            Call::converse_with(
                HAIKU,
                &serde_json::json!({ "messages": [], "inferenceConfig": { "maxTokens": "1" } }),
            ),
        ),
    ];
    let limits = "allow:\n  - models: [\"*\"]\nlimits:\n  - maxTokens: { max: 100, over: clamp }\n    temperature: { max: 1.0, over: deny }\n";
    let warden = Setup::new().org(limits).start();
    for (what, call) in rows {
        let response = warden.send(call.clone());
        assert_eq!((response.status, response.error_type()), (400, "ValidationException"), "{what}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_refused_body_is_not_repeated_to_anybody() {
    let warden = Setup::new().start();
    let secret = "the content that nobody repeats";
    let body = format!("{{\"messages\":[],\"{secret}\":1,\"{secret}\":2}}");
    let call = Call::new("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", body);
    let response = warden.send(call);
    assert_eq!(response.status, 400);
    assert!(!response.text().contains(secret), "{}", response.text());
    assert!(!warden.stderr().contains(secret));
    assert!(!warden.record_of(&response).mentions(secret));
}
