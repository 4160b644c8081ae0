//! What a policy set says beyond one decision: test tables, invariants, matrices, differences, replays.
//!
//! Receives policy sets and made-up or recorded requests, returns findings. Everything asks `repair` and `verify` as
//! the request path does, so that no answer here can differ from what a warden would decide. Pure.

pub mod control_policy;
pub mod description;
pub mod diff;
pub mod grid;
pub mod items;
pub mod matrix;
pub(super) mod mentions;
pub mod order;
pub mod probe;
pub mod reach;
pub mod replay;
pub mod schema;
pub mod suite;
pub mod theorem;
pub mod unreachable;
