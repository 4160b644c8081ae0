//! Prompts of Prompt management: read before they run, and judged as if they had been sent.

use serde_json::{Value, json};

use crate::support::call::Call;
use crate::support::frames::{converse_text, decode};
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";

fn prompt(id: &str) -> String {
    format!("arn:aws:bedrock:us-east-1:111122223333:prompt/{id}")
}

fn named(name: &str) -> Value {
    json!({ "promptVariables": { "name": { "text": name } } })
}

fn greet(warden: &TestWarden, body: &Value) -> Response {
    warden.send(Call::converse_with(&prompt("GREETING01:1"), body))
}

#[test]
fn a_version_is_called_and_recorded_as_what_it_is() {
    let warden = Setup::new().org(ALLOW_ALL).start();
    let response = greet(&warden, &named("Ada"));
    assert_eq!(response.converse_text(), "Good morning, Ada!");
    let intent = warden.journal().of(&response.decision_id()).next().unwrap().clone();
    assert_eq!(intent.text("model_resolved"), HAIKU);
    assert_eq!(intent.0["params"]["before"]["maxTokens"], 200, "{intent:?}");
    assert!(intent.number("inspected_bytes") > Some(30), "{intent:?}");
    assert!(intent.0.get("uninspected").is_none(), "{intent:?}");
    let seen = warden.upstream().into_iter().find(|seen| seen.path().contains("/converse")).unwrap();
    assert_eq!(seen.json(), named("Ada"), "as it was sent");

    let mut stream = Call::converse_with(&prompt("GREETING01:1"), &named("Bob"));
    stream.target = stream.target.replace("/converse", "/converse-stream");
    let response = warden.send(stream);
    assert_eq!(converse_text(&decode(&response.assert_ok().body)), "Good morning, Bob!");
    let asked = warden.lookups().iter().filter(|seen| seen.path().contains("/prompts/")).count();
    assert_eq!(asked, 1, "versions do not change");
}

#[test]
fn what_is_stored_is_judged_as_if_it_had_been_sent() {
    let refused = |rules: &str, body: &Value, id: &str| {
        let warden = Setup::new().org(&format!("{ALLOW_ALL}{rules}")).start();
        let response = warden.send(Call::converse_with(&prompt(id), body));
        assert!(!warden.upstream().iter().any(|seen| seen.path().contains("/converse")), "{rules}");
        assert!(matches!(response.status, 400 | 403), "{rules}: {}", response.text());
        response.message()
    };
    let ada = named("Ada");
    let clamp = "limits:\n  - maxTokens: { max: 100, over: clamp }\n";
    assert!(refused(clamp, &ada, "GREETING01:1").contains("org/limits"), "nobody can mend what is stored");
    let deny = "deny:\n  - id: no-haiku\n    models: [\"anthropic.claude-3-haiku-*\"]\n";
    assert!(refused(deny, &ada, "GREETING01:1").contains("org/deny/no-haiku"));
    for action in ["deny", "redact"] {
        let rule = format!("sensitive:\n  - {{ id: pii, detect: [email], prompt: {action} }}\n");
        assert!(refused(&rule, &ada, "LETTER0001:1").contains("org/sensitive/pii"), "{action}");
    }
    let pii = "sensitive:\n  - { id: pii, detect: [email], prompt: deny }\n";
    assert!(refused(pii, &named("bob@mail.example.com"), "GREETING01:1").contains("org/sensitive/pii"));
    for own in ["inferenceConfig", "system", "toolConfig", "additionalModelRequestFields"] {
        let mut body = named("Ada");
        body[own] = match own {
            "system" => json!([]),
            "toolConfig" => json!({ "tools": [] }),
            _ => json!({}),
        };
        assert!(refused("", &body, "GREETING01:1").contains("stored prompt"), "{own}");
    }
    assert!(refused("", &ada, "GREETING01").contains("draft"));
}

#[test]
fn variables_are_redacted_and_only_converse_calls_prompts() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}sensitive:\n  - {{ id: pii, detect: [email], prompt: redact }}\n"))
        .start();
    let response = greet(&warden, &named("bob@mail.example.com"));
    assert_eq!(response.converse_text(), "Good morning, {EMAIL}!");
    let native = Call::invoke_with(&prompt("GREETING01:1"), named("Ada").to_string());
    assert!(warden.send(native).assert_refused(403, "AccessDeniedException").contains("stored prompt"));
    let absent = Call::converse_with(&prompt("NOBODY0001:1"), &named("Ada"));
    assert_eq!(warden.send(absent).status, 404);
}
