//! `policy scp`: the floor as a service control policy of AWS, as far as IAM can state it.
//!
//! Prints JSON to stdout, and to stderr what is not in it. Never talks to AWS.

use std::io::Write;

use clap::Args;

use super::Folder;
use crate::cli::{Exit, Failure, Terminal};
use crate::policy::analysis::control_policy::ControlPolicy;

#[derive(Debug, Args)]
pub struct ScpArgs {
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(args: &ScpArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let set = args.folder.loaded(terminal.color)?;
    let ControlPolicy { document, unstated } = ControlPolicy::of(&set);
    writeln!(terminal.stdout, "{document:#}")?;
    for what in &unstated {
        writeln!(terminal.stderr, "not stated: {what}")?;
    }
    Ok(Exit::Success)
}
