//! From Bedrock's answer to the caller's: filtered, recorded, then completed.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use crate::audit::{EndState, Outcome};
use crate::bedrock::event_stream::encode_exception;
use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::json::Document;
use crate::bedrock::listing::{self, ListingError};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Route;
use crate::bedrock::usage::usage_from_headers;
use crate::bedrock::view::Usage;
use crate::clock;
use crate::identity::Principal;
use crate::policy::{Context, Direction, Facts, Inquiry, PolicySet};

use super::answer::{self, Filtered, UpstreamFault};
use super::body::collect;
use super::exchange::{Forwarded, ended, head};
use super::refuse::{MODIFIED, Refusal};
use super::reply::Downstream;
use super::session::Beside;
use super::stream::{self, End, Watch};
use super::{Proxy, records};

/// Error answers are small; a larger one is not one.
const ERROR_BYTES: usize = 64 * 1024;

/// What the answer belongs to.
#[derive(Debug, Clone)]
pub struct Answering {
    pub route: Route,
    pub principal: Principal,
    pub context: Context,
    /// Facts of the request as it was sent.
    pub facts: Option<Facts>,
    /// `None` for reads, whose answers have no model's format.
    pub format: Option<Format>,
}

impl Answering {
    /// The request as it was judged; `None` for reads.
    pub fn inquiry(&self) -> Option<Inquiry<'_>> {
        Some(Inquiry {
            principal: &self.principal,
            operation: self.route.operation,
            model: self.route.model.as_ref(),
            context: &self.context,
            facts: self.facts.as_ref()?,
        })
    }

    /// Notes what the answer cost, and which model a router chose for it.
    fn settle(&self, policies: &PolicySet, outcome: &mut Outcome, usage: Usage, routed_to: Option<String>) {
        let Some(model) = &self.route.model else { return };
        let chosen = routed_to.as_deref().and_then(|id| ModelReference::parse(id).ok());
        let cost = policies.cost(chosen.as_ref().unwrap_or(model), usage);
        outcome.cost_micros = cost.map(|cost| cost.0);
        outcome.routed_to = routed_to;
        if let Some(chosen) = chosen.filter(|chosen| !model.origin_ids().contains(&chosen.canonical())) {
            tracing::warn!(router = %model, %chosen, "a router chose a model that is not among its own");
        }
    }

    /// FAIL-CLOSED: rules that redact or deny answers are not applied to streams yet, and never to answers that go to
    /// S3, so no such answer is begun.
    pub fn check_filters(&self, policies: &PolicySet) -> Result<(), Refusal> {
        let operation = self.route.operation;
        if !operation.is_streaming() && !operation.answers_elsewhere() {
            return Ok(());
        }
        let rules = self.filters(policies);
        match (rules.is_empty(), operation.is_streaming()) {
            (true, _) => Ok(()),
            (false, true) => Err(Refusal::StreamCannotBeFiltered { rules }),
            (false, false) => Err(Refusal::AnswerOutOfSight { rules }),
        }
    }

    /// The rules that may redact or refuse the answer, for the caller.
    fn filters(&self, policies: &PolicySet) -> String {
        let rules = self.inquiry().map(|inquiry| policies.answer_filters(&inquiry)).unwrap_or_default();
        rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The head of an answer, its body, and when its request was sent.
#[derive(Debug)]
pub struct Answered {
    pub sent: Instant,
    pub response: Response<Incoming>,
}

/// Passes Bedrock's answer on. The exchange is over when this returns.
pub async fn respond(
    proxy: &Proxy,
    policies: &PolicySet,
    answering: Box<Answering>,
    Answered { sent, response }: Answered,
    forwarded: Forwarded,
    downstream: Downstream,
    beside: &mut Beside<'_>,
) {
    let (parts, body) = response.into_parts();
    let mut outcome = ended(EndState::Complete, Some(parts.status));
    outcome.upstream_request_id = text(&parts.headers, "x-amzn-requestid");
    outcome.timings.ttft_ms = Some(milliseconds(sent));
    let encoded = parts.headers.contains_key(CONTENT_ENCODING);
    let answer = Answer { status: parts.status, headers: parts.headers, body };
    let delivery = Delivery { proxy, policies, answering, sent, forwarded, outcome, downstream, beside };
    // FAIL-CLOSED: no coding was asked for, and an encoded body could not be read.
    if encoded {
        return delivery.give_up(&Refusal::AnswerUnreadable, EndState::UpstreamAbort).await;
    }
    match answer.status {
        StatusCode::OK if delivery.answering.route.operation.is_streaming() => {
            Box::pin(delivery.stream(answer)).await;
        }
        StatusCode::OK => delivery.unary(answer).await,
        _ => delivery.error(answer).await,
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
}

/// Everything needed to end an exchange well.
struct Delivery<'a, 'b> {
    proxy: &'a Proxy,
    policies: &'a PolicySet,
    answering: Box<Answering>,
    sent: Instant,
    forwarded: Forwarded,
    outcome: Outcome,
    downstream: Downstream,
    /// The request, where it still goes on.
    beside: &'a mut Beside<'b>,
}

impl Delivery<'_, '_> {
    async fn unary(mut self, answer: Answer) {
        let Answer { status, headers, body } = answer;
        let limits = &self.proxy.limits;
        let pause = self.proxy.upstream.idle_timeout();
        let Ok(body) = collect(body, limits.answer_bytes, pause).await else {
            return self.give_up(&Refusal::AnswerBroken, EndState::UpstreamAbort).await;
        };
        self.forwarded.upstream_ended(self.sent);
        let filtered = match self.filter(body) {
            Ok(filtered) => filtered,
            Err(refusal) => return self.give_up(&refusal, EndState::Refused).await,
        };
        let mut usage = filtered.usage;
        usage.update(usage_from_headers(&headers));
        self.outcome.tokens = records::tokens(usage);
        self.answering.settle(self.policies, &mut self.outcome, usage, filtered.routed_to.clone());
        self.outcome.stop_reason.clone_from(&filtered.stop_reason);
        let digest = self.forwarded.policy_digest();
        self.outcome.judgement = records::answer_judged(digest, Some(&filtered.verdict), &filtered.findings);
        if filtered.withheld {
            let rules = self.answering.filters(self.policies);
            return self.give_up(&Refusal::AnswerDenied { rules }, EndState::Refused).await;
        }
        if !filtered.verdict.violations.is_empty() {
            self.outcome.end_state = EndState::PolicyAbort;
        }
        let mut head = head(status, &headers, &self.forwarded);
        if filtered.edited {
            head.headers_mut().append(MODIFIED, HeaderValue::from_static("answer"));
        }
        self.complete(head, filtered.body).await;
    }

    /// Applies policy to a whole answer.
    fn filter(&self, body: Bytes) -> Result<Filtered, Refusal> {
        let (Some(inquiry), Some(format)) = (self.answering.inquiry(), self.answering.format) else {
            return self.filter_read(&body);
        };
        let detectors = self.policies.detectors(&self.answering.principal, Direction::Response);
        answer::filter(format, self.policies, &self.proxy.scanner, detectors, &inquiry, body)
    }

    /// FAIL-CLOSED: an answer that cannot be read is not passed on, because it cannot be filtered.
    fn filter_read(&self, body: &Bytes) -> Result<Filtered, Refusal> {
        let Answering { route, principal, context, .. } = &*self.answering;
        let document = Document::parse(body).map_err(|_| Refusal::AnswerUnreadable)?;
        let kept = listing::filter(route.operation, &document, |model| {
            let stated = self.policies.alias(model);
            self.policies.may_use(principal, stated.as_ref().unwrap_or(model), context)
        });
        let kept = kept.map_err(|error| match error {
            ListingError::Declined(_) => Refusal::AnswerDeclined,
            ListingError::NotAnObject(_) | ListingError::NoEntries { .. } => Refusal::AnswerUnreadable,
        })?;
        Ok(Filtered::of_read(body, kept))
    }

    /// An error of Bedrock's: passed on, unless it speaks of our own credentials or is nothing that Bedrock would say.
    async fn error(mut self, answer: Answer) {
        let Answer { status, headers, body } = answer;
        self.outcome.error_code = text(&headers, "x-amzn-errortype").as_deref().and_then(error_name);
        match answer::upstream_fault(status, self.outcome.error_code.as_deref()) {
            UpstreamFault::Relayed => {}
            UpstreamFault::Credentials => {
                return self.give_up(&Refusal::UpstreamCredentials, EndState::Complete).await;
            }
            UpstreamFault::Forbidden => {
                return self.give_up(&Refusal::UpstreamForbidden, EndState::Complete).await;
            }
            UpstreamFault::Foreign => {
                return self.give_up(&Refusal::ForeignAnswer(status), EndState::UpstreamAbort).await;
            }
        }
        match collect(body, ERROR_BYTES, self.proxy.upstream.idle_timeout()).await {
            Ok(body) => {
                let head = head(status, &headers, &self.forwarded);
                self.complete(head, body).await;
            }
            Err(_) => self.give_up(&Refusal::AnswerBroken, EndState::UpstreamAbort).await,
        }
    }

    /// ORDER: the outcome is durable before the first byte of a whole answer leaves.
    async fn complete(mut self, head: Response<()>, body: Bytes) {
        self.forwarded.upstream_ended(self.sent);
        if self.downstream.is_awaited() {
            self.outcome.http_status = Some(head.status().as_u16());
            self.outcome.out_bytes = body.len() as u64;
        } else if self.outcome.end_state == EndState::Complete {
            self.outcome.end_state = EndState::ClientAbort;
        }
        self.beside.note(&mut self.outcome);
        let request_id = self.forwarded.request_id();
        let ended = self.forwarded.finish(self.outcome).await;
        if ended.unrecorded.is_some() {
            ended.withhold(self.downstream);
        } else if !self.downstream.answer(head, body) {
            tracing::debug!(audit.id = %request_id, "the caller left before the answer");
        }
    }

    async fn give_up(mut self, refusal: &Refusal, state: EndState) {
        self.forwarded.upstream_ended(self.sent);
        self.outcome.end_state = state;
        self.beside.note(&mut self.outcome);
        self.forwarded.fail(refusal, self.outcome, self.downstream).await;
    }

    async fn stream(mut self, answer: Answer) {
        let Answer { status, headers, body } = answer;
        let event_stream = text(&headers, CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/vnd.amazon.eventstream"));
        let (Some(format), true) = (self.answering.format, event_stream) else {
            return self.give_up(&Refusal::AnswerUnreadable, EndState::UpstreamAbort).await;
        };
        let head = head(status, &headers, &self.forwarded);
        self.outcome.http_status = Some(status.as_u16());
        let mut pieces = self.downstream.begin(head);
        let detectors = self.policies.detectors(&self.answering.principal, Direction::Response);
        let watch = Watch { scanner: &self.proxy.scanner, detectors };
        let pause = self.proxy.upstream.idle_timeout();
        let streamed = stream::relay(body, format.stream(), &mut pieces, pause, watch, self.beside).await;
        self.forwarded.upstream_ended(self.sent);

        let outcome = &mut self.outcome;
        outcome.end_state = match streamed.end {
            End::Complete => EndState::Complete,
            End::CallerLeft => EndState::ClientAbort,
            End::Refused => EndState::PolicyAbort,
            End::Exception | End::Broken => EndState::UpstreamAbort,
        };
        outcome.tokens = records::tokens(streamed.usage);
        self.answering.settle(self.policies, outcome, streamed.usage, streamed.routed_to);
        outcome.stop_reason = streamed.stop_reason;
        outcome.error_code = streamed.error;
        outcome.timings.ttft_ms = streamed.first_byte.map(|at| elapsed_ms(self.sent, at));
        outcome.out_bytes = streamed.bytes;
        outcome.frames = u32::try_from(streamed.frames).unwrap_or(u32::MAX);
        let found = &streamed.findings;
        let verdict = self.answering.inquiry().map(|inquiry| self.policies.judge_answer(&inquiry, found));
        outcome.judgement = records::answer_judged(self.forwarded.policy_digest(), verdict.as_ref(), found);
        self.beside.note(outcome);
        if streamed.unscanned {
            tracing::warn!(audit.id = %self.forwarded.request_id(), "part of a streamed answer was too long to be scanned");
        }
        // ORDER: the frames that end the answer leave only after its outcome is durable.
        let ended = self.forwarded.finish(self.outcome).await;
        let last = match &ended.unrecorded {
            None => streamed.held,
            Some(_) => encode_exception(Fault::ServiceUnavailable, "the answer could not be recorded"),
        };
        pieces.finish(last).await;
    }
}

fn milliseconds(since: Instant) -> u64 {
    elapsed_ms(since, clock::instant())
}

fn elapsed_ms(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// `ValidationException:http://internal.amazon.com/…` names the error before the colon. `None` for what is no name.
fn error_name(header: &str) -> Option<String> {
    let name = header.split(':').next().unwrap_or_default();
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}
