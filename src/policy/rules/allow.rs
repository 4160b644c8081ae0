//! `allow`: which models may be used, and which operations. Items of one level add up; levels intersect.
//!
//! Written `- models: [glob]`, optionally with `actions` and a condition. What no item covers is not granted. An entry
//! without `*` grants one model; an entry with it grants the profiles and variants of all models that it matches. A name
//! that leads to models elsewhere is granted when it is listed itself, or when every model behind it is granted. Without
//! `actions` an item grants inference and counting. What a rule on prompts and answers could miss has to be written out:
//! `- { actions: [ApplyGuardrail] }`, `- { models: [glob], actions: [StartAsyncInvoke], outputs: ["s3://bucket/*"] }`.

use super::Breach;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Access, Operation};
use crate::policy::asked::{Asked, Undecided};
use crate::policy::cedar::{all, any, atom, matches, quoted};
use crate::policy::condition::{covers, covers_in_cedar, each, no_operation, patterns};
use crate::policy::facts::Inquiry;
use crate::policy::glob::Glob;
use crate::policy::rule::Head;
use crate::yaml::{Mapping, Node, Reader};

pub(in crate::policy) const KEYS: [&str; 3] = ["models", "actions", "outputs"];

/// One item of `allow`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Grant {
    pub head: Head,
    /// Empty when none of the operations calls a model.
    pub models: Vec<Glob>,
    pub operations: Vec<Operation>,
    /// S3 URIs that StartAsyncInvoke may have its answers written to.
    outputs: Vec<Glob>,
}

impl Grant {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>, head: Head) -> Option<Self> {
        let operations = match item.get("actions") {
            Some(node) => actions(reader, node)?,
            None => Operation::ALL.into_iter().filter(|operation| is_implied(*operation)).collect(),
        };
        let on_models = operations.iter().any(|operation| operation.takes_model());
        let written_to = operations.contains(&Operation::StartAsyncInvoke);
        Some(Self {
            models: part(reader, item, "models", on_models)?,
            outputs: part(reader, item, "outputs", written_to)?,
            head,
            operations,
        })
    }

    fn covers(&self, model: &ModelReference, output: Option<&str>) -> bool {
        self.lists(Some(model)) && self.takes(output)
    }

    fn in_cedar(&self) -> String {
        let implied = Operation::ALL.into_iter().filter(|operation| is_implied(*operation));
        let action = if self.operations.iter().copied().eq(implied) {
            "action in Warden::Action::\"Infer\"".to_owned()
        } else {
            let names = self.operations.iter().map(|one| format!("Warden::Action::{}", quoted(one.name())));
            format!("action in [{}]", names.collect::<Vec<_>>().join(", "))
        };
        // Operations that call no model are granted by name alone.
        let without_model = self.operations.iter().any(|operation| !operation.takes_model());
        let none = without_model.then(|| "context.model.kind == \"none\"".to_owned());
        let covers = any(none.into_iter().chain([covers_in_cedar(&self.models)]));
        let written = any(self.outputs.iter().map(|pattern| matches("context.output", pattern)));
        let output = any(["!(context has output)".to_owned(), format!("(context has output && {written})")]);
        all([action, self.head.condition.grants_in_cedar(), covers, output])
    }

    /// Whether the item grants anything to such a request, were it for the right model.
    fn is_open(&self, asked: &Asked<'_>) -> Result<bool, Undecided> {
        Ok(self.operations.contains(&asked.inquiry.operation) && self.head.condition.grants(asked)?)
    }

    /// INVARIANT: an operation that takes a model is not judged without one.
    fn lists(&self, model: Option<&ModelReference>) -> bool {
        model.is_none_or(|model| self.models.iter().any(|pattern| covers(pattern, model)))
    }

    /// INVARIANT: a request whose answer goes to S3 says where, or it was not read.
    fn takes(&self, output: Option<&str>) -> bool {
        output.is_none_or(|output| self.outputs.iter().any(|pattern| pattern.matches(output)))
    }
}

/// The items of a level that grant a request: those that cover the model as it is named or, together, every model
/// behind the name. None when the request is not granted.
pub(in crate::policy) fn granting<'g>(
    grants: &'g [Grant],
    asked: &Asked<'_>,
) -> Result<Vec<&'g Grant>, Undecided> {
    let open = open(grants, asked)?;
    Ok(match asked.inquiry.model {
        Some(model) => grants_of(&open, model, asked.inquiry.facts.output.as_deref()).unwrap_or_default(),
        None => open,
    })
}

/// Whether the items of a level grant a request. `id` names them where models behind a name are granted one by one.
pub(in crate::policy) fn granted_in_cedar(id: &str, grants: &[Grant]) -> String {
    let on_models = grants.iter().any(|grant| !grant.models.is_empty());
    let behind = on_models.then(|| atom(&format!("granted:{id}")));
    any(grants.iter().map(Grant::in_cedar).chain(behind))
}

/// The items that grant something to such a request, were it for the right model.
fn open<'g>(grants: &'g [Grant], asked: &Asked<'_>) -> Result<Vec<&'g Grant>, Undecided> {
    let mut open = Vec::with_capacity(grants.len());
    for grant in grants {
        if grant.is_open(asked)? {
            open.push(grant);
        }
    }
    Ok(open)
}

fn grants_of<'g>(open: &[&'g Grant], model: &ModelReference, output: Option<&str>) -> Option<Vec<&'g Grant>> {
    let named: Vec<&Grant> = open.iter().copied().filter(|grant| grant.covers(model, output)).collect();
    if !named.is_empty() {
        return Some(named);
    }
    if !model.kind().is_alias() || model.behind().is_empty() {
        return None;
    }
    let mut together: Vec<&Grant> = Vec::new();
    for next in model.behind() {
        for grant in grants_of(open, next, output)? {
            if !together.iter().any(|known| known.head.id == grant.head.id) {
                together.push(grant);
            }
        }
    }
    Some(together)
}

/// The first model of the chain that nothing covers, where what is in front of it is not listed either.
fn uncovered<'m>(open: &[&Grant], model: &'m ModelReference, output: Option<&str>) -> &'m ModelReference {
    let missing = |next: &&ModelReference| grants_of(open, next, output).is_none();
    match model.behind().iter().find(missing) {
        Some(next) if model.kind().is_alias() => uncovered(open, next, output),
        Some(_) | None => model,
    }
}

/// Why a level grants nothing to a request; says what it would grant.
pub(in crate::policy) fn breach(grants: &[Grant], asked: &Asked<'_>) -> Result<Breach, Undecided> {
    Ok(breach_of(grants, &open(grants, asked)?, &asked.inquiry))
}

fn breach_of(grants: &[Grant], open: &[&Grant], inquiry: &Inquiry<'_>) -> Breach {
    let operation = inquiry.operation;
    let named = grants.iter().any(|grant| grant.operations.contains(&operation));
    if operation.access() == Access::Named && !named {
        let text = format!("{operation} is not granted; an item of `allow` must name it in `actions`");
        return Breach::access(text).between(operation.name(), "not named");
    }
    let output = inquiry.facts.output.as_deref();
    let Some(asked) = inquiry.model else {
        let text = format!("{operation} is not granted to such a request");
        return Breach::access(text).between(operation.name(), "nothing");
    };
    // Were it for the model alone, the request would be granted.
    if output.is_some() && grants_of(open, asked, None).is_some() {
        let bound = shortened(open.iter().flat_map(|grant| &grant.outputs));
        let text = format!("the place in S3 that the answer should go to is not granted (granted: {bound})");
        return Breach::access(text).between("another place", bound);
    }
    let model = uncovered(open, asked, output);
    let bound = shortened(open.iter().flat_map(|grant| &grant.models));
    let written_out =
        || open.iter().flat_map(|grant| &grant.models).any(|pattern| pattern.lists(model.canonical()));
    let why = if model.kind().is_alias() {
        ", and an id that hides its model must be listed exactly where that is not known"
    } else if model.kind().needs_lookup() {
        ", and a model of one's own must be listed exactly, whatever it was trained from"
    } else if written_out() {
        ", and an id without `*` grants no profile or variant of its model"
    } else {
        ""
    };
    let text = if model == asked {
        format!("{model} is not granted (granted: {bound}{why})")
    } else {
        format!("{asked} leads to {model}, which is not granted (granted: {bound}{why})")
    };
    Breach::access(text).between(model.canonical(), bound)
}

/// Patterns in a denial: the first of them, or that there are none.
fn shortened<'g>(patterns: impl Iterator<Item = &'g Glob>) -> String {
    const MOST_NAMED: usize = 12;
    let patterns: Vec<String> = patterns.take(MOST_NAMED + 1).map(ToString::to_string).collect();
    match patterns.as_slice() {
        [] => "nothing".to_owned(),
        named => match named.split_at_checked(MOST_NAMED) {
            Some((first, [_, ..])) => format!("{}, …", first.join(", ")),
            Some(_) | None => named.join(", "),
        },
    }
}

/// What an item grants that names no operation: what is inspected both ways, or says no more than a number.
fn is_implied(operation: Operation) -> bool {
    operation.access() == Access::Model
}

/// The operations that `actions` grants. FAIL-CLOSED: a pattern with `*` grants only what would be granted without
/// `actions`; the others have to be written out.
fn actions(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Operation>> {
    let named = each(reader, node, "actions", |reader, element, text| {
        let glob = Glob::parse(text).ok();
        let granted = |operation: &Operation| {
            glob.as_ref().is_some_and(|glob| match operation.access() {
                Access::Model => glob.matches(operation.name()),
                Access::Named => glob.lists(operation.name()),
                Access::Read => false,
            })
        };
        let found: Vec<_> = Operation::ALL.into_iter().filter(granted).collect();
        if !found.is_empty() {
            return Some(found);
        }
        match Operation::named(text).map(Operation::access) {
            Some(Access::Read) => {
                let message = format!("`{}` needs no grant", text.escape_debug());
                let help = "remove it; reads show every team what it may use, and `deny` can refuse them";
                reader.push(reader.source.error(element.span.clone(), message).help(help));
            }
            Some(Access::Model | Access::Named) | None => no_operation(reader, element, text),
        }
        None
    });
    named.map(|named| named.concat())
}

/// A list of patterns that an item must have when its operations need it, and must not have otherwise.
fn part(reader: &mut Reader<'_>, item: &Mapping<'_>, key: &'static str, needed: bool) -> Option<Vec<Glob>> {
    match item.get(key) {
        Some(node) if needed => patterns(reader, node, key),
        Some(node) => {
            reader
                .error(&node.span, format!("`{key}` concerns none of the operations that this item grants"));
            None
        }
        None if needed => {
            let help = match key {
                "outputs" => {
                    "StartAsyncInvoke has its answers written to S3; write `outputs: [\"s3://bucket/*\"]`"
                }
                _ => "write which models the item grants, such as `models: [anthropic.claude-*]`",
            };
            let message = format!("an item of `allow` needs `{key}`");
            reader.push(reader.source.error(item.span.clone(), message).help(help));
            None
        }
        None => Some(Vec::new()),
    }
}
