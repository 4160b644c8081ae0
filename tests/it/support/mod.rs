//! What the tests are written with.

pub mod call;
pub mod frames;
pub mod hostile_upstream;
pub mod http;
pub mod http2;
pub mod journal;
pub mod obtain;
pub mod otlp;
pub mod postgres;
pub mod process;
pub mod receivers;
pub mod rust_sdk;
pub mod session;
pub mod simulator;
pub mod sts;
pub mod warden;

use std::time::{Duration, Instant};

/// How long anything on loopback may take before a test calls it broken. Generous: machines are shared.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `condition` until it holds. Panics with `what` when [`PATIENCE`] is over.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "did not happen within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
