//! `audit query` and `audit show`: what a reviewer asks a journal, also while a warden writes it.

mod show;
mod table;

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::{Exit, Failure, Terminal};
use crate::audit::Decision;
use crate::audit::query::{self, Filter, Moment, QueryError, Row, State};
use crate::clock;

pub use table::write_table;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List requests, newest first
    Query(QueryArgs),
    /// Show everything about one request
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// From this time on: `24h`, `7d`, a date, or RFC 3339
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    #[arg(long)]
    team: Option<String>,
    #[arg(long)]
    app: Option<String>,
    /// Model as requested or as resolved, with `*` and `?`
    #[arg(long, value_name = "GLOB")]
    model: Option<String>,
    #[arg(long)]
    operation: Option<String>,
    #[arg(long, value_parser = decisions())]
    decision: Option<Decision>,
    /// A rule that applied: violated, in shadow, granting or editing
    #[arg(long, value_name = "GLOB")]
    rule: Option<String>,
    /// A kind of sensitive data that was found, such as EMAIL
    #[arg(long, value_name = "TYPE")]
    finding: Option<String>,
    /// How it ended: `complete`, `client_abort`, `unknown`, `open`, …
    #[arg(long)]
    state: Option<State>,
    /// Request id, or its beginning
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    #[arg(long, default_value_t = Filter::default().limit)]
    limit: u32,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Request id (`x-amzn-RequestId` of the answer), or its beginning
    id: String,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Table,
    Json,
    Jsonl,
}

pub fn run(command: AuditCommand, journal: &Path, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        AuditCommand::Query(args) => {
            let output = args.output;
            let filter = args.filter();
            let rows = runtime.block_on(query::run(journal, &filter))?;
            write_rows(&rows, output, terminal)?;
            if rows.is_empty() {
                writeln!(terminal.stderr, "no request matches")?;
            } else if u32::try_from(rows.len()).is_ok_and(|count| count == filter.limit) {
                writeln!(terminal.stderr, "only the newest {} are shown (--limit)", filter.limit)?;
            }
        }
        AuditCommand::Show(args) => {
            let records = runtime.block_on(query::show(journal, &args.id))?;
            match args.output {
                Output::Table => show::write_story(&records, &mut terminal.stdout)?,
                Output::Json => show::write_json(&records, &mut terminal.stdout)?,
                Output::Jsonl => show::write_evidence(&records, &mut terminal.stdout)?,
            }
        }
    }
    Ok(Exit::Success)
}

fn write_rows(rows: &[Row], output: Output, terminal: &mut Terminal) -> Result<(), Failure> {
    match output {
        Output::Table => table::write_table(rows, &mut terminal.stdout)?,
        Output::Json => {
            let all: Value = rows.iter().map(Row::flat).collect();
            writeln!(terminal.stdout, "{all:#}")?;
        }
        Output::Jsonl => {
            for row in rows {
                writeln!(terminal.stdout, "{}", row.flat())?;
            }
        }
    }
    Ok(())
}

impl QueryArgs {
    fn filter(self) -> Filter {
        let now = clock::now();
        Filter {
            since: self.since.map(|moment| moment.resolve(now)),
            until: self.until.map(|moment| moment.resolve(now)),
            team: self.team,
            app: self.app,
            model: self.model,
            operation: self.operation,
            decision: self.decision,
            rule: self.rule,
            finding: self.finding,
            state: self.state,
            request: self.request,
            limit: self.limit,
        }
    }
}

fn decisions() -> impl TypedValueParser<Value = Decision> {
    PossibleValuesParser::new(Decision::ALL.map(Decision::name)).try_map(|name| {
        Decision::ALL.into_iter().find(|decision| decision.name() == name).ok_or("not a decision")
    })
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Missing(_) => {
                Self::usage(error).hint("a warden makes its journal when it first starts")
            }
            QueryError::InvalidId(_) | QueryError::NotFound(_) | QueryError::Ambiguous { .. } => {
                Self::usage(error)
            }
            QueryError::Read { .. } | QueryError::Evidence { .. } => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests;
