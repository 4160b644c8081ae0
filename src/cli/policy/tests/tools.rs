//! Commands about whole folders: tests, matrices, differences, new teams.

use serde_json::Value;

use super::*;

const ORG: &str =
    "version: 1\nscope: org\nallow: { models: anthropic.claude-3-* }\nresidency: { in: [us] }\n";
const TEAM: &str = "version: 1\nscope: team/a\nallow: { models: anthropic.claude-3-haiku-* }\nlimits: { maxTokens: { max: 100, over: clamp } }\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn at(folder: &tempfile::TempDir) -> String {
    format!("--policies={}", folder.path().display())
}

fn json(line: &str) -> Value {
    let printed = policy(line).1;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[test]
fn the_tests_that_ship_pass_and_leave_no_rule_out() {
    let (exit, printed) = policy("test --coverage");
    assert_eq!(exit.unwrap(), Exit::Success, "{printed}");
    assert!(printed.contains(" 0 failed; 20 of 20 rules triggered"), "{printed}");
}

#[test]
fn a_failed_test_is_told_in_every_format() {
    let tests = format!(
        "cases:\n  - name: \"a < b & c\"\n    given: {{ team: a, app: x }}\n    request: {{ model: {HAIKU}, maxTokens: 500 }}\n    expect: {{ decision: allow, modified: {{}} }}\n"
    );
    let home = folder(&[("org.yaml", ORG), ("teams/a.yaml", TEAM), ("tests/a.yaml", &tests)]);
    let (exit, printed) = policy(&format!("test {}", at(&home)));
    assert_eq!(exit.unwrap(), Exit::Findings);
    assert!(printed.starts_with("✗ tests/a.yaml:2  a < b & c\n"), "{printed}");
    assert!(
        printed.contains("modified: expected nothing\n              actual   maxTokens: 100"),
        "{printed}"
    );
    let report = json(&format!("test --output json {}", at(&home)));
    assert_eq!((&report["passed"], &report["failed"]), (&0.into(), &1.into()));
    assert_eq!(report["cases"][0]["mismatches"][0]["actual"], "maxTokens: 100");
    let junit = policy(&format!("test --output junit {}", at(&home))).1;
    assert!(junit.contains("<testcase name=\"a &lt; b &amp; c\""), "{junit}");
    assert!(
        junit.contains("<failure message=\"modified: expected nothing, actual maxTokens: 100\"/>"),
        "{junit}"
    );
    let github = policy(&format!("test --output github {}", at(&home))).1;
    let file = home.path().join("tests/a.yaml").display().to_string();
    let expected = format!(
        "::error file={file},line=2,title=a < b & c::modified: expected nothing, actual maxTokens: 100\n"
    );
    assert_eq!(github, expected);
    assert_eq!(
        policy(&format!("test {}", at(&folder(&[("org.yaml", ORG)])))).0.unwrap_err().exit,
        Exit::Usage
    );
}

#[test]
fn a_matrix_shows_who_may_use_what() {
    let home = folder(&[("org.yaml", ORG), ("teams/a.yaml", TEAM)]);
    let (exit, printed) = policy(&format!("matrix {}", at(&home)));
    assert_eq!(exit.unwrap(), Exit::Success);
    let expected = "model (max output tokens)               a\nanthropic.claude-3-haiku-20240307-v1:0  us,us-east-1 100\n";
    assert_eq!(printed, expected);
    let csv = policy(&format!("matrix --csv {}", at(&home))).1;
    let expected = "team,app,environment,model,allowed,places,max_tokens,depends_on\na,*,*,anthropic.claude-3-haiku-20240307-v1:0,true,us us-east-1,100,\n";
    assert_eq!(csv, expected);
    let report = json(&format!("matrix --output json --region eu-central-1 {}", at(&home)));
    assert_eq!(report["cells"][0]["places"], serde_json::json!(["us"]), "{report:#}");
}

#[test]
fn a_matrix_names_what_a_cell_hangs_on() {
    let team = format!("{TEAM}deny:\n  - {{ id: office, unless: {{ source: 10.0.0.0/8 }} }}\n");
    let home = folder(&[("org.yaml", ORG), ("teams/a.yaml", &team)]);
    let printed = policy(&format!("matrix {}", at(&home))).1;
    assert!(printed.ends_with("us,us-east-1 100 [1]\n\n[1] depends on a/deny/office\n"), "{printed}");
}

#[test]
fn a_difference_says_which_way_it_goes() {
    let before = folder(&[("org.yaml", ORG), ("teams/a.yaml", TEAM)]);
    let table = [
        ("max: 100", "max: 200", "LOOSER   a  maxTokens 100 → 200", 1),
        ("max: 100", "max: 50", "TIGHTER  a  maxTokens 100 → 50", 0),
        ("claude-3-haiku-*", "claude-3-*", "LOOSER   a  access denied → allowed", 1),
        ("claude-3-haiku-*", "claude-v2", "TIGHTER  a  access allowed → denied", 0),
        (
            "limits:",
            "content: { modalities: text }\nlimits:",
            "TIGHTER  a  modality audio, document, image, video allowed → denied",
            0,
        ),
        (
            "limits:",
            "deny: { id: d, when: { tools: bash* } }\nlimits:",
            "TIGHTER  a  tool bash, bash-x allowed → denied",
            0,
        ),
        (
            "limits:",
            "sensitive: { id: s, detect: email, prompt: deny }\nlimits:",
            "TIGHTER  a  prompt with email allowed → denied",
            0,
        ),
        (
            "limits:",
            "deny: { id: d, when: 'context.content.turns > 40' }\nlimits:",
            "CHANGED  teams/a.yaml:4  deny/d is added: compare it by hand",
            1,
        ),
        ("version: 1", "version: 1 # a comment", "0 looser, 0 tighter", 0),
    ];
    for (from, to, expected, exit) in table {
        let after = folder(&[("org.yaml", ORG), ("teams/a.yaml", &TEAM.replace(from, to))]);
        let line = format!("diff {} {} --fail-on looser", before.path().display(), after.path().display());
        let (ended, printed) = policy(&line);
        assert!(printed.contains(expected), "{to}: {printed}");
        assert_eq!(ended.unwrap().code(), exit, "{to}: {printed}");
    }
}

#[test]
fn check_names_rules_that_nothing_meets_or_tests() {
    let team = format!(
        "{TEAM}deny:\n  - {{ id: dead, models: [\"amazon.nova-lite-v1:0\"] }}\n  - {{ id: never, when: {{ env: prod }}, unless: {{ env: prod }} }}\n  - {{ id: alive, when: {{ env: dev }} }}\n"
    );
    let tests = format!(
        "cases:\n  - name: it\n    given: {{ team: a, app: x, env: dev }}\n    request: {{ model: {HAIKU} }}\n    expect: {{ decision: deny, rules: [a/deny/alive] }}\n"
    );
    let home = folder(&[("org.yaml", ORG), ("teams/a.yaml", &team), ("tests/a.yaml", &tests)]);
    let report = json(&format!("check --output json {}", at(&home)));
    let mut warnings: Vec<&str> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    warnings.sort_unstable();
    let expected = [
        "a/deny/dead: no test triggers it",
        "a/deny/dead: nothing that is granted meets it, so it denies nothing",
        "a/deny/never: no test triggers it",
        "a/deny/never: nothing that is granted meets it, so it denies nothing",
        "org/residency: no test triggers it",
    ];
    assert_eq!(warnings, expected);
    assert_eq!(policy(&format!("check --strict {}", at(&home))).0.unwrap(), Exit::Findings);
}

#[test]
fn a_new_team_checks_and_passes() {
    let home = folder(&[("org.yaml", ORG)]);
    let line = format!("new team b --model anthropic.claude-3-haiku-* {}", at(&home));
    assert_eq!(policy(&line).0.unwrap(), Exit::Success);
    assert_eq!(policy(&line).0.unwrap_err().exit, Exit::Usage, "nothing is overwritten");
    assert_eq!(policy(&format!("check {}", at(&home))).0.unwrap(), Exit::Success);
    let (exit, printed) = policy(&format!("test {}", at(&home)));
    assert_eq!(exit.unwrap(), Exit::Success, "{printed}");
    assert_eq!(policy(&format!("new team org {}", at(&home))).0.unwrap_err().exit, Exit::Usage);
}
