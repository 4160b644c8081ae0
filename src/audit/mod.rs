//! The audit journal: what is about to happen, what happened, and proof that it was written down.
//!
//! Receives facts from the request path through an [`Entry`] and returns a [`Receipt`] once the intent is on disk.
//! Nothing may be forwarded without one. Must never lose a record silently, never hold prompt or matched text, and
//! never let a request pass while it cannot be recorded.

mod entry;
mod error;
mod journal;
pub mod query;
mod record;
mod seal;
mod status;
mod store;
mod watch;
mod writer;

pub use entry::{Entry, OpenEntry, Receipt};
pub use error::JournalError;
pub use journal::{Journal, JournalOptions};
pub use record::{
    Arrival, Caller, Content, Decision, DenialReason, Denied, Direction, Edit, EndState, ExceptionUse,
    Finding, Intent, Judgement, Model, Outcome, Request, RuleHit, Session, Settings, System, SystemKind,
    Target, Timings, Tokens, Uninspected,
};
pub use status::{Health, JournalState};

#[cfg(test)]
mod tests;
