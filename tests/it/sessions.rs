//! Live sessions: both directions at once, every event proven, judged and signed on its way.
//!
//! That a session is live is shown by cause and effect: the client says the next thing only when it has heard the answer to
//! the one before.

use std::time::Duration;

use aws_sdk_bedrockruntime::error::ProvideErrorMetadata;
use aws_sdk_bedrockruntime::types::error::InvokeModelWithBidirectionalStreamOutputError as OutputError;
use serde_json::json;

use crate::support::call::PROMPT_CANARY;
use crate::support::eventually;
use crate::support::frames::decode;
use crate::support::journal::Record;
use crate::support::rust_sdk::{client, plain_client};
use crate::support::session::{
    Broken, Conversation, SONIC, Signed, event, prompt_end, prompt_start, session_end, session_start, text,
};
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden, variables};

const EMAIL: &str = "alice.example@mail.example.com";
const CARD: &str = "4111 1111 1111 1111";

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_to_and_fro() {
    for plain in [false, true] {
        let warden = Setup::new().start();
        let client = if plain { plain_client(&warden, &warden.key) } else { client(&warden, &warden.key) };
        let mut talk =
            Conversation::open(&client, SONIC, session_start(json!({ "maxTokens": 512 }))).await.unwrap();
        talk.say([prompt_start()]);
        talk.say(text("system", "SYSTEM", &[PROMPT_CANARY]));
        for (turn, words) in ["first", "second", "third"].into_iter().enumerate() {
            talk.say(text(&format!("turn-{turn}"), "USER", &[words, " turn"]));
            assert_eq!(talk.answer().await.unwrap(), format!("You said: {words} turn"));
        }
        talk.say([prompt_end(), session_end()]);
        // The caller's side stays open: the end of the answer must not wait for it.
        assert_eq!(talk.rest().await.unwrap(), ["completionEnd"]);
        talk.close();

        let outcome = warden.only_outcome();
        assert_eq!(outcome.text("end_state"), "complete", "{outcome:?}");
        assert!(outcome.number("in_tokens").is_some_and(|tokens| tokens > 0), "{outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{outcome:?}");
        assert!(outcome.number("frames").is_some_and(|frames| frames > 9), "{outcome:?}");
        let intent = only_intent(&warden);
        assert_eq!(intent.text("operation"), "InvokeModelWithBidirectionalStream", "{intent:?}");
        assert_eq!(intent.0["params"]["after"]["maxTokens"], 512, "{intent:?}");
        let seen = warden.upstream_request();
        assert!(seen.signature_ok(), "{seen:?}");
        assert_eq!(seen.header("x-amz-content-sha256"), Some("STREAMING-AWS4-HMAC-SHA256-EVENTS"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_never_opened() {
    let limits = format!("{ALLOW_ALL}limits:\n  - temperature: {{ max: 0.5 }}\n");
    let guardrail = format!("{ALLOW_ALL}guardrail:\n  - oneOf: [\"gr1a2b3c:7\"]\n    missing: inject\n");
    let rows = [
        ("allow:\n  - models: [\"anthropic.*\"]\n", json!({}), "AccessDeniedException", "allow"),
        (limits.as_str(), json!({ "temperature": 0.9 }), "ValidationException", "payments/limits"),
        (guardrail.as_str(), json!({}), "AccessDeniedException", "payments/guardrail"),
        (ALLOW_ALL, json!({ "topK": 5 }), "AccessDeniedException", "topK"),
    ];
    for (policy, configuration, code, mention) in rows {
        let warden = Setup::new().team(policy).start();
        let client = client(&warden, &warden.key);
        let refused = Conversation::open(&client, SONIC, session_start(configuration)).await.err().unwrap();
        let refused = refused.into_service_error();
        assert_eq!(refused.code(), Some(code), "{refused:?}");
        assert!(refused.message().is_some_and(|message| message.contains(mention)), "{refused:?}");
        assert!(warden.upstream().is_empty());
        let journal = warden.journal();
        let denials: Vec<_> = journal.records.iter().filter(|record| record.is_denial()).collect();
        assert_eq!(denials.len(), 1, "{denials:?}");
        assert!(denials[0].mentions("InvokeModelWithBidirectionalStream"), "{denials:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_repaired_before_the_session_is_opened() {
    let policy = format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 2, default: 2, over: clamp }}\n");
    for asked in [json!({ "maxTokens": 9000, "topP": 0.5 }), json!({})] {
        let warden = Setup::new().team(&policy).start();
        let client = client(&warden, &warden.key);
        let mut talk = Conversation::open(&client, SONIC, session_start(asked)).await.unwrap();
        talk.say([prompt_start()]);
        talk.say(text("a", "USER", &["say: eight characters are two tokens"]));
        assert_eq!(talk.answer().await.unwrap(), "eight ch");
        talk.close();
        talk.rest().await.unwrap();
        let intent = only_intent(&warden);
        assert_eq!(intent.text("decision"), "modify", "{intent:?}");
        assert!(intent.mentions("payments/limits"), "{intent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_reach_the_model_redacted_however_they_are_cut() {
    let warden = Setup::new().team(&sensitive("redact")).start();
    let client = client(&warden, &warden.key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    let rows: [(&[&str], &str); 5] = [
        (&["write to alice.example@mail.example.com now"], "write to {EMAIL} now"),
        (&["write to alice.exa", "mple@mail.example.com", " now"], "write to {EMAIL} now"),
        (&["card 4111 11", "11 1111", " 1111, and bye"], "card {CREDIT_DEBIT_CARD_NUMBER}, and bye"),
        (&["4111 1111 1111 1111", "5"], "{CREDIT_DEBIT_CARD_NUMBER}5"),
        (&["nothing", " here"], "nothing here"),
    ];
    for (turn, (pieces, expected)) in rows.into_iter().enumerate() {
        talk.say(text(&format!("turn-{turn}"), "USER", pieces));
        assert_eq!(talk.answer().await.unwrap(), format!("You said: {expected}"), "{pieces:?}");
    }
    talk.say([prompt_end(), session_end()]);
    talk.rest().await.unwrap();
    let outcome = warden.only_outcome();
    assert_eq!(outcome.text("end_state"), "complete", "{outcome:?}");
    for mention in ["EMAIL", "CREDIT_DEBIT_CARD_NUMBER", "redact:", "payments/sensitive/pii"] {
        assert!(outcome.mentions(mention), "{mention}: {outcome:?}");
    }
    warden.assert_never_kept(EMAIL);
    warden.assert_never_kept(CARD);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_caller_said_comes_back_though_the_model_never_hears_it() {
    let warden = Setup::new().team(&sensitive("tokenize")).start();
    let client = client(&warden, &warden.key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    let rows: [(&[&str], &str); 4] = [
        (&["write to alice.example@mail.example.com now"], "write to alice.example@mail.example.com now"),
        (
            &["write to alice.exa", "mple@mail.example.com", " now"],
            "write to alice.example@mail.example.com now",
        ),
        (&["what is {EMAIL_1}?"], "what is {EMAIL_1}?"),
        (&["and alice.example@mail.example.com?"], "and alice.example@mail.example.com?"),
    ];
    for (turn, (pieces, expected)) in rows.into_iter().enumerate() {
        talk.say(text(&format!("turn-{turn}"), "USER", pieces));
        assert_eq!(talk.answer().await.unwrap(), format!("You said: {expected}"), "{pieces:?}");
    }
    talk.say([prompt_end(), session_end()]);
    talk.rest().await.unwrap();
    let outcome = warden.only_outcome();
    assert_eq!(outcome.text("end_state"), "complete", "{outcome:?}");
    for mention in ["EMAIL", "tokenize:", "payments/sensitive/pii"] {
        assert!(outcome.mentions(mention), "{mention}: {outcome:?}");
    }
    let heard = format!("{:?}", warden.upstream());
    assert!(!heard.contains(EMAIL), "{heard}");
    warden.assert_never_kept(EMAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_model_says_is_redacted_as_it_is_said_and_what_is_denied_ends_the_session() {
    let policy = format!(
        "{ALLOW_ALL}sensitive:\n  - {{ id: pii, detect: [email, credit_card], response: redact }}\n  \
         - {{ id: keys, detect: [aws_access_key], response: deny }}\n"
    );
    let warden = Setup::new().team(&policy).start();
    let client = client(&warden, &warden.key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    let rows = [
        ("write to alice.example@mail.example.com", "write to {EMAIL}"),
        ("card 4111 1111 1111 1111, and 4111", "card {CREDIT_DEBIT_CARD_NUMBER}, and 4111"),
        ("nothing here", "nothing here"),
    ];
    for (turn, (said, heard)) in rows.into_iter().enumerate() {
        talk.say(text(&format!("turn-{turn}"), "USER", &[&format!("say: {said}")]));
        assert_eq!(talk.answer().await.unwrap(), heard);
    }
    talk.say(text("last", "USER", &["say: key AKIAQWERTYUIOPASDFGH"]));
    let message = refusal(talk.rest().await.unwrap_err());
    assert!(message.contains("payments/sensitive/keys") && message.contains("AWS_ACCESS_KEY"), "{message}");
    let outcome = warden.only_outcome();
    assert_eq!(outcome.text("end_state"), "policy_abort", "{outcome:?}");
    for mention in ["EMAIL", "CREDIT_DEBIT_CARD_NUMBER", "AWS_ACCESS_KEY", "payments/sensitive/keys"] {
        assert!(outcome.mentions(mention), "{mention}: {outcome:?}");
    }
    warden.assert_never_kept(EMAIL);
    warden.assert_never_kept("AKIAQWERTYUIOPASDFGH");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_breaks_a_rule_ends_the_session() {
    let audio = event(
        "contentStart",
        json!({ "promptName": "prompt", "contentName": "a", "type": "AUDIO", "role": "USER", "interactive": true }),
    );
    let tools = event(
        "promptStart",
        json!({
            "promptName": "other",
            "toolConfiguration": { "tools": [{ "toolSpec": { "name": "drop_tables", "inputSchema": { "json": "{}" } } }] },
        }),
    );
    let no_tools = format!("{ALLOW_ALL}limits:\n  - tools: {{ max: 0 }}\n");
    let text_only = format!("{ALLOW_ALL}content:\n  - modalities: [text]\n");
    let half = |pieces: &[&str]| {
        let mut events = text("a", "USER", pieces);
        events.pop();
        events
    };
    let rows = [
        (
            "denied text",
            sensitive("deny"),
            text("a", "USER", &["alice.example@mail", ".example.com"]),
            "payments/sensitive/pii",
        ),
        ("sound that cannot be searched", sensitive("redact"), vec![audio.clone()], "payments/sensitive/pii"),
        ("sound that may not be sent", text_only, vec![audio], "payments/content"),
        ("tools", no_tools, vec![tools], "payments/limits"),
        ("an unknown event", ALLOW_ALL.to_owned(), vec![event("sessionUpdate", json!({}))], "sessionUpdate"),
        (
            "an unknown member",
            ALLOW_ALL.to_owned(),
            vec![event("promptEnd", json!({ "promptName": "prompt", "x": 1 }))],
            "`x`",
        ),
        (
            "a second start",
            ALLOW_ALL.to_owned(),
            vec![session_start(json!({ "maxTokens": 9 }))],
            "sessionStart",
        ),
        ("a text left open", ALLOW_ALL.to_owned(), [half(&["a"]), vec![prompt_end()]].concat(), "must end"),
    ];
    for (what, policy, events, mention) in rows {
        let warden = Setup::new().team(&policy).start();
        let client = client(&warden, &warden.key);
        let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
        talk.say([prompt_start()]);
        talk.say(text("first", "USER", &["good morning"]));
        assert_eq!(talk.answer().await.unwrap(), "You said: good morning", "{what}");
        talk.say(events);
        let message = refusal(talk.rest().await.unwrap_err());
        assert!(message.contains(mention), "{what}: {message}");
        let outcome = warden.only_outcome();
        assert_eq!(outcome.text("end_state"), "policy_abort", "{what}: {outcome:?}");
        assert!(!outcome.text("error_code").is_empty(), "{what}: {outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{what}: {outcome:?}");
        if mention.starts_with("payments") {
            assert!(outcome.mentions(mention), "{what}: {outcome:?}");
        }
    }
}

#[test]
fn a_caller_that_hangs_up_is_recorded_with_its_counts() {
    for plain in [false, true] {
        let warden = Setup::new().start();
        let application = tokio::runtime::Runtime::new().unwrap();
        let talk = application.block_on(async {
            let client =
                if plain { plain_client(&warden, &warden.key) } else { client(&warden, &warden.key) };
            let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
            talk.say([prompt_start()]);
            talk.say(text("a", "USER", &["hello"]));
            talk.answer().await.unwrap();
            talk
        });
        // A process that is killed says no goodbye.
        drop(application);
        drop(talk);
        let outcome = warden.only_outcome();
        assert_eq!(outcome.text("end_state"), "client_abort", "{outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_bedrock_breaks_off_never_looks_whole() {
    for fault in ["reset", "exception-mid-stream", "stall"] {
        let warden = Setup::new().setting("WARDEN_UPSTREAM_IDLE_TIMEOUT", "1s").start();
        let client = client(&warden, &warden.key);
        let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
        talk.say([prompt_start()]);
        talk.say(text("a", "USER", &["hello"]));
        talk.answer().await.unwrap();
        talk.say(text("b", "USER", &[&format!("simulate: {fault}")]));
        assert!(talk.rest().await.is_err(), "{fault}");
        let outcome = warden.only_outcome();
        assert_eq!(outcome.text("end_state"), "upstream_abort", "{fault}: {outcome:?}");
        assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{fault}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_dies_with_the_warden_is_on_record() {
    let mut warden = Setup::new().start();
    let client = client(&warden, &warden.key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    talk.say(text("a", "USER", &["hello"]));
    talk.answer().await.unwrap();
    warden.kill();
    assert!(talk.rest().await.is_err());
    warden.restart();
    let journal = warden.journal();
    assert_eq!(journal.intents().count(), 1);
    assert_eq!(journal.records.iter().filter(|record| record.is_unknown()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_ends_its_sessions() {
    let warden = Setup::new().start();
    let key = warden.add_caller("payments", "voice");
    warden.hang_up();
    warden.wait_until_known(&key);
    let client = client(&warden, &key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    talk.say(text("a", "USER", &["hello"]));
    talk.answer().await.unwrap();
    assert_eq!(warden.run(&["caller", "revoke", &key.id]).code, 0);
    warden.hang_up();
    let mut turn = 0;
    let message = loop {
        turn += 1;
        talk.say(text(&format!("turn-{turn}"), "USER", &["still there"]));
        match talk.answer().await {
            Ok(_) => assert!(turn < 10_000),
            Err(error) => break refusal(error),
        }
    };
    assert!(message.contains("invalid"), "{message}");
    eventually("the outcome", || {
        warden.journal().records.iter().any(|record| record.text("end_state") == "policy_abort")
    });
}

#[test]
fn a_stream_that_is_not_the_one_that_was_signed_ends_the_session() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let rows: [(&str, Change, u64, &str); 8] = [
        ("nothing", |_| {}, 0, ""),
        ("an event left out", |frames| drop(frames.remove(2)), 0, "does not follow"),
        ("events swapped", |frames| frames.swap(2, 3), 0, "does not follow"),
        ("an event twice", |frames| frames.insert(2, frames[2].clone()), 0, "does not follow"),
        ("no end", |frames| drop(frames.pop()), 0, "without its signed end"),
        ("half a frame", |frames| frames.last_mut().unwrap().truncate(20), 0, "ends inside a frame"),
        ("more after the end", |frames| frames.push(frames[1].clone()), 0, "follows the signed end"),
        ("an event of ten minutes ago", |_| {}, 600, "signature expired"),
    ];
    for (what, change, late, mention) in rows {
        let warden = Setup::new().start();
        let events = [vec![session_start(json!({})), prompt_start()], text("a", "USER", &["hello"])].concat();
        let authority = warden.plain().authority();
        let mut signed = Signed::new(&warden.key, &authority, &events, Duration::from_secs(late));
        change(&mut signed.frames);
        let response = warden.plain().send_raw(&signed.to_bytes()).expect("an answer");
        let outcome = warden.record_of(&response);
        if mention.is_empty() {
            let events = decode(&response.assert_ok().body);
            let last = events.last().unwrap().chunk();
            assert_eq!(last["event"]["completionEnd"]["stopReason"], "END_TURN", "{what}: {events:?}");
            assert_eq!(outcome.text("end_state"), "complete", "{what}: {outcome:?}");
            continue;
        }
        // The refusal may overtake the head of the answer. Then it is a native error, else an exception.
        let refused = match response.status {
            200 => decode(&response.body).last().filter(|last| last.is_exception()).unwrap().payload.clone(),
            _ => response.json(),
        };
        assert!(refused["message"].as_str().unwrap().contains(mention), "{what}: {refused}");
        assert_eq!(outcome.text("end_state"), "policy_abort", "{what}: {outcome:?}");
        assert!(!outcome.text("error_code").is_empty(), "{what}: {outcome:?}");
    }
}

#[test]
fn a_session_that_is_not_the_callers_is_never_opened() {
    let warden = Setup::new().start();
    let authority = warden.plain().authority();
    let whole =
        || Signed::new(&warden.key, &authority, &[session_start(json!({})), prompt_start()], Duration::ZERO);
    let mut first = whole();
    first.frames.remove(0);
    let mut head = whole();
    head.head.replace_header("content-type", "application/json");
    let mut stated = whole();
    stated.head.replace_header("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS");
    let mut empty = whole();
    empty.frames.clear();
    for (what, signed) in [
        ("another first event", first),
        ("another head", head),
        ("another payload", stated),
        ("nothing", empty),
    ] {
        let response = warden.plain().send_raw(&signed.to_bytes()).expect("an answer");
        assert_eq!(response.error_type(), "InvalidSignatureException", "{what}: {}", response.text());
        assert!(warden.record_of(&response).is_denial(), "{what}");
    }
    let added = warden.run(&["caller", "add", "--team", "payments", "--app", "voice", "--bearer"]);
    let token = format!("Bearer {}", variables(&added.stdout)["AWS_BEARER_TOKEN_BEDROCK"]);
    let mut bearer =
        Signed::new(&warden.key, &warden.authority(), &[session_start(json!({}))], Duration::ZERO);
    bearer.head.replace_header("authorization", &token);
    let send = || warden.tls().send_raw(&bearer.to_bytes()).expect("an answer");
    eventually("the warden to know the new token", || send().error_type() != "UnrecognizedClientException");
    let response = send();
    let message = response.assert_refused(403, "AccessDeniedException");
    assert!(message.contains("bearer keys cannot open a bidirectional stream"), "{message}");
    assert!(warden.record_of(&response).is_denial());
    assert!(warden.upstream().is_empty());
}

fn sensitive(prompt: &str) -> String {
    format!(
        "{ALLOW_ALL}sensitive:\n  - id: pii\n    detect: [email, credit_card]\n    prompt: {prompt}\n    response: report\n"
    )
}

fn refusal(error: Broken) -> String {
    let error = error.into_service_error();
    assert!(error.is_validation_exception(), "{error:?}");
    error.message().unwrap_or_default().to_owned()
}

#[track_caller]
fn only_intent(warden: &TestWarden) -> Record {
    let journal = warden.journal();
    let intents: Vec<_> = journal.intents().collect();
    assert_eq!(intents.len(), 1, "{intents:?}");
    intents[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_tells_a_session_why_it_ends_and_records_what_it_held() {
    let mut warden = Setup::new().setting("WARDEN_DRAIN", "2s").start();
    let client = client(&warden, &warden.key);
    let mut talk = Conversation::open(&client, SONIC, session_start(json!({}))).await.unwrap();
    talk.say([prompt_start()]);
    talk.say(text("system", "SYSTEM", &["be brief"]));
    talk.say(text("turn", "USER", &["good ", "morning"]));
    assert_eq!(talk.answer().await.unwrap(), "You said: good morning");
    warden.terminate();
    let ended = loop {
        match talk.hear().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a clean end would pass for a complete session"),
            Err(ended) => break ended,
        }
    };
    let named = ended.as_service_error().is_some_and(OutputError::is_service_unavailable_exception);
    assert!(named, "{ended:?}");
    drop(talk);
    warden.wait_for_exit();
    let outcome = warden.only_outcome();
    assert_eq!(outcome.text("end_state"), "drained", "{outcome:?}");
    assert_eq!(outcome.text("error_code"), "ServiceUnavailableException", "{outcome:?}");
    let held = &outcome.0["session"];
    assert_eq!((&held["texts"]["system"], &held["texts"]["user"]), (&json!(8), &json!(12)), "{outcome:?}");
    assert_eq!((&held["turns"], &held["modalities"]), (&json!(1), &json!(["text"])), "{outcome:?}");
    assert!(held["inspected_bytes"].as_u64() >= Some(20), "{outcome:?}");
}
