//! One request, from its bytes to the answer: read, verify, log, plan, send.
//!
//! Receives a request from a connection and returns the response. Every request is in the log before it is answered,
//! and one that cannot be logged is not answered.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::bedrock::fault::{ErrorShape, Fault};
use crate::bedrock::model::ModelKind;
use crate::bedrock::operation::{Access, Body, Route, RouteError};
use crate::clock;
use crate::identity::sigv4;

use super::async_invokes::AsyncInvokes;
use super::catalogue::Model;
use super::faults::Disturbance;
use super::log::{Arrival, RequestLog};
use super::lookups::Names;
use super::plan::{Plan, Reply, Usage};
use super::reply::{Refusal, ReplyBody, document};
use super::session::Session;
use super::stream::{EventStream, Framing, Pace, milliseconds};
use super::verify::{Verifier, session_payload};
use super::{chat, converse, count_tokens, guardrails, invoke, resources};

/// Largest body of an invocation. Service model.
const BODY_LIMIT: usize = 25_000_000;

/// Headers of `InvokeModel` that come back as they were granted, which here is as they were asked. Service model.
const ECHOED: &[&str] = &["x-amzn-bedrock-performanceconfig-latency", "x-amzn-bedrock-service-tier"];

/// What answers requests.
#[derive(Debug)]
pub struct Bedrock {
    pub verifier: Verifier,
    pub region: String,
    /// Names of the account that hide their models.
    pub names: Names,
    pub pace: Pace,
    pub log: Option<RequestLog>,
    pub invocations: AsyncInvokes,
}

impl Bedrock {
    /// Answers one request. Never fails: what goes wrong is an answer too.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<ReplyBody>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = clock::instant();
        let errors = ErrorShape::of_path(request.uri().path());
        let mut response = match self.respond(request, started).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(errors),
        };
        if let Some(id) = request_id() {
            response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
        }
        response
    }

    async fn respond<B>(&self, request: Request<B>, started: Instant) -> Result<Response<ReplyBody>, Refusal>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let route = Route::recognise(&head.method, target);
        if let Ok(route) = &route
            && route.operation.is_bidirectional()
        {
            return self.converse(&head, target, route, body);
        }
        let body = collect(body).await;
        let bytes = body.as_deref().unwrap_or_default();
        let admitted = self.admit(&head, target, bytes, &hex::encode(digest(&SHA256, bytes)));
        // ORDER: the signature over a body that was not read whole cannot match, which would hide the real reason.
        let body = body?;
        admitted?;

        if let Some(described) = self.names.answer(&head.method, target, &body) {
            return Ok(document(StatusCode::OK, &described?));
        }
        let route = route.and_then(|route| route.complete(&body)).map_err(unroutable)?;
        if route.operation.access() == Access::Read {
            let read = resources::describe(&route, target, &self.region, &self.invocations)?;
            return Ok(document(StatusCode::OK, &read));
        }
        let (plan, model) = self.plan(&route, &head, &body)?;
        let disturbance = Disturbance::asked(&plan.texts)
            .map_err(|error| Refusal::new(Fault::Validation, error.to_string()))?;
        let mut response = self.send(plan, disturbance, model, started).await?;
        for name in ECHOED {
            if let Some(value) = head.headers.get(*name) {
                response.headers_mut().insert(HeaderName::from_static(name), value.clone());
            }
        }
        Ok(response)
    }

    /// Begins a session: the head is verified and written down, the events are as they come.
    fn converse<B>(
        &self,
        head: &Parts,
        target: &str,
        route: &Route,
        body: B,
    ) -> Result<Response<ReplyBody>, Refusal>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.admit(head, target, b"", &session_payload(&head.headers))?;
        let model = Model::resolve(route.model.as_ref().ok_or_else(invalid_model)?, &self.region)?;
        if !model.family.speaks() {
            let message = "The model is unsupported for bidirectional streaming.";
            return Err(Refusal::new(Fault::Validation, message));
        }
        let proof = self.verifier.event_proof(&head.headers)?;
        let session = Session::new(Box::pin(body.map_err(Into::into)), proof, model.id, self.pace.event_gap);
        Ok(stream(Framing::Chunk, ReplyBody::Session(Box::new(session))))
    }

    /// Writes the request down and lets it go on if it is signed well.
    fn admit(&self, head: &Parts, target: &str, body: &[u8], body_sha256: &str) -> Result<(), Refusal> {
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        let request = sigv4::Request { method: &head.method, target, headers: &head.headers, authority };
        let time = clock::now();
        let verdict = self.verifier.verify(&request, body_sha256, time);
        let signature_error = verdict.as_ref().err().map(Refusal::to_string);
        let arrival =
            Arrival { time, head, target, body, body_sha256, signature_error: signature_error.as_deref() };
        if let Some(log) = &self.log
            && let Err(error) = log.write(&arrival)
        {
            // FAIL-CLOSED: the log proves what was received, so it holds every request that is answered.
            tracing::error!(%error, "cannot write the request log");
            return Err(Refusal::new(Fault::InternalServer, "The request could not be logged."));
        }
        verdict
    }

    /// What is answered, and the identifier of the model that answers.
    fn plan(&self, route: &Route, head: &Parts, body: &[u8]) -> Result<(Plan, &'static str), Refusal> {
        let guardrail = "guardrail";
        match route.operation.body() {
            Body::Guardrail => return Ok((guardrails::apply(body)?, guardrail)),
            Body::GuardrailChecks => return Ok((guardrails::check(body)?, guardrail)),
            Body::None
            | Body::Session
            | Body::Invoke
            | Body::Converse
            | Body::CountTokens
            | Body::Chat(_)
            | Body::AsyncInvoke => {}
        }
        let asked = route.model.as_ref().ok_or_else(invalid_model)?;
        let followed = self.names.follow(asked).or_else(|| {
            // The APIs of OpenAI and Anthropic take a model without its version.
            asked.behind().first().filter(|_| matches!(route.operation.body(), Body::Chat(_))).cloned()
        });
        let model = Model::resolve(followed.as_ref().unwrap_or(asked), &self.region)?;
        let streaming = route.streams;
        let prompted = match asked.kind() {
            ModelKind::Prompt => Some(self.names.prompted(asked, body).ok_or_else(invalid_model)?),
            _ => None,
        };
        let body = prompted.as_deref().unwrap_or(body);
        let mut plan = match route.operation.body() {
            Body::Invoke if streaming => invoke::streaming(model, &head.headers, body)?,
            Body::Invoke => invoke::unary(model, &head.headers, body)?,
            Body::Converse if streaming => converse::streaming(model, body)?,
            Body::Converse => converse::unary(model, body)?,
            Body::CountTokens => count_tokens::count(model, body)?,
            Body::Chat(api) => chat::answer(api, model, &head.headers, body)?,
            Body::AsyncInvoke => self.invocations.start(model, &self.region, body)?,
            Body::Session | Body::None | Body::Guardrail | Body::GuardrailChecks => {
                return Err(invalid_model());
            }
        };
        if asked.kind() == ModelKind::Router && route.operation.body() == Body::Converse {
            plan.reply.routed_to(&format!("arn:aws:bedrock:{}::foundation-model/{}", self.region, model.id));
        }
        Ok((plan, model.id))
    }

    async fn send(
        &self,
        plan: Plan,
        disturbance: Option<Disturbance>,
        model: &str,
        started: Instant,
    ) -> Result<Response<ReplyBody>, Refusal> {
        match disturbance {
            Some(Disturbance::Refuse(refused)) => return Err(refused.refusal(model)),
            Some(Disturbance::Stall) => std::future::pending().await,
            Some(Disturbance::Stream(_)) if !matches!(plan.reply, Reply::Stream { .. }) => {
                let message = "What the prompt asks to simulate needs a streaming operation.";
                return Err(Refusal::new(Fault::Validation, message));
            }
            Some(Disturbance::Slow(_) | Disturbance::Reset | Disturbance::Stream(_)) | None => {}
        }
        let delay = disturbance.map_or(Duration::ZERO, Disturbance::delay);
        let pace = Pace { first_byte: self.pace.first_byte + delay, event_gap: self.pace.event_gap + delay };
        let response = match plan.reply {
            Reply::Stream { framing, events, random } => {
                let usage = plan.usage.unwrap_or_default();
                let events = EventStream::new(framing, events, usage, random, pace, started)
                    .interrupted(disturbance.and_then(Disturbance::interruption));
                return Ok(stream(framing, ReplyBody::Events(Box::new(events))));
            }
            Reply::Whole { document: body } => {
                tokio::time::sleep(pace.first_byte).await;
                measured(document(StatusCode::OK, &body), plan.usage, started)
            }
            Reply::Conversation { document: mut body } => {
                tokio::time::sleep(pace.first_byte).await;
                if let Some(latency) = body.pointer_mut("/metrics/latencyMs") {
                    *latency = milliseconds(clock::instant() - started).into();
                }
                document(StatusCode::OK, &body)
            }
        };
        let broken = disturbance == Some(Disturbance::Reset);
        Ok(if broken { response.map(ReplyBody::broken_off) } else { response })
    }
}

/// The whole body, or why there is none.
async fn collect<B>(body: B) -> Result<Bytes, Refusal>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(Fault::RequestEntityTooLarge, "The request body is too large."))
        }
        Err(_) => Err(Refusal::new(Fault::Validation, "The request body could not be read.")),
    }
}

/// The service's words for a request line that leads nowhere.
fn unroutable(error: RouteError) -> Refusal {
    match error {
        RouteError::UnknownOperation | RouteError::OutsideBase | RouteError::Refused(_) => {
            Refusal::new(Fault::UnknownOperation, "The requested operation is not recognized by the service.")
        }
        RouteError::BareSlash | RouteError::Escape | RouteError::Model(_) => invalid_model(),
        RouteError::NotOriginForm
        | RouteError::Character(_)
        | RouteError::NoQuery
        | RouteError::Query(_)
        | RouteError::Label
        | RouteError::NoModel(_)
        | RouteError::Json(_) => Refusal::new(Fault::Validation, error.to_string()),
    }
}

fn invalid_model() -> Refusal {
    Refusal::new(Fault::Validation, "The provided model identifier is invalid.")
}

/// Puts usage and latency into headers, where `InvokeModel` has them.
fn measured(
    mut response: Response<ReplyBody>,
    usage: Option<Usage>,
    started: Instant,
) -> Response<ReplyBody> {
    let headers = response.headers_mut();
    let latency = milliseconds(clock::instant() - started);
    headers.insert(HeaderName::from_static("x-amzn-bedrock-invocation-latency"), latency.into());
    if let Some(usage) = usage {
        headers.insert(HeaderName::from_static("x-amzn-bedrock-input-token-count"), usage.input.into());
        if let Some(output) = usage.output {
            headers.insert(HeaderName::from_static("x-amzn-bedrock-output-token-count"), output.into());
        }
    }
    response
}

fn stream(framing: Framing, events: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(events);
    let headers = response.headers_mut();
    let kind = match framing {
        Framing::Chunk | Framing::Member => "application/vnd.amazon.eventstream",
        Framing::ServerSent(_) => "text/event-stream; charset=utf-8",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if framing == Framing::Chunk {
        let inner = HeaderValue::from_static("application/json");
        headers.insert(HeaderName::from_static("x-amzn-bedrock-content-type"), inner);
    }
    response
}

/// A fresh identifier, of the version that AWS uses.
fn request_id() -> Option<HeaderValue> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    HeaderValue::try_from(id.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused_as_that_and_logged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.jsonl");
        let bedrock = Bedrock {
            verifier: Verifier::new(Vec::new(), "us-east-1".to_owned()),
            region: "us-east-1".to_owned(),
            names: Names::new("us-east-1".to_owned()),
            pace: Pace { first_byte: Duration::ZERO, event_gap: Duration::ZERO },
            log: Some(RequestLog::open(&path, false).unwrap()),
            invocations: AsyncInvokes::default(),
        };
        for (bytes, status) in
            [(BODY_LIMIT, StatusCode::FORBIDDEN), (BODY_LIMIT + 1, StatusCode::PAYLOAD_TOO_LARGE)]
        {
            let request = Request::post("/model/m.n/invoke").body(Full::from(vec![b' '; bytes])).unwrap();
            assert_eq!(bedrock.answer(request).await.status(), status, "{bytes}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
