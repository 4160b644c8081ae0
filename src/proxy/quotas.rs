//! The stage between the decision and the record: is there room for the request in every count that it belongs to?
//!
//! Receives a request that policies allow, in the bytes that will be sent, and returns a reservation, or a refusal of which
//! the judgement holds every reason. Must never let a request pass that an enforced quota does not admit.

use crate::policy::{PolicySet, Size, quota_denial};
use crate::quota::Reservation;
use crate::upstream::Call;

use super::Proxy;
use super::judge::Judgement;
use super::refuse::Refusal;
use super::respond::Answering;

/// Reserves the most that `call` can take.
pub async fn reserve(
    proxy: &Proxy,
    policies: &PolicySet,
    answering: &Answering,
    call: &Call,
    judgement: &mut Judgement,
) -> Result<Reservation, Refusal> {
    let Some(inquiry) = answering.inquiry() else { return Ok(proxy.quotas.nothing()) };
    let size = Size { body: call.body.len() as u64, opaque: &judgement.coverage.uninspected };
    let charges = policies.charges(&inquiry, size);
    let reserved = proxy.quotas.reserve(&charges).await;
    let verdict = judgement.verdict.get_or_insert_default();
    match reserved {
        Ok(mut reservation) => {
            verdict.shadow.append(&mut reservation.shadow);
            verdict.exceptions.append(&mut reservation.exceptions);
            verdict.exceptions.sort();
            verdict.exceptions.dedup();
            Ok(reservation)
        }
        Err(refused) => {
            judgement.denial = quota_denial(&inquiry, &refused.violations);
            judgement.retry_after = refused.retry_after;
            verdict.violations.extend(refused.violations);
            verdict.shadow.extend(refused.shadow);
            Err(if refused.unavailable { Refusal::QuotasUnavailable } else { Refusal::Denied })
        }
    }
}
