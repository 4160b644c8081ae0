//! The life of a request, from its head to its record, top to bottom.
//!
//! Stage 1, accepting TLS, is behind us: `server/` hands over a request and the peer it came from. Each stage below
//! is named like the folder that implements it. A stage that fails ends the exchange with a [`Refusal`]; the record
//! is written either way.

use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, Request, Version};
use hyper::body::Incoming;

use crate::audit::EndState;
use crate::bedrock::format::Format;
use crate::bedrock::operation::{Access, Body, Route};
use crate::clock;
use crate::identity::{Claim, Principal, RequestHead};
use crate::permit::Permit;
use crate::policy::{Allowed, Context, PolicySet};
use crate::sensitive::Tokens;
use crate::upstream::{self, Call, Plane};

use super::body::Reserved;
use super::exchange::{Exchange, ended};
use super::issued::Issued;
use super::judge::{Sendable, Subject, check_region, judge, judge_read, place_guardrail};
use super::metadata::Stamp;
use super::quotas;
use super::refuse::{BREAK_GLASS, Refusal};
use super::reply::Downstream;
use super::respond::{Answered, Answering, respond};
use super::session::{self, Beside, Input, Session};
use super::{Peer, Proxy};

/// Bodies above this size are judged where they do not hold up other requests.
const LARGE_BODY: usize = 256 * 1024;

/// Serves one request. Runs in its own task: a caller that hangs up changes nothing here.
pub async fn run(proxy: Arc<Proxy>, peer: Peer, request: Request<Incoming>, downstream: Downstream) {
    // INVARIANT: one policy set judges the whole exchange, request and answer.
    let policies = proxy.rules.policies();
    let mut exchange =
        Exchange::open(&proxy.journal, &proxy.telemetry, &proxy.scanner, peer, &request, policies.as_deref());
    tracing::debug!(audit.id = %exchange.request_id(), http.version = ?request.version(), "arrived");
    // FAIL-CLOSED: no policy, no traffic.
    let Some(policies) = policies else { return exchange.refuse(&Refusal::NoPolicies, downstream).await };

    // 2-5. Who calls, what is asked, may it happen? Nothing leaves before all three are answered.
    let accepted = match accept(&proxy, &policies, peer, request, &mut exchange).await {
        Ok(accepted) => accepted,
        Err(refusal) => return exchange.refuse(&refusal, downstream).await,
    };
    let Accepted { allowed, mut call, answering, memory, input } = accepted;

    // Is there room in every quota? ORDER: what is refused here is recorded as any denial; what is reserved is recorded with
    // the intent, and kept by whatever may have left.
    let reservation =
        match quotas::reserve(&proxy, &policies, &answering, &call, &mut exchange.judgement).await {
            Ok(reservation) => reservation,
            Err(refusal) => return exchange.refuse(&refusal, downstream).await,
        };

    // 6. Write it down before anything leaves. CRASH: from here on, an intent without an outcome means `unknown`.
    let hmac = proxy.record_key.hmac(&call.body);
    let (mut forwarded, receipt) = match exchange.commit(&call.body, hmac, reservation).await {
        Ok(committed) => committed,
        Err(unrecorded) => return unrecorded.answer(downstream),
    };

    // A live session branches off here: what was accepted and recorded is its first event. It takes the same stages,
    // with the events that follow passing 4, 5 and 7 one by one while the answer passes 8.
    let permit = Permit::new(allowed, receipt);
    if let Some(input) = input {
        let (proxy, policies) = (&*proxy, &*policies);
        let session = Session { proxy, policies, answering, input, forwarded, downstream };
        return Box::pin(session.run(permit, call)).await;
    }

    // 7. Sign and forward: the upstream takes nothing but a permit built from both proofs. Waiting for AWS STS, once per
    // session and caller, is time of AWS's as waiting for Bedrock is.
    let sent = clock::instant();
    forwarded.sent(sent, &mut call.headers);
    let answer = proxy.upstream.send(permit, &answering.principal, call).await;
    drop(memory);
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            let unsent = error.is_before_sending();
            let state = if unsent { EndState::NotForwarded } else { EndState::UpstreamAbort };
            let outcome = ended(state, None);
            forwarded.upstream_ended(sent);
            return forwarded.fail(&Refusal::Upstream(error), outcome, downstream).await;
        }
    };

    // 8-10. Filter the answer, make its outcome durable, and only then let the caller see that it is complete.
    let (mut beside, answered) = (Beside::nothing(), Answered { sent, response });
    Box::pin(respond(&proxy, &policies, answering, answered, forwarded, downstream, &mut beside)).await;
}

/// A request that may be sent: proven, understood, allowed.
struct Accepted {
    allowed: Allowed,
    call: Call,
    answering: Box<Answering>,
    /// Set aside for the body; a session has its own.
    memory: Option<Reserved>,
    /// What is still to come of a session's request.
    input: Option<Input>,
}

/// Stages 2 to 5. What is learnt goes into `exchange` at once, so that refusals are recorded with it.
async fn accept(
    proxy: &Proxy,
    policies: &PolicySet,
    peer: Peer,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Accepted, Refusal> {
    let (parts, incoming) = request.into_parts();
    let target = check_form(&parts, peer.encrypted)?;
    let region = proxy.upstream.region();

    // 2. Who claims to be calling? ORDER: before the body is read, so that strangers cannot make us hold one.
    let claim = proxy.rules.callers().identify(&request_head(&parts, &target, peer), region, clock::now())?;
    exchange.learn_claim(claim.credential_id());

    // 3. Which operation, which model? ORDER: kept as a result until the caller is proven; strangers learn nothing. The
    // path that was signed may be longer than the one that is called.
    let below = proxy.below_base(&target);
    let route = below.as_ref().map_err(|error| *error);
    let route = route.and_then(|target| Route::recognise(&parts.method, target.as_str()));
    let target = below.unwrap_or(target);
    exchange.learn_route(&route, region);
    // The body proves the caller; of a session, whose body goes on, the head does, and then each event.
    let is_session = route.as_ref().is_ok_and(|route| route.operation.is_bidirectional());
    let Received { principal, body, body_sha256, memory, input } = if is_session {
        begin(proxy, &parts, incoming, claim, exchange).await?
    } else {
        receive(proxy, &parts, incoming, claim, exchange).await?
    };
    exchange.learn_principal(&principal);
    // FAIL-CLOSED: unknown paths are refused, never passed through.
    let in_body = route.as_ref().is_ok_and(|route| route.operation.names_model_in_body());
    let route = unhurried(body.len(), || route?.complete(&body));
    if in_body {
        exchange.learn_route(&route, region);
    }
    let route = look_behind(proxy, policies, &principal, route?, exchange).await?;

    // 4-5. What is asked, and may it happen? Pure.
    let context = proxy.context(peer, break_glass(&parts.headers)?);
    let asked = Asked {
        route: &route,
        principal: &principal,
        context: &context,
        parts: &parts,
        body: &body,
        body_sha256,
    };
    let Decided { allowed, call, format, tokens } = decide(proxy, policies, &asked, &target, exchange)?;
    exchange.learn_format(format);
    let facts = exchange.judgement.sent.clone().or_else(|| exchange.judgement.seen.clone());
    let answering =
        Box::new(Answering { route, principal, context, facts, format, issued: Issued::new(tokens) });
    answering.check_filters(policies)?;
    Ok(Accepted { allowed, call, answering, memory, input })
}

/// A request whose caller is proven.
struct Received {
    principal: Principal,
    /// Of a session, the document of its first event.
    body: Bytes,
    body_sha256: [u8; 32],
    memory: Option<Reserved>,
    input: Option<Input>,
}

/// Reads a whole body, which proves the caller.
async fn receive(
    proxy: &Proxy,
    parts: &Parts,
    incoming: Incoming,
    claim: Claim,
    exchange: &mut Exchange,
) -> Result<Received, Refusal> {
    let (body, memory) = proxy.buffers.read(&parts.headers, incoming).await?;
    exchange.learn_body(body.len());
    let body_sha256 = sha256(&body);
    let principal = claim.prove(&body_sha256)?;
    Ok(Received { principal, body, body_sha256, memory: Some(memory), input: None })
}

/// Reads the first event of a session. The head proves the caller, and from then on every event does.
async fn begin(
    proxy: &Proxy,
    parts: &Parts,
    incoming: Incoming,
    claim: Claim,
    exchange: &mut Exchange,
) -> Result<Received, Refusal> {
    let (principal, proof) = claim.prove_session()?;
    exchange.learn_principal(&principal);
    if proxy.drain.has_begun() {
        return Err(Refusal::Draining);
    }
    let (input, body) = session::open(proxy, &parts.headers, incoming, proof).await?;
    exchange.learn_body(body.len());
    let body_sha256 = sha256(&body);
    Ok(Received { principal, body, body_sha256, memory: None, input: Some(input) })
}

/// Learns which models stand behind the one that was named. ORDER: only for a proven caller, since this is the one thing
/// that makes us call AWS before the request itself was judged. FAIL-CLOSED: what is not known to the end is refused.
async fn look_behind(
    proxy: &Proxy,
    policies: &PolicySet,
    principal: &Principal,
    mut route: Route,
    exchange: &mut Exchange,
) -> Result<Route, Refusal> {
    let Some(model) = route.model.as_mut().filter(|model| !model.is_resolved()) else { return Ok(route) };
    let region = proxy.upstream.region();
    check_region(Some(model), region)?;
    *model = match policies.alias(model) {
        Some(resolved) => resolved,
        None => proxy.resolver.resolve(principal, model).await?,
    };
    exchange.learn_model(&route, region);
    Ok(route)
}

/// A proven, recognised request that was not judged yet.
struct Asked<'a> {
    route: &'a Route,
    principal: &'a Principal,
    context: &'a Context,
    parts: &'a Parts,
    body: &'a Bytes,
    body_sha256: [u8; 32],
}

/// A request that policies allow.
struct Decided {
    allowed: Allowed,
    call: Call,
    format: Option<Format>,
    /// What was tokenised in it.
    tokens: Tokens,
}

/// Judges a request and puts together what may be sent.
fn decide(
    proxy: &Proxy,
    policies: &PolicySet,
    asked: &Asked<'_>,
    target: &PathAndQuery,
    exchange: &mut Exchange,
) -> Result<Decided, Refusal> {
    let operation = asked.route.operation;
    let mut headers = upstream::forwarded(&asked.parts.headers, operation)?;
    let id = exchange.request_id();
    let stamp = proxy.request_metadata.then(|| Stamp::new(asked.principal, id, policies.digest()));
    let subject = Subject {
        principal: asked.principal,
        operation,
        model: asked.route.model.as_ref(),
        guardrail: asked.route.guardrail.as_ref(),
        context: asked.context,
        headers: &asked.parts.headers,
        body: asked.body,
        stamp: stamp.as_ref().filter(|_| operation.body() == Body::Converse),
    };
    let judgement = &mut exchange.judgement;
    let (allowed, body, format, tokens) = if operation.access() == Access::Read {
        (judge_read(policies, &subject, judgement)?, asked.body.clone(), None, Tokens::default())
    } else {
        let judged = || judge(policies, policies.scanner(), &subject, judgement);
        let Sendable { allowed, body, guardrail, format, tokens } = unhurried(asked.body.len(), judged)?;
        if let Some(reference) = &guardrail {
            place_guardrail(&mut headers, reference)?;
        }
        if let Some(stamp) = stamp.as_ref().filter(|_| operation.binds_headers()) {
            stamp.place(&mut headers)?;
        }
        (allowed, body, Some(format), tokens)
    };
    let plane = if operation.is_control_plane() { Plane::Control } else { Plane::Runtime };
    // One hash proves the caller and signs the call, but for a body that was repaired or stamped in between.
    let edited = exchange.judgement.sent.is_some();
    let body_sha256 = hex::encode(if edited { sha256(&body) } else { asked.body_sha256 });
    let method = asked.parts.method.clone();
    let call = Call { plane, method, target: target.clone(), headers, body, body_sha256 };
    Ok(Decided { allowed, call, format, tokens })
}

/// Works on a body of `bytes` bytes without holding up other requests.
fn unhurried<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes > LARGE_BODY { tokio::task::block_in_place(work) } else { work() }
}

/// The path and query of a request in the form that SDKs send. FAIL-CLOSED: a second host, or a target that names
/// another one, could mean another request to another reader.
fn check_form(parts: &Parts, encrypted: bool) -> Result<PathAndQuery, Refusal> {
    let hosts: Vec<_> = parts.headers.get_all(HOST).iter().collect();
    let well_formed = match (parts.version, parts.uri.authority()) {
        (Version::HTTP_11, None) => hosts.len() == 1,
        (Version::HTTP_2, Some(authority)) => {
            // A proxy may speak for a client that has TLS, never the other way round.
            let scheme = !encrypted || parts.uri.scheme() == Some(&Scheme::HTTPS);
            scheme
                && hosts.len() <= 1
                && hosts.iter().all(|host| host.as_bytes() == authority.as_str().as_bytes())
        }
        (_, _) => false,
    };
    match parts.uri.path_and_query() {
        Some(target) if well_formed && target.as_str().starts_with('/') => Ok(target.clone()),
        Some(_) | None => Err(Refusal::RequestForm),
    }
}

/// The exception that the caller invokes. What it opens, and whether there is one of that name, is for the policies.
fn break_glass(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let value = upstream::single(headers, &BREAK_GLASS)?;
    Ok(value.and_then(|value| value.to_str().ok()).map(str::to_owned))
}

fn request_head<'a>(parts: &'a Parts, target: &'a PathAndQuery, peer: Peer) -> RequestHead<'a> {
    RequestHead {
        method: &parts.method,
        target: target.as_str(),
        headers: &parts.headers,
        authority: parts.uri.authority().map(http::uri::Authority::as_str),
        http2: parts.version == Version::HTTP_2,
        encrypted: peer.encrypted,
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_that_sdks_send_is_read() {
        use Version as V;
        let table: [(V, &str, &[&str], bool, bool); 14] = [
            (V::HTTP_11, "/model/a/converse", &["a"], true, true),
            (V::HTTP_11, "/model/a/converse", &[], true, false),
            (V::HTTP_11, "/model/a/converse", &["a", "a"], true, false),
            (V::HTTP_11, "https://a/model/a/converse", &["a"], true, false),
            (V::HTTP_11, "*", &["a"], true, false),
            (V::HTTP_10, "/model/a/converse", &["a"], true, false),
            (V::HTTP_2, "https://a/model/a/converse", &[], true, true),
            (V::HTTP_2, "https://a/model/a/converse", &["a"], true, true),
            (V::HTTP_2, "https://a/model/a/converse", &["b"], true, false),
            (V::HTTP_2, "https://a/model/a/converse", &["a", "b"], true, false),
            (V::HTTP_2, "http://a/model/a/converse", &[], true, false),
            (V::HTTP_2, "http://a/model/a/converse", &[], false, true),
            (V::HTTP_2, "https://a/model/a/converse", &[], false, true),
            (V::HTTP_2, "/model/a/converse", &["a"], true, false),
        ];
        for (version, uri, hosts, encrypted, fits) in table {
            let mut request = Request::builder().version(version).uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(
                check_form(&parts, encrypted).is_ok(),
                fits,
                "{version:?} {uri} {hosts:?} {encrypted}"
            );
        }
    }
}
