//! Who called, as AWS's own logs get to know it: a session of the role for every caller, and pairs in the request.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::support::call::{Call, HAIKU, KeyPair, claude_body, converse_body};
use crate::support::eventually;
use crate::support::http::{Response, Target};
use crate::support::simulator::{self, Seen, Session};
use crate::support::sts::Sts;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const METADATA: &str = "x-amzn-bedrock-request-metadata";
const ROLE: &str = "arn:aws:iam::111122223333:role/bedrock";

#[test]
fn bedrock_is_called_with_a_session_of_the_caller() {
    let sts = Sts::start();
    let warden = assuming(&sts)
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_EXTERNAL_ID", "external-1")
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_DURATION", "20m")
        .setting("WARDEN_ENVIRONMENT", "prod")
        .start();
    let refunds = known(&warden, "refunds");
    let before = sts.asked().len();
    assert_eq!(before, 1, "the new caller was waited for: {:?}", sts.asked());
    for (key, session) in [(&refunds, 0), (&warden.key, 1), (&refunds, 0), (&warden.key, 1)] {
        for call in [
            Call::converse(HAIKU, "say: hello"),
            Call::invoke(HAIKU, "say: hello"),
            Call::converse_stream(HAIKU, "say: hello"),
            Call::list_models(),
        ] {
            send(&warden, key, call).assert_ok();
            let seen = warden.upstream().pop().unwrap();
            assert!(seen.signature_ok(), "{seen:?}");
            assert_eq!(seen.access_key_id(), Session::nth(session).access_key_id, "{seen:?}");
        }
    }
    let asked = sts.asked();
    assert_eq!(asked.len(), 2, "once for each caller: {asked:?}");
    let first_app = warden.journal().intents().last().unwrap().text("app").to_owned();
    for (asked, app) in asked.iter().zip(["refunds", &first_app]) {
        let expected = [
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", &format!("{app}@payments")),
            ("SourceIdentity", &format!("{app}@payments")),
            ("ExternalId", "external-1"),
            ("DurationSeconds", "1200"),
            ("Tags.member.1.Key", "Team"),
            ("Tags.member.1.Value", "payments"),
            ("Tags.member.2.Key", "App"),
            ("Tags.member.2.Value", app),
            ("Tags.member.3.Key", "Environment"),
            ("Tags.member.3.Value", "prod"),
        ];
        for (name, value) in expected {
            assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}: {asked:?}");
        }
        assert!(!asked.keys().any(|name| name.starts_with("TransitiveTagKeys")), "{asked:?}");
    }
    for received in sts.received() {
        let signed_with = format!("Credential={}/", simulator::ACCESS_KEY_ID);
        assert!(received.header("authorization").unwrap().contains(&signed_with), "{received:?}");
    }
}

#[test]
fn requests_that_come_at_once_ask_for_one_session() {
    const AT_ONCE: usize = 20;
    let sts = Sts::start();
    sts.hold(true);
    let warden = assuming(&sts).start();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| warden.send(Call::converse(HAIKU, "say: hello")).converse_text()))
            .collect();
        eventually("all requests to wait for the session", || {
            sts.asked().len() == 1 && warden.journal().intents().count() == AT_ONCE
        });
        sts.hold(false);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), "hello");
        }
    });
    assert_eq!(sts.asked().len(), 1);
    let keys: BTreeSet<_> = warden.upstream().iter().map(|seen| seen.access_key_id().to_owned()).collect();
    assert_eq!(keys, BTreeSet::from([Session::nth(0).access_key_id]));
}

#[test]
fn without_a_session_nothing_is_sent_fails_closed() {
    let sts = Sts::start();
    sts.refuse(true);
    let warden = assuming(&sts).start();
    eventually("readiness before anybody calls", || readiness(&warden).status == 200);
    for call in
        [Call::converse(HAIKU, "say: hello"), Call::invoke_stream(HAIKU, "say: hello"), Call::list_models()]
    {
        let response = warden.send(call);
        response.assert_refused(503, "ServiceUnavailableException");
        assert_eq!(response.header("retry-after"), Some("1"));
        assert!(!response.text().contains("arn:aws"), "{}", response.text());
        let outcome = warden.outcome_of(&response.decision_id());
        assert_eq!(outcome.text("end_state"), "not_forwarded", "{outcome:?}");
        assert_eq!(outcome.text("error_code"), "ServiceUnavailableException", "{outcome:?}");
    }
    assert!(warden.upstream().is_empty());
    assert!(sts.asked().len() < 3, "STS is left alone after a failure: {:?}", sts.asked());
    let said = warden.stderr();
    for hint in ["sts:TagSession on resource", "sts:SetSourceIdentity", "AccessDenied"] {
        assert!(said.contains(hint), "{said}");
    }

    eventually("not ready when nobody can be served", || {
        drop(warden.send(Call::converse(HAIKU, "say: hello")));
        readiness(&warden).status == 503
    });
    let told = readiness(&warden).json()["checks"]["credentials"].as_str().unwrap().to_owned();
    assert!(told.contains("AccessDenied"), "{told}");

    sts.refuse(false);
    // Nobody calls: being asked whether it is ready is what makes the warden look again.
    eventually("readiness when the role can be assumed again", || readiness(&warden).status == 200);
    let before = sts.asked().len();
    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
    assert_eq!(sts.asked().len(), before);
}

#[test]
fn a_caller_that_is_removed_is_forgotten() {
    let sts = Sts::start();
    let warden = assuming(&sts).start();
    let refunds = known(&warden, "refunds");
    let callers = warden.folder().join("callers.yaml");
    let with = std::fs::read_to_string(&callers).unwrap();
    std::fs::write(&callers, without(&with, "refunds")).unwrap();
    warden.hang_up();
    let list = || send(&warden, &refunds, Call::list_models());
    eventually("the caller to be gone", || list().error_type() == "UnrecognizedClientException");
    std::fs::write(&callers, with).unwrap();
    warden.hang_up();
    eventually("the caller to be back", || list().status == 200);
    let names: Vec<_> = sts.asked().into_iter().map(|asked| asked["RoleSessionName"].clone()).collect();
    assert_eq!(names, ["refunds@payments", "refunds@payments"]);
}

#[test]
fn requests_say_who_called_and_what_was_decided() {
    let warden = Setup::new().setting("WARDEN_UPSTREAM_REQUEST_METADATA", "true").start();
    let theirs = r#"{"ticket":"T-1","warden:team":"forged","Warden:other":"forged"}"#;
    let mut body = converse_body("say: hello");
    body["requestMetadata"] = serde_json::from_str(theirs).unwrap();
    let calls = [
        (Call::converse(HAIKU, "say: hello"), false),
        (Call::converse_stream(HAIKU, "say: hello"), false),
        (Call::converse_with(HAIKU, &body), true),
        (Call::invoke(HAIKU, "say: hello"), false),
        (Call::invoke_stream(HAIKU, "say: hello"), false),
        (Call::invoke(HAIKU, "say: hello").header(METADATA, theirs), true),
    ];
    for (call, has_own) in calls {
        let sent: Value = serde_json::from_slice(&call.body).unwrap();
        let response = warden.send(call);
        response.assert_ok();
        assert!(
            response.header("x-warden-decision").unwrap().starts_with("allow;"),
            "{:?}",
            response.headers
        );
        assert_eq!(response.header("x-warden-modified"), None);
        let seen = warden.upstream().pop().unwrap();
        assert!(seen.signature_ok());
        let (metadata, rest) = metadata(&seen);
        assert_eq!(metadata, Value::Object(expected(&warden, &response, has_own)));
        assert_eq!(rest, without_metadata(sent), "nothing else was changed");
        let journal = warden.journal();
        let intent = journal.of(&response.decision_id()).find(|record| record.is_intent()).unwrap();
        assert_eq!(intent.number("forwarded_bytes"), Some(seen.body().len() as u64), "{intent:?}");
        assert_eq!(intent.text("decision"), "allow", "{intent:?}");
    }
    warden.send(Call::list_models()).assert_ok();
    let listing = warden.upstream().pop().unwrap();
    assert_eq!((listing.header(METADATA), listing.body()), (None, ""));
}

#[test]
fn a_stamped_body_is_judged_like_any_other() {
    let rules = "sensitive:\n  - id: pii\n    detect: [email, credit_card, phone]\n    prompt: redact\n";
    let warden = Setup::new()
        .setting("WARDEN_UPSTREAM_REQUEST_METADATA", "true")
        .team(&format!("{ALLOW_ALL}{rules}"))
        .start();
    let mut body = converse_body("say: hello");
    body["requestMetadata"] = json!({ "owner": "jane.doe@example.com", "ticket": "T-1" });
    let response = warden.send(Call::converse_with(HAIKU, &body));
    // Bedrock's alphabet for these pairs has no braces, so it refuses what was redacted in one.
    response.assert_refused(400, "ValidationException");
    let mut pairs = expected(&warden, &response, true);
    pairs.insert("owner".to_owned(), "{EMAIL}".into());
    assert_eq!(metadata(&warden.upstream_request()).0, Value::Object(pairs));
    body["requestMetadata"] = json!({ "ticket": "T-1" });
    warden.send(Call::converse_with(HAIKU, &body)).assert_ok();
}

#[test]
fn metadata_without_room_for_the_stamp_is_refused() {
    let warden = Setup::new().setting("WARDEN_UPSTREAM_REQUEST_METADATA", "true").start();
    let pairs: Map<String, Value> = (0..13).map(|nth| (nth.to_string(), json!("v"))).collect();
    let mut body = converse_body("say: hello");
    body["requestMetadata"] = pairs.clone().into();
    let header = Value::Object(pairs).to_string();
    for call in [
        Call::converse_with(HAIKU, &body),
        Call::invoke_with(HAIKU, claude_body("say: hello").to_string()).header(METADATA, &header),
    ] {
        let response = warden.send(call);
        let message = response.assert_refused(400, "ValidationException");
        assert!(message.contains("room for 12 pairs"), "{message}");
        assert!(warden.record_of(&response).is_denial());
    }
    assert!(warden.upstream().is_empty());
}

fn assuming(sts: &Sts) -> Setup {
    Setup::new()
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_ARN", ROLE)
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_ENDPOINT", &sts.endpoint())
}

/// Another application of the team.
fn known(warden: &TestWarden, app: &str) -> KeyPair {
    let key = warden.add_caller("payments", app);
    warden.wait_until_known(&key);
    key
}

fn send(warden: &TestWarden, key: &KeyPair, call: Call) -> Response {
    warden.tls().send(&call.sign(key, &warden.authority()))
}

fn readiness(warden: &TestWarden) -> Response {
    let admin: Target = warden.admin();
    admin.send(&Call::new("GET", "/readyz", "").header("host", &admin.authority()))
}

/// The callers file without the entry of one application.
fn without(callers: &str, app: &str) -> String {
    let entry = callers.find(&format!("app: {app}")).expect("the caller is in the file");
    let start = callers[..entry].rfind("\n  - ").expect("entries are a list") + 1;
    let end = callers[entry..].find("\n  - ").map_or(callers.len(), |next| entry + next + 1);
    format!("{}{}", &callers[..start], &callers[end..])
}

/// What a request as Bedrock saw it says of itself, and the rest of its body.
fn metadata(seen: &Seen) -> (Value, Value) {
    let body = seen.json();
    let metadata = match seen.header(METADATA) {
        Some(header) => serde_json::from_str(header).unwrap(),
        None => body["requestMetadata"].clone(),
    };
    (metadata, without_metadata(body))
}

fn without_metadata(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("requestMetadata");
    body
}

fn expected(warden: &TestWarden, response: &Response, has_own: bool) -> Map<String, Value> {
    let record = warden.outcome_of(&response.decision_id());
    let intents = warden.journal();
    let intent = intents.of(&response.decision_id()).find(|record| record.is_intent()).unwrap().clone();
    assert!(record.is_outcome());
    let mut pairs = Map::new();
    if has_own {
        pairs.insert("ticket".to_owned(), "T-1".into());
    }
    for (key, value) in [
        ("warden:team", "payments"),
        ("warden:app", intent.text("app")),
        ("warden:decision", &response.decision_id()),
        ("warden:policy", intent.text("policy_digest")),
    ] {
        assert!(!value.is_empty(), "{key}: {intent:?}");
        pairs.insert(key.to_owned(), value.into());
    }
    pairs
}
