//! `policy fmt`: one layout for all files of a policy folder.
//!
//! Rewrites files whose layout is another, or names them. Files that do not load are never touched, and neither is one of
//! which it cannot be shown that it would say the same.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Args;

use super::Folder;
use super::text::counted;
use crate::cli::{Exit, Failure, Terminal};
use crate::policy::analysis::order::Place;
use crate::yaml::layout::formatted;

/// What to lay out.
#[derive(Debug, Args)]
pub struct FmtArgs {
    #[command(flatten)]
    folder: Folder,
    /// Write nothing; exit with 1 when a file is laid out otherwise
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &FmtArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    // FAIL-CLOSED: of a file with a mistake nobody knows what it says.
    args.folder.tested(terminal.color)?;
    let mut others = Vec::new();
    for file in args.folder.files()? {
        let text = formatted(&file, Place::of_file(&file.path))
            .map_err(|error| Failure::usage(format!("{}: {error}", file.path)).hint("no file was changed"))?;
        if text != *file.text {
            others.push((file.path, text));
        }
    }
    for (path, text) in &others {
        if !args.check {
            replace(&args.folder.policies.join(&**path), text)?;
        }
        writeln!(terminal.stdout, "{path}")?;
    }
    let files = counted(others.len(), "file");
    let told = if args.check { "would be laid out otherwise" } else { "laid out" };
    writeln!(terminal.stderr, "{files} {told}")?;
    Ok(if args.check && !others.is_empty() { Exit::Findings } else { Exit::Success })
}

/// Replaces a file in one step: a running warden reads the old one or the new one.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot write `{}`: {error}", path.display()));
    let path = fs::canonicalize(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(&path);
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    fresh.write_all(text.as_bytes()).map_err(failed)?;
    fresh.as_file().set_permissions(fs::metadata(&path).map_err(failed)?.permissions()).map_err(failed)?;
    fresh.as_file().sync_all().map_err(failed)?;
    fresh.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}
