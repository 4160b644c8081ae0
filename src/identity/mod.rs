//! Who is calling, proved.
//!
//! Receives request heads and body digests and returns a [`Principal`] for what was proved: first a [`Claim`] from
//! the head alone, then, with the body's hash, the principal. Never logs, records or forwards what a caller
//! authenticated with.

pub mod callers;
mod claim;
mod error;
pub mod keys;
mod principal;
mod session;
mod signed;
mod signing_keys;
pub mod sigv4;

pub use callers::Callers;
pub use claim::{Claim, RequestHead};
pub use error::AuthenticationError;
pub use keys::{MasterKey, RecordKey};
pub use principal::{CredentialKind, Principal};
pub use session::SignedSession;

#[cfg(test)]
mod tests;
