//! The AWS SDK for Python.

use std::process::Command;

use serde_json::Value;

use crate::support::call::KeyPair;
use crate::support::obtain::clients::{self, Python};
use crate::support::obtain::required;
use crate::support::process::{clean_command, finish};
use crate::support::warden::TestWarden;

use super::expected::{ATTEMPTS, CASES, bad_keys, check_run, warden};

const APPLICATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients/boto3_client.py");

#[test]
fn python_is_here_or_its_absence_is_said() {
    if let Some(python) = required(clients::python()) {
        assert!(python.program.exists() || python.packages.is_some());
    }
}

#[test]
fn boto3_sees_native_answers_and_typed_refusals() {
    let Some(python) = required(clients::python()) else { return };
    let warden = warden();
    let cases: Vec<_> = CASES.iter().map(|(case, _)| *case).collect();
    let observed = application(&python, &warden, &warden.key, &cases);
    check_run(&warden, &observed);
    for line in &observed {
        // boto3 makes a class for each modelled exception; an unmodelled one would be a bare `ClientError`. Out of a
        // stream, every exception is an `EventStreamError`.
        let broken = line["case"].as_str().unwrap().starts_with("broken_");
        let class = if broken { &Value::from("EventStreamError") } else { &line["code"] };
        assert!(line["code"].is_null() || line["error"] == *class, "{line}");
    }
}

#[test]
fn boto3_with_a_bad_key_is_refused() {
    let Some(python) = required(clients::python()) else { return };
    let warden = warden();
    for bad in bad_keys(&warden) {
        let observed = application(&python, &warden, &bad.key, &["converse"]);
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}

fn application(python: &Python, warden: &TestWarden, key: &KeyPair, cases: &[&str]) -> Vec<Value> {
    let mut command: Command = clean_command(&python.program, warden.home());
    command
        .arg(APPLICATION)
        .args(cases)
        .envs(warden.environment())
        // boto3 reads this name for the region, every other SDK `AWS_REGION`.
        .env("AWS_DEFAULT_REGION", &warden.environment()["AWS_REGION"])
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env("AWS_MAX_ATTEMPTS", ATTEMPTS.to_string());
    if let Some(packages) = &python.packages {
        command.env("PYTHONPATH", packages);
    }
    let finished = finish(&mut command);
    assert_eq!(finished.code, 0, "the application failed: {}", finished.stderr);
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
