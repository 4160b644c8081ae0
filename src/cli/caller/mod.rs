//! `bedrock-warden caller`: credentials issued to applications.
//!
//! Receives what to change and the files to change it in, and prints what was issued. A secret is printed once, on
//! stdout, in lines to paste into an environment; what there is to know about it goes to stderr. A list never holds one.

use std::io::{self, Write};
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use crate::identity::callers::CallerFiles;

use super::{Exit, Failure, Terminal};
use crate::clock;
use crate::identity::CredentialKind;
use crate::identity::callers::{Caller, Issued, Key, KeyRequest, RegisterError};

/// Issue, list, rotate and revoke the credentials of applications.
#[derive(Debug, Subcommand)]
pub enum CallerCommand {
    /// Issue a key to an application, which is added when it is new
    Add(AddArgs),
    /// List applications and their keys
    List(ListArgs),
    /// Issue a key in place of another, which goes on working for a while
    Rotate(RotateArgs),
    /// Revoke a key at once
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub struct AddArgs {
    /// Team the application belongs to, as policies name it
    #[arg(long)]
    team: String,
    /// Application, as policies name it
    #[arg(long)]
    app: String,
    /// Issue a bearer key, for clients that cannot sign
    #[arg(long)]
    bearer: bool,
    /// How long the key may be used, such as 90d or 12h [default: for ever]
    #[arg(long, value_name = "TIME")]
    expires: Option<Span>,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Id of the key to replace
    key_id: String,
    /// How long the old key goes on working
    #[arg(long, value_name = "TIME", default_value = "24h")]
    overlap: Span,
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Id of the key to revoke
    key_id: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Table,
    Json,
}

/// A length of time as people write it: `90d`, `12h`, `30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span(SignedDuration);

pub fn run(
    command: &CallerCommand,
    files: &CallerFiles<'_>,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let now = clock::now();
    match command {
        CallerCommand::Add(args) => {
            let kind = if args.bearer { CredentialKind::Bearer } else { CredentialKind::SigV4 };
            let lifetime = args.expires.map(|Span(lifetime)| lifetime);
            let issued = files.add(&KeyRequest { team: &args.team, app: &args.app, kind, lifetime }, now)?;
            announce(&issued, terminal)?;
            print_issued(&issued, args.output, terminal)?;
        }
        CallerCommand::List(args) => list(files, args.output, now, terminal)?,
        CallerCommand::Rotate(args) => {
            let issued = files.rotate(&args.key_id, args.overlap.0, now)?;
            announce(&issued, terminal)?;
            let (old, overlap) = (&args.key_id, args.overlap.0);
            writeln!(terminal.stderr, "{old} goes on working for at most {overlap:#}")?;
            print_issued(&issued, args.output, terminal)?;
        }
        CallerCommand::Revoke(args) => {
            let was_usable = files.revoke(&args.key_id, now)?;
            let already = if was_usable { "" } else { "; it could not be used before either" };
            writeln!(terminal.stderr, "revoked {}{already}", args.key_id)?;
        }
    }
    Ok(Exit::Success)
}

fn announce(issued: &Issued, terminal: &mut Terminal) -> io::Result<()> {
    let Issued { team, app, access_key_id, not_after, .. } = issued;
    let until = not_after.map(|end| format!(", valid until {end}")).unwrap_or_default();
    writeln!(terminal.stderr, "issued {access_key_id} to {team}/{app}{until}")?;
    writeln!(terminal.stderr, "the secret is shown this once and is stored nowhere")
}

/// SECRET: the one place that prints what an application authenticates with.
fn print_issued(issued: &Issued, output: Output, terminal: &mut Terminal) -> io::Result<()> {
    let (id, secret) = (&issued.access_key_id, issued.secret.expose());
    let stdout = &mut terminal.stdout;
    match (output, issued.kind) {
        (Output::Table, CredentialKind::SigV4) => {
            writeln!(stdout, "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}")
        }
        (Output::Table, CredentialKind::Bearer) => writeln!(stdout, "AWS_BEARER_TOKEN_BEDROCK={secret}"),
        (Output::Json, kind) => {
            let secret_name = match kind {
                CredentialKind::SigV4 => "secretAccessKey",
                CredentialKind::Bearer => "bearerToken",
            };
            let issued = json!({
                "team": issued.team,
                "app": issued.app,
                "id": id,
                secret_name: secret,
                "notAfter": issued.not_after.map(|end| end.to_string()),
            });
            writeln!(stdout, "{issued:#}")
        }
    }
}

fn list(
    files: &CallerFiles<'_>,
    output: Output,
    now: Timestamp,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (register, _) = files.read()?;
    match output {
        Output::Table => {
            let head =
                ["TEAM", "APP", "KEY", "KIND", "STATE", "CREATED", "ENDS", "REPLACED BY"].map(str::to_owned);
            let rows = register.keys().map(|(caller, key)| row(caller, key, now));
            write_table(&mut terminal.stdout, &std::iter::once(head).chain(rows).collect::<Vec<_>>())?;
        }
        Output::Json => {
            let keys: Vec<Value> = register.keys().map(|(caller, key)| object(caller, key, now)).collect();
            writeln!(terminal.stdout, "{:#}", Value::Array(keys))?;
        }
    }
    Ok(())
}

fn row(caller: &Caller, key: &Key, now: Timestamp) -> [String; 8] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        caller.team.clone(),
        caller.app.clone(),
        key.id.clone(),
        key.kind.name().to_owned(),
        key.state(now).name().to_owned(),
        key.created.to_string(),
        or_none(key.revoked.or(key.not_after).map(|end| end.to_string())),
        or_none(key.replaced_by.clone()),
    ]
}

fn object(caller: &Caller, key: &Key, now: Timestamp) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "team": caller.team,
        "app": caller.app,
        "id": key.id,
        "kind": key.kind.name(),
        "state": key.state(now).name(),
        "created": key.created.to_string(),
        "notBefore": time(key.not_before),
        "notAfter": time(key.not_after),
        "revoked": time(key.revoked),
        "replacedBy": key.replaced_by,
    })
}

/// Columns as wide as their widest cell. All cells are ASCII: they were checked when the register was read.
fn write_table(stdout: &mut dyn Write, rows: &[[String; 8]]) -> io::Result<()> {
    let mut widths = [0; 8];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(stdout, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const YEARS: i64 = 100;
        let refused = || format!("`{text}` is not a length of time like 90d, 12h or 30m");
        let unit = text.chars().next_back().ok_or_else(refused)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return Err(refused()),
        };
        let number: u32 = text.strip_suffix(unit).unwrap_or(text).parse().map_err(|_| refused())?;
        let seconds = i64::from(number) * seconds;
        if seconds > YEARS * 366 * 24 * 60 * 60 {
            return Err(format!("`{text}` is more than {YEARS} years"));
        }
        Ok(Self(SignedDuration::from_secs(seconds)))
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Random(_) => Self::internal(error),
            RegisterError::Io { .. }
            | RegisterError::Absent(_)
            | RegisterError::Invalid(_)
            | RegisterError::MasterKey(_)
            | RegisterError::Name { .. }
            | RegisterError::UnknownKey { .. }
            | RegisterError::Unusable { .. }
            | RegisterError::Replaced { .. }
            | RegisterError::Time => Self::usage(error),
        }
    }
}

#[cfg(test)]
mod tests;
