//! `allow`: which models may be used. Items of one level add up; levels intersect.
//!
//! Written `- models: [glob]`, optionally with `actions` and a condition. What no item covers is not granted. An entry
//! without `*` grants one model; an entry with it grants the profiles and variants of all models that it matches.

use super::Breach;
use crate::bedrock::operation::Operation;
use crate::policy::condition::{covers, operations, patterns};
use crate::policy::facts::Inquiry;
use crate::policy::glob::Glob;
use crate::policy::rule::Head;
use crate::yaml::{Mapping, Reader};

pub(in crate::policy) const KEYS: [&str; 2] = ["models", "actions"];

/// One item of `allow`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Grant {
    pub head: Head,
    pub models: Vec<Glob>,
    /// `None` grants every operation.
    operations: Option<Vec<Operation>>,
}

impl Grant {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>, head: Head) -> Option<Self> {
        let models = reader.required(item, "an item of `allow`", "models");
        let models = models.and_then(|node| patterns(reader, node, "models"));
        let operations = match item.get("actions") {
            Some(node) => Some(operations(reader, node, "actions")?),
            None => None,
        };
        Some(Self { head, models: models?, operations })
    }

    pub fn covers(&self, inquiry: &Inquiry<'_>) -> bool {
        self.is_open(inquiry) && self.models.iter().any(|pattern| covers(pattern, inquiry.model))
    }

    /// Whether the item grants anything to such a request, were it for the right model.
    fn is_open(&self, inquiry: &Inquiry<'_>) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(&inquiry.operation))
            && self.head.condition.grants(inquiry)
    }
}

/// Why a level grants nothing to a request; says what it would grant.
pub(in crate::policy) fn breach(grants: &[Grant], inquiry: &Inquiry<'_>) -> Breach {
    let model = inquiry.model;
    let open: Vec<&Grant> = grants.iter().filter(|grant| grant.is_open(inquiry)).collect();
    let patterns: Vec<String> =
        open.iter().flat_map(|grant| &grant.models).take(MOST_NAMED).map(ToString::to_string).collect();
    let more = open.iter().map(|grant| grant.models.len()).sum::<usize>() > MOST_NAMED;
    let bound = match patterns.as_slice() {
        [] => "nothing".to_owned(),
        named if more => format!("{}, …", named.join(", ")),
        named => named.join(", "),
    };
    let named =
        || open.iter().flat_map(|grant| &grant.models).any(|pattern| pattern.lists(model.canonical()));
    let why = if model.kind().needs_lookup() {
        ", and an id that hides its model must be listed exactly"
    } else if named() {
        ", and an id without `*` grants no profile or variant of its model"
    } else {
        ""
    };
    let text = format!("{model} is not granted (granted: {bound}{why})");
    Breach::access(text).between(model.canonical(), bound)
}

/// Patterns named in a denial, at most.
const MOST_NAMED: usize = 12;
