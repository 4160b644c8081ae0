//! `sensitive`: what the detectors find in a text, and what detectors there are.
//!
//! Reads a text or JSON lines from stdin, prints to stdout. Shows nothing that was found but its kind and its place.

mod list;
mod scan;

use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Exit, Failure, Terminal};
use crate::clock;
use crate::config::policy_folder::read_folder;
use crate::policy;
use crate::sensitive::{DetectorId, DetectorSet, Scanner};
use crate::yaml::{Diagnostics, closest};

/// `bedrock-warden sensitive …`
#[derive(Debug, Subcommand)]
pub enum SensitiveCommand {
    /// Find sensitive data in what stdin holds
    ///
    /// As text, prints it with everything that was found replaced, and the counts to stderr. As JSON lines, reads
    /// {"id", "text"} and prints {"id", "spans": [{"start", "end", "type"}]}, offsets in code points, ends exclusive.
    /// A line that cannot be read is named on stderr and left out; the exit code is 2 then.
    Scan(scan::ScanArgs),
    /// List the detectors: what each finds, how it is confirmed, its keywords, and examples
    List(list::ListArgs),
}

pub fn run(
    command: &SensitiveCommand,
    stdin: &mut dyn BufRead,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    match command {
        SensitiveCommand::Scan(args) => scan::run(args, stdin, terminal),
        SensitiveCommand::List(args) => list::run(args, terminal),
    }
}

/// Which detectors a command is about.
#[derive(Debug, Args)]
pub(super) struct Choice {
    /// Detectors, in any spelling that policies know; all when left out
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    detect: Vec<String>,
    /// Policy folder whose detectors.yaml adds detectors
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

impl Choice {
    /// The scanner, and what it is to look for.
    fn load(&self, terminal: &Terminal) -> Result<(Scanner, DetectorSet), Failure> {
        let scanner = match &self.policies {
            Some(folder) => scanner_of(folder, terminal)?,
            None => Scanner::new().map_err(Failure::internal)?,
        };
        if self.detect.is_empty() {
            let all = scanner.detectors();
            return Ok((scanner, all));
        }
        let named = self.detect.iter().map(|name| find(&scanner, name));
        let detectors = named.collect::<Result<_, _>>()?;
        Ok((scanner, detectors))
    }
}

fn find(scanner: &Scanner, name: &str) -> Result<DetectorId, Failure> {
    scanner.find(name.trim()).ok_or_else(|| {
        let known = scanner.detectors().iter().map(DetectorId::short);
        let hint = closest(name, known).map_or_else(
            || "`bedrock-warden sensitive list` shows them all".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Failure::usage(format!("there is no detector `{}`", name.escape_debug())).hint(hint)
    })
}

fn scanner_of(folder: &Path, terminal: &Terminal) -> Result<Scanner, Failure> {
    let files = read_folder(folder).map_err(Failure::usage)?;
    let mut diagnostics = Diagnostics::default();
    let set = policy::compile(&files, clock::now(), &mut diagnostics);
    set.map(|set| set.scanner().clone()).ok_or_else(|| {
        let list = diagnostics.render(terminal.color);
        Failure::usage(format!("the policy files cannot be used\n\n{list}"))
    })
}

#[cfg(test)]
mod tests;
