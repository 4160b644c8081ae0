//! What commands print to: stdout is data, stderr is talk.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use thiserror::Error;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, and what was asked about is fine.
    Success,
    /// It did what was asked, and found something: a failed check, a denied request.
    Findings,
    /// The command line, configuration or a policy is wrong.
    Usage,
    /// A program or a part of this one is not there that the command needs.
    Missing,
    /// Something failed that should not.
    Internal,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::Internal => 70,
        }
    }
}

/// Why a command could not do what was asked.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failure {
    pub exit: Exit,
    /// Lower case, no full stop; may hold rendered diagnostics.
    pub message: String,
    pub hint: Option<String>,
    /// The reader of stdout went away.
    pub(super) broken_pipe: bool,
}

impl Failure {
    /// The caller can fix it: arguments, configuration, policies, files.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), hint: None, broken_pipe: false }
    }

    /// Something has to be installed first.
    pub fn missing(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Missing, message: message.to_string(), hint: None, broken_pipe: false }
    }

    pub fn internal(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Internal, message: message.to_string(), hint: None, broken_pipe: false }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The two streams of a command. Tests hand in buffers.
pub struct Terminal {
    pub stdout: Box<dyn Write + Send>,
    pub stderr: Box<dyn Write + Send>,
    /// Whether stdout may carry colours.
    pub color: bool,
    /// Whether stderr is watched by a person, who wants to see progress.
    pub interactive: bool,
}

impl Terminal {
    /// The process's own streams. `no_color` is the `NO_COLOR` convention.
    pub fn process(no_color: bool) -> Self {
        Self {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            color: !no_color && io::stdout().is_terminal(),
            interactive: io::stderr().is_terminal(),
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Terminal").field("color", &self.color).finish_non_exhaustive()
    }
}
