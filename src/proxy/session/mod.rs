//! A live session: an exchange whose request goes on while its answer comes.
//!
//! It takes the stages of [`super::pipeline`] in the same order. The caller is proven by the head; the first event is read
//! and judged, and with it the intent is written, before Bedrock is called. From then on every event passes proof,
//! judgement and signature on its own, and the answer is relayed as any stream is. Whatever ends one side ends the other:
//!
//! | What ends it | Bedrock sees | The caller sees | Recorded as |
//! |---|---|---|---|
//! | both sides end well | the signed end | the end of the answer | `complete` |
//! | an event breaks a rule, the chain or the order; the time is over | a request that breaks off | an exception | `policy_abort` |
//! | the warden has to stop | a request that breaks off | an exception | `drained` |
//! | the caller hangs up | the signed end | – | `client_abort` |
//! | Bedrock breaks off, ends too early or falls silent | a request that breaks off | an exception | `upstream_abort` |

mod beside;
mod hearing;
mod input;
mod pump;
mod shape;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::audit::EndState;
use crate::clock;
use crate::permit::Permit;
use crate::policy::PolicySet;
use crate::upstream::Call;

use super::Proxy;
use super::exchange::{Forwarded, ended};
use super::refuse::Refusal;
use super::reply::Downstream;
use super::respond::{Answered, Answering, respond};

use hearing::Hearing;

use beside::Shared;
pub use beside::{Beside, Heard};
pub use input::{Input, open};

/// How long a refused caller's further events are taken and thrown away, so that the refusal is read before the
/// connection closes.
const LINGER: Duration = Duration::from_secs(2);

/// Everything that a session needs once it is allowed and recorded.
pub struct Session<'a> {
    pub proxy: &'a Proxy,
    pub policies: &'a PolicySet,
    pub answering: Box<Answering>,
    pub input: Input,
    pub forwarded: Forwarded,
    pub downstream: Downstream,
}

impl Session<'_> {
    /// Stages 7 to 10. `call` holds the first event.
    pub async fn run(self, permit: Permit, mut call: Call) {
        let Self { proxy, policies, answering, input, mut forwarded, downstream } = self;
        let shared = Arc::new(Shared::default());
        let sent = clock::instant();
        forwarded.sent(sent, &mut call.headers);
        // 7. Sign and open: the upstream takes nothing but a permit. Every later event comes with a proof of its own.
        let (live, opened) = match proxy.upstream.open(permit, &answering.principal, call).await {
            Ok(opened) => opened,
            Err(error) => {
                let outcome = ended(EndState::NotForwarded, None);
                return forwarded.fail(&Refusal::Upstream(error), outcome, downstream).await;
            }
        };
        let hearing = Hearing::new(policies, policies.scanner(), answering.clone(), Arc::clone(&shared));
        let events = pin!(pump::run(proxy, input, hearing, live, Arc::clone(&shared)));
        let mut beside = Beside::new(events, shared);

        // ORDER: events go on while the head of the answer is waited for: Bedrock may want to hear more before it speaks.
        let mut answer = pin!(proxy.upstream.converse(opened));
        let answer = tokio::select! {
            answer = &mut answer => answer.map_err(Refusal::Upstream),
            refusal = beside.refused() => Err(refusal),
        };
        match answer {
            // 8-10. As for every answer.
            Ok(response) => {
                respond(
                    proxy,
                    policies,
                    answering,
                    Answered { sent, response },
                    forwarded,
                    downstream,
                    &mut beside,
                )
                .await;
            }
            Err(refusal) => {
                forwarded.upstream_ended(sent);
                let state = match (&refusal, beside.has_left()) {
                    (Refusal::Upstream(_), true) => EndState::ClientAbort,
                    (Refusal::Upstream(_), false) => EndState::UpstreamAbort,
                    (_, _) => EndState::PolicyAbort,
                };
                let mut outcome = ended(state, None);
                beside.note(&mut outcome);
                forwarded.fail(&refusal, outcome, downstream).await;
            }
        }
        if let Some(rest) = beside.into_rest() {
            linger(rest).await;
        }
    }
}

async fn linger(mut rest: Incoming) {
    let discard = async { while let Some(Ok(_)) = rest.frame().await {} };
    if tokio::time::timeout(LINGER, discard).await.is_err() {
        tracing::debug!("a refused caller went on sending");
    }
}
