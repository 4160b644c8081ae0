//! `policy new team`: a first policy file that grants nothing by accident, and tests that say so.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use clap::{Args, Subcommand};

use super::{Folder, schema};
use crate::cli::{Exit, Failure, Terminal};
use crate::policy::Scope;

/// What to write.
#[derive(Debug, Subcommand)]
pub enum NewCommand {
    /// teams/NAME.yaml and tests/NAME.yaml
    Team(TeamArgs),
}

/// For whom.
#[derive(Debug, Args)]
pub struct TeamArgs {
    /// Name of the team
    name: String,
    /// Who answers for it
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<String>,
    /// What the team may use; nothing, unless given
    #[arg(long, value_name = "GLOB")]
    model: Vec<String>,
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(command: &NewCommand, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let NewCommand::Team(args) = command;
    let path = format!("teams/{}.yaml", args.name);
    if Scope::of_path(&path).is_none() {
        return Err(Failure::usage(format!("`{}` cannot be the name of a team", args.name))
            .hint("letters, digits, `-`, `_` and `.`, at most 64; `org` is taken"));
    }
    let tests = format!("tests/{}.yaml", args.name);
    let folder = &args.folder.policies;
    write_new(&folder.join(&path), &schema::pointed(&path, &policy(args)))?;
    write_new(&folder.join(&tests), &schema::pointed(&tests, &cases(&args.name)))?;
    for (name, schema) in schema::files().filter(|(name, _)| !folder.join(name).exists()) {
        write_new(&folder.join(name), &schema)?;
    }
    writeln!(terminal.stdout, "{path}\n{tests}")?;
    writeln!(
        terminal.stderr,
        "try them with `bedrock-warden policy check` and `bedrock-warden policy test`"
    )?;
    Ok(Exit::Success)
}

fn policy(args: &TeamArgs) -> String {
    let name = &args.name;
    let owner = args.owner.as_ref().map(|owner| format!("owner: {owner:?}\n")).unwrap_or_default();
    let grants = match args.model.as_slice() {
        [] => "# What the team may use, out of what the floor permits. Until something is listed, it may use nothing.\n\
               # allow:\n#   - models: [anthropic.claude-3-haiku-*]\n"
            .to_owned(),
        models => {
            let models: Vec<String> = models.iter().map(|model| format!("{model:?}")).collect();
            format!("# What the team may use, out of what the floor permits.\nallow:\n  - models: [{}]\n", models.join(", "))
        }
    };
    format!(
        "version: 1\nscope: team/{name}\n{owner}\n{grants}\n# A request that asks for more, or does not say, gets this much.\nlimits:\n  - maxTokens: {{ max: 1024, over: clamp }}\n"
    )
}

fn cases(name: &str) -> String {
    format!(
        "version: 1\ngiven: {{ team: {name}, app: any, env: prod, region: us-east-1 }}\ncases:\n  - name: what no file lists is not granted\n    request: {{ model: deepseek.r1-v1:0, maxTokens: 100 }}\n    expect: {{ decision: deny, error: AccessDeniedException, rules: [org/allow, {name}/allow] }}\n"
    )
}

/// Nothing is overwritten.
fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot write `{}`: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}
