//! `allow`: which models may be used. Items of one level add up; levels intersect.
//!
//! Written `- models: [glob]`, optionally with `actions` and a condition. What no item covers is not granted. An entry
//! without `*` grants one model; an entry with it grants the profiles and variants of all models that it matches. A name
//! that leads to models elsewhere is granted when it is listed itself, or when every model behind it is granted.

use super::Breach;
use crate::bedrock::model::ModelReference;
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

    fn covers(&self, model: &ModelReference) -> bool {
        self.models.iter().any(|pattern| covers(pattern, model))
    }

    /// Whether the item grants anything to such a request, were it for the right model.
    fn is_open(&self, inquiry: &Inquiry<'_>) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(&inquiry.operation))
            && self.head.condition.grants(inquiry)
    }
}

/// The items of a level that grant a request: those that cover the model as it is named or, together, every model
/// behind the name. None when the request is not granted.
pub(in crate::policy) fn granting<'g>(grants: &'g [Grant], inquiry: &Inquiry<'_>) -> Vec<&'g Grant> {
    let open: Vec<&Grant> = grants.iter().filter(|grant| grant.is_open(inquiry)).collect();
    grants_of(&open, inquiry.model).unwrap_or_default()
}

fn grants_of<'g>(open: &[&'g Grant], model: &ModelReference) -> Option<Vec<&'g Grant>> {
    let named: Vec<&Grant> = open.iter().copied().filter(|grant| grant.covers(model)).collect();
    if !named.is_empty() {
        return Some(named);
    }
    if !model.kind().is_alias() || model.behind().is_empty() {
        return None;
    }
    let mut together: Vec<&Grant> = Vec::new();
    for next in model.behind() {
        for grant in grants_of(open, next)? {
            if !together.iter().any(|known| known.head.id == grant.head.id) {
                together.push(grant);
            }
        }
    }
    Some(together)
}

/// The first model of the chain that nothing covers, where what is in front of it is not listed either.
fn uncovered<'m>(open: &[&Grant], model: &'m ModelReference) -> &'m ModelReference {
    let missing = |next: &&ModelReference| grants_of(open, next).is_none();
    match model.behind().iter().find(missing) {
        Some(next) if model.kind().is_alias() => uncovered(open, next),
        Some(_) | None => model,
    }
}

/// Why a level grants nothing to a request; says what it would grant.
pub(in crate::policy) fn breach(grants: &[Grant], inquiry: &Inquiry<'_>) -> Breach {
    let open: Vec<&Grant> = grants.iter().filter(|grant| grant.is_open(inquiry)).collect();
    let model = uncovered(&open, inquiry.model);
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
    let why = if model.kind().is_alias() {
        ", and an id that hides its model must be listed exactly where that is not known"
    } else if model.kind().needs_lookup() {
        ", and a model of one's own must be listed exactly, whatever it was trained from"
    } else if named() {
        ", and an id without `*` grants no profile or variant of its model"
    } else {
        ""
    };
    let text = if model == inquiry.model {
        format!("{model} is not granted (granted: {bound}{why})")
    } else {
        format!("{} leads to {model}, which is not granted (granted: {bound}{why})", inquiry.model)
    };
    Breach::access(text).between(model.canonical(), bound)
}

/// Patterns named in a denial, at most.
const MOST_NAMED: usize = 12;
