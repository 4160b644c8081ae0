//! What Bedrock's wire carries, as values: operations, model references, bodies, event streams, faults.
//!
//! Pure: no sockets, no clock, no logging. Wire facts name where they come from.

pub(crate) mod async_invoke;
pub mod catalogue;
pub mod chat;
pub(crate) mod converse;
pub(crate) mod count_tokens;
pub mod envelope;
pub mod event_stream;
pub mod fault;
pub mod format;
pub(crate) mod guardrail;
pub mod invoke;
pub mod json;
pub mod listing;
pub mod model;
pub mod operation;
pub mod speech;
pub mod sse;
pub mod stored_prompt;
pub mod stream;
pub mod usage;
pub mod view;
