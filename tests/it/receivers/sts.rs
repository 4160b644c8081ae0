//! STS, as moto plays it: one session for each principal, and AWS knows whose it is.

use std::collections::BTreeSet;

use crate::support::call::{Call, HAIKU, KeyPair};
use crate::support::hostile_upstream::{HostileUpstream, Received};
use crate::support::receivers::Moto;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const ROLE: &str = "arn:aws:iam::123456789012:role/bedrock-callers";

#[test]
fn each_principal_calls_bedrock_under_its_own_session() {
    let Some(moto) = Moto::start() else { return };
    // moto's sessions have keys that the simulator does not know: here, Bedrock takes whatever is signed.
    let bedrock = HostileUpstream::start(|_| answer());
    let warden = start(&moto, &bedrock);
    let fraud = warden.add_caller("fraud", "review");
    warden.wait_until_known(&fraud);
    for key in [&warden.key, &fraud, &warden.key] {
        call(&warden, key);
    }
    let received: Vec<_> = bedrock.received();
    let keys: Vec<_> = received.iter().map(access_key_id).collect();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0], keys[2], "a session is kept");
    assert!(received.iter().all(|request| request.header("x-amz-security-token").is_some()));
    let sessions: BTreeSet<_> = keys.iter().map(|key| session(&moto, key)).collect();
    assert_eq!(sessions, BTreeSet::from(["checkout@payments".to_owned(), "review@fraud".to_owned()]));
    for request in &received {
        let token = request.header("x-amz-security-token").unwrap();
        warden.assert_never_kept(token);
    }
}

fn start(moto: &Moto, bedrock: &HostileUpstream) -> TestWarden {
    Setup::new()
        .policy("teams/fraud.yaml", &format!("version: 1\nscope: team/fraud\n{ALLOW_ALL}"))
        .setting("WARDEN_UPSTREAM_ENDPOINT", &bedrock.endpoint())
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_ARN", ROLE)
        .setting("WARDEN_UPSTREAM_ASSUME_ROLE_ENDPOINT", &moto.sts_endpoint())
        .start()
}

fn call(warden: &TestWarden, key: &KeyPair) {
    let signed = Call::converse(HAIKU, "say: hello").sign(key, &warden.authority());
    assert_eq!(warden.tls().send(&signed).converse_text(), "hello");
}

fn answer() -> Vec<u8> {
    let body = r#"{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"hello"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#;
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn access_key_id(request: &Received) -> String {
    let authorization = request.header("authorization").unwrap();
    let (_, scope) = authorization.split_once("Credential=").unwrap();
    scope.split('/').next().unwrap().to_owned()
}

/// The session's name, as STS tells it to whoever holds the key.
fn session(moto: &Moto, key: &str) -> String {
    let identity = moto.identity_of(key);
    let (_, session) =
        identity.split_once(":assumed-role/bedrock-callers/").unwrap_or_else(|| panic!("{identity}"));
    session.split('<').next().unwrap().to_owned()
}
