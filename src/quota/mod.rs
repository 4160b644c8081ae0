//! Keeping count: what teams, apps and callers have used, so that a quota holds under concurrency.
//!
//! Receives the charges of a request before it is sent and reserves the most that it can take, in every count at once or in
//! none; receives what it really took when it is over. The sum of what was admitted never exceeds a limit, in whatever
//! order requests come and end. Many wardens may share limits: each admits what it has leased of them, ahead of time, so
//! that reserving touches memory only. Must never give a budget back because a clock went back, a caller hung up, or the
//! process died.

mod attempt;
mod bucket;
mod grant;
mod keeper;
mod leases;
mod ledger;
mod reservation;
mod shared;
mod steady;
mod store;

pub use attempt::Refused;
pub use keeper::Keeper;
pub use ledger::Ledger;
pub use reservation::{Reservation, Spent};

#[cfg(test)]
mod tests;
