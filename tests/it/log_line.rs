//! The line that is logged for a request: one, in both formats, with what is known and nothing else.

use serde_json::Value;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const DENY: &str = "deny:\n  - id: no-opus\n    models: [\"anthropic.claude-opus-*\"]\n";
const EMAIL: &str = "alice.example@mail.example.com";

/// Serves one request, denies another and refuses a stranger. Returns their decision ids, and the lines about each.
fn lines(format: &str) -> (TestWarden, [(String, String); 3]) {
    let warden = Setup::new().org(&format!("{ALLOW_ALL}{DENY}")).setting("WARDEN_LOG_FORMAT", format).start();
    let served = warden.send(Call::converse(HAIKU, &format!("say: hello\nwrite to {EMAIL}")));
    served.assert_ok();
    let denied = warden.send(Call::converse("anthropic.claude-opus-4-20250514-v1:0", EMAIL));
    denied.assert_refused(403, "AccessDeniedException");
    let mut stranger = Call::converse(HAIKU, EMAIL);
    stranger.replace_header("host", &warden.authority());
    let stranger = warden.tls().send(&stranger);
    stranger.assert_refused(403, "MissingAuthenticationTokenException");
    let lines = [served, denied, stranger].map(|response| {
        let id = response.decision_id();
        let about = || -> Vec<String> {
            warden.stderr().lines().filter(|line| line.contains(&id)).map(str::to_owned).collect()
        };
        eventually("the line about the request", || !about().is_empty());
        let about = about();
        assert_eq!(about.len(), 1, "{about:#?}");
        (id, about[0].clone())
    });
    (warden, lines)
}

#[test]
fn a_request_is_one_json_object_with_what_is_known() {
    let (warden, lines) = lines("json");
    let [served, denied, stranger] = lines.map(|(id, line)| {
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!((&value["audit.id"], &value["level"]), (&Value::from(id), &Value::from("INFO")));
        value
    });
    for (member, expected) in [
        ("message", Value::from("served")),
        ("principal.team", "payments".into()),
        ("principal.app", "checkout".into()),
        ("operation.name", "Converse".into()),
        ("model.id", HAIKU.into()),
        ("decision", "allow".into()),
        ("status", 200.into()),
        ("upstream.status", 200.into()),
        ("end_state", "complete".into()),
    ] {
        assert_eq!(served[member], expected, "{member} in {served}");
    }
    for member in ["tokens.input", "tokens.output", "latency_ms", "added_us"] {
        assert!(served[member].is_u64(), "{member} in {served}");
    }
    assert!(served["policy.digest"].as_str().unwrap().starts_with("sha256:"));
    assert!(served["upstream.request_id"].is_string());
    assert_absent(&served, &["error.code", "rules"]);

    assert_eq!((&denied["message"], &denied["rules"]), (&"refused".into(), &"org/deny/no-opus".into()));
    assert_eq!((&denied["error.code"], &denied["status"]), (&"AccessDeniedException".into(), &403.into()));
    assert_absent(&denied, &["upstream.status", "upstream.request_id", "tokens.input", "tokens.output"]);

    assert_eq!(stranger["decision"], "deny");
    let unknown =
        ["principal.team", "principal.app", "operation.name", "model.id", "rules", "upstream.status"];
    assert_absent(&stranger, &unknown);
    warden.assert_never_kept(EMAIL);
}

fn assert_absent(line: &Value, members: &[&str]) {
    for member in members {
        assert!(line.get(member).is_none(), "{member} in {line}");
    }
}

#[test]
fn a_request_is_one_line_of_text_with_what_is_known() {
    let (warden, [(_, served), (_, denied), (_, stranger)]) = lines("text");
    for part in
        ["INFO served ", "principal.team=\"payments\"", "decision=\"allow\"", "status=200", "tokens.output="]
    {
        assert!(served.contains(part), "{part} in {served}");
    }
    for part in ["INFO refused ", "rules=\"org/deny/no-opus\"", "error.code=\"AccessDeniedException\""] {
        assert!(denied.contains(part), "{part} in {denied}");
    }
    for (line, part) in
        [(&served, "rules="), (&denied, "upstream."), (&stranger, "principal."), (&stranger, "model.id")]
    {
        assert!(!line.contains(part), "{part} in {line}");
    }
    warden.assert_never_kept(EMAIL);
}

#[test]
fn without_policies_no_digest_is_made_up() {
    let warden = Setup::new().no_policies().setting("WARDEN_LOG_FORMAT", "json").start();
    let response = warden.send(Call::converse(HAIKU, "say: hello"));
    response.assert_refused(503, "ServiceUnavailableException");
    let id = response.decision_id();
    let mut line = None;
    eventually("the line about the request", || {
        line = warden.stderr().lines().find(|line| line.contains(&id)).map(str::to_owned);
        line.is_some()
    });
    let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
    assert_eq!((&line["decision"], &line["status"]), (&"error".into(), &503.into()));
    assert_absent(&line, &["policy.digest"]);
}
