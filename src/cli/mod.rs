//! The command line: one file per subcommand.

mod terminal;

pub use terminal::{Exit, Failure, Terminal};
