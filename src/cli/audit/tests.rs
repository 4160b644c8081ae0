//! What the commands print.

use std::path::PathBuf;

use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::audit::{
    Arrival, Caller, DenialReason, Denied, Entry, Journal, JournalOptions, Judgement, Model, RuleHit, Target,
};
use crate::cli::captured::Captured;

#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: AuditCommand,
}

/// A journal with one denied request, whose caller tried to paint the reviewer's terminal.
fn journal() -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let id = runtime.block_on(async {
        let journal = Journal::open(&path, JournalOptions::default()).await.unwrap();
        let arrival = Arrival { user_agent: Some("\u{1b}[2Jgone\u{202e}".to_owned()), ..Arrival::default() };
        let mut entry = Entry::open(&journal, arrival);
        entry.request.caller = Some(Caller {
            team: "payments".to_owned(),
            app: "checkout".to_owned(),
            credential_kind: "sigv4".to_owned(),
            credential_id: "AKIA".to_owned(),
        });
        entry.request.target = Some(Target {
            operation: "Converse".to_owned(),
            region: "us-east-1".to_owned(),
            model: Some(Model {
                requested: "amazon.\u{1b}[31mtitan".to_owned(),
                resolved: "amazon.\u{1b}[31mtitan".to_owned(),
                ..Model::default()
            }),
        });
        let id = entry.request_id().to_string();
        let hit = RuleHit {
            rule: "org/models".to_owned(),
            at: "org.yaml:3".to_owned(),
            value: Some("amazon.titan".to_owned()),
            bound: None,
            controls: Vec::new(),
        };
        let denied = Denied {
            reason: DenialReason::Deny,
            http_status: 403,
            error_code: "AccessDeniedException".to_owned(),
            message: "use another model".to_owned(),
            judgement: Judgement { violated: vec![hit], ..Judgement::default() },
        };
        entry.refuse(denied).await.unwrap();
        journal.close().await;
        id
    });
    (folder, path, id)
}

/// Runs `audit …` and returns its exit, stdout and stderr.
fn audit(path: &Path, arguments: &[&str]) -> (Result<Exit, Failure>, String, String) {
    let line = CommandLine::try_parse_from(["audit"].iter().chain(arguments)).unwrap();
    let (stdout, stderr) = (Captured::default(), Captured::default());
    let mut terminal = Terminal {
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        color: false,
        interactive: false,
    };
    let exit = run(line.command, path, &mut terminal);
    (exit, stdout.text(), stderr.text())
}

#[test]
fn a_query_prints_an_aligned_table_that_no_caller_can_repaint() {
    let (_folder, path, id) = journal();
    let (exit, stdout, stderr) = audit(&path, &["query", "--since", "1h", "--decision", "deny"]);
    assert_eq!(exit.unwrap(), Exit::Success);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("TIME") && lines[1].contains(&id), "{stdout}");
    for column in ["CALLER", "DECISION", "WHY"] {
        let at = lines[0].find(column).unwrap();
        let cell: String = lines[1].chars().skip(at - 2).take(3).collect();
        assert!(cell.starts_with("  ") && !cell.ends_with(' '), "{column} is aligned: {stdout}");
    }
    assert!(lines[1].contains("payments/checkout") && lines[1].ends_with("org/models"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "{stdout:?}");
    assert_eq!(stderr, "");
}

#[test]
fn a_query_without_an_answer_says_so_on_stderr() {
    let (_folder, path, _) = journal();
    let (exit, stdout, stderr) = audit(&path, &["query", "--team", "nobody", "--output", "json"]);
    assert_eq!(exit.unwrap(), Exit::Success);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("[]\n", "no request matches\n"));
}

#[test]
fn a_query_says_when_there_is_more() {
    let (_folder, path, _) = journal();
    let (_, _, stderr) = audit(&path, &["query", "--limit", "1"]);
    assert!(stderr.contains("--limit"), "{stderr}");
}

#[test]
fn json_lines_hold_one_request_each() {
    let (_folder, path, id) = journal();
    let (_, stdout, _) = audit(&path, &["query", "--output", "jsonl"]);
    let rows: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["request_id"], &rows[0]["state"]), (&id.into(), &"refused".into()));
    assert_eq!(rows[0]["rules"][0]["rule"], "org/models");
}

#[test]
fn show_tells_why_and_where() {
    let (_folder, path, id) = journal();
    let (exit, stdout, _) = audit(&path, &["show", &id]);
    assert_eq!(exit.unwrap(), Exit::Success);
    assert!(stdout.starts_with(&format!("request {id}\n\nrequest.denied at 2")), "{stdout}");
    for part in ["deny", "use another model", "org/models", "org.yaml:3", "payments"] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    assert!(!stdout.contains(['\u{1b}', '\u{202e}']), "{stdout:?}");
}

#[test]
fn show_prints_the_exact_bytes_for_programs() {
    let (_folder, path, id) = journal();
    let (_, lines, _) = audit(&path, &["show", &id, "--output", "jsonl"]);
    let (_, object, _) = audit(&path, &["show", &id, "--output", "json"]);
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["records"][0]["bytes"], lines.trim_end());
    assert_eq!(object["records"][0]["record"]["kind"], "request.denied");
}

#[test]
fn mistakes_of_the_reader_are_usage_failures() {
    let (_folder, path, _) = journal();
    for arguments in [["show", "00000000"], ["show", "nonsense"]] {
        let (exit, _, _) = audit(&path, &arguments);
        assert_eq!(exit.unwrap_err().exit, Exit::Usage);
    }
    let (exit, _, _) = audit(&path.with_extension("missing"), &["query"]);
    assert_eq!(exit.unwrap_err().exit, Exit::Usage);
    for arguments in
        [["query", "--since", "never"], ["query", "--state", "done"], ["query", "--decision", "x"]]
    {
        assert!(CommandLine::try_parse_from(["audit"].iter().chain(&arguments)).is_err(), "{arguments:?}");
    }
}
