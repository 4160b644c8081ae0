//! The AWS SDK for JavaScript, which speaks HTTP/2 to the runtime and signs `:authority`.

use serde_json::Value;

use crate::support::call::KeyPair;
use crate::support::obtain::clients::{self, Node};
use crate::support::obtain::required;
use crate::support::process::{clean_command, finish};
use crate::support::warden::{Setup, TestWarden};

use super::expected::{ATTEMPTS, CASES, bad_keys, check_run, warden};

const APPLICATION: &str = include_str!("../clients/js_client.mjs");

#[test]
fn node_is_here_or_its_absence_is_said() {
    if let Some(node) = required(clients::node()) {
        assert!(node.modules.join("@aws-sdk/client-bedrock-runtime").is_dir());
    }
}

#[test]
fn the_javascript_sdk_sees_native_answers_and_typed_refusals() {
    let Some(node) = required(clients::node()) else { return };
    let warden = warden();
    let cases: Vec<_> = CASES.iter().map(|(case, _)| *case).collect();
    let observed = application(&node, &warden, &warden.key, &cases);
    check_run(&warden, &observed);
    for line in &observed {
        // The SDK makes a class for each modelled exception; an unmodelled one would be its base class.
        assert!(line["code"].is_null() || line["error"] == line["code"], "{line}");
    }
}

#[test]
fn the_javascript_sdk_with_a_bad_key_is_refused() {
    let Some(node) = required(clients::node()) else { return };
    let warden = warden();
    for bad in bad_keys(&warden) {
        let observed = application(&node, &warden, &bad.key, &["converse"]);
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn the_javascript_sdk_holds_live_sessions() {
    const POLICY: &str = "allow:\n  - models: [\"amazon.nova-sonic-*\"]\nlimits:\n  - temperature: { max: 0.9 }\n\
        sensitive:\n  - { id: pii, detect: [email], prompt: redact }\n  - { id: keys, detect: [aws_access_key], prompt: deny }\n";
    let Some(node) = required(clients::node()) else { return };
    let warden = Setup::new().team(POLICY).start();
    let cases = ["session", "session_denied_model", "session_denied_parameter", "session_denied_text"];
    let [whole, model, parameter, text] = &application(&node, &warden, &warden.key, &cases)[..] else {
        panic!()
    };
    assert_eq!(whole["text"], "You said: one | You said: mail {EMAIL} | You said: three", "{whole}");
    assert_eq!(whole["finished"], true, "{whole}");
    let refused = |line: &Value, code: &str, mention: &str| {
        assert_eq!((line["code"].as_str(), &line["error"]), (Some(code), &line["code"]), "{line}");
        assert!(line["message"].as_str().is_some_and(|message| message.contains(mention)), "{line}");
    };
    refused(model, "AccessDeniedException", "payments/allow");
    refused(parameter, "ValidationException", "payments/limits");
    refused(text, "ValidationException", "payments/sensitive/keys");
    let ends: Vec<_> =
        warden.journal().records.iter().map(|record| record.text("end_state").to_owned()).collect();
    for (state, count) in [("complete", 1), ("policy_abort", 1), ("refused", 2)] {
        assert_eq!(ends.iter().filter(|end| *end == state).count(), count, "{ends:?}");
    }
}

/// Node.js looks for packages beside the script, so the script is put beside them.
fn application(node: &Node, warden: &TestWarden, key: &KeyPair, cases: &[&str]) -> Vec<Value> {
    let folder = warden.home().join("application");
    if !folder.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("application.mjs"), APPLICATION).unwrap();
        std::os::unix::fs::symlink(&node.modules, folder.join("node_modules")).unwrap();
    }
    let mut command = clean_command(&node.program, warden.home());
    command
        .arg(folder.join("application.mjs"))
        .args(cases)
        .envs(warden.environment())
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env("AWS_MAX_ATTEMPTS", ATTEMPTS.to_string());
    let finished = finish(&mut command);
    assert_eq!(finished.code, 0, "the application failed: {}", finished.stderr);
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
