use std::io::Cursor;

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::captured::Captured;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: SensitiveCommand,
}

/// How a command ended, its stdout, its stderr.
fn sensitive(line: &str, stdin: &[u8]) -> (Result<Exit, Failure>, String, String) {
    let words = ["sensitive"].into_iter().chain(line.split_whitespace());
    let command = Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).command;
    let (stdout, stderr) = (Captured::default(), Captured::default());
    let mut terminal = Terminal {
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        color: false,
        interactive: false,
    };
    let exit = run(&command, &mut Cursor::new(stdin), &mut terminal);
    (exit, stdout.text(), stderr.text())
}

#[test]
fn a_text_is_printed_redacted_and_counted() {
    let text = "Zoë <zoe@example.org>, ssn 219-09-9999\n";
    let (exit, stdout, stderr) = sensitive("scan", text.as_bytes());
    assert_eq!(exit.unwrap(), Exit::Success);
    assert_eq!(stdout, "Zoë <{EMAIL}>, ssn {US_SOCIAL_SECURITY_NUMBER}\n");
    assert_eq!(stderr, "found EMAIL (1), US_SOCIAL_SECURITY_NUMBER (1)\n");
    let (_, stdout, stderr) = sensitive("scan --detect ssn,phone", b"nothing to see");
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""), "`ssn` is no detector");
    let (exit, stdout, _) = sensitive("scan --detect us_ssn --exit-code", text.as_bytes());
    assert_eq!(exit.unwrap(), Exit::Findings);
    assert!(stdout.contains("zoe@example.org"), "{stdout}");
    assert_eq!(sensitive("scan --exit-code", b"plain words\n").0.unwrap(), Exit::Success);
}

#[test]
fn json_lines_are_answered_with_places_in_code_points() {
    let lines =
        "{\"id\":\"a\",\"text\":\"é😀 bob@example.com!\"}\n\n{\"id\":7,\"text\":\"nothing\",\"more\":[1]}";
    let (exit, stdout, stderr) = sensitive("scan --format jsonl", lines.as_bytes());
    assert_eq!((exit.unwrap(), stderr.as_str()), (Exit::Success, ""));
    let answers: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let span = json!({ "start": 3, "end": 18, "type": "EMAIL" });
    assert_eq!(answers, [json!({ "id": "a", "spans": [span] }), json!({ "id": 7, "spans": [] })]);
}

#[test]
fn a_bad_line_is_named_and_costs_no_other_line_its_answer() {
    let lines =
        "{\"id\":1,\"text\":\"bob@example.com\"}\nsecret words\n{\"id\":2}\n{\"id\":3,\"text\":\"x\"}\n";
    let (exit, stdout, stderr) = sensitive("scan --format jsonl", lines.as_bytes());
    let failure = exit.unwrap_err();
    assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, "2 lines could not be read"));
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stderr.contains("line 2, column 1: no JSON") && stderr.contains("line 3"), "{stderr}");
    assert!(!stderr.contains("secret"), "{stderr}");
}

#[test]
fn the_name_of_a_member_speaks_for_its_value() {
    let line = r#"{"id":1,"text":"letmein","key":"password"}"#;
    let (_, stdout, _) = sensitive("scan --format jsonl", line.as_bytes());
    assert!(stdout.contains("PASSWORD"), "{stdout}");
}

#[test]
fn detectors_of_a_policy_folder_are_used_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("org.yaml"), "version: 1\nscope: org\nallow: { models: \"*\" }\n")
        .unwrap();
    let own = "version: 1\ndetectors:\n  - name: STAFF_CODE\n    pattern: 'ST[0-9]{4}'\n    \
               examples: { match: [ST1234], no_match: [ST123] }\n";
    std::fs::write(folder.path().join("detectors.yaml"), own).unwrap();
    let policies = format!("--policies={}", folder.path().display());
    let (_, stdout, _) =
        sensitive(&format!("scan {policies} --detect staff_code"), b"ST1234 bob@example.com");
    assert_eq!(stdout, "{STAFF_CODE} bob@example.com");
    let (_, stdout, _) = sensitive(&format!("list {policies}"), b"");
    assert!(stdout.contains("STAFF_CODE\n"), "{stdout}");
    std::fs::write(folder.path().join("detectors.yaml"), own.replace("{4}", "+")).unwrap();
    let failure = sensitive(&format!("scan {policies}"), b"").0.unwrap_err();
    assert!(failure.exit == Exit::Usage && failure.message.contains("detectors.yaml"), "{failure}");
}

#[test]
fn every_detector_is_listed_with_what_it_finds() {
    let (exit, stdout, _) = sensitive("list", b"");
    assert_eq!(exit.unwrap(), Exit::Success);
    let (_, printed, _) = sensitive("list --output json", b"");
    let listed: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(listed.len(), DetectorSet::all().iter().count());
    for (id, entry) in DetectorSet::all().iter().zip(&listed) {
        assert!(stdout.contains(&format!("{} ({}", id.name(), id.short())), "{id}");
        assert_eq!(entry["name"], id.name());
        assert!(!entry["examples"]["match"].as_array().unwrap().is_empty(), "{id}");
    }
}

#[test]
fn what_cannot_be_scanned_is_refused_with_a_hint() {
    let failure = sensitive("scan --detect emial", b"").0.unwrap_err();
    assert_eq!(failure.hint.as_deref(), Some("did you mean `email`?"));
    let failure = sensitive("scan", b"ab\xff").0.unwrap_err();
    assert!(failure.message.contains("byte 2"), "{failure}");
}
