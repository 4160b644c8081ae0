//! `sensitive list`: the catalogue, for people and for scripts.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Choice;
use crate::cli::{Exit, Failure, Terminal};
use crate::sensitive::{Description, DetectorId, describe};

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    choice: Choice,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Table,
    /// One JSON array
    Json,
}

pub(super) fn run(args: &ListArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (_, detectors) = args.choice.load(terminal)?;
    match args.output {
        Output::Json => {
            let all: Vec<Value> = detectors.iter().map(entry).collect();
            writeln!(terminal.stdout, "{}", serde_json::to_string_pretty(&all).map_err(Failure::internal)?)?;
        }
        Output::Table => {
            for (index, id) in detectors.iter().enumerate() {
                if index > 0 {
                    writeln!(terminal.stdout)?;
                }
                print(id, terminal)?;
            }
        }
    }
    Ok(Exit::Success)
}

fn print(id: DetectorId, terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(Description { name, short, aliases, finds, check, keywords, matches, passes, .. }) =
        describe(id)
    else {
        writeln!(terminal.stdout, "{id}\n  finds      what detectors.yaml says")?;
        return Ok(());
    };
    let spellings = [short].into_iter().chain(aliases.iter().copied()).collect::<Vec<_>>().join(", ");
    writeln!(terminal.stdout, "{name} ({spellings})\n  finds      {finds}")?;
    if let Some(check) = check {
        writeln!(terminal.stdout, "  confirmed  {check}")?;
    }
    if !keywords.is_empty() {
        writeln!(terminal.stdout, "  keywords   {}", keywords.join(", "))?;
    }
    for (text, found) in matches.iter().take(EXAMPLES) {
        writeln!(terminal.stdout, "  found      {} in {}", shown(found), shown(text))?;
    }
    for text in passes.iter().take(EXAMPLES) {
        writeln!(terminal.stdout, "  passes     {}", shown(text))?;
    }
    Ok(())
}

/// Examples that people are shown; JSON has them all.
const EXAMPLES: usize = 3;

/// On one line, and no longer than that.
fn shown(text: &str) -> String {
    const LONGEST: usize = 72;
    let text = text.escape_debug().to_string();
    if text.chars().count() <= LONGEST {
        return format!("`{text}`");
    }
    format!("`{}…`", text.chars().take(LONGEST).collect::<String>())
}

fn entry(id: DetectorId) -> Value {
    let Some(description) = describe(id) else {
        return json!({ "name": id.name(), "short": id.short(), "custom": true });
    };
    let Description { name, short, aliases, finds, check, keywords, keys, matches, passes } = description;
    let matches: Vec<_> =
        matches.iter().map(|(text, found)| json!({ "text": text, "found": found })).collect();
    json!({
        "name": name,
        "short": short,
        "aliases": aliases,
        "finds": finds,
        "check": check,
        "keywords": keywords,
        "members": keys,
        "examples": { "match": matches, "no_match": passes },
        "custom": false,
    })
}
