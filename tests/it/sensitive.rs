//! `sensitive scan` and `sensitive list`, through the binary.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::support::process::{Finished, run, warden_command};

/// Runs a command with a text on stdin.
fn fed(arguments: &[&str], stdin: &str) -> Finished {
    let home = tempfile::tempdir().unwrap();
    let mut command = warden_command(home.path());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Finished {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn json_lines_come_back_with_the_places_of_what_was_found() {
    let lines = [
        r#"{"id":"one","text":"écrire à bob@example.com"}"#,
        "not json",
        r#"{"id":"two","text":"card 4111 1111 1111 1111, cvv 123"}"#,
    ];
    let finished = fed(&["sensitive", "scan", "--format", "jsonl"], &lines.join("\n"));
    assert_eq!(finished.code, 2, "{}", finished.stderr);
    assert!(
        finished.stderr.contains("line 2") && !finished.stderr.contains("not json"),
        "{}",
        finished.stderr
    );
    let answers: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0]["spans"][0], serde_json::json!({ "start": 9, "end": 24, "type": "EMAIL" }));
    let types: Vec<_> = answers[1]["spans"].as_array().unwrap().iter().map(|span| &span["type"]).collect();
    assert_eq!(types, ["CREDIT_DEBIT_CARD_NUMBER", "CREDIT_DEBIT_CARD_CVV"]);
}

#[test]
fn a_text_comes_back_redacted() {
    let finished = fed(&["sensitive", "scan"], "mail bob@example.com\n");
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "mail {EMAIL}\n"));
    assert_eq!(finished.stderr, "found EMAIL (1)\n");
}

#[test]
fn the_catalogue_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let finished = run(home.path(), ["sensitive", "list", "--output", "json"]);
    let listed: Vec<Value> = serde_json::from_str(&finished.stdout).unwrap();
    for name in ["EMAIL", "US_SOCIAL_SECURITY_NUMBER", "BEDROCK_API_KEY", "PRIVATE_KEY"] {
        assert!(listed.iter().any(|entry| entry["name"] == name), "{name}");
    }
}
