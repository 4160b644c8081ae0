mod tools;

use std::fs;
use std::io;
use std::path::Path;

use clap::Parser;

use super::*;
use crate::cli::captured::Captured;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: PolicyCommand,
}

/// Runs a command line on the policies that ship, unless it names others.
fn policy(line: &str) -> (Result<Exit, Failure>, String) {
    let shipped = concat!("--policies=", env!("CARGO_MANIFEST_DIR"), "/policies");
    let words = ["policy"].into_iter().chain(line.split_whitespace());
    let names_folders = line.contains("--policies") || line.starts_with("diff ");
    let words = words.chain((!names_folders).then_some(shipped));
    let command = Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).command;
    let stdout = Captured::default();
    let mut terminal = Terminal {
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(io::sink()),
        color: false,
        interactive: false,
    };
    let exit = run(command, &mut terminal);
    let printed = stdout.text();
    (exit, printed)
}

fn explained(line: &str) -> String {
    policy(&format!("explain {line}")).1
}

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";

#[test]
fn the_shipped_policies_are_free_of_findings() {
    let (exit, printed) = policy("check --deny-warnings");
    assert_eq!(exit.unwrap(), Exit::Success, "{printed}");
    assert!(printed.contains("org.yaml"), "{printed}");
    assert!(printed.contains("0 errors, 0 warnings"), "{printed}");
}

#[test]
fn the_shipped_policies_do_what_their_comments_say() {
    let payments = format!("{HAIKU} --team payments --app checkout");
    let research = format!("{HAIKU} --team research --app lab");
    let table = [
        (format!("{payments} maxTokens=100"), "ALLOW"),
        (format!("{payments} maxTokens=9000"), "MODIFY"),
        (payments.clone(), "MODIFY"),
        (format!("{payments} maxTokens=100 temperature=0.9"), "ALLOW"),
        (format!("{payments} maxTokens=100 findings=EMAIL:2"), "MODIFY"),
        (format!("{payments} maxTokens=100 findings=aws_access_key:1"), "DENY ValidationException"),
        (format!("{payments} maxTokens=100 modalities=text,image"), "DENY AccessDeniedException"),
        (format!("us.{payments} maxTokens=100"), "ALLOW"),
        (format!("{payments} --operation CountTokens"), "ALLOW"),
        ("guardrail=gr1:1 --operation ApplyGuardrail --team research --app lab".to_owned(), "ALLOW"),
        ("--operation ApplyGuardrail --team research --app lab findings=EMAIL:1".to_owned(), "MODIFY"),
        (
            "--operation ApplyGuardrail --team payments --app checkout".to_owned(),
            "DENY AccessDeniedException",
        ),
        (
            "--operation InvokeGuardrailChecks --team research --app lab".to_owned(),
            "DENY AccessDeniedException",
        ),
        (format!("{research} --operation StartAsyncInvoke output=s3://a/b"), "DENY AccessDeniedException"),
        ("--operation ListGuardrails --team payments --app checkout".to_owned(), "ALLOW"),
        ("--operation ListGuardrails --team nobody --app checkout".to_owned(), "DENY AccessDeniedException"),
        (format!("{payments} --operation GetFoundationModel"), "ALLOW"),
        (
            "amazon.nova-pro-v1:0 --operation GetFoundationModel --team payments --app checkout".to_owned(),
            "DENY AccessDeniedException",
        ),
        (format!("eu.{payments} maxTokens=100"), "DENY AccessDeniedException"),
        (format!("global.{payments} maxTokens=100"), "DENY AccessDeniedException"),
        (format!("{payments} maxTokens=100 tools=bash_20250124"), "DENY AccessDeniedException"),
        (research.clone(), "MODIFY"),
        (format!("{research} maxTokens=4096"), "ALLOW"),
        (format!("{research} maxTokens=4097"), "DENY ValidationException"),
        (format!("{research} maxTokens=10 turns=51"), "DENY ValidationException"),
        (format!("{HAIKU} --team research --app longdoc maxTokens=10 turns=51"), "ALLOW"),
        (
            format!("{research} maxTokens=10 --env batch --at 2026-11-20T15:00:00Z"),
            "DENY AccessDeniedException",
        ),
        (format!("{research} maxTokens=10 --env batch --at 2026-11-20T03:00:00Z"), "ALLOW"),
        ("amazon.nova-lite-v1:0 --team payments --app checkout".to_owned(), "DENY AccessDeniedException"),
        ("amazon.nova-lite-v1:0 --team payments --app support maxTokens=5".to_owned(), "ALLOW"),
        (
            "amazon.titan-text-express-v1 --team payments --app checkout --operation InvokeModel".to_owned(),
            "MODIFY",
        ),
        (
            "amazon.titan-embed-text-v2:0 --team payments --app checkout --operation InvokeModel".to_owned(),
            "ALLOW",
        ),
        (format!("{HAIKU} --team nobody --app checkout"), "DENY AccessDeniedException"),
    ];
    for (line, expected) in table {
        let printed = explained(&line);
        assert!(printed.starts_with(&format!("{expected}  ")), "{line}\n{printed}");
    }
}

#[test]
fn every_rule_is_explained_with_its_place() {
    let (exit, printed) = policy(&format!(
        "explain eu.{HAIKU} --team payments --app checkout --operation ConverseStream maxTokens=9000 temperature=0.9"
    ));
    assert_eq!(exit.unwrap(), Exit::Findings);
    for expected in [
        "DENY AccessDeniedException  payments/checkout ConverseStream eu.anthropic.claude-3-haiku-20240307-v1:0\n",
        "✓ org/allow",
        "granted by org/allow",
        "✗ org/residency",
        "org.yaml:41",
        "may run in eu; allowed: us (try us.anthropic.claude-3-haiku-20240307-v1:0): Data stays in the United States",
        "~ payments/limits",
        "maxTokens 9000 becomes 1024",
        "◌ payments/limits/calmer",
        "in shadow: temperature 0.9 is over 0.5",
        "· payments/deny/named-models-in-prod",
        "payments/checkout is not authorized to perform bedrock:ConverseStream on eu.anthropic",
    ] {
        assert!(printed.contains(expected), "{expected}\n{printed}");
    }
}

#[test]
fn a_body_is_explained_as_it_would_be_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    let body = r#"{"messages":[{"role":"user","content":[{"text":"mail jane.doe@example.com"}]}],"inferenceConfig":{"maxTokens":9000}}"#;
    fs::write(&file, body).unwrap();
    let line = format!("{HAIKU} --team payments --app checkout --output json --request {}", file.display());
    let report: serde_json::Value = serde_json::from_str(&explained(&line)).unwrap();
    assert_eq!(report["decision"], "modify", "{report:#}");
    assert_eq!(
        report["repairs"][0],
        serde_json::json!({ "rule": "payments/limits", "field": "maxTokens", "from": 9000.0, "to": 1024.0 })
    );
    assert_eq!(report["repairs"][1]["detectors"], serde_json::json!(["EMAIL"]));
    assert!(!report.to_string().contains("jane"), "{report:#}");
    fs::write(&file, r#"{"messages":[],"messages":[]}"#).unwrap();
    let refused = policy(&format!("explain {line}")).0.unwrap_err();
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.message.contains("repeats an object key"), "{refused}");
}

#[test]
fn a_name_is_explained_by_what_is_said_to_stand_behind_it() {
    let profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456";
    let line = format!("{profile} --team payments --app checkout maxTokens=100");
    let printed = explained(&line);
    assert!(printed.starts_with("DENY AccessDeniedException"), "{printed}");
    assert!(printed.contains("what stands behind") && printed.contains("is not known"), "{printed}");
    let printed = explained(&format!("{line} --resolves-to {HAIKU}"));
    assert!(printed.starts_with("ALLOW"), "{printed}");
    let printed =
        explained(&format!("{line} --resolves-to {HAIKU} --resolves-to meta.llama3-8b-instruct-v1:0"));
    assert!(printed.contains("leads to meta.llama3-8b-instruct-v1:0, which is not granted"), "{printed}");
    let report = explained(&format!("{line} --output json --resolves-to us.{HAIKU}"));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["model"]["resolved"], serde_json::json!([HAIKU]), "{report:#}");
    let plain = format!("explain {HAIKU} --team payments --app checkout --resolves-to {HAIKU}");
    assert_eq!(policy(&plain).0.unwrap_err().exit, Exit::Usage);
}

#[test]
fn folders_that_do_not_load_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("org.yaml");
    fs::write(&file, "version: 1\nscope: org\nallow: { models: [\"*\"] }\nlimits: { maxTokns: 5 }\n")
        .unwrap();
    let at = |path: &Path| format!("--policies={}", path.display());
    let (exit, printed) = policy(&format!("check {}", at(folder.path())));
    assert_eq!(exit.unwrap(), Exit::Usage);
    assert!(printed.contains("org.yaml:4:11") && printed.contains("did you mean `maxTokens`?"), "{printed}");
    assert!(printed.contains("policies do not load: 1 error, 0 warnings"), "{printed}");
    let explain = policy(&format!("explain {HAIKU} --team a --app b {}", at(folder.path()))).0.unwrap_err();
    assert_eq!(explain.exit, Exit::Usage);
    fs::write(&file, "version: 1\nscope: org\nallow: { models: [nobody.*] }\n").unwrap();
    assert_eq!(policy(&format!("check {}", at(folder.path()))).0.unwrap(), Exit::Success);
    let (exit, printed) = policy(&format!("check --deny-warnings --output json {}", at(folder.path())));
    assert_eq!(exit.unwrap(), Exit::Findings);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&report["loads"], &report["warnings"]), (&true.into(), &1.into()));
    assert_eq!(report["diagnostics"][0]["line"], 3);
    let missing = policy("check --policies=/nonexistent").0.unwrap_err();
    assert_eq!(missing.exit, Exit::Usage);
}

#[test]
fn facts_that_make_no_sense_are_usage_errors() {
    let table = [
        ("maxTokns=5", "there is no fact `maxTokns`"),
        ("maxTokens=many", "maxTokens must be a number, not `many`"),
        ("maxTokens", "`maxTokens` is not a fact"),
        ("findings=emial:1", "there is no detector `emial`"),
        ("guardrail=x", "`x` is not a guardrail"),
        ("modalities=smell", "there is no modality `smell`"),
        ("--operation ConverseStream stream=false", "ConverseStream cannot have stream=false"),
        ("--operation ApplyGuardrail", "ApplyGuardrail calls no model"),
    ];
    for (facts, expected) in table {
        let failure =
            policy(&format!("explain {HAIKU} --team payments --app checkout {facts}")).0.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.message, expected);
    }
}
