//! `content`: what kinds of content a request may carry, and which of them unread.
//!
//! Written `- modalities: [text, image]` or `- uninspected: [image]`. A request may use the listed ones and no other;
//! `uninspected: []` wants everything to be read. Messages name kinds and never content.

use std::collections::BTreeSet;

use super::Breach;
use crate::bedrock::view::{Modality, OpaqueKind};
use crate::policy::cedar::{any, set};
use crate::policy::facts::Facts;
use crate::yaml::{Mapping, Node, Reader};

pub(in crate::policy) const KEYS: [&str; 2] = ["modalities", "uninspected"];

/// One item of `content`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Content {
    modalities: Option<BTreeSet<Modality>>,
    /// Kinds that may pass although no detector can look into them.
    uninspected: Option<BTreeSet<OpaqueKind>>,
}

impl Content {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        let (modalities, uninspected) = (item.get("modalities"), item.get("uninspected"));
        if modalities.is_none() && uninspected.is_none() {
            reader.error(item.span, "an item of `content` needs `modalities`, `uninspected` or both");
            return None;
        }
        let words = Modality::ALL.map(|modality| (modality.name(), modality));
        let read = modalities.map(|node| {
            if reader.list(node).is_empty() {
                reader.error(&node.span, "modalities must not be empty");
            }
            read_words(reader, node, "modalities", &words)
        });
        let words = OpaqueKind::ALL.map(|kind| (kind.name(), kind));
        let unread = uninspected.map(|node| read_words(reader, node, "uninspected", &words));
        Some(Self { modalities: given(read)?, uninspected: given(unread)? })
    }

    pub fn breach(&self, facts: &Facts) -> Option<Breach> {
        let breach = self.modalities.as_ref().and_then(|allowed| {
            let other = names(facts.modalities.difference(allowed), Modality::name)?;
            let allowed = names(allowed, Modality::name).unwrap_or_default();
            let text = format!("{other} content is not allowed; allowed: {allowed}");
            Some(Breach::access(text).between(other, allowed))
        });
        breach.or_else(|| self.uninspected_breach(facts))
    }

    pub fn broken_in_cedar(&self) -> String {
        let outside = |facts: &str, allowed: Vec<&str>| {
            if allowed.is_empty() {
                format!("!{facts}.isEmpty()")
            } else {
                format!("!{}.containsAll({facts})", set(allowed))
            }
        };
        let modalities = self.modalities.iter().map(|allowed| {
            outside("context.content.modalities", allowed.iter().copied().map(Modality::name).collect())
        });
        let uninspected = self.uninspected.iter().map(|allowed| {
            outside("context.content.uninspected", allowed.iter().copied().map(OpaqueKind::name).collect())
        });
        any(modalities.chain(uninspected))
    }

    fn uninspected_breach(&self, facts: &Facts) -> Option<Breach> {
        let allowed = self.uninspected.as_ref()?;
        let other = names(facts.uninspected.difference(allowed), OpaqueKind::name)?;
        let allowed = names(allowed, OpaqueKind::name).unwrap_or_else(|| "none".to_owned());
        let text = format!("the request holds {other} content that cannot be inspected; allowed: {allowed}");
        Some(Breach::access(text).between(other, allowed))
    }
}

fn read_words<T: Copy + Ord>(
    reader: &mut Reader<'_>,
    node: &Node,
    place: &str,
    words: &[(&str, T)],
) -> Option<BTreeSet<T>> {
    let read: Vec<_> = reader.list(node).iter().map(|element| reader.one_of(element, place, words)).collect();
    read.into_iter().collect()
}

/// `None` for what was given and could not be read.
#[expect(clippy::option_option, reason = "absent and unreadable are two things")]
fn given<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// `None` when there are none.
fn names<'k, T: Copy + 'k>(
    kinds: impl IntoIterator<Item = &'k T>,
    name: impl Fn(T) -> &'static str,
) -> Option<String> {
    let names: Vec<&str> = kinds.into_iter().map(|kind| name(*kind)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
