//! Passes the events of a session on to Bedrock, as long as they are proven, in order and allowed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::proxy::Proxy;
use crate::proxy::refuse::Refusal;
use crate::upstream::{Live, LiveError};

use super::beside::{InputEnd, Shared};
use super::hearing::Hearing;
use super::input::{Input, Said};

/// How long Bedrock lets a session last (service documentation), and a little for the way.
const LONGEST: Duration = Duration::from_secs(8 * 60 + 30);

/// Runs until something ends the exchange from the caller's side. A caller who is merely done ends nothing: then the
/// answer does. The request to Bedrock is broken off with an end that is a refusal.
pub async fn run(
    proxy: &Proxy,
    mut input: Input,
    mut hearing: Hearing<'_>,
    live: Live,
    shared: Arc<Shared>,
) -> InputEnd {
    let deadline = Instant::now() + LONGEST;
    let mut live = Some(live);
    let passed = tokio::select! {
        passed = tokio::time::timeout_at(deadline, pass(proxy, &mut input, &mut hearing, &mut live, &shared)) => passed,
        () = proxy.drain.over() => Ok(Err(Refusal::Draining)),
    };
    let refusal = match passed {
        Ok(Ok(Left)) => {
            // Bedrock's last counts are still wanted.
            shared.complete();
            return match finish(&mut live).await {
                Ok(()) | Err(LiveError::Gone | LiveError::Unsigned) => InputEnd::Left,
            };
        }
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::SessionTooLong(LONGEST),
    };
    InputEnd::Refused { refusal, rest: input.into_rest() }
}

/// The caller hung up.
struct Left;

async fn pass(
    proxy: &Proxy,
    input: &mut Input,
    hearing: &mut Hearing<'_>,
    live: &mut Option<Live>,
    shared: &Shared,
) -> Result<Left, Refusal> {
    loop {
        let said = input.next(&proxy.rules).await?;
        shared.touch();
        let sent = match said {
            Said::Document(document) => {
                let Some((allowed, frames)) = hearing.hear(&mut input.order, document)? else { continue };
                let is_last = input.order.is_ended();
                if is_last {
                    shared.complete();
                }
                let mut sent = match live {
                    Some(live) => live.send(allowed, frames).await,
                    None => Ok(()),
                };
                // Nothing can follow: a caller that waits for the answer's end before it ends its own must not wait for
                // ever.
                if is_last && sent.is_ok() {
                    sent = finish(live).await;
                }
                sent
            }
            Said::End => {
                input.order.check_end()?;
                shared.complete();
                finish(live).await
            }
            Said::Over => std::future::pending().await,
            Said::Left => return Ok(Left),
        };
        match sent {
            Ok(()) => {}
            // Why Bedrock takes no more is said by its answer.
            Err(LiveError::Gone) => *live = None,
            Err(LiveError::Unsigned) => return Err(Refusal::Unsigned),
        }
    }
}

async fn finish(live: &mut Option<Live>) -> Result<(), LiveError> {
    match live.take() {
        Some(live) => live.finish().await,
        None => Ok(()),
    }
}
