//! `policy scp`: the floor as a service control policy of AWS, as far as IAM can state it.

use std::io::Write;

use clap::Args;

use super::Folder;
use crate::cli::{Exit, Failure, Terminal};

#[derive(Debug, Args)]
pub struct ScpArgs {
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(args: &ScpArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let set = args.folder.loaded(terminal.color)?;
    writeln!(terminal.stdout, "{}", set.digest())?;
    Ok(Exit::Success)
}
