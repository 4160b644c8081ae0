//! `policy diff`: two policy folders, compared by what they allow.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Output, folder};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::policy::analysis::diff::{Change, Direction, changes};
use crate::policy::analysis::grid::Word;
use crate::policy::analysis::items::{Item, off_the_grid};

/// What to compare.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Policy folder as it is
    before: PathBuf,
    /// Policy folder as it is to be
    after: PathBuf,
    /// Region that requests are sent to
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Exit with 1 when something is looser or cannot be told, or when anything changes at all
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Which findings end a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Looser,
    Any,
}

pub(super) fn run(args: &DiffArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (before, before_files) = folder(&args.before, terminal.color)?;
    let (after, after_files) = folder(&args.after, terminal.color)?;
    let changes = changes(&before, &after, &args.region, clock::now());
    let items = off_the_grid(&before_files, &after_files);
    match args.output {
        Output::Table => write_table(&changes, &items, terminal)?,
        Output::Json => {
            let report = json!({
                "before": before.digest(),
                "after": after.digest(),
                "changes": changes.iter().map(change).collect::<Vec<_>>(),
                "untold": items.iter().map(item).collect::<Vec<_>>(),
            });
            writeln!(terminal.stdout, "{report:#}")?;
        }
    }
    let looser = changes.iter().any(|change| change.direction == Direction::Looser);
    // FAIL-CLOSED: what cannot be compared may be looser.
    let fails = match args.fail_on {
        None => false,
        Some(FailOn::Looser) => looser || !items.is_empty(),
        Some(FailOn::Any) => !changes.is_empty() || !items.is_empty(),
    };
    Ok(if fails { Exit::Findings } else { Exit::Success })
}

fn write_table(changes: &[Change], items: &[Item], terminal: &mut Terminal) -> Result<(), Failure> {
    let who: Vec<String> = changes.iter().map(caller).collect();
    let what: Vec<String> = changes.iter().map(effect).collect();
    let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    let (callers, effects) = (width(&who), width(&what));
    for ((change, who), what) in changes.iter().zip(&who).zip(&what) {
        let direction = change.direction.name().to_uppercase();
        let models = models(&change.models);
        writeln!(terminal.stdout, "{direction:7}  {who:callers$}  {what:effects$}  {models}")?;
    }
    for Item { at, name, how } in items {
        writeln!(terminal.stdout, "CHANGED  {at}  {name} is {}: compare it by hand", how.name())?;
    }
    let count = |direction| changes.iter().filter(|change| change.direction == direction).count();
    let (looser, tighter) = (count(Direction::Looser), count(Direction::Tighter));
    let untold = if items.is_empty() { String::new() } else { format!(", {} cannot be told", items.len()) };
    writeln!(terminal.stdout, "{looser} looser, {tighter} tighter{untold}")?;
    Ok(())
}

/// `payments`, `payments/support prod`.
fn caller(change: &Change) -> String {
    let words = |words: &[Word]| words.iter().map(Word::shown).collect::<Vec<_>>().join(",");
    let mut text = change.team.clone();
    if !change.apps.is_empty() {
        text = format!("{text}/{}", words(&change.apps));
    }
    if !change.environments.is_empty() {
        text = format!("{text} {}", words(&change.environments));
    }
    if change.sometimes {
        text.push_str(" (at some hours or from some addresses)");
    }
    text
}

fn effect(change: &Change) -> String {
    format!("{} {} → {}", change.facet, change.before, change.after)
}

/// The first of them, and how many more there are.
fn models(models: &[String]) -> String {
    match models {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn change(change: &Change) -> Value {
    json!({
        "direction": change.direction.name(),
        "team": change.team,
        "apps": change.apps.iter().map(Word::shown).collect::<Vec<_>>(),
        "environments": change.environments.iter().map(Word::shown).collect::<Vec<_>>(),
        "sometimes": change.sometimes,
        "facet": change.facet,
        "before": change.before,
        "after": change.after,
        "models": change.models,
    })
}

fn item(item: &Item) -> Value {
    json!({ "at": item.at, "name": item.name, "how": item.how.name() })
}
