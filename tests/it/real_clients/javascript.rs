//! The AWS SDK for JavaScript, which speaks HTTP/2 to the runtime and signs `:authority`.

use serde_json::Value;

use crate::support::call::KeyPair;
use crate::support::obtain::clients::{self, Node};
use crate::support::obtain::required;
use crate::support::process::{clean_command, finish};
use crate::support::warden::TestWarden;

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
