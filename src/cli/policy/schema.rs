//! `policy schema`: JSON Schemas that editors complete and check policy files with.

use std::io::Write;

use clap::{Args, ValueEnum};

use crate::cli::{Exit, Failure, Terminal};
use crate::policy::analysis::schema::File;

/// Which schema to print.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Kind of file
    #[arg(value_enum, default_value_t)]
    file: Kind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// org.yaml, teams/*.yaml, apps/*/*.yaml
    #[default]
    Policy,
    /// tests/*.yaml
    Tests,
    /// exceptions.yaml
    Exceptions,
}

pub(super) fn run(args: &SchemaArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let file = match args.file {
        Kind::Policy => File::Policy,
        Kind::Tests => File::Tests,
        Kind::Exceptions => File::Exceptions,
    };
    writeln!(terminal.stdout, "{:#}", file.schema())?;
    Ok(Exit::Success)
}
