use clap::Parser;

use super::*;
use crate::cli::captured::Captured;
use crate::identity::MasterKey;
use crate::identity::keys::{BearerKey, derive_secret};

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: CallerCommand,
}

struct Files(tempfile::TempDir);

impl Files {
    /// What a command prints to stdout and to stderr.
    fn run(&self, line: &str) -> Result<(String, String), Failure> {
        let arguments = std::iter::once("caller").chain(line.split(' '));
        let command = Cli::try_parse_from(arguments).map_err(Failure::usage)?.command;
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let mut terminal = Terminal {
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            color: false,
            interactive: false,
        };
        let (callers, master_key) = (self.0.path().join("callers.yaml"), self.0.path().join("master.key"));
        let files = CallerFiles { callers: &callers, master_key: &master_key };
        run(&command, &files, &mut terminal).map(|exit| {
            assert_eq!(exit, Exit::Success);
            (stdout.text(), stderr.text())
        })
    }
}

fn files() -> Files {
    Files(tempfile::tempdir().unwrap())
}

#[test]
fn a_key_pair_is_printed_once_as_lines_to_paste() {
    let files = files();
    let (stdout, stderr) = files.run("add --team payments --app checkout --expires 90d").unwrap();
    let lines: Vec<&str> = stdout.lines().collect();
    let id = lines[0].strip_prefix("AWS_ACCESS_KEY_ID=").unwrap();
    let secret = lines[1].strip_prefix("AWS_SECRET_ACCESS_KEY=").unwrap();
    let master = MasterKey::load(&files.0.path().join("master.key")).unwrap();
    assert_eq!((lines.len(), derive_secret(&master, id).expose()), (2, secret));
    assert!(stderr.contains("payments/checkout, valid until 20") && !stderr.contains(secret), "{stderr}");
    for output in ["table", "json"] {
        let (listed, talk) = files.run(&format!("list --output {output}")).unwrap();
        assert!(listed.contains(id) && !listed.contains(secret) && talk.is_empty(), "{listed}");
    }
}

#[test]
fn a_bearer_key_is_printed_under_the_name_that_sdks_read() {
    let files = files();
    let (stdout, _) = files.run("add --team payments --app batch --bearer").unwrap();
    let key = BearerKey::parse(stdout.trim_end().strip_prefix("AWS_BEARER_TOKEN_BEDROCK=").unwrap()).unwrap();
    let (listed, _) = files.run("list --output json").unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["kind"]), (&json!(key.id()), &json!("bearer")));
    assert_eq!((&listed[0]["state"], &listed[0]["notAfter"]), (&json!("active"), &Value::Null));
}

#[test]
fn keys_are_rotated_and_revoked_by_id() {
    let files = files();
    let (stdout, _) = files.run("add --team payments --app checkout --output json").unwrap();
    let old: Value = serde_json::from_str(&stdout).unwrap();
    let id = old["id"].as_str().unwrap();
    let (stdout, stderr) = files.run(&format!("rotate {id} --overlap 2h --output json")).unwrap();
    let new: Value = serde_json::from_str(&stdout).unwrap();
    assert_ne!(new["secretAccessKey"], old["secretAccessKey"]);
    assert!(stderr.contains(&format!("{id} goes on working for at most 2h")), "{stderr}");
    let (_, stderr) = files.run(&format!("revoke {id}")).unwrap();
    assert_eq!(stderr, format!("revoked {id}\n"));
    let (_, again) = files.run(&format!("revoke {id}")).unwrap();
    assert!(again.contains("could not be used before"), "{again}");
    let (table, _) = files.run("list").unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("TEAM      APP       KEY"), "{table}");
    assert!(lines[1].contains("  revoked  ") && lines[2].contains("  active "), "{table}");
}

#[test]
fn mistakes_are_usage_errors_that_say_what_would_work() {
    let files = files();
    let failed = |line: &str| {
        let failure = files.run(line).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{line}");
        failure.to_string()
    };
    assert!(failed("list").contains("caller add"));
    assert!(failed("add --team pay/ments --app a").contains("letters, digits"));
    assert!(failed("add --team a --app a --expires soon").contains("90d"));
    assert!(failed("add --team a --app a --expires 9999999w").contains("100 years"));
    files.run("add --team a --app a").unwrap();
    assert!(failed("revoke AKIANOBODY").contains("there is no key `AKIANOBODY`"));
}

#[test]
fn lengths_of_time_are_read_as_people_write_them() {
    for (text, seconds) in
        [("90d", 90 * 86400), ("24h", 86400), ("30m", 1800), ("45s", 45), ("2w", 14 * 86400), ("0s", 0)]
    {
        assert_eq!(text.parse(), Ok(Span(SignedDuration::from_secs(seconds))), "{text}");
    }
    for text in ["", "d", "90", "-1d", "1.5h", "90dd", "９d", "1y"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}
