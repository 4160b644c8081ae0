//! Label values from bounded sets.
//!
//! A metric system keeps every value of a label for as long as it keeps data. Callers choose model ids and Bedrock
//! chooses error names, so both are let in by rule and never because they were said.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::Finished;
use super::names::label;
use crate::bedrock::fault::Fault;

/// The models that have a label of their own.
#[derive(Debug)]
pub struct ModelLabels {
    /// Most models.
    most: usize,
    // Written once for every model; read by every exchange, held for a look-up.
    known: RwLock<HashSet<Box<str>>>,
}

impl ModelLabels {
    pub fn new(most: usize) -> Self {
        Self { most, known: RwLock::default() }
    }

    /// The label of the event's model. INVARIANT: a model becomes known only by an answer of Bedrock's to a request
    /// that policies allowed, so that nobody can invent labels.
    pub fn of<'a>(&self, event: &'a Finished) -> &'a str {
        let Some(model) = &event.model else { return label::NONE };
        let model = match model.origin_ids().as_slice() {
            [only] => *only,
            _ => model.canonical(),
        };
        if self.is_known(model) || (event.succeeded() && self.admit(model)) { model } else { label::OTHER }
    }

    fn is_known(&self, model: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(model)
    }

    fn admit(&self, model: &str) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Between the look-up and here another exchange may have been first.
        if known.contains(model) {
            return true;
        }
        let fits = known.len() < self.most;
        if fits {
            known.insert(model.into());
        }
        fits
    }
}

/// The label of an error's name. Every name that the service models for these operations is a fault's.
pub fn error(name: &str) -> &'static str {
    Fault::ALL.into_iter().map(Fault::name).find(|known| *known == name).unwrap_or(label::OTHER)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::audit::EndState;
    use crate::bedrock::model::ModelReference;
    use crate::telemetry::fixture::finished;

    fn asked(model: &str, status: u16, end: EndState) -> Finished {
        let mut event = finished();
        event.model = Some(ModelReference::parse(model).unwrap());
        event.status = StatusCode::from_u16(status).ok();
        event.end = end;
        event
    }

    #[test]
    fn a_model_is_named_once_bedrock_has_answered_for_it() {
        let (labels, haiku) = (ModelLabels::new(10), "anthropic.claude-3-haiku-20240307-v1:0");
        for (status, end, expected) in [
            (403, EndState::Refused, label::OTHER),
            (400, EndState::Complete, label::OTHER),
            (200, EndState::UpstreamAbort, label::OTHER),
            (200, EndState::Complete, haiku),
            (403, EndState::Refused, haiku),
        ] {
            assert_eq!(labels.of(&asked(haiku, status, end)), expected, "{status} {end:?}");
        }
        let profile = asked(&format!("us.{haiku}"), 200, EndState::Complete);
        assert_eq!(labels.of(&profile), haiku, "a profile runs the same model");
        let mut listing = finished();
        listing.model = None;
        assert_eq!(labels.of(&listing), label::NONE);
    }

    #[test]
    fn models_beyond_the_bound_share_a_label_even_when_they_answer() {
        let labels = ModelLabels::new(3);
        let named = |index: usize| format!("anthropic.claude-{index}");
        let seen: HashSet<String> = (0..10_000)
            .map(|index| labels.of(&asked(&named(index), 200, EndState::Complete)).to_owned())
            .collect();
        assert_eq!(seen, [named(0), named(1), named(2), label::OTHER.to_owned()].into());
        assert_eq!(labels.of(&asked(&named(1), 200, EndState::Complete)), named(1));
    }

    #[test]
    fn an_error_is_named_when_the_service_models_it() {
        assert_eq!(error("ThrottlingException"), "ThrottlingException");
        for name in ["throttlingException", "Surprise", "", "ThrottlingException "] {
            assert_eq!(error(name), label::OTHER, "{name}");
        }
    }
}
