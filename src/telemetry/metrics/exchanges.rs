//! Counters and histograms of exchanges.
//!
//! Receives an exchange when it is over, and rules and callers when they come into force. Label values come from our
//! own enumerations, from policies, from the callers' file and from `labels`; never from a request.

use std::time::Duration;

use prometheus::{Counter, Error, Histogram, IntCounter, Registry};

use super::family::Family;
use super::{label, names, or_none};
use crate::audit::{Decision, Direction, EndState};
use crate::bedrock::fault::Fault;
use crate::bedrock::operation::Operation;
use crate::sensitive::DetectorSet;
use crate::telemetry::Finished;
use crate::telemetry::labels::{self, ModelLabels};

/// Models with series of their own. Bedrock's catalogue has about a hundred.
const MODELS: usize = 200;

/// Types of tokens, in the order of [`tokens`].
const TOKEN_TYPES: [&str; 4] = ["input", "output", "cache_read", "cache_write"];

#[derive(Debug)]
pub(super) struct Exchanges {
    models: ModelLabels,
    requests: Family<IntCounter, 3>,
    caller_requests: Family<IntCounter, 3>,
    model_requests: Family<IntCounter, 3>,
    errors: Family<IntCounter, 2>,
    tokens: Family<IntCounter, 3>,
    cost: Family<Counter, 2>,
    denials: Family<IntCounter, 1>,
    shadow_denials: Family<IntCounter, 1>,
    exceptions: Family<IntCounter, 1>,
    break_glass: Family<IntCounter, 1>,
    edits: Family<IntCounter, 1>,
    findings: Family<IntCounter, 2>,
    duration: Family<Histogram, 1>,
    overhead: Family<Histogram, 1>,
    upstream_duration: Family<Histogram, 1>,
    first_token: Family<Histogram, 1>,
    per_token: Family<Histogram, 1>,
    answer_hold: Family<Histogram, 1>,
    upstream_responses: Family<IntCounter, 1>,
}

impl Exchanges {
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let exchanges = Self {
            models: ModelLabels::new(MODELS),
            requests: Family::register(registry, &names::REQUESTS)?,
            caller_requests: Family::register(registry, &names::CALLER_REQUESTS)?,
            model_requests: Family::register(registry, &names::MODEL_REQUESTS)?,
            errors: Family::register(registry, &names::ERRORS)?,
            tokens: Family::register(registry, &names::TOKENS)?,
            cost: Family::register(registry, &names::COST)?,
            denials: Family::register(registry, &names::DENIALS)?,
            shadow_denials: Family::register(registry, &names::SHADOW_DENIALS)?,
            exceptions: Family::register(registry, &names::EXCEPTIONS)?,
            break_glass: Family::register(registry, &names::BREAK_GLASS)?,
            edits: Family::register(registry, &names::EDITS)?,
            findings: Family::register(registry, &names::FINDINGS)?,
            duration: Family::register(registry, &names::DURATION)?,
            overhead: Family::register(registry, &names::OVERHEAD)?,
            upstream_duration: Family::register(registry, &names::UPSTREAM_DURATION)?,
            first_token: Family::register(registry, &names::FIRST_TOKEN)?,
            per_token: Family::register(registry, &names::PER_TOKEN)?,
            answer_hold: Family::register(registry, &names::ANSWER_HOLD)?,
            upstream_responses: Family::register(registry, &names::UPSTREAM_RESPONSES)?,
        };
        exchanges.show_operations();
        exchanges.show_answers();
        exchanges.know_caller(label::NONE, label::NONE);
        exchanges.know_rule(label::NONE, false);
        exchanges.know_rule(label::NONE, true);
        exchanges.know_exception(label::NONE, true);
        Ok(exchanges)
    }

    fn show_operations(&self) {
        for operation in Operation::ALL {
            let name = operation.name();
            self.overhead.show([name]);
            self.upstream_duration.show([name]);
            if operation.may_stream() {
                self.first_token.show([name]);
                self.per_token.show([name]);
                self.answer_hold.show([name]);
            }
        }
        for operation in Operation::ALL.map(Operation::name).into_iter().chain([label::NONE]) {
            self.duration.show([operation]);
            for fault in Fault::ALL.map(Fault::name).into_iter().chain([label::OTHER]) {
                self.errors.show([operation, fault]);
            }
            for decision in Decision::ALL {
                for end in EndState::ALL.into_iter().filter(|end| is_usual(decision, *end)) {
                    self.requests.show([operation, decision.name(), end.name()]);
                }
            }
        }
    }

    fn show_answers(&self) {
        for detector in DetectorSet::all().iter() {
            for direction in [Direction::In, Direction::Out] {
                self.findings.show([detector.name(), direction.name()]);
            }
        }
        self.upstream_responses.show(["200"]);
        self.upstream_responses.show([label::NONE]);
        for fault in Fault::ALL {
            self.upstream_responses.show([fault.status().as_str()]);
        }
    }

    pub fn know_rule(&self, rule: &str, shadow: bool) {
        if shadow {
            self.shadow_denials.show([rule]);
        } else {
            self.denials.show([rule]);
            self.edits.show([rule]);
        }
    }

    pub fn know_exception(&self, id: &str, break_glass: bool) {
        self.exceptions.show([id]);
        if break_glass {
            self.break_glass.show([id]);
        }
    }

    pub fn know_caller(&self, team: &str, app: &str) {
        for decision in Decision::ALL.map(Decision::name) {
            self.caller_requests.show([team, app, decision]);
            self.model_requests.show([team, label::OTHER, decision]);
        }
        self.cost.show([team, label::OTHER]);
        for token in TOKEN_TYPES {
            self.tokens.show([team, label::OTHER, token]);
        }
    }

    pub fn record(&self, event: &Finished) {
        let operation = or_none(event.operation.map(Operation::name));
        let (decision, end) = (event.decision.name(), event.end.name());
        let (team, app) =
            event.caller.as_ref().map_or((label::NONE, label::NONE), |caller| (&*caller.team, &*caller.app));
        let model = self.models.of(event);
        self.requests.with([operation, decision, end], IntCounter::inc);
        self.caller_requests.with([team, app, decision], IntCounter::inc);
        self.model_requests.with([team, model, decision], IntCounter::inc);
        if let Some(error) = &event.error {
            self.errors.with([operation, labels::error(error)], IntCounter::inc);
        }
        if let Some(micros) = event.cost_micros {
            self.cost.with([team, model], |dollars| dollars.inc_by(in_dollars(micros)));
        }
        for (name, count) in TOKEN_TYPES.into_iter().zip(tokens(event)) {
            if let Some(count) = count {
                self.tokens.with([team, model, name], |counter| counter.inc_by(count));
            }
        }
        if let Some(upstream) = &event.upstream {
            let code = upstream.status.as_ref().map(http::StatusCode::as_str);
            self.upstream_responses.with([or_none(code)], IntCounter::inc);
        }
        self.record_policy(event);
        self.record_times(event, operation);
    }

    fn record_policy(&self, event: &Finished) {
        for (rules, family) in [
            (&event.violated, &self.denials),
            (&event.shadow, &self.shadow_denials),
            (&event.edited, &self.edits),
        ] {
            for rule in once_each(rules) {
                family.with([rule], IntCounter::inc);
            }
        }
        for exception in &event.exceptions {
            self.exceptions.with([&*exception.id], IntCounter::inc);
            if exception.break_glass {
                self.break_glass.with([&*exception.id], IntCounter::inc);
            }
        }
        for finding in &event.findings {
            let labels = [finding.detector.as_str(), finding.direction.name()];
            self.findings.with(labels, |counter| counter.inc_by(finding.count.into()));
        }
    }

    fn record_times(&self, event: &Finished, operation: &str) {
        let timings = &event.timings;
        observe(&self.duration, operation, timings.total);
        // Waiting for credentials that never came is neither Bedrock's time nor our own.
        let sent = event.end != EndState::NotForwarded;
        let Some(upstream) = timings.upstream.filter(|_| sent) else { return };
        observe(&self.overhead, operation, timings.added());
        observe(&self.upstream_duration, operation, upstream);
        if let Some(held) = timings.held {
            observe(&self.answer_hold, operation, held);
        }
        let streamed = event.streams()
            && event
                .upstream
                .as_ref()
                .and_then(|upstream| upstream.status)
                .is_some_and(|code| code.is_success());
        if let (true, Some(first)) = (streamed, timings.first_byte) {
            observe(&self.first_token, operation, first);
            // The first token came with the first byte; the others took the rest of the time.
            let others = event.tokens.output.and_then(|tokens| u32::try_from(tokens.saturating_sub(1)).ok());
            if let Some(others) = others.filter(|others| *others > 0) {
                observe(&self.per_token, operation, upstream.saturating_sub(first) / others);
            }
        }
    }
}

fn observe(family: &Family<Histogram, 1>, operation: &str, time: Duration) {
    family.with([operation], |histogram| histogram.observe(time.as_secs_f64()));
}

/// A rule that was broken in two ways, or by request and answer, still counts once.
/// Every sum of money that tokens can cost is well below the 2^53 that a float counts exactly.
#[expect(clippy::cast_precision_loss, reason = "a cost in micro-dollars is far below 2^53")]
fn in_dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn once_each(rules: &[String]) -> impl Iterator<Item = &str> {
    rules.iter().enumerate().filter_map(|(at, rule)| {
        let seen = rules.iter().take(at).any(|earlier| earlier == rule);
        (!seen).then_some(rule.as_str())
    })
}

const fn tokens(event: &Finished) -> [Option<u64>; 4] {
    let tokens = &event.tokens;
    [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write]
}

/// Whether requests that were decided so come to such an end when nothing goes wrong on our own side.
const fn is_usual(decision: Decision, end: EndState) -> bool {
    match end {
        EndState::Complete
        | EndState::ClientAbort
        | EndState::UpstreamAbort
        | EndState::PolicyAbort
        | EndState::Drained => {
            matches!(decision, Decision::Allow | Decision::Modify)
        }
        // A request that was refused, or an answer that was withheld whole.
        EndState::Refused => true,
        EndState::Abandoned | EndState::NotForwarded => matches!(decision, Decision::Error),
        EndState::CrashUnknown => false,
    }
}
