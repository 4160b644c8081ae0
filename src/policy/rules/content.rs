//! `content`: what kinds of content a request may carry.
//!
//! Written `- modalities: [text, image]`. A request may use the listed ones and no other.

use std::collections::BTreeSet;

use super::Breach;
use crate::bedrock::view::Modality;
use crate::policy::facts::Facts;
use crate::yaml::{Mapping, Reader};

pub(in crate::policy) const KEYS: [&str; 1] = ["modalities"];

/// One item of `content`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Content {
    modalities: BTreeSet<Modality>,
}

impl Content {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        let node = reader.required(item, "an item of `content`", "modalities")?;
        let words = Modality::ALL.map(|modality| (modality.name(), modality));
        let elements = reader.list(node);
        if elements.is_empty() {
            reader.error(&node.span, "modalities must not be empty");
        }
        let read: Vec<_> =
            elements.iter().map(|element| reader.one_of(element, "modalities", &words)).collect();
        read.into_iter().collect::<Option<_>>().map(|modalities| Self { modalities })
    }

    pub fn breach(&self, facts: &Facts) -> Option<Breach> {
        let other = names(facts.modalities.difference(&self.modalities));
        if other.is_empty() {
            return None;
        }
        let allowed = names(&self.modalities);
        let text = format!("{other} content is not allowed; allowed: {allowed}");
        Some(Breach::access(text).between(other, allowed))
    }
}

fn names<'m>(modalities: impl IntoIterator<Item = &'m Modality>) -> String {
    modalities.into_iter().map(|modality| modality.name()).collect::<Vec<_>>().join(", ")
}
