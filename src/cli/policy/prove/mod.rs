//! `policy prove`: invariants and the locked floor, proved or refuted for all requests by a solver.
//!
//! Reads the folder, runs the solver cvc5 as a program, prints what is proved and what is assumed. What the solver refutes
//! is put before the real evaluator first; what that denies is reported as open, never as proved.

#[cfg(feature = "prove")]
mod report;
#[cfg(feature = "prove")]
mod solver;

use std::path::PathBuf;

use clap::Args;

use super::{Folder, Output};
#[cfg(not(feature = "prove"))]
use crate::cli::Failure;
#[cfg(not(feature = "prove"))]
use crate::cli::{Exit, Terminal};

/// What to prove, and with what.
#[derive(Debug, Args)]
pub struct ProveArgs {
    #[command(flatten)]
    folder: Folder,
    /// The program cvc5, instead of the one on the PATH
    #[arg(long, env = "CVC5", default_value = "cvc5", value_name = "PROGRAM")]
    solver: PathBuf,
    /// Seconds that the solver may take for one team and operation
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    limit: u32,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[cfg(feature = "prove")]
pub(super) use report::run;

/// Says how to get a build that can.
#[cfg(not(feature = "prove"))]
pub(super) fn run(args: &ProveArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    args.folder.tested(terminal.color)?;
    let solver = args.solver.display();
    Err(Failure::missing("this build cannot prove anything").hint(format!(
        "build one with `cargo build --release --features prove`; it runs the solver cvc5 (`{solver}`), {}s at most for \
         each question",
        args.limit
    )))
}
