//! Answers that policy changes while they stream: what a client puts together is the redacted text, whatever the pieces in
//! which Bedrock sent it, and an answer that is denied in its middle never looks like one that is complete.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bedrock_warden::bedrock::event_stream::encode_event;
use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, titan_body};
use crate::support::frames::{Event, claude_text, converse_text, decode};
use crate::support::hostile_upstream::HostileUpstream;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const EMAIL: &str = "alice.example@mail.example.com";
const CARD: &str = "4111 1111 1111 1111";
const SAID: &str = "Write to alice.example@mail.example.com, or use card 4111 1111 1111 1111. Bye, 4111!";
const REDACTED: &str = "Write to {EMAIL}, or use card {CREDIT_DEBIT_CARD_NUMBER}. Bye, 4111!";

/// How a client puts a text together.
type Spell = fn(&[Event]) -> String;

/// One rule about answers.
fn rule(response: &str) -> String {
    format!(
        "{ALLOW_ALL}sensitive:\n  - id: pii\n    detect: [email, credit_card]\n    response: {response}\n"
    )
}

#[test]
fn streams_of_every_form_reach_the_client_redacted() {
    let warden = Setup::new().org(&rule("redact")).start();
    let prompt = say(SAID);
    let mistral = json!({ "prompt": prompt, "max_tokens": 64 });
    let command = json!({ "prompt": prompt, "stream": true });
    let rows: [(&str, Call, Spell); 6] = [
        ("Converse", Call::converse_stream(HAIKU, &prompt), converse_text),
        ("Claude", Call::invoke_stream(HAIKU, &prompt), claude_text),
        ("Titan", stream(TITAN, &titan_body(&prompt)), |events| spelled(events, "/outputText")),
        ("Mistral", stream("mistral.mistral-7b-instruct-v0:2", &mistral), |events| {
            spelled(events, "/outputs/0/text")
        }),
        ("Cohere", stream("cohere.command-text-v14", &command), |events| spelled(events, "/text")),
        (
            "chat",
            stream("openai.gpt-oss-20b-1:0", &json!({ "messages": [{ "role": "user", "content": prompt }] })),
            |events| spelled(events, "/choices/0/delta/content"),
        ),
    ];
    for (what, call, spell) in rows {
        let response = warden.send(call);
        let events = decode(&response.assert_ok().body);
        assert_eq!(spell(&events), REDACTED, "{what}: {events:?}");
        assert!(!events.iter().any(Event::is_exception), "{what}: {events:?}");
        let all = everything(&events);
        assert!(!all.contains(EMAIL) && !all.contains(CARD), "{what}: repeated: {all}");
        let outcome = warden.record_of(&response);
        assert_eq!(outcome.text("end_state"), "complete", "{what}: {outcome:?}");
        assert!(
            outcome.mentions("EMAIL") && outcome.mentions("CREDIT_DEBIT_CARD_NUMBER"),
            "{what}: {outcome:?}"
        );
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{what}: {outcome:?}");
    }
    assert_nothing_kept(&warden);
}

#[test]
fn a_stream_in_which_nothing_is_found_says_the_same_with_rules_as_without() {
    let said = "Nothing to see: 4111 apples @ the market, 12-34.";
    let plain = Setup::new().start();
    let filtered = Setup::new().org(&rule("redact")).start();
    for call in [Call::converse_stream, Call::invoke_stream] {
        let texts = [&plain, &filtered].map(|warden| {
            let events = decode(&warden.send(call(HAIKU, &say(said))).assert_ok().body);
            format!("{}{}", converse_text(&events), claude_text(&events))
        });
        assert_eq!(texts, [said, said]);
    }
}

#[test]
fn converse_ends_as_a_guardrail_ends_it_where_something_is_denied() {
    let warden = Setup::new().org(&rule("deny")).event_gap_ms(2).start();
    let response = warden.send(Call::converse_stream(HAIKU, &say(SAID)));
    let events = decode(&response.assert_ok().body);
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[0], "messageStart");
    let end = ["contentBlockStop", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];
    assert_eq!(names[names.len() - 5..], end, "{names:?}");
    assert_eq!(events[events.len() - 2].payload["stopReason"], "guardrail_intervened");
    assert_eq!(converse_text(&events), "Write to The answer was withheld by policy.");
    let outcome = warden.record_of(&response);
    assert_eq!(outcome.text("end_state"), "policy_abort", "{outcome:?}");
    assert_eq!(outcome.text("stop_reason"), "guardrail_intervened", "{outcome:?}");
    assert!(outcome.mentions("org/sensitive/pii") && outcome.mentions("EMAIL"), "{outcome:?}");
    let usage = &events.last().unwrap().payload["usage"];
    assert_eq!(outcome.number("out_tokens"), usage["outputTokens"].as_u64(), "it was paid for: {outcome:?}");
    assert!(usage["outputTokens"].as_u64().is_some_and(|tokens| tokens > 10), "drained to its end: {usage}");
    assert_nothing_kept(&warden);
}

#[test]
fn other_streams_end_with_an_exception_where_something_is_denied() {
    let warden = Setup::new().org(&rule("deny")).start();
    for (what, call) in [
        ("Claude", Call::invoke_stream(HAIKU, &say(SAID))),
        ("Titan", stream(TITAN, &titan_body(&say(SAID)))),
        ("Cohere", stream("cohere.command-text-v14", &json!({ "prompt": say(SAID), "stream": true }))),
    ] {
        let response = warden.send(call);
        let events = decode(&response.assert_ok().body);
        let (last, before) = events.split_last().unwrap();
        assert!(last.is_exception() && last.name == "validationException", "{what}: {last:?}");
        let message = last.payload["message"].as_str().unwrap();
        for part in ["withheld by policy", "org/sensitive/pii", "EMAIL (1)"] {
            assert!(message.contains(part), "{what}: {message}");
        }
        let all = everything(&events);
        assert!(!before.is_empty() && !all.contains("alice") && !all.contains("4111"), "{what}: {all}");
        let outcome = warden.record_of(&response);
        assert_eq!(outcome.text("end_state"), "policy_abort", "{what}: {outcome:?}");
        assert_eq!(outcome.text("error_code"), "ValidationException", "{what}: {outcome:?}");
        assert!(outcome.mentions("org/sensitive/pii"), "{what}: {outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 10), "{what}: {outcome:?}");
    }
    assert_nothing_kept(&warden);
}

#[test]
fn what_a_tool_is_called_with_is_redacted_and_still_parses() {
    let input = json!({ "to": EMAIL, "card": 4_111_111_111_111_111_u64, "city": "Paris" }).to_string();
    let deltas = input.as_bytes().chunks(5).map(|piece| std::str::from_utf8(piece).unwrap().to_owned());
    let mut events = vec![
        ("messageStart", json!({ "role": "assistant" })),
        (
            "contentBlockStart",
            json!({ "contentBlockIndex": 0, "start": { "toolUse": { "toolUseId": "t1", "name": "send" } } }),
        ),
    ];
    events.extend(deltas.map(|piece| {
        ("contentBlockDelta", json!({ "contentBlockIndex": 0, "delta": { "toolUse": { "input": piece } } }))
    }));
    events.extend(ended("tool_use"));
    let (_upstream, warden) = scripted("redact", &events);
    let response = warden.send(Call::converse_stream(HAIKU, "call it"));
    let events = decode(&response.assert_ok().body);
    let inputs: Vec<_> =
        events.iter().filter_map(|event| event.payload["delta"]["toolUse"]["input"].as_str()).collect();
    assert_eq!(inputs.len(), 1, "one delta: {inputs:?}");
    let input: Value = serde_json::from_str(inputs[0]).unwrap();
    assert_eq!(input, json!({ "to": "{EMAIL}", "card": "{CREDIT_DEBIT_CARD_NUMBER}", "city": "Paris" }));
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    let whole = [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ];
    assert_eq!(names, whole);
    assert_eq!(warden.record_of(&response).text("end_state"), "complete");
}

#[test]
fn signed_reasoning_is_passed_on_as_it_is_or_the_answer_is_denied() {
    let reasoning = |text: &str| {
        let mut events = vec![("messageStart", json!({ "role": "assistant" }))];
        for piece in text.as_bytes().chunks(4) {
            let piece = std::str::from_utf8(piece).unwrap();
            events.push((
                "contentBlockDelta",
                json!({ "contentBlockIndex": 0, "delta": { "reasoningContent": { "text": piece } } }),
            ));
        }
        events.push((
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "reasoningContent": { "signature": "c2lnbmVk" } } }),
        ));
        events.extend(ended("end_turn"));
        events
    };
    let thought = "the user wants 4111 apples";
    let (_upstream, warden) = scripted("redact", &reasoning(thought));
    let response = warden.send(Call::converse_stream(HAIKU, "think"));
    let events = decode(&response.assert_ok().body);
    let of = |events: &[Event], member: &str| -> String {
        events
            .iter()
            .filter_map(|event| event.payload["delta"]["reasoningContent"][member].as_str())
            .collect()
    };
    assert_eq!((of(&events, "text").as_str(), of(&events, "signature").as_str()), (thought, "c2lnbmVk"));

    let (_upstream, warden) = scripted("redact", &reasoning(&format!("the user's card is {CARD}, so")));
    let response = warden.send(Call::converse_stream(HAIKU, "think"));
    let events = decode(&response.assert_ok().body);
    assert_eq!(of(&events, "text"), "the user's card is ");
    assert_eq!(of(&events, "signature"), "");
    assert_eq!(events[events.len() - 2].payload["stopReason"], "guardrail_intervened", "{events:?}");
    let outcome = warden.record_of(&response);
    assert_eq!(outcome.text("end_state"), "policy_abort", "{outcome:?}");
    assert!(outcome.mentions("org/sensitive/pii"), "{outcome:?}");
}

#[test]
fn a_stream_that_breaks_off_gives_nothing_away_that_was_held() {
    let events = [
        ("messageStart", json!({ "role": "assistant" })),
        (
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "text": "card 4111 1111 1111 11" } }),
        ),
    ];
    let (_upstream, warden) = scripted("redact", &events);
    let events = decode(&warden.send(Call::converse_stream(HAIKU, "go")).assert_ok().body);
    assert!(events.last().unwrap().is_exception(), "{events:?}");
    assert!(!everything(&events).contains("4111"), "{events:?}");
}

/// Thousands of values, cut in every way, and not one of them anywhere.
#[test]
fn thousands_of_known_values_appear_nowhere() {
    let policy = "allow:\n  - models: [\"*\"]\nsensitive:\n  - id: all\n    \
                  detect: [email, credit_card, us_ssn, iban, aws_access_key, phone]\n    prompt: report\n    response: redact\n";
    let warden = Setup::new().org(policy).setting("RUST_LOG", "debug,bedrock_warden=trace").start();
    let mut random = Sequence(0x2545_f491_4f6c_dd1d);
    let mut planted = Vec::new();
    for round in 0..40 {
        let mut text = String::new();
        for _ in 0..60 {
            let value = random.value();
            write!(text, "{} {value}. ", ["See", "use", "And then", "mail", "é"][random.below(5)]).unwrap();
            planted.push(value);
        }
        let call = match round % 3 {
            0 => Call::converse_stream(HAIKU, &say(&text)),
            1 => stream(
                "cohere.command-text-v14",
                &json!({ "prompt": say(&text), "stream": true, "max_tokens": 4000 }),
            ),
            _ => stream(
                TITAN,
                &json!({ "inputText": say(&text), "textGenerationConfig": { "maxTokenCount": 4000 } }),
            ),
        };
        let response = warden.send(call);
        let events = decode(&response.assert_ok().body);
        let read = everything(&events);
        let whole = format!(
            "{}{}{}",
            converse_text(&events),
            spelled(&events, "/text"),
            spelled(&events, "/outputText")
        );
        assert!(whole.contains("{EMAIL}") && whole.contains("{CREDIT_DEBIT_CARD_NUMBER}"), "{whole}");
        for value in &planted[planted.len() - 60..] {
            assert!(!read.contains(value.as_str()) && !whole.contains(value.as_str()), "{value}: {whole}");
        }
    }
    assert!(planted.len() >= 2400);
    let metrics = warden.admin().send(&Call::new("GET", "/metrics", "").header("host", "admin"));
    assert!(metrics.text().contains("warden_answer_hold_seconds"), "{}", metrics.text());
    let kept = format!("{:?}{}{}", warden.journal().records, warden.stderr(), metrics.text());
    let any: Vec<_> = planted.iter().map(|value| regex::escape(value)).collect();
    let any = regex::Regex::new(&any.join("|")).unwrap();
    assert_eq!(any.find(&kept).map(|found| found.as_str()), None, "kept");
    for value in planted.iter().step_by(100) {
        warden.assert_never_kept(value);
    }
}

/// A warden before an upstream that answers with these events.
fn scripted(response: &str, events: &[(&str, Value)]) -> (HostileUpstream, TestWarden) {
    let mut body = Vec::new();
    for (name, payload) in events {
        body.extend_from_slice(&encode_event(name, payload.to_string().as_bytes()).unwrap());
    }
    let upstream = HostileUpstream::start(move |_| {
        let mut answer = Vec::new();
        write!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )
        .unwrap();
        answer.extend_from_slice(&body);
        answer
    });
    let warden = Setup::new()
        .org(&rule(response))
        .setting("WARDEN_UPSTREAM_ENDPOINT", &upstream.endpoint())
        .setting("WARDEN_UPSTREAM_CONTROL_PLANE_ENDPOINT", &upstream.endpoint())
        .start();
    (upstream, warden)
}

fn ended(reason: &str) -> [(&'static str, Value); 3] {
    let usage = json!({ "inputTokens": 3, "outputTokens": 20, "totalTokens": 23 });
    [
        ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
        ("messageStop", json!({ "stopReason": reason })),
        ("metadata", json!({ "usage": usage, "metrics": { "latencyMs": 5 } })),
    ]
}

/// A prompt that has the simulator say `text` and does not hold it.
fn say(text: &str) -> String {
    format!("say-base64: {}", BASE64_STANDARD.encode(text))
}

fn stream(model: &str, body: &Value) -> Call {
    let target = format!("/model/{}/invoke-with-response-stream", crate::support::call::label(model));
    Call::new("POST", target, body.to_string()).header("content-type", "application/json")
}

/// What a client puts together of the chunks' strings at a place.
fn spelled(events: &[Event], place: &str) -> String {
    events.iter().filter_map(|event| event.chunk().pointer(place)?.as_str().map(str::to_owned)).collect()
}

/// Everything in a stream, decoded.
fn everything(events: &[Event]) -> String {
    events.iter().flat_map(|event| [event.payload.to_string(), event.chunk().to_string()]).collect()
}

fn assert_nothing_kept(warden: &TestWarden) {
    for text in [EMAIL, CARD] {
        warden.assert_never_kept(text);
    }
}

/// Numbers that look random and are the same in every run.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }

    fn letters(&mut self, alphabet: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }

    /// A value that a detector knows.
    fn value(&mut self) -> String {
        match self.below(4) {
            0 => {
                let alphabet = b"abcdefghijklmnopqrstuvwxyz";
                format!(
                    "{}.{}@{}.example.com",
                    self.letters(alphabet, 5),
                    self.letters(alphabet, 6),
                    self.letters(alphabet, 4)
                )
            }
            1 => self.card(),
            2 => format!("AKIA{}", self.letters(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
            _ => format!("{}@mail.example.org", self.letters(b"abcdefghijklmnopqrstuvwxyz0123456789_", 9)),
        }
    }

    /// With a check digit that holds.
    fn card(&mut self) -> String {
        let mut digits = format!("4{}", self.digits(14));
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let value = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
                value / 10 + value % 10
            })
            .sum();
        write!(digits, "{}", (10 - sum % 10) % 10).unwrap();
        let groups: Vec<_> =
            digits.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(if self.below(2) == 0 { " " } else { "-" })
    }
}
