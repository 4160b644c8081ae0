//! `policy cedar`: the rules of a folder as Cedar policies, or the schema that they are written over.
//!
//! Prints text for people, for Cedar's own tools and for review. The warden itself evaluates typed rules natively; the
//! two are held equal by a property test.

use clap::Args;

use super::Folder;
use crate::cli::{Exit, Failure, Terminal};
use crate::policy::cedar_schema;

#[derive(Debug, Args)]
pub struct CedarArgs {
    /// Print the schema of requests instead: what conditions that are written as text can speak about
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(args: &CedarArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if args.schema {
        write!(terminal.stdout, "{}", cedar_schema())?;
        return Ok(Exit::Success);
    }
    let (set, diagnostics) = args.folder.compile()?;
    let Some(set) = set else {
        let list = diagnostics.render(terminal.color);
        return Err(Failure::usage(format!("policies do not load\n\n{list}")));
    };
    writeln!(terminal.stdout, "// {}", set.digest())?;
    writeln!(
        terminal.stdout,
        "// Policies marked @mode(\"shadow\") are watched and take no part in the decision."
    )?;
    for statement in set.in_cedar() {
        write!(terminal.stdout, "\n{}", statement.text)?;
    }
    Ok(Exit::Success)
}
