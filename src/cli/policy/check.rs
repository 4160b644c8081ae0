//! `policy check`: everything that is wrong or odd, at once.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use super::text::counted;
use super::{Folder, OPEN_END, Output};
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::policy::analysis::suite::Suite;
use crate::policy::analysis::unreachable;
use crate::policy::{self, PolicySet, Summary};
use crate::yaml::{Diagnostic, Diagnostics, Source};

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    folder: Folder,
    /// Exit with 1 when there are warnings
    #[arg(long, visible_alias = "strict")]
    deny_warnings: bool,
    /// Region that requests are sent to
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let files = args.folder.files()?;
    let mut diagnostics = Diagnostics::default();
    let mut set = policy::compile(&files, clock::now(), &mut diagnostics);
    if let Some(loaded) = &set
        && !look_closer(loaded, &files, args, &mut diagnostics)?
    {
        set = None;
    }
    match args.output {
        Output::Table => print(set.as_ref(), &diagnostics, terminal)?,
        Output::Json => writeln!(terminal.stdout, "{:#}", report(set.as_ref(), &diagnostics))?,
    }
    Ok(match set {
        None => Exit::Usage,
        Some(_) if args.deny_warnings && diagnostics.warnings() > 0 => Exit::Findings,
        Some(_) => Exit::Success,
    })
}

/// Adds what takes more than reading the files: rules that nothing meets, and rules that nothing tests. False when the
/// tests do not load.
fn look_closer(
    set: &PolicySet,
    files: &[Source],
    args: &CheckArgs,
    diagnostics: &mut Diagnostics,
) -> Result<bool, Failure> {
    let unmet = unreachable::warnings(set, &args.region, clock::now());
    for warning in unmet {
        diagnostics.push(warning);
    }
    let Some(suite) = Suite::read(files, set, diagnostics) else { return Ok(false) };
    if !suite.is_empty() {
        for item in suite.run_cases(set, OPEN_END).map_err(Failure::internal)?.untested {
            let warning = item.warning(format!("{}: no test triggers it", item.rule));
            diagnostics.push(warning.help("add a case to tests/ that it denies, changes or grants"));
        }
    }
    Ok(true)
}

fn print(set: Option<&PolicySet>, diagnostics: &Diagnostics, terminal: &mut Terminal) -> Result<(), Failure> {
    for diagnostic in diagnostics.iter() {
        writeln!(terminal.stdout, "{}\n", diagnostic.render(terminal.color))?;
    }
    let (errors, warnings) = (diagnostics.errors(), diagnostics.warnings());
    let found = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    let Some(set) = set else {
        writeln!(terminal.stdout, "policies do not load: {found}")?;
        return Ok(());
    };
    let summaries = set.summaries();
    let width = summaries.iter().map(|file| file.path.len()).max().unwrap_or_default();
    for file in &summaries {
        let owner = file.owner.as_deref().map(|owner| format!("  {owner}")).unwrap_or_default();
        writeln!(terminal.stdout, "{:width$}  {}{owner}", file.path, contents(file))?;
    }
    let rules = summaries.iter().map(|file| file.grants + file.rules).sum();
    let (files, rules) = (counted(summaries.len(), "file"), counted(rules, "item"));
    writeln!(terminal.stdout, "ok: {files}, {rules}, {found}\n{}", set.digest())?;
    Ok(())
}

fn contents(file: &Summary) -> String {
    let shadow = if file.shadow > 0 { format!(" ({} in shadow)", file.shadow) } else { String::new() };
    format!("{}, {}{shadow}", counted(file.grants, "grant"), counted(file.rules, "rule"))
}

fn report(set: Option<&PolicySet>, diagnostics: &Diagnostics) -> Value {
    let files = set.map(PolicySet::summaries).unwrap_or_default();
    json!({
        "loads": set.is_some(),
        "digest": set.map(PolicySet::digest),
        "errors": diagnostics.errors(),
        "warnings": diagnostics.warnings(),
        "files": files.iter().map(file).collect::<Vec<_>>(),
        "diagnostics": diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
    })
}

fn file(file: &Summary) -> Value {
    json!({
        "path": file.path,
        "scope": file.scope.to_string(),
        "owner": file.owner,
        "grants": file.grants,
        "rules": file.rules,
        "shadow": file.shadow,
    })
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": diagnostic.severity.name(),
        "file": &*diagnostic.source.path,
        "line": diagnostic.line(),
        "column": diagnostic.column(),
        "message": diagnostic.message,
        "help": diagnostic.help,
    })
}
