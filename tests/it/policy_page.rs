//! The page about policies: its CI job runs as it is written, and its figures are those of the binary.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::call::{Call, HAIKU};
use crate::support::warden::{Setup, TestWarden};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BINARY: &str = env!("CARGO_BIN_EXE_bedrock-warden");
const SHIPPED: [&str; 6] = [
    "org.yaml",
    "teams/payments.yaml",
    "teams/research.yaml",
    "tests/org.yaml",
    "tests/payments.yaml",
    "tests/research.yaml",
];

/// The fenced blocks of the page in one language.
fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/policies.md")).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A warden under the policies that ship.
fn shipped() -> TestWarden {
    let text = |path: &str| std::fs::read_to_string(Path::new(ROOT).join("policies").join(path)).unwrap();
    SHIPPED.iter().fold(Setup::new(), |setup, path| setup.policy(path, &text(path))).start()
}

fn shell(script: &str, folder: &Path, variables: &[(&str, &Path)]) -> Output {
    let path =
        format!("{}:{}", Path::new(BINARY).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(folder).env("PATH", path);
    command.envs(variables.iter().copied());
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_ci_job_of_the_page_runs_as_written() {
    let warden = shipped();
    let answer = warden.send(Call::converse(HAIKU, "say: hello"));
    assert_eq!(answer.converse_text(), "hello");
    let [job] = blocks("bash").try_into().unwrap();
    let policies = warden.folder().join("policies");
    let candidate = warden.home().join("candidate");
    for path in SHIPPED {
        let text = std::fs::read_to_string(policies.join(path)).unwrap();
        crate::support::warden::write_file(&candidate.join(path), &text);
    }
    let journal = warden.folder().join("data/audit.db");
    let variables = [
        ("POLICIES_BEFORE", policies.as_path()),
        ("POLICIES", candidate.as_path()),
        ("JOURNAL", journal.as_path()),
    ];
    let same = shell(&job, warden.home(), &variables);
    assert!(same.status.success(), "{}", printed(&same));
    assert!(printed(&same).contains("replayed 1 recorded request"), "{}", printed(&same));
    // A candidate that takes something away is found by the replay, and one that gives something by the comparison.
    let team = std::fs::read_to_string(candidate.join("teams/payments.yaml")).unwrap();
    let haiku = "anthropic.claude-3-haiku-*, ";
    assert!(team.contains(haiku));
    std::fs::write(candidate.join("teams/payments.yaml"), team.replace(haiku, "")).unwrap();
    let line = ["policy", "replay", candidate.to_str().unwrap(), "--journal", journal.to_str().unwrap()];
    let replayed = warden.run(&[line.as_slice(), &["--output", "json", "--fail-on", "denied"]].concat());
    assert_eq!(replayed.code, 1, "{}", replayed.stderr);
    let report: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert_eq!(report["differences"][0]["what"], "newly denied", "{report:#}");
    assert_eq!(report["differences"][0]["why"], "payments/allow", "{report:#}");
    std::fs::write(candidate.join("teams/payments.yaml"), team.replace("max: 1024", "max: 2048")).unwrap();
    let looser = shell(&job, warden.home(), &variables);
    assert!(!looser.status.success(), "{}", printed(&looser));
    let id = answer.decision_id();
    let explained = warden.run(&[
        "policy",
        "explain",
        "--decision",
        &id,
        "--journal",
        journal.to_str().unwrap(),
        "--policies",
        policies.to_str().unwrap(),
    ]);
    assert_eq!(explained.code, 0, "{}{}", explained.stdout, explained.stderr);
    assert!(explained.stdout.contains("maxTokens is set to 1024"), "{}", explained.stdout);
}

#[test]
fn anybody_can_work_out_the_digest_as_the_page_says() {
    let script = blocks("sh").into_iter().find(|block| block.contains("sha256sum")).unwrap();
    let sum = shell(&script, Path::new(ROOT), &[]);
    let sum = printed(&sum).split_whitespace().next().unwrap().to_owned();
    let checked = shell("bedrock-warden policy check --policies policies", Path::new(ROOT), &[]);
    assert!(printed(&checked).contains(&format!("sha256:{sum}\n")), "{sum} {}", printed(&checked));
}
