//! The event of an exchange that is not over yet.
//!
//! Filled in as the request path learns things, told exactly once: when it is dropped. An exchange that is let go of,
//! by a panic too, is told of as abandoned.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::{Finished, Parameters, Telemetry, Timings};
use crate::audit::{Decision, EndState, Tokens};
use crate::clock;

/// An event that is still being filled in.
#[derive(Debug)]
pub struct OpenEvent {
    /// What is known so far.
    pub event: Finished,
    arrived: Instant,
    telemetry: Arc<Telemetry>,
}

impl OpenEvent {
    /// Begins the event of the exchange that is recorded as `request_id`.
    pub fn begin(telemetry: &Arc<Telemetry>, request_id: Uuid, policy_digest: &str) -> Self {
        telemetry.begin();
        let event = Finished {
            request_id,
            caller: None,
            operation: None,
            model: None,
            format: None,
            decision: Decision::Error,
            end: EndState::Abandoned,
            status: None,
            error: None,
            upstream: None,
            violated: Vec::new(),
            shadow: Vec::new(),
            edited: Vec::new(),
            findings: Vec::new(),
            guardrail: None,
            parameters: Parameters::default(),
            stop_reason: None,
            tokens: Tokens::default(),
            timings: Timings::default(),
            policy_digest: policy_digest.to_owned(),
        };
        Self { event, arrived: clock::instant(), telemetry: Arc::clone(telemetry) }
    }

    pub fn arrived(&self) -> Instant {
        self.arrived
    }
}

impl Drop for OpenEvent {
    fn drop(&mut self) {
        self.event.timings.total = self.arrived.elapsed();
        self.telemetry.finished(&self.event);
    }
}
