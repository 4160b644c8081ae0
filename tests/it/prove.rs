//! `policy prove`: claims about all requests, proved or refuted by the solver itself.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::process::BINARY;
use crate::support::warden::write_file;

const ORG: &str = r#"version: 1
scope: org
allow: { models: [anthropic.claude-3-haiku-*] }
deny:
  - { id: machines, when: { tools: ["computer*"] }, locked: true }
  - { id: shells, when: { tools: [bash] }, unless: 'context.app == "vip"' }
limits: { maxTokens: 4096 }
"#;
const TEAM: &str = "version: 1\nscope: team/payments\nallow: { models: [anthropic.claude-3-haiku-*] }\n";
const TESTS: &str = r#"version: 1
never:
  - name: answers are long
    allowed: 'context.params has maxTokens && context.params.maxTokens > 4096'
  - name: shells are opened
    allowed: { tools: [bash] }
  - name: models of nobody are asked
    allowed: { model: "nobody.*" }
"#;

fn prove(folder: &Path, solver: &Path) -> Output {
    for (path, text) in [("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("tests/all.yaml", TESTS)] {
        write_file(&folder.join(path), text);
    }
    let mut command = Command::new(BINARY);
    command
        .args(["policy", "prove", "--output", "json", "--policies"])
        .arg(folder)
        .arg("--solver")
        .arg(solver);
    command.output().unwrap()
}

#[cfg(feature = "prove")]
#[test]
fn claims_are_proved_or_refuted_with_a_request_that_the_warden_allows() {
    use crate::support::obtain::{cvc5, required};

    let Some(solver) = required(cvc5::program()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = prove(folder.path(), &solver);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes: Vec<&str> =
        report["claims"].as_array().unwrap().iter().map(|claim| claim["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["proved", "refuted", "empty", "proved"], "{report:#}");
    let found = report["claims"][1]["allowed"].as_str().unwrap();
    assert!(found.starts_with("payments/vip ") && found.contains("tools=bash"), "{found}");
    assert_eq!(report["claims"][1]["granted_by"], serde_json::json!(["org/allow", "payments/allow"]));
}

#[test]
fn without_a_solver_nothing_is_called_proved() {
    let folder = tempfile::tempdir().unwrap();
    let output = prove(folder.path(), Path::new("/nowhere/cvc5"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{told}");
    assert!(told.contains("cvc5") && told.contains("hint: "), "{told}");
}
