//! `deny`: what may not be used, whatever is granted.
//!
//! Written with `models`, a condition, or both; all that is written must hold for the item to deny.

use super::Breach;
use crate::bedrock::model::ModelReference;
use crate::policy::cedar::TRUE;
use crate::policy::condition::{hits, hits_in_cedar, patterns};
use crate::policy::glob::Glob;
use crate::yaml::{Mapping, Reader};

pub(in crate::policy) const KEYS: [&str; 1] = ["models"];

/// One item of `deny`. Its condition is the rule's.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Deny {
    /// `None` denies every model, and operations that call none.
    pub models: Option<Vec<Glob>>,
}

impl Deny {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        if !["models", "when", "unless"].iter().any(|key| item.entry(key).is_some()) {
            reader.error(item.span, "an item of `deny` needs `models`, `when` or `unless`");
            return None;
        }
        let models = match item.get("models") {
            Some(node) => Some(patterns(reader, node, "models")?),
            None => None,
        };
        Some(Self { models })
    }

    /// Holds for every request that the item matches.
    pub fn broken_in_cedar(&self) -> String {
        self.models.as_deref().map_or_else(|| TRUE.to_owned(), hits_in_cedar)
    }

    /// Broken by every request that the item matches.
    pub fn breach(&self, model: Option<&ModelReference>) -> Option<Breach> {
        let among =
            |models: &Vec<Glob>| model.is_some_and(|model| models.iter().any(|pattern| hits(pattern, model)));
        let hit = self.models.as_ref().is_none_or(among);
        hit.then(|| Breach::access("denied by this rule"))
    }
}
