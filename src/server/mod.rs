//! Sockets and process life: listeners, TLS, health, reload, drain.
//!
//! Hands requests over to `proxy` and knows nothing of what they mean.

mod admin;
mod listener;
mod origin;
mod policies;
mod reload;
mod serve;
mod source;

pub use listener::ListenError;
pub use reload::LoadError;
pub use serve::{ServeError, StopSignals, Warden};
