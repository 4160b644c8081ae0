//! Recorded requests, asked about again: `policy replay` and `policy explain --decision` on the journal of a real run.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, converse_body};
use crate::support::http::Response;
use crate::support::process::Finished;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden, write_file};

/// What the warden ran under.
const TEAM: &str =
    "allow:\n  - models: [anthropic.claude-3-haiku-*]\nlimits:\n  - maxTokens: { max: 1024, over: clamp }\n";

/// A warden that answered two requests and refused one.
struct Recorded {
    warden: TestWarden,
    clamped: Response,
    denied: Response,
}

impl Recorded {
    fn new() -> Self {
        let warden = Setup::new().team(TEAM).start();
        let clamped = warden.send(with_tokens(HAIKU, 9000));
        assert_eq!(clamped.converse_text(), "hello");
        assert_eq!(warden.send(with_tokens(HAIKU, 100)).converse_text(), "hello");
        let denied = warden.send(with_tokens(TITAN, 100));
        denied.assert_refused(403, "AccessDeniedException");
        Self { warden, clamped, denied }
    }

    /// A policy folder with other rules for the team.
    fn candidate(&self, name: &str, team: &str) -> String {
        let folder = self.warden.home().join(name);
        write_file(&folder.join("org.yaml"), &format!("version: 1\nscope: org\n{ALLOW_ALL}"));
        let team = format!("version: 1\nscope: team/payments\n{team}");
        write_file(&folder.join("teams/payments.yaml"), &team);
        folder.to_str().unwrap().to_owned()
    }

    fn policy(&self, arguments: &[&str]) -> Finished {
        let journal = self.warden.folder().join("data/audit.db");
        self.warden.run(&[&["policy"], arguments, &["--journal", journal.to_str().unwrap()]].concat())
    }

    fn replay(&self, arguments: &[&str]) -> (i32, Value) {
        let replayed = self.policy(&[&["replay", "--output", "json"], arguments].concat());
        let report = serde_json::from_str(&replayed.stdout);
        (replayed.code, report.unwrap_or_else(|_| panic!("{}{}", replayed.stdout, replayed.stderr)))
    }

    fn explain(&self, id: &str, policies: &str) -> Finished {
        self.policy(&["explain", "--decision", id, "--policies", policies])
    }
}

fn with_tokens(model: &str, tokens: u32) -> Call {
    let mut body = converse_body("say: hello");
    body["inferenceConfig"] = json!({ "maxTokens": tokens });
    Call::converse_with(model, &body)
}

#[test]
fn a_replay_tells_four_kinds_of_difference_apart() {
    let recorded = Recorded::new();
    let nothing = "allow:\n  - models: [amazon.nova-*]\n";
    let detector = "sensitive:\n  - { id: mail, detect: [email], prompt: redact, unread: report }\n";
    // The rules for the team, and every difference: what, why, how many, and whose.
    let (clamped, denied) = (Some(&recorded.clamped), Some(&recorded.denied));
    let table = [
        ("same", TEAM.to_owned(), vec![]),
        ("denies", nothing.to_owned(), vec![("newly denied", "payments/allow", 2, clamped)]),
        (
            "allows",
            TEAM.replace("-haiku-*", "-haiku-*, amazon.titan-*"),
            vec![("newly allowed", "payments/allow", 1, denied)],
        ),
        ("rewrites", TEAM.replace("1024", "512"), vec![("rewritten differently", "maxTokens", 1, clamped)]),
        (
            "looks",
            format!("{TEAM}{detector}"),
            vec![("cannot tell", "what a new detector would find", 2, clamped)],
        ),
    ];
    for (name, team, expected) in table {
        let folder = recorded.candidate(name, &team);
        let (code, report) = recorded.replay(&[&folder]);
        assert_eq!(
            (code, &report["replayed"], &report["not_replayed"]),
            (0, &json!(3), &json!(0)),
            "{report:#}"
        );
        let found = report["differences"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}: {report:#}");
        let counted: u64 = expected.iter().map(|(_, _, count, _)| count).sum();
        assert_eq!(report["same"], 3 - counted, "{name}: {report:#}");
        for (difference, (what, why, count, whose)) in found.iter().zip(expected) {
            let told = [&difference["what"], &difference["why"], &difference["count"]];
            assert_eq!(told, [&json!(what), &json!(why), &json!(count)], "{name}: {report:#}");
            let example = difference["examples"][0].as_str();
            assert_eq!(example, whose.map(Response::decision_id).as_deref(), "{name}: {report:#}");
        }
    }
}

#[test]
fn a_replay_fails_a_build_on_what_it_was_asked_to() {
    let recorded = Recorded::new();
    let folder = |name: &str, team: &str| recorded.candidate(name, team);
    let denies = folder("denies", "allow:\n  - models: [amazon.nova-*]\n");
    let allows = folder("allows", &TEAM.replace("-haiku-*", "-haiku-*, amazon.titan-*"));
    let rewrites = folder("rewrites", &TEAM.replace("1024", "512"));
    let same = folder("same", TEAM);
    let table = [(&denies, [1, 0, 1]), (&allows, [0, 1, 1]), (&rewrites, [0, 0, 1]), (&same, [0, 0, 0])];
    for (folder, codes) in table {
        for (what, expected) in ["denied", "allowed", "any"].into_iter().zip(codes) {
            let (code, report) = recorded.replay(&[folder, "--fail-on", what]);
            assert_eq!(code, expected, "{folder} --fail-on {what}: {report:#}");
        }
    }
    // Two folders are compared with each other, whatever was decided then.
    let (_, report) = recorded.replay(&[&allows, &denies]);
    assert_eq!(report["differences"][0]["what"], "newly denied", "{report:#}");
    assert_eq!(report["differences"][0]["count"], 3, "{report:#}");
    let table = recorded.policy(&["replay", &denies]);
    assert!(
        table.stdout.contains("newly denied           payments/checkout  payments/allow"),
        "{}",
        table.stdout
    );
    let (_, report) = recorded.replay(&[&denies, "--since", "2099-01-01"]);
    assert_eq!(report["replayed"], 0, "{report:#}");
}

#[test]
fn a_recorded_decision_is_explained_by_the_policies_of_then_and_of_now() {
    let recorded = Recorded::new();
    let then = recorded.warden.folder().join("policies");
    let then = Path::to_str(&then).unwrap();
    let id = recorded.denied.decision_id();
    let explained = recorded.explain(&id, then);
    assert_eq!(explained.code, 1, "{}{}", explained.stdout, explained.stderr);
    assert!(explained.stderr.contains(&format!("{id} was denied under sha256:")), "{}", explained.stderr);
    assert!(!explained.stderr.contains("other policies"), "{}", explained.stderr);
    assert!(explained.stdout.contains("payments/allow"), "{}", explained.stdout);
    // Under others it is said that they are others, and what they say.
    let now = recorded.candidate("now", &TEAM.replace("-haiku-*", "-haiku-*, amazon.titan-*"));
    let explained = recorded.explain(&id, &now);
    assert_eq!(explained.code, 0, "{}{}", explained.stdout, explained.stderr);
    assert!(explained.stderr.contains("these are other policies"), "{}", explained.stderr);
    let clamped = recorded.explain(&recorded.clamped.decision_id(), then);
    assert_eq!(clamped.code, 0, "{}{}", clamped.stdout, clamped.stderr);
    assert!(clamped.stdout.contains("maxTokens 9000 becomes 1024"), "{}", clamped.stdout);
    let nobody = recorded.explain("00000000-0000-0000-0000-000000000000", then);
    assert_eq!(nobody.code, 2, "{}{}", nobody.stdout, nobody.stderr);
}
