//! The command line: one file per subcommand.

mod terminal;

use std::io::ErrorKind;

pub use terminal::{Exit, Failure, Terminal};

impl From<std::io::Error> for Failure {
    /// A reader that went away (`| head`) is no failure.
    fn from(error: std::io::Error) -> Self {
        let broken_pipe = error.kind() == ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::internal(error) }
    }
}
