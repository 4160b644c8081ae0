//! From Bedrock's answer to the caller's: filtered, recorded, then completed.

use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use crate::audit::{EndState, Outcome};
use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Route;
use crate::bedrock::stream::Framing;
use crate::bedrock::usage::usage_from_headers;
use crate::bedrock::view::Usage;
use crate::clock;
use crate::identity::Principal;
use crate::policy::{Context, Direction, Facts, Found, Inquiry, PolicySet, Violation};
use crate::sensitive::{DetectorSet, Plan};

use super::answer::{self, Filtered, UpstreamFault};
use super::body::collect;
use super::exchange::{Forwarded, ended, head};
use super::issued::Issued;
use super::refuse::{MODIFIED, Refusal};
use super::reply::Downstream;
use super::session::Beside;
use super::stream::{self, End, Filter, Seen, Streamed};
use super::{Proxy, reads, records};

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
    /// What was tokenised in the request.
    pub issued: Issued,
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

    /// FAIL-CLOSED: rules that redact or deny answers cannot be applied to those that go to S3, so no such answer is
    /// begun.
    pub fn check_filters(&self, policies: &PolicySet) -> Result<(), Refusal> {
        let out_of_sight = self.inquiry().filter(|inquiry| inquiry.operation.answers_elsewhere());
        let rules = out_of_sight.map(|inquiry| policies.answer_filters(&inquiry)).unwrap_or_default();
        if rules.is_empty() {
            return Ok(());
        }
        let rules = rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Refusal::AnswerOutOfSight { rules })
    }

    /// Notes how a stream went. Returns the bytes that end it.
    fn conclude(
        &self,
        policies: &PolicySet,
        digest: &str,
        outcome: &mut Outcome,
        framing: Framing,
        streamed: Streamed,
    ) -> Bytes {
        let Seen { findings, fixed, overlong, .. } = &streamed.seen;
        let found = Found { findings, fixed: Some(fixed), overlong: *overlong };
        let verdict = self.inquiry().map(|inquiry| policies.judge_answer(&inquiry, found));
        outcome.judgement = records::answer_judged(digest, verdict.as_ref(), findings);
        outcome.end_state = match streamed.end {
            End::Complete => EndState::Complete,
            End::CallerLeft => EndState::ClientAbort,
            End::Refused | End::Denied => EndState::PolicyAbort,
            End::Exception | End::Broken => EndState::UpstreamAbort,
        };
        outcome.tokens = records::tokens(streamed.usage);
        self.settle(policies, outcome, streamed.usage, streamed.routed_to);
        outcome.stop_reason = streamed.stop_reason;
        outcome.error_code = streamed.error;
        outcome.out_bytes = streamed.bytes;
        outcome.frames = u32::try_from(streamed.frames).unwrap_or(u32::MAX);
        if streamed.end != End::Denied {
            return streamed.held;
        }
        let reasons = reasons(verdict.map(|verdict| verdict.violations).unwrap_or_default().as_slice());
        let refusal = Refusal::AnswerDenied { reasons }.to_string();
        let ending = streamed.cut.ending(self.format.is_some_and(Format::is_converse), framing, &refusal);
        outcome.stop_reason = ending.stop_reason.map(str::to_owned);
        outcome.error_code = ending.error.map(str::to_owned);
        outcome.out_bytes += ending.bytes.len() as u64;
        ending.bytes
    }

    /// What comes back in a streamed answer. A session, which is `live`, may still add to it.
    fn issued(&self, policies: &PolicySet, live: bool) -> Option<Issued> {
        let comes = !self.issued.is_empty() || (live && !policies.tokenized(&self.principal).is_empty());
        comes.then(|| self.issued.clone())
    }

    /// What is looked for in the answer, and what is done with it.
    fn plan(&self, policies: &PolicySet) -> Plan {
        match self.inquiry() {
            Some(inquiry) => policies.answer_plan(&inquiry),
            None => Plan::new(DetectorSet::EMPTY, DetectorSet::EMPTY, DetectorSet::EMPTY),
        }
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
        StatusCode::OK if delivery.answering.route.streams => {
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
        let filtered = match filter(self.proxy, self.policies, &self.answering, body).await {
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
            let reasons = reasons(&filtered.verdict.violations);
            return self.give_up(&Refusal::AnswerDenied { reasons }, EndState::Refused).await;
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

    /// An error of Bedrock's: passed on, unless it speaks of our own credentials or is nothing that Bedrock would say.
    async fn error(mut self, answer: Answer) {
        let Answer { status, headers, body } = answer;
        let named = text(&headers, "x-amzn-errortype").as_deref().and_then(error_name);
        let body = collect(body, ERROR_BYTES, self.proxy.upstream.idle_timeout()).await.ok();
        let told = || answer::named_in_body(self.downstream.errors(), body.as_deref()?);
        self.outcome.error_code = named.or_else(told);
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
        match body {
            Some(body) => {
                let head = head(status, &headers, &self.forwarded);
                self.complete(head, body).await;
            }
            None => self.give_up(&Refusal::AnswerBroken, EndState::UpstreamAbort).await,
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
        let framing = Framing::of(self.answering.route.operation.body());
        let carried =
            text(&headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(framing.media_type()));
        let (Some(format), true) = (self.answering.format, carried) else {
            return self.give_up(&Refusal::AnswerUnreadable, EndState::UpstreamAbort).await;
        };
        let head = head(status, &headers, &self.forwarded);
        self.outcome.http_status = Some(status.as_u16());
        let Self { proxy, policies, answering, sent, mut forwarded, mut outcome, downstream, beside } = self;
        let mut pieces = downstream.begin(head);
        let issued = answering.issued(policies, beside.is_live());
        let filter = Filter::new(policies.scanner(), answering.plan(policies)).restoring(issued);
        let pause = proxy.upstream.idle_timeout();
        let reader = format.stream();
        let streamed = stream::relay(body, framing, reader, &mut pieces, pause, &filter, beside).await;
        forwarded.upstream_ended(sent);
        outcome.timings.ttft_ms = streamed.first_byte.map(|at| elapsed_ms(sent, at));
        forwarded.held(streamed.seen.held);
        let last = answering.conclude(policies, forwarded.policy_digest(), &mut outcome, framing, streamed);
        beside.note(&mut outcome);
        // ORDER: the events that end the answer leave only after its outcome is durable.
        let ended = forwarded.finish(outcome).await;
        let last = match &ended.unrecorded {
            None => last,
            Some(_) => framing.exception(Fault::ServiceUnavailable, "the answer could not be recorded"),
        };
        pieces.finish(last).await;
    }
}

/// Why an answer is withheld, for the caller: rules, detectors and counts.
fn reasons(violations: &[Violation]) -> String {
    let reason = |violation: &Violation| format!("{}: {}", violation.rule, violation.message);
    violations.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// Applies policy to a whole answer.
async fn filter(
    proxy: &Proxy,
    policies: &PolicySet,
    answering: &Answering,
    body: Bytes,
) -> Result<Filtered, Refusal> {
    let (Some(inquiry), Some(format)) = (answering.inquiry(), answering.format) else {
        return reads::cut_down(proxy, policies, answering, &body).await;
    };
    let detectors = policies.detectors(&answering.principal, Direction::Response);
    let scanner = policies.scanner();
    answering
        .issued
        .with(|tokens| answer::filter(format, policies, scanner, detectors, &inquiry, body, tokens))
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
