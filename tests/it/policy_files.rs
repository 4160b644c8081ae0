//! Files of a policy folder as authors meet them: one layout, and schemas that editors check them with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::obtain::clients::Packages;
use crate::support::obtain::required;
use crate::support::process::{Finished, run};
use crate::support::warden::write_file;

const DETECTORS: &str = "version: 1\ndetectors:\n  - name: SECURITY_TICKET\n    pattern: 'SEC-[0-9]{4,6}'\n    keywords: [ticket]\n    examples: { match: [ticket SEC-12345], no_match: [ticket SEC-123] }\n";
const CATALOGUE: &str = "version: 1\nmodels:\n  - id: anthropic.claude-3-haiku-20240307-v1:0\n    prices: { input: 0.25, output: 1.25, cacheRead: 0.03, cacheWrite: 0.3 }\naliases:\n  - id: arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123abc123\n    models: [anthropic.claude-3-haiku-20240307-v1:0]\n";

/// A folder as `init` and `policy new team` write it, with the files that a folder may have besides.
fn written(home: &Path) -> PathBuf {
    let set_up = home.join("new");
    let made = run(home, ["init", set_up.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let policies = set_up.join("policies");
    let team = ["policy", "new", "team", "lab", "--model", "anthropic.claude-*", "--policies"];
    let team = run(home, team.iter().chain(&[policies.to_str().unwrap()]));
    assert_eq!(team.code, 0, "{}", team.stderr);
    for (path, text) in [("detectors.yaml", DETECTORS), ("catalog.yaml", CATALOGUE)] {
        let kind = path.trim_end_matches(".yaml");
        let line = format!("# yaml-language-server: $schema={kind}.schema.json\n");
        write_file(&policies.join(path), &format!("{line}{text}"));
    }
    policies
}

fn policy(home: &Path, command: &[&str], policies: &Path) -> Finished {
    run(home, ["policy"].iter().chain(command).chain(&["--policies", policies.to_str().unwrap()]))
}

/// Validates each file by the schema that its first line names, with the reference implementation of JSON Schema.
const VALIDATE: &str = r##"
import json, pathlib, sys, yaml, jsonschema
class Loader(yaml.SafeLoader): pass
Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.yaml")):
    text = path.read_text()
    schema = path.parent / text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = json.loads(schema.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(text, Loader)))
    print(path.relative_to(sys.argv[1]), len(errors), *[e.message for e in errors])
"##;

fn validated(python: &Path, policies: &Path) -> Vec<String> {
    let output = Command::new(python).args(["-c", VALIDATE]).arg(policies).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_validator_accepts_what_is_written_and_refuses_what_the_warden_refuses() {
    let Some(python) = required(Packages::Current.interpreter()) else { return };
    let home = tempfile::tempdir().unwrap();
    let policies = written(home.path());
    let checked = policy(home.path(), &["check"], &policies);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let files = [
        "catalog.yaml",
        "detectors.yaml",
        "org.yaml",
        "teams/lab.yaml",
        "teams/payments.yaml",
        "teams/research.yaml",
        "tests/lab.yaml",
        "tests/org.yaml",
        "tests/payments.yaml",
        "tests/research.yaml",
    ];
    assert_eq!(validated(&python, &policies), files.map(|file| format!("{file} 0")));
    let mistakes = [
        ("detectors.yaml", "validator: md5\n    pattern", "pattern"),
        ("catalog.yaml", "prizes:", "prices:"),
        ("teams/lab.yaml", "maxTokns:", "maxTokens:"),
        ("tests/lab.yaml", "decision: perhaps", "decision: deny"),
    ];
    for (file, wrong, right) in mistakes {
        let path = policies.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(right), "{file}");
        std::fs::write(&path, text.replacen(right, wrong, 1)).unwrap();
        let found = validated(&python, &policies);
        assert!(found.iter().any(|line| line.starts_with(&format!("{file} 1"))), "{found:#?}");
        assert_eq!(policy(home.path(), &["test"], &policies).code, 2, "{file}");
        std::fs::write(&path, text).unwrap();
    }
}

#[test]
fn a_detector_of_the_folder_is_a_fact_like_any_other() {
    let home = tempfile::tempdir().unwrap();
    let policies = written(home.path());
    let rule = "sensitive:\n  - { id: tickets, detect: [security_ticket], prompt: deny, unread: report }\n";
    let path = policies.join("teams/lab.yaml");
    let team = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{team}{rule}")).unwrap();
    let model = "anthropic.claude-3-haiku-20240307-v1:0";
    let given = ["explain", model, "--team", "lab", "--app", "any", "findings=SECURITY_TICKET:2"];
    let explained = policy(home.path(), &given, &policies);
    assert_eq!(explained.code, 1, "{}", explained.stderr);
    assert!(explained.stdout.contains("lab/sensitive/tickets"), "{}", explained.stdout);
    let case = format!(
        "given: {{ team: lab, app: any }}\ncases:\n  - name: tickets\n    request: {{ model: {model}, findings: {{ security_ticket: 1 }} }}\n    expect: {{ decision: deny, rules: [lab/sensitive/tickets] }}\n"
    );
    write_file(&policies.join("tests/tickets.yaml"), &case);
    let tested = policy(home.path(), &["test"], &policies);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}

#[test]
fn files_are_laid_out_once_and_never_while_they_hold_a_mistake() {
    let home = tempfile::tempdir().unwrap();
    let policies = written(home.path());
    let fmt = |arguments: &[&str]| policy(home.path(), &[&["fmt"], arguments].concat(), &policies);
    let same = fmt(&["--check"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, ""), "what is written is laid out: {}", same.stderr);
    let path = policies.join("teams/lab.yaml");
    let mixed = "# lab\nlimits: {temperature: 1,maxTokens: 5} # short\nscope: team/lab\nversion: 1\nallow:\n- models: [\"anthropic.*\"]\n";
    std::fs::write(&path, mixed).unwrap();
    let read = || std::fs::read_to_string(&path).unwrap();
    let found = fmt(&["--check"]);
    assert_eq!((found.code, found.stdout.as_str()), (1, "teams/lab.yaml\n"), "{}", found.stderr);
    assert_eq!(read(), mixed);
    assert_eq!(fmt(&[]).code, 0);
    let laid_out = "# lab\nversion: 1\nscope: team/lab\nallow:\n  - models: [\"anthropic.*\"]\nlimits: { maxTokens: 5, temperature: 1 }  # short\n";
    assert_eq!(read(), laid_out);
    assert_eq!(fmt(&["--check"]).code, 0);
    for mistake in ["version: 1\nscope: team/lab\nallow:\n- modls: x\n", "version: 1\nscope: [team/lab\n"] {
        std::fs::write(&path, mistake).unwrap();
        let refused = fmt(&[]);
        assert_eq!(refused.code, 2, "{}", refused.stdout);
        assert!(refused.stderr.contains("teams/lab.yaml"), "{}", refused.stderr);
        assert_eq!(read(), mistake);
    }
}
