//! The bounded set of models that metrics are told by.
//!
//! A caller may name any model it likes; only those that Bedrock has answered for get a name of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::bedrock::model::ModelReference;
use crate::telemetry::names::label;

/// Models that have a name of their own.
#[derive(Debug)]
pub struct ModelLabels {
    // Written when a model is answered for the first time, read for every request.
    known: RwLock<BTreeSet<Arc<str>>>,
    most: usize,
    other: Arc<str>,
}

impl ModelLabels {
    pub fn new(most: usize) -> Self {
        Self { known: RwLock::default(), most, other: label::OTHER.into() }
    }

    /// What `model` is called; `succeeded` when Bedrock has answered for it.
    pub fn label(&self, model: &ModelReference, succeeded: bool) -> Arc<str> {
        let name = model.canonical();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        let full = known.len() >= self.most;
        drop(known);
        if !succeeded || full {
            return Arc::clone(&self.other);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.most {
            known.insert(name.into());
        }
        known.get(name).map_or_else(|| Arc::clone(&self.other), Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_gets_a_name_once_bedrock_has_answered_for_it_and_while_there_is_room() {
        let labels = ModelLabels::new(2);
        let label = |model: &str, succeeded| {
            labels.label(&ModelReference::parse(model).unwrap(), succeeded).to_string()
        };
        let [a, b, c] = ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0"];
        assert_eq!(label(a, false), "other");
        assert_eq!(label(a, true), a);
        assert_eq!(label(a, false), a);
        assert_eq!(label(b, true), b);
        assert_eq!(label(c, true), "other");
        assert_eq!(label(b, false), b);
    }
}
