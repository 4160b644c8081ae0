//! The command line: one file per subcommand.
//!
//! `--help` is the reference. stdout is data, stderr is talk; exit codes are those of [`Exit`].

mod audit;
mod caller;
#[cfg(test)]
mod captured;
mod demo;
mod init;
mod logging;
mod policy;
mod sensitive;
mod serve;
mod simulator;
mod terminal;

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config};
use crate::identity::callers::CallerFiles;

pub use terminal::{Exit, Failure, Terminal};

/// A governance sidecar for Amazon Bedrock
///
/// Stands between an application and Bedrock as a TLS reverse proxy that unmodified AWS SDKs can talk to. It proves
/// who calls, checks each request against policy files, records it durably, signs it with its own AWS credentials,
/// and filters the answer.
///
/// Start with `bedrock-warden demo`: it needs no AWS account.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole thing working, on this machine, without an AWS account
    Demo(demo::DemoArgs),
    /// Make a working set-up: configuration, policies, a local CA, a first caller
    Init(init::InitArgs),
    /// Run the sidecar
    Serve(serve::ServeArgs),
    /// Run a local double of Bedrock that verifies signatures and answers every supported operation
    Simulator(simulator::SimulatorArgs),
    /// Check and explain policies
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Find sensitive data in texts, and list what can be found
    #[command(subcommand)]
    Sensitive(sensitive::SensitiveCommand),
    /// Ask the record
    Audit(AuditArgs),
    /// Issue, list, rotate and revoke the credentials of applications
    Caller(CallerArgs),
}

/// Which configuration to use.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// Configuration file
    #[arg(long, env = "WARDEN_CONFIG", default_value = "warden.yaml", value_name = "FILE", global = true)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct AuditArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Journal to ask, instead of the one the configuration names
    #[arg(long, value_name = "FILE", global = true)]
    journal: Option<PathBuf>,
    #[command(subcommand)]
    command: audit::AuditCommand,
}

#[derive(Debug, Args)]
struct CallerArgs {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    command: caller::CallerCommand,
}

impl ConfigFile {
    fn load(&self, terminal: &Terminal) -> Result<Config, Failure> {
        Config::load(&self.config, &config::environment()).map_err(|diagnostics| {
            let count = diagnostics.errors();
            let noun = if count == 1 { "mistake" } else { "mistakes" };
            let list = diagnostics.render(terminal.color);
            Failure::usage(format!("{count} {noun} in the configuration\n\n{list}"))
        })
    }
}

/// Runs the command line and returns the exit code. Panics and errors do not pass.
pub fn main() -> u8 {
    let no_color = config::environment().iter().any(|(name, value)| name == "NO_COLOR" && !value.is_empty());
    let mut terminal = Terminal::process(no_color);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let shown = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            return if error.print().is_ok() { shown.code() } else { Exit::Internal.code() };
        }
    };
    match dispatch(cli.command, &mut terminal)
        .and_then(|exit| terminal.stdout.flush().map(|()| exit).map_err(Into::into))
    {
        Ok(exit) => exit.code(),
        Err(failure) if failure.broken_pipe => Exit::Success.code(),
        Err(failure) => {
            let hint = failure.hint.as_deref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            match writeln!(terminal.stderr, "error: {}{hint}", failure.message.trim_end()) {
                Ok(()) => failure.exit.code(),
                Err(_) => Exit::Internal.code(),
            }
        }
    }
}

fn dispatch(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => demo::run(&args, terminal),
        Command::Init(args) => init::run(&args, terminal),
        Command::Serve(args) => {
            let config = args.load(terminal)?;
            logging::start(config.log);
            serve::run(config, terminal)
        }
        Command::Simulator(args) => {
            logging::start(config::LogFormat::Text);
            simulator::run(args, terminal)
        }
        Command::Policy(command) => policy::run(command, terminal),
        Command::Sensitive(command) => sensitive::run(&command, &mut std::io::stdin().lock(), terminal),
        Command::Audit(args) => {
            let journal = match args.journal {
                Some(journal) => journal,
                None => args.config.load(terminal)?.audit.journal,
            };
            audit::run(args.command, &journal, terminal)
        }
        Command::Caller(args) => {
            let config = args.config.load(terminal)?;
            let files = CallerFiles { callers: &config.callers, master_key: &config.master_key };
            caller::run(&args.command, &files, terminal)
        }
    }
}

/// The runtime of commands that wait for sockets or databases.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the async runtime cannot be started: {error}")))
}

impl From<std::io::Error> for Failure {
    /// A reader that went away (`| head`) is no failure.
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::internal(error) }
    }
}
