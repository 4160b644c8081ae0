//! One line a request.
//!
//! The subscriber decides whether it is text or JSON. What is not known is left out.

use super::Finished;
use crate::audit::EndState;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;

pub(super) fn line(event: &Finished) {
    let caller = event.caller.as_ref();
    for exception in event.exceptions.iter().filter(|exception| exception.break_glass) {
        tracing::error!(
            audit.id = %event.request_id,
            principal.team = caller.map(|caller| caller.team.as_str()),
            principal.app = caller.map(|caller| caller.app.as_str()),
            exception.id = exception.id,
            "the glass was broken"
        );
    }
    let upstream = event.upstream.as_ref();
    let message = match event.end {
        EndState::Abandoned => "abandoned",
        _ if event.upstream.is_some() => "served",
        _ => "refused",
    };
    tracing::info!(
        audit.id = %event.request_id,
        principal.team = caller.map(|caller| caller.team.as_str()),
        principal.app = caller.map(|caller| caller.app.as_str()),
        operation.name = event.operation.map(Operation::name),
        model.id = event.model.as_ref().map(ModelReference::raw),
        policy.digest = (!event.policy_digest.is_empty()).then_some(event.policy_digest.as_str()),
        decision = event.decision.name(),
        rules = rules(event),
        status = event.status.map(|status| status.as_u16()),
        error.code = event.error,
        upstream.status = upstream.and_then(|upstream| upstream.status).map(|status| status.as_u16()),
        upstream.request_id = upstream.and_then(|upstream| upstream.request_id.as_deref()),
        tokens.input = event.tokens.input,
        tokens.output = event.tokens.output,
        cost_micros = event.cost_micros,
        end_state = event.end.name(),
        latency_ms = milliseconds(event.timings.total),
        added_us = u64::try_from(event.timings.added().as_micros()).ok(),
        "{message}"
    );
}

/// The rules that refused the request, or else those that changed it.
fn rules(event: &Finished) -> Option<String> {
    let rules = if event.violated.is_empty() { &event.edited } else { &event.violated };
    (!rules.is_empty()).then(|| rules.join(","))
}

fn milliseconds(duration: std::time::Duration) -> Option<u64> {
    u64::try_from(duration.as_millis()).ok()
}
