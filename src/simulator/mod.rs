//! A local double of Amazon Bedrock, for trying things and for tests: no AWS account, no cost, no model.
//!
//! Receives requests that real SDKs sign and send, and answers as the service does: it verifies signatures, checks
//! bodies, and replies in each model family's own documents and event streams. What it says follows from the request
//! alone. It never reaches beyond the machine.
//!
//! Lines in a prompt steer it: `say: TEXT` makes TEXT the answer (`speech`), `simulate: NAME` makes it fail in a way
//! that Bedrock fails (`faults`).

mod async_invokes;
mod catalogue;
mod chat;
mod commands;
mod converse;
mod count_tokens;
mod exchange;
mod faults;
mod fields;
mod guardrails;
mod invoke;
mod log;
mod lookups;
mod metadata;
mod models;
mod plan;
mod random;
mod reply;
mod resources;
mod server;
mod session;
mod speech;
mod stream;
mod tls;
mod verify;

pub use faults::DISTURBANCES;
pub use server::{Running, SimulatorError, SimulatorOptions, start};
pub use stream::Pace;
pub use tls::{Transport, TransportError};
pub use verify::Credential;

#[cfg(test)]
mod tests;
