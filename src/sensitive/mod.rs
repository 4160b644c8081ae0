//! Sensitive data in texts: what it looks like, where it is, and texts without it.
//!
//! Receives strings as the model or the caller will see them and returns ranges, counts and redacted copies. Pure.
//! Findings never carry the text they were found in.

mod candidate;
mod checksums;
mod context;
mod custom;
mod description;
mod detector;
mod detectors;
mod fold;
mod normalise;
mod pattern;
mod redact;
mod scanner;
mod secrets;
mod stream;
mod tokens;
mod words;

pub use custom::{Custom, CustomError, Definition, MOST_CUSTOM, Validator};
pub use description::{Description, describe};
pub use detector::{DetectorId, DetectorSet, Findings, find};
pub use redact::redact;
pub use scanner::{Match, Scanner, ScannerError};
pub use stream::{Overflow, Plan, Progress, Redactor};
pub use tokens::{Restorer, Spelling, Tokens};

#[cfg(test)]
mod places;
#[cfg(test)]
mod tests;
