//! Sensitive data in prompts and answers: what Bedrock may see, what the caller may see, and what the record may hold.

use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, claude_body, converse_body, titan_body};
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const EMAIL: &str = "alice.example@mail.example.com";
const CARD: &str = "4111 1111 1111 1111";

/// One sensitive rule for e-mail addresses and card numbers.
fn rule(prompt: &str, response: &str) -> String {
    format!(
        "{ALLOW_ALL}sensitive:\n  - id: pii\n    detect: [email, credit_card]\n    prompt: {prompt}\n    response: {response}\n"
    )
}

#[test]
fn prompts_reach_bedrock_redacted_wherever_the_text_stands() {
    let prompt = format!("say: noted\nmail {EMAIL}, card {CARD}, please");
    let escaped = json!({ "inputText": "@@" })
        .to_string()
        .replace("@@", "mail alice.example\\u0040mail.example.com, card 4111\\u00201111 1111 1111, please");
    let rows: Vec<(&str, Call)> = vec![
        ("a message", Call::converse(HAIKU, &prompt)),
        ("the system prompt", Call::converse_with(HAIKU, &with("/system/0/text", json!(prompt)))),
        (
            "a tool's result",
            Call::converse_with(
                HAIKU,
                &with(
                    "/messages/0/content/0",
                    json!({ "toolResult": { "toolUseId": "t1", "content": [{ "json": { "row": [prompt] } }] } }),
                ),
            ),
        ),
        ("a document", Call::converse_with(HAIKU, &with("/messages/0/content/0", document(&prompt)))),
        ("Claude's message", Call::invoke(HAIKU, &prompt)),
        ("Claude's blocks", Call::invoke_with(HAIKU, blocks(&prompt).to_string())),
        ("Claude 2's prompt", Call::invoke_with("anthropic.claude-v2:1", claude_2(&prompt).to_string())),
        ("Titan's input", Call::invoke_with(TITAN, titan_body(&prompt).to_string())),
        ("escapes", Call::invoke_with(TITAN, escaped)),
        (
            "an embedding",
            Call::invoke_with("amazon.titan-embed-text-v2:0", json!({ "inputText": prompt }).to_string()),
        ),
    ];
    let warden = Setup::new().org(&rule("redact", "report")).start();
    for (what, call) in rows {
        let before = warden.upstream().len();
        let response = warden.send(call);
        assert_eq!(response.status, 200, "{what}: {}", response.text());
        let seen = &warden.upstream()[before];
        let body = seen.json().to_string();
        assert!(!body.contains("mail.example.com") && !body.contains("4111"), "{what}: {body}");
        assert!(body.contains("mail {EMAIL}, card {CREDIT_DEBIT_CARD_NUMBER}, please"), "{what}: {body}");
        let modified = response.header("x-warden-modified").unwrap_or_default();
        assert!(modified.contains("org/sensitive/pii"), "{what}: {modified}");
        assert_found(&warden, &response.decision_id(), what);
    }
    assert_nothing_kept(&warden);
}

#[test]
fn redaction_leaves_every_other_byte_alone() {
    let warden = Setup::new().org(&rule("redact", "report")).start();
    let body = |text: &str| {
        format!(
            "{{ \"messages\":[{{\"role\":\"user\", \"content\":[{{\"text\":\"say: caf\\u00e9 {text}\"}}]}}],\n\"inferenceConfig\":{{\"temperature\":0.10}} }}"
        )
    };
    let call = Call::new("POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", body(EMAIL));
    warden.send(call).assert_ok();
    let forwarded = warden.upstream_request();
    let (head, tail) = (body("\0"), forwarded.body().to_owned());
    let (before, after) = head.split_once('\0').unwrap();
    // The edited text may be spelled anew; everything around it is what the caller wrote.
    assert!(tail.starts_with(before.split("say:").next().unwrap()), "{tail}");
    assert!(tail.ends_with(after), "{tail}");
    assert_eq!(forwarded.json()["messages"][0]["content"][0]["text"], "say: café {EMAIL}");
}

#[test]
fn secrets_are_refused_without_being_repeated() {
    let policy = format!(
        "{ALLOW_ALL}sensitive:\n  - id: secrets\n    detect: [aws_access_key, private_key]\n    prompt: deny\n    response: report\n"
    );
    let warden = Setup::new().org(&policy).start();
    let key = "AKIAQWERTYUIOPASDFGH";
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----";
    for (secret, detector) in [(key, "AWS_ACCESS_KEY"), (pem, "PRIVATE_KEY")] {
        for call in [
            Call::converse(HAIKU, &format!("say: hello\nuse {secret}")),
            Call::converse_stream(HAIKU, &format!("say: hello\nuse {secret}")),
            Call::invoke(HAIKU, &format!("say: hello\nuse {secret}")),
        ] {
            let response = warden.send(call);
            let message = response.assert_refused(400, "ValidationException");
            assert!(message.contains("org/sensitive/secrets") && message.contains(detector), "{message}");
            assert!(!response.text().contains(&secret[..20]), "{message}");
            let record = warden.record_of(&response);
            assert!(record.is_denial() && record.mentions(detector), "{record:?}");
            assert!(!record.mentions(&secret[..20]), "{record:?}");
        }
    }
    assert!(warden.upstream().is_empty());
    assert!(!warden.stderr().contains(key));
}

#[test]
fn a_unary_answer_is_redacted() {
    let warden = Setup::new().org(&rule("report", "redact")).start();
    let said = format!("write to {EMAIL} or pay with {CARD}.");
    let prompt = format!("say: {said}");
    let redacted = "write to {EMAIL} or pay with {CREDIT_DEBIT_CARD_NUMBER}.";
    let converse = warden.send(Call::converse(HAIKU, &prompt));
    assert_eq!(converse.converse_text(), redacted);
    let claude = warden.send(Call::invoke(HAIKU, &prompt));
    assert_eq!(claude.assert_ok().json()["content"][0]["text"], redacted);
    let titan = warden.send(Call::invoke_with(TITAN, titan_body(&prompt).to_string()));
    assert_eq!(titan.assert_ok().json()["results"][0]["outputText"], redacted);
    for response in [converse, claude, titan] {
        assert!(response.json().is_object());
        assert!(!response.text().contains("mail.example.com"), "{}", response.text());
        assert_found(&warden, &response.decision_id(), "answer");
    }
    assert_nothing_kept(&warden);
}

#[test]
fn the_answer_of_every_family_is_redacted() {
    let say = format!("say: write to {EMAIL}.");
    let user = json!([{ "role": "user", "content": [{ "text": say }] }]);
    let rows = [
        ("amazon.titan-text-express-v1", titan_body(&say), "/results/0/outputText"),
        ("anthropic.claude-v2:1", claude_2(&say), "/completion"),
        (HAIKU, claude_body(&say), "/content/0/text"),
        ("cohere.command-text-v14", json!({ "prompt": say }), "/generations/0/text"),
        ("amazon.nova-lite-v1:0", json!({ "messages": user }), "/output/message/content/0/text"),
    ];
    let warden = Setup::new().org(&rule("report", "redact")).start();
    for (model, body, pointer) in rows {
        let response = warden.send(Call::invoke_with(model, body.to_string()));
        let answer = response.assert_ok().json();
        let text = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        assert_eq!(text.trim(), "write to {EMAIL}.", "{model}: {answer}");
        // Some families repeat the prompt in the answer: that is an answer, too.
        assert!(!response.text().contains(EMAIL), "{model}: {answer}");
    }
}

/// Jurassic-2 repeats its text in lists of tokens, which cannot be edited without contradicting the text.
#[test]
fn an_answer_that_cannot_be_redacted_is_withheld() {
    let warden = Setup::new().org(&rule("report", "redact")).start();
    let body = json!({ "prompt": format!("say: write to {EMAIL}.") });
    let response = warden.send(Call::invoke_with("ai21.j2-ultra-v1", body.to_string()));
    assert_withheld(&warden, &response);
    let harmless = json!({ "prompt": "say: nothing to see" });
    let response = warden.send(Call::invoke_with("ai21.j2-ultra-v1", harmless.to_string()));
    assert!(response.assert_ok().text().contains("nothing to see"));
}

#[test]
fn an_answer_that_must_not_be_seen_is_withheld() {
    let warden = Setup::new().org(&rule("report", "deny")).start();
    let prompt = format!("say: {EMAIL}");
    for call in [
        Call::invoke(HAIKU, &prompt),
        Call::invoke_with(TITAN, titan_body(&prompt).to_string()),
        Call::invoke_with("ai21.j2-ultra-v1", json!({ "prompt": prompt }).to_string()),
    ] {
        let response = warden.send(call);
        assert_withheld(&warden, &response);
        assert!(warden.record_of(&response).mentions("org/sensitive/pii"));
    }
    assert_eq!(warden.upstream().len(), 3);
    let harmless = warden.send(Call::converse(HAIKU, "say: nothing to see"));
    assert_eq!(harmless.converse_text(), "nothing to see");
}

/// Converse has a form for it, which applications that use Bedrock's own guardrails already handle.
#[test]
fn a_converse_answer_that_must_not_be_seen_is_replaced_by_a_notice() {
    let warden = Setup::new().org(&rule("report", "deny")).start();
    let response = warden.send(Call::converse(HAIKU, &format!("say: {EMAIL}")));
    let answer = response.assert_ok().json();
    assert_eq!(answer["stopReason"], "guardrail_intervened", "{answer}");
    assert_eq!(answer["output"]["message"]["role"], "assistant", "{answer}");
    assert_eq!(answer["output"]["message"]["content"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(response.converse_text().contains("withheld by policy"), "{answer}");
    assert!(!response.text().contains(EMAIL), "{answer}");
    assert!(response.header("x-warden-modified").is_some(), "{:?}", response.headers);
    let record = warden.record_of(&response);
    assert_eq!(record.text("end_state"), "policy_abort", "{record:?}");
    assert_eq!(record.text("stop_reason"), "guardrail_intervened", "{record:?}");
    assert!(record.mentions("org/sensitive/pii") && record.mentions("EMAIL"), "{record:?}");
    assert_eq!(record.number("out_tokens"), answer["usage"]["outputTokens"].as_u64(), "it was paid for");
    assert_nothing_kept(&warden);
}

#[test]
fn what_is_only_reported_is_left_alone_and_counted() {
    let warden = Setup::new().org(&rule("report", "report")).start();
    let response = warden.send(Call::converse(HAIKU, &format!("say: {EMAIL} and {EMAIL}")));
    assert_eq!(response.converse_text(), format!("{EMAIL} and {EMAIL}"));
    assert!(warden.upstream_request().body().contains(EMAIL));
    assert_found(&warden, &response.decision_id(), "reported");
    assert_nothing_kept(&warden);
}

#[test]
fn a_stream_whose_answer_is_only_reported_flows() {
    let warden = Setup::new().org(&rule("redact", "report")).start();
    let response = warden.send(Call::converse_stream(HAIKU, &format!("say: mail {EMAIL}")));
    let events = crate::support::frames::decode(&response.assert_ok().body);
    assert_eq!(crate::support::frames::converse_text(&events), "mail {EMAIL}");
}

/// A Converse body with `value` at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = converse_body("say: noted");
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

fn document(text: &str) -> Value {
    json!({ "document": { "format": "txt", "name": "notes", "source": { "text": text } } })
}

fn blocks(prompt: &str) -> Value {
    let mut body = claude_body("");
    body["messages"][0]["content"] = json!([{ "type": "text", "text": prompt }]);
    body
}

fn claude_2(prompt: &str) -> Value {
    json!({ "prompt": format!("\n\nHuman: {prompt}\n\nAssistant:"), "max_tokens_to_sample": 50 })
}

/// The record counts what was found, under Bedrock's own names.
#[track_caller]
fn assert_found(warden: &TestWarden, decision: &str, what: &str) {
    let journal = warden.journal();
    let found = journal.of(decision).any(|record| record.mentions("EMAIL"));
    assert!(found, "{what}: {:?}", journal.of(decision).collect::<Vec<_>>());
}

/// Refused after Bedrock was asked: nothing of the answer crosses, and its outcome says which rule withheld it.
#[track_caller]
fn assert_withheld(warden: &TestWarden, response: &Response) {
    let message = response.assert_refused(400, "ValidationException");
    let decision = response.headers["x-warden-decision"].to_str().unwrap();
    assert!(decision.starts_with("deny; "), "{decision}");
    assert!(message.contains("withheld") && message.contains("org/sensitive/pii"), "{message}");
    assert!(!response.text().contains("mail.example.com"), "{message}");
    let record = warden.record_of(response);
    assert!(record.is_outcome(), "Bedrock was asked, so there is an outcome: {record:?}");
    assert_eq!(record.text("end_state"), "refused", "{record:?}");
    assert_eq!(record.number("upstream_status"), Some(200), "{record:?}");
    assert!(record.mentions("EMAIL"), "{record:?}");
    assert!(record.number("out_tokens").is_some_and(|tokens| tokens > 0), "it was paid for: {record:?}");
    assert_nothing_kept(warden);
}

/// Neither the record nor the log repeats what was found.
fn assert_nothing_kept(warden: &TestWarden) {
    let kept = format!("{:?}{}", warden.journal().records, warden.stderr());
    for text in [EMAIL, CARD, "mail.example.com"] {
        assert!(!kept.contains(text), "`{text}` was kept");
    }
}
