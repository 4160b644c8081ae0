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
    /// detectors.yaml
    Detectors,
    /// catalog.yaml
    Catalog,
}

pub(super) fn run(args: &SchemaArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let file = match args.file {
        Kind::Policy => File::Policy,
        Kind::Tests => File::Tests,
        Kind::Exceptions => File::Exceptions,
        Kind::Detectors => File::Detectors,
        Kind::Catalog => File::Catalog,
    };
    writeln!(terminal.stdout, "{:#}", file.schema())?;
    Ok(Exit::Success)
}

/// The files of all schemas, for a policy folder: names and contents.
pub(in crate::cli) fn files() -> impl Iterator<Item = (String, String)> {
    File::ALL.into_iter().map(|file| (name(file), format!("{:#}\n", file.schema())))
}

/// `text` of the policy file at `path`, with a first line that tells editors where its schema is.
pub(in crate::cli) fn pointed(path: &str, text: &str) -> String {
    let up = "../".repeat(path.matches('/').count());
    format!("# yaml-language-server: $schema={up}{}\n{text}", name(File::at(path)))
}

fn name(file: File) -> String {
    format!("{}.schema.json", file.name())
}
