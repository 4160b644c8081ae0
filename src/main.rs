//! The `bedrock-warden` binary: the command line of the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(bedrock_warden::cli::main())
}
