//! `policy`: what is wrong with a policy folder, and what it says about one request.
//!
//! Reads the folder, prints to stdout. Never talks to a running warden.

mod bundle;
mod cedar;
mod check;
mod diff;
mod explain;
mod fmt;
mod matrix;
mod new;
mod prove;
mod question;
mod recorded;
mod replay;
mod report;
mod request;
pub(in crate::cli) mod schema;
mod scp;
mod test;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::{ConfigFile, Exit, Failure, Terminal};
use crate::clock;
use crate::config::policy_folder::read_folder;
use crate::policy::analysis::suite::Suite;
use crate::policy::{self, PolicySet};
use crate::yaml::{Diagnostics, Source};

/// `bedrock-warden policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Report everything that is wrong or odd in the policy files
    ///
    /// Exits with 2 when the files do not load, and with 1 when there are warnings and --deny-warnings is given.
    Check(check::CheckArgs),
    /// Run the tests below tests/ of the policy folder
    ///
    /// Cases say what must become of a request, invariants (`never:`) what must never be allowed. Exits with 1 when one of
    /// them fails, and with 2 when a file does not load.
    Test(test::TestArgs),
    /// Prove the invariants of the tests for all requests, and that what is locked holds
    ///
    /// Needs the solver cvc5, 1.3 or newer, and a build with the feature `prove`; exits with 3 without them. Exits with 1
    /// when a claim is refuted or left open.
    Prove(prove::ProveArgs),
    /// Print the service control policy of AWS that comes closest to the floor
    ///
    /// For the accounts that a warden signs for, so that requests around it meet the same bounds as far as IAM can state
    /// them. What it cannot state is listed on stderr.
    Scp(scp::ScpArgs),
    /// Show who may use which model, where it may run, and how long answers may be
    ///
    /// Worked out from the policy files alone, for every app and environment that a rule tells apart; `*` stands for every
    /// other one.
    Matrix(matrix::MatrixArgs),
    /// Show what another policy folder allows more, and what it allows less
    ///
    /// Exits with 1 when --fail-on says so.
    Diff(diff::DiffArgs),
    /// Show what other policies would have decided about the requests in the journal
    ///
    /// With one folder, compares it with what was decided; with two, compares them with each other. Exits with 1 when
    /// --fail-on says so.
    Replay(replay::ReplayArgs),
    /// Lay the policy files out in one form
    ///
    /// Keys get their documented order, comments stay with what they are about, and no rule changes. Nothing is written
    /// while the files do not load. Exits with 1 when --check finds a file that is laid out otherwise.
    Fmt(fmt::FmtArgs),
    /// Print the JSON Schema of policy files, for editors
    Schema(schema::SchemaArgs),
    /// Write a first policy file of a team, and its tests
    #[command(subcommand)]
    New(new::NewCommand),
    /// Show what the policy files say about one request, rule by rule
    ///
    /// The request is described by NAME=VALUE facts, or read from a file that holds its body. Exits with 1 when the
    /// request is denied.
    Explain(Box<explain::ExplainArgs>),
    /// Make, sign and verify bundles of policies, for wardens that take policies from elsewhere
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Print the policy files as Cedar policies, or the schema of requests
    Cedar(cedar::CedarArgs),
}

pub fn run(command: PolicyCommand, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Check(args) => check::run(&args, terminal),
        PolicyCommand::Test(args) => test::run(&args, terminal),
        PolicyCommand::Prove(args) => prove::run(&args, terminal),
        PolicyCommand::Scp(args) => scp::run(&args, terminal),
        PolicyCommand::Matrix(args) => matrix::run(&args, terminal),
        PolicyCommand::Diff(args) => diff::run(&args, terminal),
        PolicyCommand::Replay(args) => replay::run(&args, terminal),
        PolicyCommand::Fmt(args) => fmt::run(&args, terminal),
        PolicyCommand::Schema(args) => schema::run(&args, terminal),
        PolicyCommand::New(command) => new::run(&command, terminal),
        PolicyCommand::Explain(args) => explain::run(&args, terminal),
        PolicyCommand::Bundle(command) => bundle::run(&command, terminal),
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
        let files = self.files()?;
        let mut diagnostics = Diagnostics::default();
        let set = policy::compile(&files, clock::now(), &mut diagnostics);
        Ok((set, diagnostics))
    }

    /// The folder's policies, or why there are none.
    fn loaded(&self, color: bool) -> Result<PolicySet, Failure> {
        let (set, diagnostics) = self.compile()?;
        set.ok_or_else(|| unloadable("policies do not load", &diagnostics, color))
    }

    /// The folder's policies and their tests.
    fn tested(&self, color: bool) -> Result<(PolicySet, Suite), Failure> {
        let files = self.files()?;
        let mut diagnostics = Diagnostics::default();
        let set = policy::compile(&files, clock::now(), &mut diagnostics);
        let set = set.ok_or_else(|| unloadable("policies do not load", &diagnostics, color))?;
        let mut diagnostics = Diagnostics::default();
        let suite = Suite::read(&files, &set, &mut diagnostics);
        let suite = suite.ok_or_else(|| unloadable("policy tests do not load", &diagnostics, color))?;
        Ok((set, suite))
    }

    fn files(&self) -> Result<Vec<Source>, Failure> {
        read_folder(&self.policies)
            .map_err(|error| Failure::usage(error).hint("name the folder with --policies DIR"))
    }
}

/// Which journal to read.
#[derive(Debug, Clone, Args)]
struct JournalFile {
    /// Journal to read, instead of the one the configuration names
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

impl JournalFile {
    fn path(&self, terminal: &Terminal) -> Result<PathBuf, Failure> {
        match &self.journal {
            Some(journal) => Ok(journal.clone()),
            None => Ok(self.config.load(terminal)?.audit.journal),
        }
    }
}

/// Compiles a folder that is named by itself.
fn folder(path: &Path, color: bool) -> Result<(PolicySet, Vec<Source>), Failure> {
    let folder = Folder { policies: path.to_owned() };
    let files = folder.files()?;
    let mut diagnostics = Diagnostics::default();
    let set = policy::compile(&files, clock::now(), &mut diagnostics);
    let what = format!("policies in `{}` do not load", path.display());
    let set = set.ok_or_else(|| unloadable(&what, &diagnostics, color))?;
    Ok((set, files))
}

fn unloadable(what: &str, diagnostics: &Diagnostics, color: bool) -> Failure {
    Failure::usage(format!("{what}\n\n{}", diagnostics.render(color)))
}

/// A person who is waiting can stop waiting.
const OPEN_END: &dyn Fn() -> bool = &|| false;

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
