//! Answers of reads, cut down to what their caller may use.
//!
//! Receives the answer of an operation that reads, learns what stands behind the models that it names and does not describe
//! to the end, and returns it without the entries that policies decline. FAIL-CLOSED: what cannot be read is not passed on,
//! and a model of which not everything is known is one that the caller may not use.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use crate::bedrock::json::Document;
use crate::bedrock::listing::{self, ListingError};
use crate::bedrock::model::ModelReference;
use crate::clock;
use crate::policy::PolicySet;

use super::Proxy;
use super::answer::Filtered;
use super::refuse::Refusal;
use super::respond::Answering;

/// How long AWS is asked about the entries of one list. What is not known then is left out, and found in the cache by the
/// next one who asks.
const PATIENCE: Duration = Duration::from_secs(10);

/// Applies policy to the answer of a read.
pub async fn cut_down(
    proxy: &Proxy,
    policies: &PolicySet,
    answering: &Answering,
    body: &Bytes,
) -> Result<Filtered, Refusal> {
    let Answering { route, principal, context, .. } = answering;
    let document = Document::parse(body).map_err(|_| Refusal::AnswerUnreadable)?;
    let unresolved = listing::unresolved(route.operation, &document);
    let resolved = look_behind(proxy, policies, answering, unresolved).await;
    let kept = listing::filter(route.operation, &document, |model| {
        let stated = policies.alias(model);
        let known = stated.as_ref().or_else(|| resolved.get(model.raw())).unwrap_or(model);
        policies.may_use(principal, known, context)
    });
    let kept = kept.map_err(|error| match error {
        ListingError::Declined(_) => Refusal::AnswerDeclined,
        ListingError::NotAnObject(_) | ListingError::NoEntries { .. } => Refusal::AnswerUnreadable,
    })?;
    Ok(Filtered::of_read(body, kept))
}

/// What is found behind `models`, by their names as written. Those of which nothing is found are missing.
async fn look_behind(
    proxy: &Proxy,
    policies: &PolicySet,
    answering: &Answering,
    models: Vec<ModelReference>,
) -> HashMap<String, ModelReference> {
    let mut found = HashMap::new();
    let began = clock::instant();
    for model in models {
        if policies.alias(&model).is_some() {
            continue;
        }
        let Some(left) = PATIENCE.checked_sub(began.elapsed()) else {
            tracing::warn!(operation = %answering.route.operation, "a list names more models than could be looked up");
            break;
        };
        let resolved = tokio::time::timeout(left, proxy.resolver.resolve(&answering.principal, &model)).await;
        if let Ok(Ok(resolved)) = resolved {
            found.insert(model.raw().to_owned(), resolved);
        }
    }
    found
}
