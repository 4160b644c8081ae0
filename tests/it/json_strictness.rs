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
        ("a raw control character in a key", b"{\"messages\":[],\"a\tb\":1}"),
        ("half a surrogate pair in a key", br#"{"messages":[],"\udc00":1}"#),
        ("a surrogate pair the wrong way round", br#"{"messages":[],"x":"\udc00\ud83d"}"#),
        ("an escape that is none", br#"{"messages":[],"x":"\x41"}"#),
        ("half an escape", br#"{"messages":[],"x":"\u00"}"#),
        ("a fraction without digits", br#"{"messages":[],"inferenceConfig":{"temperature":1.}}"#),
        ("a number that begins with a plus", br#"{"messages":[],"inferenceConfig":{"temperature":+1}}"#),
        ("a hexadecimal number", br#"{"messages":[],"inferenceConfig":{"maxTokens":0x10}}"#),
        ("a white space of Unicode's", "{\u{a0}\"messages\":[]}".as_bytes()),
        ("an encoded surrogate", b"{\"messages\":[],\"x\":\"\xed\xa0\xbd\"}"),
        ("two documents", br#"{"messages":[]}{"messages":[]}"#),
        (
            "a repeated key that differs by its escape, further down",
            br#"{"messages":[{"role":"user","r\u006fle":"assistant","content":[{"text":"hi"}]}]}"#,
        ),
        (
            "a repeated key inside a tool's schema",
            br#"{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":{"json":{"a":1,"a":2}}}}]}}"#,
        ),
        ("too deep", deep_body.as_bytes()),
        ("a list", br#"[{"messages":[]}]"#),
        ("a string", br#""messages""#),
    ];
    let warden = Setup::new().start();
    let mut refused = Vec::new();
    for (what, body) in bodies {
        for action in ["converse", "converse-stream", "invoke", "invoke-with-response-stream"] {
            let target = format!("/model/anthropic.claude-3-haiku-20240307-v1%3A0/{action}");
            let response = warden.send(Call::new("POST", target, body));
            let seen = (response.status, response.error_type());
            assert_eq!(seen, (400, "ValidationException"), "{what} to {action}: {}", response.text());
            refused.push((what, response.decision_id()));
        }
    }
    let journal = warden.journal();
    for (what, id) in refused {
        assert!(journal.end_of(&id).is_denial(), "{what}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn parameters_of_the_wrong_type_are_refused() {
    let tokens = |spelled: &str| {
        let body = format!(r#"{{"messages":[],"inferenceConfig":{{"maxTokens":{spelled}}}}}"#);
        Call::new("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", body)
    };
    let rows: &[(&str, Call)] = &[
        ("an exponent", tokens("1e2")),
        ("a fraction", tokens("9.5")),
        ("a fraction of nothing", tokens("9.0")),
        ("a negative number", tokens("-1")),
        ("a negative nothing", tokens("-0")),
        ("a number beyond 64 bits", tokens("99999999999999999999")),
        ("null", tokens("null")),
        ("true", tokens("true")),
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
