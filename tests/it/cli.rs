//! The commands people type: what they print, what they refuse, how they exit.

use serde_json::Value;

use crate::support::call::{Call, HAIKU};
use crate::support::process::{Finished, finish, run, warden_command};
use crate::support::rust_sdk;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden, variables, write_file};

const SUCCESS: i32 = 0;
const FINDINGS: i32 = 1;
const USAGE: i32 = 2;

#[test]
fn init_prints_what_an_sdk_needs_and_makes_what_serve_needs() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new");
    let made =
        run(home.path(), ["init", folder.to_str().unwrap(), "--team", "payments", "--app", "checkout"]);
    assert_eq!(made.code, SUCCESS, "{}", made.stderr);
    let printed = variables(&made.stdout);
    for name in [
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_ENDPOINT_URL_BEDROCK",
        "AWS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
    ] {
        assert!(printed.get(name).is_some_and(|value| !value.is_empty()), "{name}: {}", made.stdout);
    }
    for file in
        ["warden.yaml", "callers.yaml", "master.key", "tls/ca.pem", "tls/server.pem", "tls/server.key"]
    {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let secret = &printed["AWS_SECRET_ACCESS_KEY"];
    let kept = std::fs::read_to_string(folder.join("callers.yaml")).unwrap();
    assert!(!kept.contains(secret.as_str()), "callers.yaml holds no secret in the clear");
    assert!(!made.stderr.contains(secret.as_str()));
    private(&folder.join("master.key"));
    private(&folder.join("tls/server.key"));
    let policies = folder.join("policies");
    let checked = run(home.path(), ["policy", "check", "--policies", policies.to_str().unwrap()]);
    assert_eq!(checked.code, SUCCESS, "the policies that init writes are good: {}", checked.stderr);
}

#[test]
fn init_does_not_overwrite() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("taken");
    let made = run(home.path(), ["init", folder.to_str().unwrap()]);
    assert_eq!(made.code, SUCCESS, "{}", made.stderr);
    let before = std::fs::read(folder.join("master.key")).unwrap();
    let again = run(home.path(), ["init", folder.to_str().unwrap()]);
    assert_eq!(again.code, USAGE, "{}", again.stderr);
    assert_eq!(std::fs::read(folder.join("master.key")).unwrap(), before);
    assert!(again.stdout.is_empty(), "{}", again.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_works_with_what_init_printed() {
    let warden = Setup::new().start();
    let client = rust_sdk::client(&warden, &warden.key);
    let content = aws_sdk_bedrockruntime::types::ContentBlock::Text("say: it works".to_owned());
    let message = aws_sdk_bedrockruntime::types::Message::builder()
        .role(aws_sdk_bedrockruntime::types::ConversationRole::User)
        .content(content)
        .build()
        .unwrap();
    let answer = client.converse().model_id(HAIKU).messages(message).send().await.unwrap();
    let message = answer.output().unwrap().as_message().unwrap();
    assert_eq!(message.content()[0].as_text().unwrap(), "it works");
}

#[test]
fn every_mistake_in_the_configuration_is_reported_at_once() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("warden.yaml");
    write_file(
        &file,
        "listen:\n  adress: 127.0.0.1:8443\n  tls: { certificate: tls/server.pem, key: tls/server.key }\n\
         admin:\n  address: nowhere\nupstream:\n  region: us-east-1\n  connect_timeout: soon\n\
         \x20 endpoint: http://bedrock.example\npolicies: policies/\ncallers: callers.yaml\n\
         audit:\n  journal: data/audit.db\n  mode: relaxed\nlimits:\n  body_bytes: -1\nsurprise: true\n",
    );
    let mut command = warden_command(home.path());
    command.args(["serve", "--config"]).arg(&file).env("WARDEN_LIMITS_ANSWER_BYTES", "many");
    let refused = finish(&mut command);
    assert_eq!(refused.code, USAGE, "{}", refused.stderr);
    // Each with its place, as a compiler would say it, and with the right spelling where one is near.
    for mention in [
        "warden.yaml:2:",
        "adress",
        "address",
        "warden.yaml:5:",
        "nowhere",
        "warden.yaml:8:",
        "soon",
        "warden.yaml:9:",
        "https",
        "warden.yaml:14:",
        "relaxed",
        "warden.yaml:16:",
        "warden.yaml:17:",
        "surprise",
        "WARDEN_LIMITS_ANSWER_BYTES",
        "many",
    ] {
        assert!(refused.stderr.contains(mention), "`{mention}` in {}", refused.stderr);
    }
    assert!(refused.stdout.is_empty());
}

#[test]
fn a_variable_that_is_no_key_is_a_mistake() {
    let warden = Setup::new().start();
    let config = warden.config();
    let mut command = warden_command(warden.home());
    command.args(["serve", "--config"]).arg(config).env("WARDEN_UPSTREM_REGION", "us-east-1");
    let refused = finish(&mut command);
    assert_eq!(refused.code, USAGE, "{}", refused.stderr);
    assert!(refused.stderr.contains("WARDEN_UPSTREM_REGION"), "{}", refused.stderr);
    assert!(refused.stderr.contains("WARDEN_UPSTREAM_REGION"), "with a hint: {}", refused.stderr);
}

#[test]
fn a_missing_configuration_says_how_to_make_one() {
    let home = tempfile::tempdir().unwrap();
    let refused = run(home.path(), ["serve", "--config", "nowhere/warden.yaml"]);
    assert_eq!(refused.code, USAGE);
    assert!(refused.stderr.contains("bedrock-warden init"), "{}", refused.stderr);
}

#[test]
fn policy_check_points_at_every_mistake() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("policies");
    let check = || run(home.path(), ["policy", "check", "--policies", folder.to_str().unwrap()]);
    write_file(&folder.join("org.yaml"), &format!("version: 1\nscope: org\n{ALLOW_ALL}"));
    let good = check();
    assert_eq!(good.code, SUCCESS, "{}{}", good.stdout, good.stderr);
    write_file(
        &folder.join("teams/payments.yaml"),
        "version: 1\nscope: team/payments\nalow:\n  - models: [\"*\"]\nlimits:\n  - temperature: { max: hot, over: deny }\n",
    );
    let checked = check();
    assert_eq!(checked.code, USAGE, "{}{}", checked.stdout, checked.stderr);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    for mention in ["payments.yaml:3", "alow", "allow", "payments.yaml:6", "hot"] {
        assert!(said.contains(mention), "`{mention}` in {said}");
    }
}

#[test]
fn policy_explain_answers_without_a_request() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("policies");
    let org = "version: 1\nscope: org\nallow:\n  - models: [\"anthropic.claude-3-*\"]\n";
    write_file(&folder.join("org.yaml"), org);
    let team = format!("version: 1\nscope: team/payments\n{ALLOW_ALL}");
    write_file(&folder.join("teams/payments.yaml"), &team);
    let explain = |model: &str| {
        let caller = ["--team", "payments", "--app", "checkout", "--output", "json"];
        let policies = ["policy", "explain", model, "--policies", folder.to_str().unwrap()];
        run(home.path(), policies.iter().chain(&caller))
    };
    let allowed = explain(HAIKU);
    assert_eq!(allowed.code, SUCCESS, "{}", allowed.stderr);
    assert!(json(&allowed).to_string().contains("org/allow"), "{}", allowed.stdout);
    let denied = explain("amazon.titan-text-express-v1");
    assert_eq!(denied.code, FINDINGS, "{}", denied.stderr);
    let text = json(&denied).to_string();
    assert!(text.contains("org/allow") && text.contains("org.yaml:4"), "{text}");
}

#[test]
fn the_record_answers_who_used_what_and_why_it_was_refused() {
    let warden = Setup::new().org("allow:\n  - models: [\"anthropic.*\"]\n").start();
    warden.send(Call::converse(HAIKU, "say: hello")).assert_ok();
    let refused = warden.send(Call::converse("amazon.titan-text-express-v1", "say: hello"));
    let id = refused.request_id();

    let denials = warden.run(&["audit", "query", "--decision", "deny", "--output", "json"]);
    assert_eq!(denials.code, SUCCESS, "{}", denials.stderr);
    let denials = json(&denials);
    assert_eq!(denials.as_array().unwrap().len(), 1, "{denials}");
    let denial = &denials[0];
    assert_eq!(denial["request_id"], id);
    assert_eq!((&denial["team"], &denial["app"]), (&Value::from("payments"), &Value::from("checkout")));
    assert_eq!(denial["model_requested"], "amazon.titan-text-express-v1");
    assert!(denial["rules"].to_string().contains("org/allow"), "{denial}");

    for format in ["table", "jsonl"] {
        let all = warden.run(&["audit", "query", "--output", format]);
        assert_eq!(all.code, SUCCESS, "{}", all.stderr);
        assert!(all.stdout.contains(HAIKU), "{}", all.stdout);
    }
    let shown = warden.run(&["audit", "show", id]);
    assert_eq!(shown.code, SUCCESS, "{}", shown.stderr);
    assert!(shown.stdout.contains("org/allow"), "{}", shown.stdout);
    let nothing = warden.run(&["audit", "show", "0190a0a0-0000-7000-8000-000000000000"]);
    assert_ne!(nothing.code, SUCCESS);
}

#[test]
fn caller_list_shows_no_secret() {
    let warden = Setup::new().start();
    let added = warden.add_caller("research", "notebook");
    let listed = warden.run(&["caller", "list"]);
    assert_eq!(listed.code, SUCCESS, "{}", listed.stderr);
    for shown in ["payments", "checkout", "research", "notebook", &added.id, &warden.key.id] {
        assert!(listed.stdout.contains(shown), "{shown}: {}", listed.stdout);
    }
    for secret in [&added.secret, &warden.key.secret] {
        assert!(!listed.stdout.contains(secret.as_str()));
    }
}

#[test]
fn a_rotated_key_works_beside_the_old_one() {
    let warden = Setup::new().start();
    let rotated = warden.run(&["caller", "rotate", &warden.key.id]);
    assert_eq!(rotated.code, SUCCESS, "{}", rotated.stderr);
    let printed = variables(&rotated.stdout);
    let fresh = crate::support::call::KeyPair {
        id: printed["AWS_ACCESS_KEY_ID"].clone(),
        secret: printed["AWS_SECRET_ACCESS_KEY"].clone(),
    };
    assert_ne!(fresh.id, warden.key.id);
    warden.hang_up();
    crate::support::eventually("the new key to work", || status(&warden, &fresh) == 200);
    assert_eq!(status(&warden, &warden.key), 200, "the old key works until it is revoked");
}

#[test]
fn the_demo_shows_what_the_product_does() {
    let home = tempfile::tempdir().unwrap();
    let shown = run(home.path(), ["demo"]);
    assert_eq!(shown.code, SUCCESS, "{}{}", shown.stdout, shown.stderr);
    let said = format!("{}{}", shown.stdout, shown.stderr).to_lowercase();
    for request in ["allow", "clamp", "den", "redact", "stream"] {
        assert!(said.contains(request), "`{request}` in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn help_is_data_and_mistakes_are_talk() {
    let home = tempfile::tempdir().unwrap();
    let help = run(home.path(), ["--help"]);
    assert_eq!(help.code, SUCCESS);
    for command in ["demo", "init", "serve", "simulator", "policy", "audit", "caller"] {
        assert!(help.stdout.contains(command), "{command}: {}", help.stdout);
    }
    let version = run(home.path(), ["--version"]);
    assert_eq!(version.stdout.trim(), concat!("bedrock-warden ", env!("CARGO_PKG_VERSION")));
    for mistake in [&["sevre"][..], &["policy", "explain"][..], &["serve", "--confg", "x"][..]] {
        let refused = run(home.path(), mistake);
        assert_eq!((refused.code, refused.stdout.as_str()), (USAGE, ""), "{mistake:?}");
        assert!(!refused.stderr.is_empty());
    }
}

#[test]
fn a_second_warden_on_the_same_journal_does_not_start() {
    let warden = Setup::new().start();
    let mut command = warden_command(warden.home());
    command.args(["serve", "--config"]).arg(warden.config());
    for name in ["WARDEN_LISTEN_ADDRESS", "WARDEN_LISTEN_PLAIN_ADDRESS", "WARDEN_ADMIN_ADDRESS"] {
        command.env(name, "127.0.0.1:0");
    }
    let refused = finish(&mut command);
    assert_ne!(refused.code, SUCCESS);
    assert!(refused.stderr.contains("audit.db"), "{}", refused.stderr);
    assert_eq!(warden.send(Call::converse(HAIKU, "say: hello")).converse_text(), "hello");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let warden = Setup::new().start();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("other");
    let taken = warden.authority();
    let made = run(home.path(), ["init", folder.to_str().unwrap(), "--listen", &taken]);
    assert_eq!(made.code, SUCCESS, "{}", made.stderr);
    let config = folder.join("warden.yaml");
    let refused = run(home.path(), ["serve", "--config", config.to_str().unwrap()]);
    assert_ne!(refused.code, SUCCESS);
    assert!(refused.stderr.contains(&taken), "{}", refused.stderr);
}

fn status(warden: &TestWarden, key: &crate::support::call::KeyPair) -> u16 {
    warden.tls().send(&Call::converse(HAIKU, "say: hello").sign(key, &warden.authority())).status
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

/// Readable by its owner only.
fn private(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", file.display());
}
