//! The README's table of clients: each row is what a run came to, and a row that says otherwise fails.
//!
//! The rows of a run are under `target/test-clients/table`, ready to be pasted.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::obtain::clients::Packages;
use crate::support::obtain::folder;
use crate::support::warden::TestWarden;

use super::application::Language;
use super::expected::Observed;

/// A client as the README names it.
#[derive(Debug)]
pub struct Named {
    name: &'static str,
    package: &'static str,
    source: Source,
}

/// Where its version stands.
#[derive(Debug, Clone, Copy)]
enum Source {
    Packages(Language),
    CargoLock,
}

pub const BOTO3: Named = python("boto3", "boto3");
pub const BOTO3_FIRST: Named = Named {
    name: "boto3",
    package: "boto3",
    source: Source::Packages(Language::Python(Packages::FirstBoto3)),
};
pub const AWS_CLI: Named = python("AWS CLI", "awscli");
pub const JAVASCRIPT: Named = javascript("AWS SDK for JavaScript", "@aws-sdk/client-bedrock-runtime");
pub const JAVASCRIPT_HTTP1: Named =
    javascript("AWS SDK for JavaScript, `NodeHttpHandler`", "@aws-sdk/client-bedrock-runtime");
pub const RUST: Named =
    Named { name: "AWS SDK for Rust", package: "aws-sdk-bedrockruntime", source: Source::CargoLock };
pub const ANTHROPIC_PYTHON: Named = python("anthropic (Python)", "anthropic");
pub const ANTHROPIC_JAVASCRIPT: Named = javascript("@anthropic-ai/bedrock-sdk", "@anthropic-ai/bedrock-sdk");
pub const CLAUDE_CODE: Named = javascript("Claude Code", "@anthropic-ai/claude-code");
pub const LANGCHAIN_CONVERSE: Named = python("langchain-aws `ChatBedrockConverse`", "langchain-aws");
pub const LANGCHAIN_INVOKE: Named = python("langchain-aws `ChatBedrock`", "langchain-aws");
pub const LITELLM: Named = python("LiteLLM, both routes", "litellm");
pub const AI_SDK: Named = javascript("@ai-sdk/amazon-bedrock", "@ai-sdk/amazon-bedrock");
pub const MESSAGES_PYTHON: Named = python("anthropic (Python), `/anthropic` route", "anthropic");
pub const MESSAGES_JAVASCRIPT: Named =
    javascript("@anthropic-ai/sdk, `/anthropic` route", "@anthropic-ai/sdk");
pub const OPENAI_PYTHON: Named = python("openai (Python)", "openai");
pub const OPENAI_JAVASCRIPT: Named = javascript("openai (JavaScript)", "openai");

/// In the order of the README.
const CLIENTS: [&Named; 17] = [
    &BOTO3,
    &BOTO3_FIRST,
    &AWS_CLI,
    &JAVASCRIPT,
    &JAVASCRIPT_HTTP1,
    &RUST,
    &ANTHROPIC_PYTHON,
    &ANTHROPIC_JAVASCRIPT,
    &CLAUDE_CODE,
    &LANGCHAIN_CONVERSE,
    &LANGCHAIN_INVOKE,
    &LITELLM,
    &AI_SDK,
    &MESSAGES_PYTHON,
    &MESSAGES_JAVASCRIPT,
    &OPENAI_PYTHON,
    &OPENAI_JAVASCRIPT,
];

const HEAD: &str =
    "| Client | Version | Answers | Streams | A refusal arrives as | HTTP |\n|---|---|---|---|---|---|\n";

#[test]
fn the_readme_lists_every_client() {
    let rows = readme();
    let begun: Vec<_> = CLIENTS.iter().map(|client| client.cells()).collect();
    assert_eq!(rows.len(), begun.len(), "{rows:#?}");
    for (row, begun) in rows.iter().zip(&begun) {
        assert!(row.starts_with(begun), "{row} must begin with {begun}");
    }
}

/// Writes down what a run came to, and checks that the README says the same.
#[track_caller]
pub fn check_row(client: &Named, warden: &TestWarden, observed: &[Observed]) {
    let row = row(client, warden, observed);
    let folder = folder("table");
    let at = CLIENTS.iter().position(|listed| listed.cells() == client.cells()).expect("listed");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{at:02}.md")), format!("{row}\n")).unwrap();
    assert!(
        readme().contains(&row.as_str()),
        "the README's table of clients must have this row, as {} has all of them:\n{row}",
        folder.display()
    );
}

const fn python(name: &'static str, package: &'static str) -> Named {
    Named { name, package, source: Source::Packages(Language::Python(Packages::Current)) }
}

const fn javascript(name: &'static str, package: &'static str) -> Named {
    Named { name, package, source: Source::Packages(Language::JavaScript) }
}

impl Named {
    /// Panics for the client that is part of this process.
    pub fn language(&self) -> Language {
        match self.source {
            Source::Packages(language) => language,
            Source::CargoLock => panic!("{} is no application", self.name),
        }
    }

    /// `| name | version |`
    fn cells(&self) -> String {
        let version = match self.source {
            Source::Packages(language) => language.version(self.package),
            Source::CargoLock => locked(self.package),
        };
        format!("| {} | {version} |", self.name)
    }
}

/// The version of a crate.
fn locked(package: &str) -> String {
    let lock = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
    let (_, entry) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).expect("in Cargo.lock");
    entry.split('"').next().unwrap().to_owned()
}

/// The rows of the README's table.
fn readme() -> Vec<&'static str> {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let (_, table) = readme.split_once(HEAD).expect("the README has a table of clients");
    table.lines().take_while(|line| line.starts_with('|')).collect()
}

fn row(client: &Named, warden: &TestWarden, observed: &[Observed]) -> String {
    let journal = warden.journal();
    // An answer counts when Bedrock gave it and the caller had it to its end.
    let mut calls: BTreeMap<bool, BTreeSet<&str>> = BTreeMap::new();
    for intent in journal.intents() {
        let end = journal.end_of(intent.request_id().unwrap());
        let operation = intent.text("operation");
        if end.text("end_state") == "complete"
            && end.number("http_status") == Some(200)
            && is_runtime(operation)
        {
            calls.entry(intent.0["stream"] == true).or_default().insert(operation);
        }
    }
    let listed = |stream| match calls.get(&stream) {
        Some(operations) => operations.iter().copied().collect::<Vec<_>>().join(", "),
        None => "–".to_owned(),
    };
    format!(
        "{} {} | {} | {} | {} |",
        client.cells(),
        listed(false),
        listed(true),
        refusals(observed),
        versions(warden)
    )
}

/// The classes in which refusals arrived.
fn refusals(observed: &[Observed]) -> String {
    let raised = observed.iter().filter(|line| {
        let case = line["case"].as_str().unwrap();
        case.starts_with("denied") || (line["error"].is_string() && line["status"] == 403)
    });
    // In Rust the code is the variant.
    let classes: BTreeSet<_> =
        raised.map(|line| line["error"].as_str().or(line["code"].as_str()).unwrap()).collect();
    classes.iter().map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ")
}

/// The versions of HTTP over which the runtime was called.
fn versions(warden: &TestWarden) -> String {
    let journal = warden.journal();
    let said = warden.stderr();
    let versions: BTreeSet<_> = journal
        .records
        .iter()
        .filter(|record| record.is_intent() || record.is_denial())
        // A denial of what is no operation has none.
        .filter(|record| record.0["operation"].as_str().is_none_or(is_runtime))
        .filter_map(|record| {
            let id = record.request_id()?;
            let line = said.lines().find(|line| line.contains("arrived") && line.contains(id))?;
            Some(line.split("HTTP/").nth(1)?.split_whitespace().next()?.trim_end_matches(".0").to_owned())
        })
        .collect();
    versions.into_iter().collect::<Vec<_>>().join(", ")
}

fn is_runtime(operation: &str) -> bool {
    ["Converse", "Invoke", "ChatCompletions", "Responses", "Messages"]
        .iter()
        .any(|name| operation.starts_with(name))
}
