//! The event of an exchange that is not over yet.
//!
//! Filled in as the request path learns things, told exactly once: when it is dropped. An exchange that is let go of,
//! by a panic too, is told of as abandoned.

use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use uuid::Uuid;

use super::{Finished, Telemetry, Trace};
use crate::clock;

/// An event that is still being filled in.
#[derive(Debug)]
pub struct OpenEvent {
    /// What is known so far.
    pub event: Finished,
    trace: Trace,
    arrived: Instant,
    telemetry: Arc<Telemetry>,
}

impl OpenEvent {
    /// Begins the event of the exchange that is recorded as `request_id`, and whose spans are in `trace`.
    pub fn begin(telemetry: &Arc<Telemetry>, trace: Trace, request_id: Uuid, policy_digest: &str) -> Self {
        telemetry.begin();
        let event = Finished::new(request_id, policy_digest);
        Self { event, trace, arrived: clock::instant(), telemetry: Arc::clone(telemetry) }
    }

    /// Notes that the call to Bedrock is sent at `at`, and gives it its place in the trace.
    pub fn sent(&mut self, at: Instant, headers: &mut HeaderMap) {
        let after = at.saturating_duration_since(self.arrived);
        self.trace.send(&self.telemetry.otlp.traces, after, headers);
    }

    pub fn arrived(&self) -> Instant {
        self.arrived
    }
}

impl Drop for OpenEvent {
    fn drop(&mut self) {
        self.event.timings.total = self.arrived.elapsed();
        self.trace.finish(&self.telemetry.otlp.traces, &self.event);
        self.telemetry.finished(&self.event);
    }
}
