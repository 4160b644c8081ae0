//! Values that the model never sees and the caller gets back: whole answers, streams, tools, conversations, sessions.

use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bedrock_warden::bedrock::event_stream::encode_event;
use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, label, titan_body};
use crate::support::frames::{Event, claude_text, converse_text, decode};
use crate::support::hostile_upstream::HostileUpstream;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const EMAIL: &str = "alice.example@mail.example.com";
const CARD: &str = "4111 1111 1111 1111";
const SENT: &str = "write to {EMAIL_1}, pay with {CREDIT_DEBIT_CARD_NUMBER_1}.";

/// How a client puts a text together.
type Spell = fn(&[Event]) -> String;

/// Addresses and cards are tokenized; what the model adds of them is not passed on.
fn rules() -> String {
    format!(
        "{ALLOW_ALL}sensitive:\n  - id: pii\n    detect: [email, credit_card]\n    prompt: tokenize\n    response: deny\n"
    )
}

fn said() -> String {
    format!("write to {EMAIL}, pay with {CARD}.")
}

#[test]
fn the_model_sees_placeholders_and_the_caller_its_own_values() {
    let warden = Setup::new().org(&rules()).setting("RUST_LOG", "debug,bedrock_warden=trace").start();
    let prompt = format!("say: {}", said());
    let chat = json!({ "messages": [{ "role": "user", "content": prompt }] });
    let rows = [
        ("Converse", Call::converse(HAIKU, &prompt), "/output/message/content/0/text"),
        ("Claude", Call::invoke(HAIKU, &prompt), "/content/0/text"),
        ("Titan", Call::invoke_with(TITAN, titan_body(&prompt).to_string()), "/results/0/outputText"),
        ("chat", Call::invoke_with("openai.gpt-oss-20b-1:0", chat.to_string()), "/choices/0/message/content"),
    ];
    for (what, call, place) in rows {
        let response = warden.send(call);
        let answer = response.assert_ok().json();
        assert_eq!(
            answer.pointer(place).and_then(Value::as_str).map(str::trim),
            Some(said().as_str()),
            "{what}"
        );
        assert_tokenised(&warden, what);
        let modified = response.header("x-warden-modified").unwrap_or_default();
        assert!(
            modified.contains("tokenize:EMAIL+CREDIT_DEBIT_CARD_NUMBER (org/sensitive/pii)"),
            "{what}: {modified}"
        );
        let records: Vec<_> = warden.journal().of(&response.decision_id()).cloned().collect();
        assert!(records.iter().any(|record| record.mentions("tokenize:EMAIL")), "{what}: {records:?}");
    }
    assert_nothing_kept(&warden);
}

#[test]
fn streams_give_the_values_back_however_they_are_cut() {
    let warden = Setup::new().org(&rules()).setting("RUST_LOG", "debug,bedrock_warden=trace").start();
    let prompt = format!("say: {}", said());
    let stream = Call::new(
        "POST",
        format!("/model/{}/invoke-with-response-stream", label(TITAN)),
        titan_body(&prompt).to_string(),
    );
    let rows: [(&str, Call, Spell); 3] = [
        ("Converse", Call::converse_stream(HAIKU, &prompt), converse_text),
        ("Claude", Call::invoke_stream(HAIKU, &prompt), claude_text),
        ("Titan", stream.header("content-type", "application/json"), titan),
    ];
    for (what, call, spell) in rows {
        let response = warden.send(call);
        let events = decode(&response.assert_ok().body);
        assert_eq!(spell(&events).trim(), said(), "{what}: {events:?}");
        assert!(!events.iter().any(Event::is_exception), "{what}: {events:?}");
        assert_tokenised(&warden, what);
        assert_eq!(warden.record_of(&response).text("end_state"), "complete", "{what}");
    }
    assert_nothing_kept(&warden);
}

#[test]
fn a_placeholder_means_the_same_in_every_turn() {
    let warden = Setup::new().org(&rules()).start();
    let user = |text: String| json!({ "role": "user", "content": [{ "text": text }] });
    let system = json!([{ "text": "You are support@mail.example.com." }]);
    let mut messages = vec![user(format!("say: mail {EMAIL}"))];
    let asked = ["say: and bob.example@mail.example.com", "say: copy support@mail.example.com"];
    let expected = [
        "say: mail {EMAIL_2}",
        "mail {EMAIL_2}",
        "say: and {EMAIL_3}",
        "and {EMAIL_3}",
        "say: copy {EMAIL_1}",
    ];
    for turn in 0..3 {
        let call = Call::converse_with(HAIKU, &json!({ "messages": messages, "system": system }));
        let answer = warden.send(call).converse_text();
        let seen = warden.upstream().last().unwrap().json();
        let texts: Vec<_> = seen["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| &message["content"][0]["text"])
            .collect();
        assert_eq!(texts, expected[..=2 * turn], "turn {turn}");
        assert_eq!(seen["system"][0]["text"], "You are {EMAIL_1}.");
        let own = messages[2 * turn]["content"][0]["text"].as_str().unwrap();
        assert_eq!(own, format!("say: {answer}"), "the caller reads what it wrote");
        messages.push(json!({ "role": "assistant", "content": [{ "text": answer }] }));
        messages.extend(asked.get(turn).map(|text| user((*text).to_owned())));
    }
}

#[test]
fn what_is_not_the_callers_value_is_what_it_was() {
    let warden = Setup::new().org(&rules()).start();
    let literal =
        warden.send(Call::converse(HAIKU, &format!("say: {{EMAIL_1}} is no {EMAIL}, {{EMAIL_7}} neither")));
    assert_eq!(literal.converse_text(), format!("{{EMAIL_1}} is no {EMAIL}, {{EMAIL_7}} neither"));
    assert!(warden.upstream_request().body().contains("{EMAIL_1} is no {EMAIL_2}, {EMAIL_7} neither"));
    // An address that the model adds is under the rule about answers.
    let hidden = BASE64_STANDARD.encode("ask bob.example@mail.example.com");
    let added = warden.send(Call::converse(HAIKU, &format!("I am {EMAIL}\nsay-base64: {hidden}")));
    assert_eq!(added.assert_ok().json()["stopReason"], "guardrail_intervened");
    assert!(!added.text().contains("bob.example"));
    // A name cannot be replaced.
    let result = json!({ "toolResult": { "toolUseId": "t1", "content": [{ "json": { EMAIL: 1 } }] } });
    let body = json!({ "messages": [{ "role": "user", "content": [result] }] });
    let message = warden.send(Call::converse_with(HAIKU, &body)).assert_refused(400, "ValidationException");
    assert!(message.contains("org/sensitive/pii") && message.contains("EMAIL (1)"), "{message}");
    assert_nothing_kept(&warden);
}

#[test]
fn a_tool_is_called_with_the_callers_values() {
    let input = json!({ "to": "{EMAIL_1}", "{EMAIL_1}": ["card {CREDIT_DEBIT_CARD_NUMBER_1}"], "n": 1 });
    let expected = json!({ "to": EMAIL, EMAIL: [format!("card {CARD}")], "n": 1 });
    let tool = |input: &Value| json!({ "toolUse": { "toolUseId": "t1", "name": "send", "input": input } });
    let usage = json!({ "inputTokens": 3, "outputTokens": 20, "totalTokens": 23 });
    let answer = json!({
        "output": { "message": { "role": "assistant", "content": [tool(&input)] } },
        "stopReason": "tool_use", "usage": usage, "metrics": { "latencyMs": 5 },
    });
    let prompt = format!("{EMAIL}, {CARD}");
    let (_upstream, warden) = answering("application/json", answer.to_string().into_bytes());
    let got = warden.send(Call::converse(HAIKU, &prompt)).assert_ok().json();
    assert_eq!(got["output"]["message"]["content"][0], tool(&expected));

    let mut frames = Vec::new();
    let mut push = |name: &str, payload: Value| {
        frames.extend_from_slice(&encode_event(name, payload.to_string().as_bytes()).unwrap());
    };
    let start = json!({ "toolUse": { "toolUseId": "t1", "name": "send" } });
    push("messageStart", json!({ "role": "assistant" }));
    push("contentBlockStart", json!({ "contentBlockIndex": 0, "start": start }));
    for piece in input.to_string().as_bytes().chunks(5) {
        let delta = json!({ "toolUse": { "input": std::str::from_utf8(piece).unwrap() } });
        push("contentBlockDelta", json!({ "contentBlockIndex": 0, "delta": delta }));
    }
    push("contentBlockStop", json!({ "contentBlockIndex": 0 }));
    push("messageStop", json!({ "stopReason": "tool_use" }));
    push("metadata", json!({ "usage": usage, "metrics": { "latencyMs": 5 } }));
    let (_upstream, warden) = answering("application/vnd.amazon.eventstream", frames);
    let events = decode(&warden.send(Call::converse_stream(HAIKU, &prompt)).assert_ok().body);
    let json: String =
        events.iter().filter_map(|event| event.payload["delta"]["toolUse"]["input"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
}

fn titan(events: &[Event]) -> String {
    events.iter().filter_map(|event| Some(event.chunk()["outputText"].as_str()?.to_owned())).collect()
}

/// A warden before an upstream that always answers with this body.
fn answering(kind: &'static str, body: Vec<u8>) -> (HostileUpstream, TestWarden) {
    let upstream = HostileUpstream::start(move |_| {
        let mut answer = Vec::new();
        let length = body.len();
        write!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        answer.extend_from_slice(&body);
        answer
    });
    let warden = Setup::new()
        .org(&rules())
        .setting("WARDEN_UPSTREAM_ENDPOINT", &upstream.endpoint())
        .setting("WARDEN_UPSTREAM_CONTROL_PLANE_ENDPOINT", &upstream.endpoint())
        .start();
    (upstream, warden)
}

/// What Bedrock was sent last holds placeholders in the place of values.
#[track_caller]
fn assert_tokenised(warden: &TestWarden, what: &str) {
    let seen = warden.upstream().last().unwrap().json().to_string();
    assert!(seen.contains(SENT), "{what}: {seen}");
    assert!(!seen.contains("mail.example.com") && !seen.contains("4111"), "{what}: {seen}");
}

/// Not in the log, the journal or the metrics.
fn assert_nothing_kept(warden: &TestWarden) {
    let metrics = warden.admin().send(&Call::new("GET", "/metrics", "").header("host", "admin")).text();
    let kept = format!("{:?}{}{metrics}", warden.journal().records, warden.stderr());
    // Four digits alone stand by chance in an id or a time.
    for text in [EMAIL, CARD, "mail.example.com", "4111 1111"] {
        assert!(!kept.contains(text), "`{text}` was kept");
    }
    for text in [EMAIL, CARD] {
        warden.assert_never_kept(text);
    }
}
