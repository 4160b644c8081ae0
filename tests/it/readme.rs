//! What the README and the shipped files show is what the binary accepts.

use std::path::Path;

use bedrock_warden::config::Config;
use bedrock_warden::yaml::Source;

use crate::support::process::run;
use crate::support::warden::write_file;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_policy_of_the_readme_loads_beside_the_floor_that_ships() {
    let mut policies = blocks("README.md", "yaml");
    policies.retain(|block| block.contains("scope: "));
    let [policy] = policies.try_into().unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("policies");
    let floor = std::fs::read_to_string(Path::new(ROOT).join("policies/org.yaml")).unwrap();
    write_file(&folder.join("org.yaml"), &floor);
    write_file(&folder.join("teams/payments.yaml"), &policy);
    let checked = run(home.path(), ["policy", "check", "--policies", folder.to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

/// Every block that shows keys of `warden.yaml` is read beside the keys that must be there.
#[test]
fn the_configuration_of_the_pages_is_what_the_warden_reads() {
    let required = "\
listen: { address: 127.0.0.1:8443, tls: { certificate: server.pem, key: server.key } }
policies: policies/
callers: callers.yaml
audit: { journal: audit.db }
";
    let environment = [("WARDEN_UPSTREAM_REGION".to_owned(), "us-east-1".to_owned())];
    let mut read = 0;
    for page in ["README.md", "docs/telemetry.md"] {
        for block in blocks(page, "yaml") {
            if !block.starts_with("telemetry:") && !block.starts_with("upstream:") {
                continue;
            }
            let source = Source::new(page, format!("{required}{block}"));
            let config = Config::parse(&source, Path::new("/etc/warden"), &environment);
            assert!(config.is_ok(), "{page}: {block}{:?}", config.err());
            read += 1;
        }
    }
    assert_eq!(read, 4, "the pages show configuration");
}

#[test]
fn the_policies_that_ship_load_without_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let folder = Path::new(ROOT).join("policies");
    let arguments = ["policy", "check", "--deny-warnings", "--policies", folder.to_str().unwrap()];
    let checked = run(home.path(), arguments);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

/// Every `bedrock-warden …` line names a command that exists, with flags that exist.
#[test]
fn the_commands_of_the_readme_exist() {
    let lines = blocks("README.md", "sh").concat();
    let commands: Vec<Vec<&str>> = lines
        .lines()
        .filter_map(|line| line.strip_prefix("bedrock-warden "))
        .map(|line| line.split('#').next().unwrap().split_whitespace().collect())
        .collect();
    assert!(commands.len() >= 6, "the README shows commands: {commands:?}");
    let home = tempfile::tempdir().unwrap();
    for command in commands {
        let words = command.iter().take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase()));
        let help: Vec<&str> = words.copied().chain(["--help"]).collect();
        let shown = run(home.path(), &help);
        assert_eq!(shown.code, 0, "{command:?}: {}", shown.stderr);
        for flag in command.iter().filter(|word| word.starts_with("--")) {
            assert!(shown.stdout.contains(flag), "`{}` does not know {flag}", command.join(" "));
        }
    }
}
