//! The callers that the warden knows, and the keys they were issued.
//!
//! `callers.yaml` is read into a [`Register`], which the `caller` command changes and writes back. A register and the
//! master key together make [`Callers`], which answers who a request comes from. Neither holds a usable secret.

mod emit;
mod identify;
mod parse;
mod register;
mod store;

pub use identify::Callers;
pub use register::{Caller, Key, KeyKind, KeyState, Register, valid_name};
pub use store::{CallerFiles, Issued, KeyRequest, RegisterError};

#[cfg(test)]
mod tests;
