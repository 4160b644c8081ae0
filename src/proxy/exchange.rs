//! One request and its record: what has been learnt so far, and the one way to end it.
//!
//! The record's entry is opened before anything is checked. Whatever happens to an exchange, the entry leaves exactly
//! one story in the journal: a denial, or an intent and its outcome. Dropping it unfinished is recorded too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use uuid::Uuid;

use crate::audit::{
    DenialReason, Denied, EndState, Entry, Intent, Journal, JournalError, OpenEntry, Outcome, Receipt,
};
use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::operation::{Route, RouteError};
use crate::clock;
use crate::identity::Principal;
use crate::policy::PolicySet;
use crate::sensitive::Scanner;
use crate::telemetry::{OpenEvent, Telemetry, Trace};

use super::Peer;
use super::judge::Judgement;
use super::records;
use super::refuse::{DECISION, MODIFIED, RULES, Refusal, WOULD_DENY, native};
use super::reply::Downstream;

/// An exchange before its intent is durable.
pub struct Exchange {
    entry: Entry,
    open: OpenEvent,
    body_bytes: usize,
    tells_shadow: bool,
    pub judgement: Judgement,
}

/// An exchange whose request may have reached Bedrock.
pub struct Forwarded {
    entry: OpenEntry,
    open: OpenEvent,
    modified: String,
    tells_shadow: bool,
    /// Time spent waiting for Bedrock; the rest of the latency is our own.
    upstream: Option<Duration>,
}

/// A request that was allowed and could not be recorded, so that it was not sent. The journal notes it when it can.
pub struct Unrecorded {
    open: OpenEvent,
    error: JournalError,
}

/// An exchange that is recorded, as far as it can be, and of which the caller still has to see the end. It is told of
/// when this is dropped.
pub struct Ended {
    open: OpenEvent,
    /// Why the outcome is not durable.
    pub unrecorded: Option<JournalError>,
}

impl Exchange {
    /// Opens the record of `request`. Nothing is proven yet; what is noted are claims.
    pub fn open<B>(
        journal: &Journal,
        telemetry: &Arc<Telemetry>,
        scanner: &Scanner,
        peer: Peer,
        request: &Request<B>,
        policies: Option<&PolicySet>,
    ) -> Self {
        let arrival = records::arrival(scanner, peer.address.ip(), request.headers());
        let entry = Entry::open(journal, arrival);
        let digest = policies.map(PolicySet::digest).unwrap_or_default();
        let trace = Trace::open(&telemetry.otlp.traces, request.method(), peer.encrypted, request.headers());
        let open = OpenEvent::begin(telemetry, trace, entry.request_id(), digest);
        let tells_shadow = policies.is_some_and(PolicySet::tells_shadow);
        Self { entry, open, body_bytes: 0, tells_shadow, judgement: Judgement::default() }
    }

    pub fn request_id(&self) -> Uuid {
        self.open.event.request_id
    }

    pub fn learn_claim(&mut self, credential_id: &str) {
        self.entry.request.arrival.claimed_credential_id = Some(credential_id.to_owned());
    }

    /// What the request line asks for, or is known to ask for though it is never passed on.
    pub fn learn_route(&mut self, route: &Result<Route, RouteError>, region: &str) {
        let route = match route {
            Ok(route) => route,
            Err(RouteError::Refused(refused)) => {
                self.entry.request.target = Some(records::target(refused.name, None, region));
                return;
            }
            Err(_) => return,
        };
        self.learn_model(route, region);
    }

    /// What is asked for, with what is known to stand behind the model.
    pub fn learn_model(&mut self, route: &Route, region: &str) {
        let name = route.operation.name();
        self.entry.request.target = Some(records::target(name, route.model.as_ref(), region));
        self.open.event.operation = Some(route.operation);
        self.open.event.model.clone_from(&route.model);
    }

    pub fn learn_body(&mut self, bytes: usize) {
        self.body_bytes = bytes;
    }

    pub fn learn_principal(&mut self, principal: &Principal) {
        self.entry.request.caller = Some(records::caller(principal));
        self.open.event.caller = Some(records::told_caller(principal));
    }

    pub fn learn_format(&mut self, format: Option<Format>) {
        self.open.event.format = format;
    }

    /// Writes down what is about to be sent. Returns once it is durable; `hmac` is the keyed hash of `body`.
    pub async fn commit(mut self, body: &Bytes, hmac: [u8; 32]) -> Result<(Forwarded, Receipt), Unrecorded> {
        self.learn_content();
        let sent = self.judgement.sent.as_ref().or(self.judgement.seen.as_ref());
        let intent = Intent {
            judgement: records::judged(&self.open.event.policy_digest, &self.judgement),
            edits: records::edits(&self.judgement.repairs),
            settings: sent.map(records::settings).unwrap_or_default(),
            guardrail: sent.and_then(|facts| facts.guardrail.as_ref()).map(ToString::to_string),
            forwarded_bytes: body.len() as u64,
            forwarded_hmac: hmac,
        };
        self.open.event.admitted(&intent);
        match self.entry.commit_intent(intent).await {
            Ok((receipt, entry)) => {
                // From here on, letting go of the exchange means the same as for its entry in the journal.
                self.open.event.end = EndState::Abandoned;
                let modified = records::edits_line(&self.judgement.repairs);
                let Self { open, tells_shadow, .. } = self;
                Ok((Forwarded { entry, open, modified, tells_shadow, upstream: None }, receipt))
            }
            Err(error) => Err(Unrecorded { open: self.open, error }),
        }
    }

    /// Ends the exchange without Bedrock: record first, then the native answer.
    pub async fn refuse(mut self, refusal: &Refusal, downstream: Downstream) {
        self.learn_content();
        let (fault, message) = self.told(refusal);
        let denied = Denied {
            reason: if refusal.is_failure() { DenialReason::Error } else { DenialReason::Deny },
            http_status: fault.status().as_u16(),
            error_code: fault.name().to_owned(),
            message: message.clone(),
            judgement: records::judged(&self.open.event.policy_digest, &self.judgement),
        };
        self.open.event.refused(&denied);
        match self.entry.refuse(denied).await {
            Ok(()) => answer(&self.open, "deny", fault, &message, downstream),
            // FAIL-CLOSED: a denial that cannot be recorded is still a denial, but says what is wrong with us.
            Err(error) => {
                tracing::error!(%error, "a denial could not be recorded");
                let refusal = Refusal::NotRecorded(error);
                self.open.event.unrecorded(refusal.fault());
                answer(&self.open, "deny", refusal.fault(), &refusal.to_string(), downstream);
            }
        }
    }

    fn learn_content(&mut self) {
        let content = records::content(self.body_bytes, &self.judgement);
        self.open.event.parameters = records::told_parameters(&self.judgement);
        self.entry.request.content = Some(content);
    }

    /// Fault and text for the caller.
    fn told(&self, refusal: &Refusal) -> (Fault, String) {
        match (refusal, &self.judgement.denial) {
            (Refusal::Denied, Some(denial)) => (denial.fault, denial.message.clone()),
            _ => (refusal.fault(), refusal.to_string()),
        }
    }
}

impl Forwarded {
    pub fn request_id(&self) -> Uuid {
        self.open.event.request_id
    }

    pub fn policy_digest(&self) -> &str {
        &self.open.event.policy_digest
    }

    /// Notes that the call with `headers` is sent at `at`.
    pub fn sent(&mut self, at: Instant, headers: &mut HeaderMap) {
        self.open.sent(at, headers);
    }

    /// Notes that Bedrock has nothing more to say to the call that was sent at `sent`. The first note counts.
    pub fn upstream_ended(&mut self, sent: Instant) {
        self.upstream.get_or_insert_with(|| clock::instant().saturating_duration_since(sent));
    }

    /// Notes how long text of the answer was held back.
    pub const fn held(&mut self, held: Option<Duration>) {
        self.open.event.timings.held = held;
    }

    fn decision(&self) -> &'static str {
        self.open.event.decision.name()
    }

    /// Says in the answer's head what was decided and what was changed.
    pub fn mark(&self, headers: &mut HeaderMap) {
        let decision = decision_header(&self.open, self.decision());
        if let Ok(value) = HeaderValue::from_str(&decision) {
            headers.insert(DECISION, value);
        }
        if let (false, Ok(value)) = (self.modified.is_empty(), HeaderValue::from_str(&self.modified)) {
            headers.insert(MODIFIED, value);
        }
        if self.tells_shadow {
            name_rules(headers, WOULD_DENY, &self.open.event.shadow);
        }
    }

    /// Makes the outcome durable. ORDER: before the caller sees that the call is complete.
    pub async fn finish(mut self, mut outcome: Outcome) -> Ended {
        let latency = self.open.arrived().elapsed();
        let own = self.upstream.map(|upstream| latency.saturating_sub(upstream).as_micros());
        outcome.timings.latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        outcome.timings.upstream_ms = self.upstream.and_then(|time| u64::try_from(time.as_millis()).ok());
        outcome.timings.overhead_us = own.and_then(|own| u64::try_from(own).ok());
        self.open.event.timings.upstream = self.upstream;
        self.open.event.ended(&outcome);
        let unrecorded = self.entry.finish(outcome).await.err();
        if let Some(error) = &unrecorded {
            tracing::error!(%error, audit.id = %self.open.event.request_id, "an outcome could not be recorded");
            self.open.event.unrecorded(Fault::ServiceUnavailable);
        }
        Ended { open: self.open, unrecorded }
    }

    /// Ends an exchange whose intent is durable and that has no answer to give.
    pub async fn fail(self, refusal: &Refusal, mut outcome: Outcome, downstream: Downstream) {
        let fault = refusal.fault();
        outcome.http_status = Some(fault.status().as_u16());
        outcome.error_code.get_or_insert_with(|| fault.name().to_owned());
        let decision = if refusal.is_failure() { "error" } else { "deny" };
        let ended = self.finish(outcome).await;
        match ended.unrecorded {
            None => answer(&ended.open, decision, fault, &refusal.to_string(), downstream),
            Some(error) => {
                let refusal = Refusal::NotRecorded(error);
                answer(&ended.open, decision, refusal.fault(), &refusal.to_string(), downstream);
            }
        }
    }
}

impl Ended {
    /// Answers in place of an answer that could not be recorded.
    pub fn withhold(self, downstream: Downstream) {
        let message = "the answer could not be recorded and is withheld";
        answer(&self.open, "error", Fault::ServiceUnavailable, message, downstream);
    }
}

impl Unrecorded {
    pub fn answer(mut self, downstream: Downstream) {
        tracing::error!(error = %self.error, audit.id = %self.open.event.request_id, "an intent could not be recorded");
        let refusal = Refusal::NotRecorded(self.error);
        self.open.event.unrecorded(refusal.fault());
        answer(&self.open, "error", refusal.fault(), &refusal.to_string(), downstream);
    }
}

/// The warden's own answer to an exchange.
fn answer(open: &OpenEvent, decision: &str, fault: Fault, message: &str, downstream: Downstream) {
    let id = open.event.request_id.to_string();
    let (mut head, body) = native(fault, message, downstream.errors(), &id, &decision_header(open, decision));
    name_rules(head.headers_mut(), RULES, &open.event.violated);
    downstream.answer(head, body.into());
}

/// Lists rules in a header, each once. Left out when there are none.
fn name_rules(headers: &mut HeaderMap, name: HeaderName, rules: &[String]) {
    let mut named: Vec<&str> = Vec::new();
    for rule in rules.iter().map(String::as_str) {
        if !named.contains(&rule) {
            named.push(rule);
        }
    }
    // What does not fit into a header of the usual size is in the message and in the record.
    named.truncate(MOST_RULES);
    if let (false, Ok(value)) = (named.is_empty(), HeaderValue::from_str(&named.join(", "))) {
        headers.insert(name, value);
    }
}

/// Rules that a header names.
const MOST_RULES: usize = 24;

fn decision_header(open: &OpenEvent, decision: &str) -> String {
    let event = &open.event;
    format!("{decision}; id={}; policy={}", event.request_id, event.policy_digest)
}

/// An outcome that only has an end yet, with the status that Bedrock answered.
pub fn ended(state: EndState, upstream_status: Option<StatusCode>) -> Outcome {
    let mut outcome = Outcome::new(state);
    outcome.upstream_status = upstream_status.map(|status| status.as_u16());
    outcome
}

/// A head with `status` and the headers that may cross, marked with the decision.
pub fn head(status: StatusCode, headers: &HeaderMap, forwarded: &Forwarded) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = status;
    *head.headers_mut() = crate::upstream::to_downstream(headers);
    forwarded.mark(head.headers_mut());
    head
}
