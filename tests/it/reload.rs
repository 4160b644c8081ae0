//! Policies and callers that change while requests are served.

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

#[test]
fn a_new_policy_takes_effect_and_is_named_in_the_record() {
    let warden = Setup::new().start();
    let before = hello(&warden);
    assert_eq!(before.converse_text(), "hello");
    warden.write_policy("org.yaml", "version: 1\nscope: org\nallow:\n  - models: [\"amazon.*\"]\n");
    let mut after = None;
    eventually("the new policy to deny", || {
        let response = hello(&warden);
        let denied = response.status == 403;
        after = Some(response);
        denied
    });
    let after = after.unwrap();
    assert!(after.message().contains("org/allow"), "{}", after.text());
    let digest = |response: &Response| warden.record_of(response).text("policy_digest").to_owned();
    assert!(digest(&before).starts_with("sha256:"), "{:?}", warden.record_of(&before));
    assert_ne!(digest(&before), digest(&after));
}

#[test]
fn a_bad_policy_leaves_the_last_good_one_in_force() {
    let mistakes = [
        ("no YAML", "version: 1\nscope: [org\n"),
        ("an unknown section", "version: 1\nscope: org\nalow:\n  - models: [\"*\"]\n"),
        (
            "an unknown detector",
            "version: 1\nscope: org\nsensitive:\n  - { id: x, detect: [shoe_size], prompt: deny }\n",
        ),
        ("nothing", ""),
    ];
    let warden = Setup::new().org("allow:\n  - models: [\"anthropic.claude-3-haiku-*\"]\n").start();
    for (what, text) in mistakes {
        let said = warden.stderr().len();
        warden.write_policy("org.yaml", text);
        eventually("the mistake to be reported", || warden.stderr()[said..].contains("org.yaml"));
        assert_eq!(hello(&warden).converse_text(), "hello", "{what}");
        let other = warden.send(Call::converse("anthropic.claude-v2", "say: hello"));
        other.assert_refused(403, "AccessDeniedException");
    }
    warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{ALLOW_ALL}"));
    eventually("the mended policy to allow", || {
        warden.send(Call::converse("anthropic.claude-3-sonnet-20240229-v1:0", "say: hello")).status == 200
    });
}

#[test]
fn a_revoked_key_stops_working_and_the_others_go_on() {
    let warden = Setup::new().start();
    let leaving = warden.add_caller("payments", "leaving");
    let call = || Call::converse(HAIKU, "say: hello").sign(&leaving, &warden.authority());
    eventually("the new key to work", || warden.tls().send(&call()).status == 200);
    let revoked = warden.run(&["caller", "revoke", &leaving.id]);
    assert_eq!(revoked.code, 0, "{}", revoked.stderr);
    warden.hang_up();
    eventually("the key to be refused", || warden.tls().send(&call()).status == 403);
    warden.tls().send(&call()).assert_refused(403, "UnrecognizedClientException");
    assert_eq!(hello(&warden).converse_text(), "hello");
}

#[test]
fn a_change_is_noticed_without_a_signal() {
    let warden = Setup::new().start();
    let file = warden.folder().join("policies/org.yaml");
    crate::support::warden::write_file(&file, "version: 1\nscope: org\nallow:\n  - models: [\"amazon.*\"]\n");
    eventually("the poll to find the new policy", || hello(&warden).status == 403);
}

#[test]
fn requests_are_served_while_policies_change() {
    let warden = Setup::new().start();
    std::thread::scope(|scope| {
        let served = scope.spawn(|| (0..40).all(|_| hello(&warden).status == 200));
        for turn in 0..10 {
            warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{ALLOW_ALL}# turn {turn}\n"));
        }
        assert!(served.join().unwrap());
    });
}

/// One case, which holds when `decision` is what the policies say of a plain request.
fn case(decision: &str) -> String {
    format!(
        "cases:\n  - name: the plain request\n    given: {{ team: payments, app: checkout }}\n    request: {{ model: {HAIKU} }}\n    expect: {{ decision: {decision} }}\n"
    )
}

#[test]
fn a_policy_whose_test_fails_never_comes_into_force() {
    let warden = Setup::new().policy("tests/plain.yaml", &case("allow")).start();
    let said = warden.stderr().len();
    warden.write_policy("org.yaml", "version: 1\nscope: org\nallow:\n  - models: [\"amazon.*\"]\n");
    eventually("the failed test to be reported", || {
        warden.stderr()[said..].contains("tests/plain.yaml:2 the plain request")
    });
    assert_eq!(hello(&warden).converse_text(), "hello");
    let admin = warden.admin();
    let ready = admin.send(&Call::new("GET", "/readyz", "").header("host", &admin.authority()));
    assert!(ready.text().contains("tests/plain.yaml:2"), "{}", ready.text());
    // Once the test says what is wanted, so do the policies.
    warden.write_policy("tests/plain.yaml", &case("deny, rules: [org/allow]"));
    eventually("the new policy to deny", || hello(&warden).status == 403);
}

#[test]
fn a_mistake_on_disk_at_a_restart_leaves_the_last_good_policies_in_force() {
    let mut warden = Setup::new().org("allow:\n  - models: [\"anthropic.claude-3-haiku-*\"]\n").start();
    assert_eq!(hello(&warden).converse_text(), "hello");
    warden.write_policy("org.yaml", "version: 1\nscope: [org\n");
    warden.terminate();
    warden.wait_for_exit();
    warden.restart();
    assert!(warden.stderr().contains("the last good ones are"), "{}", warden.stderr());
    assert_eq!(hello(&warden).converse_text(), "hello");
    warden
        .send(Call::converse("anthropic.claude-v2", "say: hello"))
        .assert_refused(403, "AccessDeniedException");
}

fn hello(warden: &TestWarden) -> Response {
    warden.send(Call::converse(HAIKU, "say: hello"))
}
