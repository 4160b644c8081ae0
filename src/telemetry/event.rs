//! The one event of an exchange that is over.
//!
//! Everything that is told about a request outside the record (log line, metrics, CloudWatch, spans) is told from one
//! value of this type, so that two tellings cannot disagree. Made by the request path, of the same facts that it
//! records. Holds names, counts and durations; never text of a prompt, of an answer or of a match.

use std::time::Duration;

use http::StatusCode;
use uuid::Uuid;

use crate::audit::{Decision, Denied, EndState, ExceptionUse, Finding, Intent, Judgement, Outcome, Tokens};
use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;

/// What is told of an exchange that is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Identifier of the record, and the request id that the caller received.
    pub request_id: Uuid,
    /// `None` when nobody proved who was calling.
    pub caller: Option<Caller>,
    /// `None` when the operation is not one of ours or was not looked at.
    pub operation: Option<Operation>,
    /// As the caller named it: bounded only by what may stand in a path.
    pub model: Option<ModelReference>,
    /// `None` when the body was not read, or has no model's format.
    pub format: Option<Format>,
    pub decision: Decision,
    pub end: EndState,
    /// What the caller was answered; `None` when the caller had left.
    pub status: Option<StatusCode>,
    /// Name of the error that the caller received or that ended the stream, such as `AccessDeniedException`.
    pub error: Option<String>,
    /// `None` when nothing was forwarded.
    pub upstream: Option<Upstream>,
    /// Enforced rules that refused the request or its answer.
    pub violated: Vec<String>,
    /// Rules in shadow mode that would have refused it.
    pub shadow: Vec<String>,
    /// Exceptions without which a rule would have refused it.
    pub exceptions: Vec<ExceptionUse>,
    /// Rules that changed the request, or events of a session.
    pub edited: Vec<String>,
    /// Detectors that matched, by direction.
    pub findings: Vec<Finding>,
    /// `identifier:version` of the guardrail that the request was sent with.
    pub guardrail: Option<String>,
    pub parameters: Parameters,
    pub stop_reason: Option<String>,
    pub tokens: Tokens,
    /// What the tokens cost at list prices, in millionths of a US dollar. `None` where no price is known.
    pub cost_micros: Option<u64>,
    pub timings: Timings,
    pub policy_digest: String,
}

/// Who is proven to be calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub team: String,
    pub app: String,
}

/// What Bedrock answered to a request that was forwarded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// `None` when there was no answer.
    pub status: Option<StatusCode>,
    /// AWS's own request id: joins to CloudTrail and to the invocation logs.
    pub request_id: Option<String>,
}

/// Parameters as forwarded, or as asked for when nothing was.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Parameters {
    pub max_tokens: Option<f64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<f64>,
    pub stream: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From the request's head to the end of the exchange.
    pub total: Duration,
    /// From sending to Bedrock's last byte; `None` when nothing was sent.
    pub upstream: Option<Duration>,
    /// From sending to the first byte of Bedrock's answer body.
    pub first_byte: Option<Duration>,
    /// The longest that text of a streamed answer was held back; `None` where none was.
    pub held: Option<Duration>,
}

impl Timings {
    /// The warden's own share.
    pub fn added(&self) -> Duration {
        self.total.saturating_sub(self.upstream.unwrap_or_default())
    }
}

impl Finished {
    /// Whether the answer is, or was asked to be, a stream.
    pub fn streams(&self) -> bool {
        self.operation.is_some_and(Operation::is_streaming) || self.parameters.stream
    }

    /// An exchange of which nothing is known yet: unless it ends otherwise, it was let go of.
    pub fn new(request_id: Uuid, policy_digest: &str) -> Self {
        Self {
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
            exceptions: Vec::new(),
            edited: Vec::new(),
            findings: Vec::new(),
            guardrail: None,
            parameters: Parameters::default(),
            stop_reason: None,
            tokens: Tokens::default(),
            cost_micros: None,
            timings: Timings::default(),
            policy_digest: policy_digest.to_owned(),
        }
    }

    /// The request was allowed, and is about to be recorded and sent.
    pub fn admitted(&mut self, intent: &Intent) {
        self.judged(&intent.judgement);
        self.decision = intent.decision();
        self.edited.extend(intent.edits.iter().map(|edit| edit.rule.clone()));
        self.guardrail.clone_from(&intent.guardrail);
        self.end = EndState::NotForwarded;
    }

    /// Adds what policies said about the request or about its answer.
    fn judged(&mut self, judgement: &Judgement) {
        self.violated.extend(judgement.violated.iter().map(|hit| hit.rule.clone()));
        self.shadow.extend(judgement.shadow.iter().map(|hit| hit.rule.clone()));
        self.exceptions.extend(judgement.exceptions.iter().cloned());
        self.findings.extend(judgement.findings.iter().cloned());
    }

    /// The exchange ended without Bedrock.
    pub fn refused(&mut self, denied: &Denied) {
        self.judged(&denied.judgement);
        self.decision = denied.reason.decision();
        self.end = denied.reason.end_state();
        self.status = StatusCode::from_u16(denied.http_status).ok();
        self.error = Some(denied.error_code.clone());
    }

    /// The exchange ended after its request was forwarded.
    pub fn ended(&mut self, outcome: &Outcome) {
        self.judged(&outcome.judgement);
        self.edited.extend(outcome.edits.iter().map(|edit| edit.rule.clone()));
        self.end = outcome.end_state;
        self.status = status(outcome.http_status);
        self.error.clone_from(&outcome.error_code);
        self.upstream = Some(Upstream {
            status: status(outcome.upstream_status),
            request_id: outcome.upstream_request_id.clone(),
        });
        self.stop_reason.clone_from(&outcome.stop_reason);
        self.tokens = outcome.tokens;
        self.cost_micros = outcome.cost_micros;
        self.timings.first_byte = outcome.timings.ttft_ms.map(Duration::from_millis);
    }

    /// What was decided or done could not be recorded, so that the caller got an error instead.
    pub fn unrecorded(&mut self, fault: Fault) {
        self.decision = Decision::Error;
        self.status = Some(fault.status());
        self.error = Some(fault.name().to_owned());
    }

    /// Whether Bedrock answered and the answer reached the caller whole.
    pub fn succeeded(&self) -> bool {
        self.end == EndState::Complete && self.status.is_some_and(|status| status.is_success())
    }
}

fn status(code: Option<u16>) -> Option<StatusCode> {
    code.and_then(|code| StatusCode::from_u16(code).ok())
}
