//! THE REQUEST PATH. Read `pipeline` first: it is the whole story, top to bottom.
//!
//! Receives requests from `server`, uses every other room, and owns what no other room may decide: the order of
//! things.

mod answer;
mod body;
mod drain;
mod exchange;
#[cfg(test)]
mod fixture;
mod issued;
mod judge;
mod metadata;
mod pipeline;
mod quotas;
mod reads;
pub mod records;
mod refuse;
mod reply;
mod respond;
mod rules;
mod scan;
mod session;
mod stream;
mod tool_input;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::uri::PathAndQuery;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;

use crate::audit::Journal;
use crate::bedrock::fault::{ErrorShape, Fault};
use crate::bedrock::operation::RouteError;
use crate::clock;
use crate::config::{Config, Limits};
use crate::identity::RecordKey;
use crate::policy::Context;
use crate::quota::Ledger;
use crate::sensitive::{Scanner, ScannerError};
use crate::telemetry::{JournalVitals, MetricsError, Telemetry, Vitals};
use crate::upstream::{Resolver, Upstream};

use body::Buffers;
use drain::Drain;
use reply::Downstream;

pub use reply::ReplyBody;
pub use rules::Rules;
pub use scan::scan;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub encrypted: bool,
}

/// What every exchange uses. One for the process.
#[derive(Debug)]
pub struct Proxy {
    rules: Arc<Rules>,
    journal: Journal,
    upstream: Arc<Upstream>,
    resolver: Resolver<Arc<Upstream>>,
    scanner: Scanner,
    quotas: Arc<Ledger>,
    buffers: Buffers,
    limits: Limits,
    environment: String,
    /// What every path begins with, as callers know the warden; empty, or `/a/b`.
    base_path: String,
    /// Whether requests carry who called as request metadata.
    request_metadata: bool,
    record_key: RecordKey,
    telemetry: Arc<Telemetry>,
    certificate_expires: Option<SystemTime>,
    // Exchanges in flight. The drain waits for them.
    exchanges: TaskTracker,
    drain: Drain,
}

/// One thing that has to be in order before requests can be served.
#[derive(Debug)]
pub struct Check {
    pub name: &'static str,
    /// `None` when it is in order.
    pub problem: Option<String>,
    /// Whether requests are served in spite of the problem.
    pub serves: bool,
}

impl Proxy {
    pub fn new(
        config: &Config,
        rules: Arc<Rules>,
        journal: Journal,
        upstream: Arc<Upstream>,
        record_key: RecordKey,
        telemetry: Arc<Telemetry>,
        exchanges: TaskTracker,
    ) -> Result<Self, ScannerError> {
        let limits = config.limits;
        Ok(Self {
            rules,
            journal,
            resolver: Resolver::new(Arc::clone(&upstream), config.upstream.recheck),
            upstream,
            scanner: Scanner::new()?,
            quotas: Arc::default(),
            buffers: Buffers::new(limits.buffered_bytes, limits.body_bytes, limits.body_timeout),
            limits,
            environment: config.environment.clone(),
            base_path: config.listen.base_path.clone(),
            request_metadata: config.upstream.request_metadata,
            record_key,
            telemetry,
            certificate_expires: None,
            exchanges,
            drain: Drain::default(),
        })
    }

    /// With counts that were kept before.
    #[must_use]
    pub fn with_quotas(self, quotas: Arc<Ledger>) -> Self {
        Self { quotas, ..self }
    }

    /// Notes when the certificate that callers see ends.
    #[must_use]
    pub fn with_certificate_until(self, expires: Option<SystemTime>) -> Self {
        Self { certificate_expires: expires, ..self }
    }

    /// Answers one request. The exchange itself runs in its own task, so that it is finished and recorded whether or
    /// not the connection lives.
    pub async fn handle(self: Arc<Self>, peer: Peer, request: Request<Incoming>) -> Response<ReplyBody> {
        let path = request.uri().path();
        let errors = ErrorShape::of_path(path.strip_prefix(self.base_path.as_str()).unwrap_or(path));
        let (downstream, answer) = Downstream::new(errors);
        let exchanges = self.exchanges.clone();
        exchanges.spawn(pipeline::run(self, peer, request, downstream));
        if let Ok(response) = answer.await {
            return response;
        }
        // The task ended without an answer: it panicked. Its entry has recorded that on the way out.
        let (head, body) = refuse::native(Fault::InternalServer, "the warden failed", errors, "", "error");
        head.map(|()| ReplyBody::whole(body.into()))
    }

    /// What is asked for below the base path. FAIL-CLOSED: a path that does not begin with it is none of ours.
    fn below_base(&self, target: &PathAndQuery) -> Result<PathAndQuery, RouteError> {
        if self.base_path.is_empty() {
            return Ok(target.clone());
        }
        let below =
            target.as_str().strip_prefix(self.base_path.as_str()).filter(|rest| rest.starts_with('/'));
        below.and_then(|rest| rest.parse().ok()).ok_or(RouteError::OutsideBase)
    }

    fn context(&self, peer: Peer, break_glass: Option<String>) -> Context {
        Context {
            environment: self.environment.clone(),
            region: self.upstream.region().to_owned(),
            source: peer.address.ip(),
            now: clock::now(),
            break_glass,
        }
    }

    /// Digest of the policies in force.
    pub fn policy_digest(&self) -> Option<String> {
        self.rules.policies().map(|policies| policies.digest().to_owned())
    }

    /// What readiness depends on.
    pub fn readiness(&self) -> Vec<Check> {
        let check = |name, problem| Check { name, problem, serves: false };
        vec![
            check("policies", self.rules.policies().is_none().then(|| "none are loaded".to_owned())),
            check("rules", self.rules.problem()),
            Check { name: "policy source", problem: self.rules.notice(), serves: true },
            check("journal", self.journal_problem()),
            check("credentials", self.upstream.ready().err().map(|error| error.to_string())),
        ]
    }

    /// What gauges show.
    pub fn vitals(&self) -> Vitals {
        let journal = self.journal.health();
        Vitals {
            in_flight: self.telemetry.in_flight(),
            journal: JournalVitals {
                ready: journal.is_ready(),
                queued: journal.queued as u64,
                lag: journal.lag,
                written: journal.written,
                lost: journal.lost,
                // There is no other store yet that could have acknowledged any.
                unshipped: journal.records,
            },
            policy_digest: self.policy_digest(),
            quotas: self.fullest_quotas(),
            reload_succeeded: self.rules.problem().is_none() && self.rules.notice().is_none(),
            rules_loaded: Some(self.rules.loaded()),
            credentials_expire: self.upstream.credentials_expire(),
            certificate_expires: self.certificate_expires,
        }
    }

    /// Of every rule of `quotas` that is in force, the part of its limit that the fullest count has used.
    fn fullest_quotas(&self) -> Vec<(String, f64)> {
        let Some(policies) = self.rules.policies() else { return Vec::new() };
        let fullest = self.quotas.fullest();
        let part = |rule: &str| fullest.get(rule).copied().unwrap_or_default();
        policies.quotas().map(|rule| (rule.as_str().to_owned(), part(rule.as_str()))).collect()
    }

    /// What `/metrics` shows; `None` when it is turned off.
    pub fn metrics(&self) -> Option<Result<String, MetricsError>> {
        self.telemetry.metrics().map(|metrics| metrics.render(&self.vitals()))
    }

    fn journal_problem(&self) -> Option<String> {
        let health = self.journal.health();
        (!health.is_ready()).then(|| health.state.to_string())
    }

    /// Begins no more sessions.
    pub fn begin_drain(&self) {
        self.drain.begin();
    }

    /// Ends the sessions that still go on.
    pub fn end_drain(&self) {
        self.drain.end();
    }

    /// Sends the telemetry that was not sent yet, within a bound.
    pub async fn close_telemetry(&self) {
        self.telemetry.close().await;
    }

    /// Writes what is queued and closes the journal. Later exchanges are refused.
    pub async fn close_journal(&self) {
        self.journal.clone().close().await;
    }
}
