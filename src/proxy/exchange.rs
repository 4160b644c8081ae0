//! One request and its record: what has been learnt so far, and the one way to end it.
//!
//! The record's entry is opened before anything is checked. Whatever happens to an exchange, the entry leaves exactly
//! one story in the journal: a denial, or an intent and its outcome. Dropping it unfinished is recorded too.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use uuid::Uuid;

use crate::audit::{
    DenialReason, Denied, EndState, Entry, Intent, Journal, JournalError, OpenEntry, Outcome, Receipt,
};
use crate::bedrock::fault::Fault;
use crate::bedrock::operation::Route;
use crate::clock;
use crate::identity::Principal;
use crate::policy::PolicySet;
use crate::sensitive::Scanner;

use super::Peer;
use super::judge::Judgement;
use super::records;
use super::refuse::{DECISION, MODIFIED, Refusal, native};
use super::reply::Downstream;

/// An exchange before its intent is durable.
pub struct Exchange {
    entry: Entry,
    pub arrived: Instant,
    principal: Option<Principal>,
    route: Option<Route>,
    body_bytes: usize,
    pub policy_digest: String,
    pub judgement: Judgement,
}

/// An exchange whose request may have reached Bedrock.
pub struct Forwarded {
    entry: OpenEntry,
    request_id: Uuid,
    pub arrived: Instant,
    pub policy_digest: String,
    pub modified: String,
    /// Time spent waiting for Bedrock; the rest of the latency is our own.
    upstream: Option<Duration>,
    log: LogLine,
}

/// A request that was allowed and could not be recorded, so that it was not sent. The journal notes it when it can.
pub struct Unrecorded {
    request_id: Uuid,
    policy_digest: String,
    error: JournalError,
}

/// What the log says of every exchange.
#[derive(Debug, Default, Clone)]
struct LogLine {
    team: String,
    app: String,
    operation: &'static str,
    model: String,
}

impl Exchange {
    /// Opens the record of `request`. Nothing is proven yet; what is noted are claims.
    pub fn open<B>(
        journal: &Journal,
        scanner: &Scanner,
        peer: Peer,
        request: &Request<B>,
        policies: Option<&PolicySet>,
    ) -> Self {
        let arrival = records::arrival(scanner, peer.address.ip(), request.headers());
        Self {
            entry: Entry::open(journal, arrival),
            arrived: clock::instant(),
            principal: None,
            route: None,
            body_bytes: 0,
            policy_digest: policies.map(|policies| policies.digest().to_owned()).unwrap_or_default(),
            judgement: Judgement::default(),
        }
    }

    pub fn learn_claim(&mut self, credential_id: &str) {
        self.entry.request.arrival.claimed_credential_id = Some(credential_id.to_owned());
    }

    pub fn learn_route(&mut self, route: &Route, region: &str) {
        self.entry.request.target = Some(records::target(route, region));
        self.route = Some(route.clone());
    }

    pub fn learn_body(&mut self, bytes: usize) {
        self.body_bytes = bytes;
    }

    pub fn learn_principal(&mut self, principal: &Principal) {
        self.entry.request.caller = Some(records::caller(principal));
        self.principal = Some(principal.clone());
    }

    fn log_line(&self) -> LogLine {
        let route = self.route.as_ref();
        LogLine {
            team: self.principal.as_ref().map(|principal| principal.team.clone()).unwrap_or_default(),
            app: self.principal.as_ref().map(|principal| principal.app.clone()).unwrap_or_default(),
            operation: route.map_or("", |route| route.operation.name()),
            model: route.and_then(|route| route.model.as_ref()).map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Writes down what is about to be sent. Returns once it is durable; `hmac` is the keyed hash of `body`.
    pub async fn commit(mut self, body: &Bytes, hmac: [u8; 32]) -> Result<(Forwarded, Receipt), Unrecorded> {
        let content = records::content(self.body_bytes, &self.judgement);
        self.entry.request.content = Some(content);
        let sent = self.judgement.sent.as_ref().or(self.judgement.seen.as_ref());
        let intent = Intent {
            judgement: records::judged(&self.policy_digest, &self.judgement),
            edits: records::edits(&self.judgement.repairs),
            settings: sent.map(records::settings).unwrap_or_default(),
            guardrail: sent.and_then(|facts| facts.guardrail.as_ref()).map(ToString::to_string),
            forwarded_bytes: body.len() as u64,
            forwarded_hmac: hmac,
        };
        let log = self.log_line();
        let request_id = self.entry.request_id();
        match self.entry.commit_intent(intent).await {
            Ok((receipt, entry)) => {
                let modified = records::edits_line(&self.judgement.repairs);
                let (arrived, policy_digest) = (self.arrived, self.policy_digest);
                Ok((
                    Forwarded { entry, request_id, arrived, policy_digest, modified, upstream: None, log },
                    receipt,
                ))
            }
            Err(error) => Err(Unrecorded { request_id, policy_digest: self.policy_digest, error }),
        }
    }

    /// Ends the exchange without Bedrock: record first, then the native answer.
    pub async fn refuse(mut self, refusal: &Refusal, downstream: Downstream) {
        let content = records::content(self.body_bytes, &self.judgement);
        self.entry.request.content = Some(content);
        let (mut fault, mut message) = self.told(refusal);
        let log = self.log_line();
        let request_id = self.entry.request_id();
        let denied = Denied {
            reason: if refusal.is_failure() { DenialReason::Error } else { DenialReason::Deny },
            http_status: fault.status().as_u16(),
            error_code: fault.name().to_owned(),
            message: message.clone(),
            judgement: records::judged(&self.policy_digest, &self.judgement),
        };
        // FAIL-CLOSED: a denial that cannot be recorded is still a denial, but says what is wrong with us.
        if let Err(error) = self.entry.refuse(denied).await {
            tracing::error!(%error, "a denial could not be recorded");
            (fault, message) = (Fault::ServiceUnavailable, Refusal::NotRecorded(error).to_string());
        }
        let latency_ms = self.arrived.elapsed().as_millis();
        tracing::info!(
            audit.id = %request_id,
            principal.team = log.team,
            principal.app = log.app,
            operation.name = log.operation,
            model.id = log.model,
            policy.digest = self.policy_digest,
            decision = "deny",
            error.code = fault.name(),
            latency_ms,
            "refused"
        );
        let decision = decision_header("deny", request_id, &self.policy_digest);
        let (head, body) = native(fault, &message, &request_id.to_string(), &decision);
        downstream.answer(head, body.into());
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
        self.request_id
    }

    /// Notes that Bedrock has nothing more to say to the call that was sent at `sent`.
    pub fn upstream_ended(&mut self, sent: Instant) {
        self.upstream = Some(clock::instant().saturating_duration_since(sent));
    }

    pub fn decision(&self) -> &'static str {
        if self.modified.is_empty() { "allow" } else { "modify" }
    }

    /// Says in the answer's head what was decided and what was changed.
    pub fn mark(&self, headers: &mut HeaderMap) {
        let decision = decision_header(self.decision(), self.request_id, &self.policy_digest);
        if let Ok(value) = HeaderValue::from_str(&decision) {
            headers.insert(DECISION, value);
        }
        if let (false, Ok(value)) = (self.modified.is_empty(), HeaderValue::from_str(&self.modified)) {
            headers.insert(MODIFIED, value);
        }
    }

    /// Makes the outcome durable. ORDER: before the caller sees that the call is complete.
    pub async fn finish(self, mut outcome: Outcome) -> Result<(), JournalError> {
        let latency = self.arrived.elapsed();
        let own = self.upstream.map(|upstream| latency.saturating_sub(upstream).as_micros());
        outcome.timings.latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        outcome.timings.upstream_ms = self.upstream.and_then(|time| u64::try_from(time.as_millis()).ok());
        outcome.timings.overhead_us = own.and_then(|own| u64::try_from(own).ok());
        let (log, end) = (self.log, outcome.end_state);
        tracing::info!(
            audit.id = %self.request_id,
            principal.team = log.team,
            principal.app = log.app,
            operation.name = log.operation,
            model.id = log.model,
            policy.digest = self.policy_digest,
            decision = if self.modified.is_empty() { "allow" } else { "modify" },
            upstream.status = outcome.upstream_status,
            tokens.input = outcome.tokens.input,
            tokens.output = outcome.tokens.output,
            end_state = end.name(),
            latency_ms = outcome.timings.latency_ms,
            overhead_us = outcome.timings.overhead_us,
            "served"
        );
        self.entry.finish(outcome).await
    }

    /// Ends an exchange whose intent is durable and that has no answer to give.
    pub async fn fail(self, refusal: &Refusal, mut outcome: Outcome, downstream: Downstream) {
        let (mut fault, mut message) = (refusal.fault(), refusal.to_string());
        outcome.http_status = Some(fault.status().as_u16());
        outcome.error_code.get_or_insert_with(|| fault.name().to_owned());
        let (request_id, digest) = (self.request_id, self.policy_digest.clone());
        let decision = self.decision();
        if let Err(error) = self.finish(outcome).await {
            tracing::error!(%error, "an outcome could not be recorded");
            (fault, message) = (Fault::ServiceUnavailable, Refusal::NotRecorded(error).to_string());
        }
        let decision = decision_header(decision, request_id, &digest);
        let (head, body) = native(fault, &message, &request_id.to_string(), &decision);
        downstream.answer(head, body.into());
    }
}

impl Unrecorded {
    pub fn answer(self, downstream: Downstream) {
        tracing::error!(error = %self.error, audit.id = %self.request_id, "an intent could not be recorded");
        let refusal = Refusal::NotRecorded(self.error);
        let decision = decision_header("error", self.request_id, &self.policy_digest);
        let id = self.request_id.to_string();
        let (head, body) = native(refusal.fault(), &refusal.to_string(), &id, &decision);
        downstream.answer(head, body.into());
    }
}

fn decision_header(decision: &str, request_id: Uuid, policy_digest: &str) -> String {
    format!("{decision}; id={request_id}; policy={policy_digest}")
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
