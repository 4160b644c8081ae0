//! One file for each kind of mistake, `<name>.yaml`, and what is said of it, `<name>.txt`.
//!
//! The first line of a file is a comment with the path that it stands for; around it lie a floor and a team without
//! mistakes. With `UPDATE_POLICY_MISTAKES=1` the expectations are written anew, to be read before they are committed.

use std::fs;
use std::path::{Path, PathBuf};

use bedrock_warden::policy::compile;
use bedrock_warden::yaml::{Diagnostics, Source};
use regex::Regex;

const ORG: &str = "version: 1
scope: org
allow: { id: base, models: [anthropic.claude-*] }
residency: { in: [us], locked: true }
limits: { maxTokens: 4096 }
guardrail: { oneOf: [\"a1:1\"] }
";
const TEAM: &str = "version: 1
scope: team/payments
allow: { models: [anthropic.claude-*] }
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/policy_mistakes")
}

/// What is said of a file, as a terminal shows it.
fn said(text: &str) -> String {
    let (path, _) = text.strip_prefix("# ").and_then(|rest| rest.split_once('\n')).expect("the path");
    let around = [("org.yaml", ORG), ("teams/payments.yaml", TEAM)];
    let mut files: Vec<Source> = around
        .into_iter()
        .filter(|(other, _)| *other != path && path != "none")
        .map(|(path, text)| Source::new(path, text))
        .collect();
    files.push(Source::new(if path == "none" { "teams/payments.yaml" } else { path }, text));
    if path == "none" {
        files = vec![Source::new("teams/payments.yaml", TEAM)];
    }
    let mut diagnostics = Diagnostics::default();
    let now = "2026-11-20T10:30:00Z".parse().expect("a moment");
    let compiled = compile(&files, now, &mut diagnostics);
    assert_eq!(compiled.is_none(), diagnostics.errors() > 0, "{path}");
    let mut said = String::new();
    for diagnostic in diagnostics.iter() {
        said.push_str(&diagnostic.render(false));
        said.push_str("\n\n");
    }
    said
}

fn mistakes() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_mistake_is_said_exactly_where_it_is_and_how_to_mend_it() {
    let update = std::env::var_os("UPDATE_POLICY_MISTAKES").is_some();
    let mut wrong = Vec::new();
    for path in mistakes() {
        let found = said(&fs::read_to_string(&path).expect("a mistake"));
        let expected = path.with_extension("txt");
        if update {
            fs::write(&expected, &found).expect("the expectation");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if found.is_empty() || found != expected {
            wrong.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Texts that no file of this folder can bring about, and why.
const ELSEWHERE: [(&str, &str); 5] = [
    ("may not call bedrock", "said of requests"),
    ("a folder can add {MOST_CUSTOM} detectors", "too long for a file here; tested where detectors are read"),
    ("two detectors are called", "tested where detectors are read"),
    ("its condition could not be evaluated", "said of requests"),
    ("is not authorized to perform", "said of requests"),
];

#[test]
fn every_text_in_the_sources_that_reports_a_mistake_is_shown_by_a_file() {
    let shown: String = mistakes()
        .iter()
        .map(|path| fs::read_to_string(path.with_extension("txt")).expect("an expectation"))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for source in sources(&root.join("policy")).into_iter().chain(sources(&root.join("yaml"))) {
        let text = fs::read_to_string(&source).expect("a source");
        for literal in reported(&text) {
            let longest = fixed_part(&literal);
            let elsewhere = ELSEWHERE.iter().any(|(text, _)| literal.contains(text));
            if longest.len() >= 8 && !shown.contains(&longest) && !elsewhere {
                missing.push(format!("{}: {literal}", source.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no file shows:\n{}", missing.join("\n"));
}

/// The sources below a folder, without tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What tests and tools say has tests of its own.
        if name == "analysis" || name == "layout" {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if !["tests.rs", "properties.rs", "fixture.rs"].contains(&name.as_str()) {
            files.push(path);
        }
    }
    files
}

/// The texts that a source reports with: first argument that is text of `error`, `warning` and `refuse`, messages that
/// are put together before, and the texts of error types.
fn reported(source: &str) -> Vec<String> {
    let calls = Regex::new(
        r#"(?s)(?:\.error\(|\.warning\(|\.refuse\(|let message =|#\[error\()[^";]*?"((?:[^"\\]|\\.)*)""#,
    )
    .expect("a pattern");
    let folded = Regex::new(r"\\\n\s*").expect("a pattern");
    let (code, _) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
    calls.captures_iter(code).map(|found| folded.replace_all(&found[1], "").replace("\\\"", "\"")).collect()
}

/// The longest piece of a format string that is always the same.
fn fixed_part(literal: &str) -> String {
    let placeholder = Regex::new(r"\{[^{}]*\}").expect("a pattern");
    placeholder.split(literal).max_by_key(|part| part.len()).unwrap_or_default().to_owned()
}
