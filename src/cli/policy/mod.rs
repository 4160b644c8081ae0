//! `policy`: what is wrong with a policy folder, and what it says about one request.
//!
//! Reads the folder, prints to stdout. Never talks to a running warden.

mod cedar;
mod check;
mod explain;
mod question;
mod report;
mod request;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Exit, Failure, Terminal};
use crate::clock;
use crate::config::policy_folder::read_folder;
use crate::policy::{self, PolicySet};
use crate::yaml::Diagnostics;

/// `bedrock-warden policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Report everything that is wrong or odd in the policy files
    ///
    /// Exits with 2 when the files do not load, and with 1 when there are warnings and --deny-warnings is given.
    Check(check::CheckArgs),
    /// Show what the policy files say about one request, rule by rule
    ///
    /// The request is described by NAME=VALUE facts, or read from a file that holds its body. Exits with 1 when the
    /// request is denied.
    Explain(Box<explain::ExplainArgs>),
    /// Print the policy files as Cedar policies, or the schema of requests
    Cedar(cedar::CedarArgs),
}

pub fn run(command: PolicyCommand, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check::run(&args, terminal),
        PolicyCommand::Explain(args) => explain::run(&args, terminal),
        PolicyCommand::Cedar(args) => cedar::run(&args, terminal),
    }
}

/// Where the policy files are.
#[derive(Debug, Clone, Args)]
struct Folder {
    /// Folder with org.yaml, teams/ and apps/
    #[arg(long, env = "WARDEN_POLICIES", default_value = "policies", value_name = "DIR")]
    policies: PathBuf,
}

impl Folder {
    /// Compiles the folder. `None` when an error is among the diagnostics.
    fn compile(&self) -> Result<(Option<PolicySet>, Diagnostics), Failure> {
        let files = read_folder(&self.policies)
            .map_err(|error| Failure::usage(error).hint("name the folder with --policies DIR"))?;
        let mut diagnostics = Diagnostics::default();
        let set = policy::compile(&files, clock::now(), &mut diagnostics);
        Ok((set, diagnostics))
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Table,
    /// One JSON object
    Json,
}

#[cfg(test)]
mod tests;
