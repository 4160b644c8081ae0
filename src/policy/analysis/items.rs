//! Which written items differ between two policy folders, and are not on the grid.
//!
//! Receives the files of both, compares items by what they say and not by how they are laid out. Conditions in Cedar,
//! quotas, exceptions and custom detectors hang on more than a finite grid has; whoever compares policies has to look at
//! those, and is told so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::suite::is_test;
use crate::yaml::{Diagnostics, Key, Node, Source, Value};

/// An item that changed and cannot be compared on the grid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// `file:line`, in the folder that has it.
    pub at: String,
    /// `limits/cooler`, `quotas`, `exceptions/SEC-4821`.
    pub name: String,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Added,
    Changed,
    Removed,
}

impl How {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// Items off the grid that one folder has and the other has not, or otherwise.
pub fn off_the_grid(before: &[Source], after: &[Source]) -> Vec<Item> {
    let (before, after) = (collected(before), collected(after));
    let keys: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    let mut items = Vec::new();
    for key in keys {
        let (how, at) = match (before.get(key), after.get(key)) {
            (None, Some((at, _))) => (How::Added, at),
            (Some((at, _)), None) => (How::Removed, at),
            (Some((_, then)), Some((at, now))) if then != now => (How::Changed, at),
            (Some(_), Some(_)) | (None, None) => continue,
        };
        items.push(Item { at: at.clone(), name: key.1.clone(), how });
    }
    items
}

/// By file and name: where it is, and what it says.
type Items = BTreeMap<(String, String), (String, String)>;

fn collected(files: &[Source]) -> Items {
    let mut items = Items::new();
    for file in files.iter().filter(|file| !is_test(&file.path)) {
        // A folder that loads has no file that does not parse.
        let Some(document) = file.parse(&mut Diagnostics::default()) else { continue };
        let Value::Mapping(sections) = &document.value else { continue };
        for (section, node) in sections {
            collect(file, section, node, &mut items);
        }
    }
    items
}

fn collect(file: &Source, section: &Key, node: &Node, items: &mut Items) {
    let elements = match &node.value {
        Value::Sequence(elements) => elements.as_slice(),
        Value::Scalar { .. } | Value::Mapping(_) => std::slice::from_ref(node),
    };
    let whole = OFF_THE_GRID.contains(&section.name.as_str());
    for element in elements.iter().filter(|element| whole || hangs_on_cedar(element)) {
        let id = ["id", "name"].into_iter().find_map(|key| text(element, key));
        let name = match id {
            Some(id) => format!("{}/{id}", section.name),
            None => section.name.clone(),
        };
        let mut says = String::new();
        write(element, &mut says);
        let at = format!("{}:{}", file.path, file.line(element.span.start));
        // Items without an id share a name: they are compared together.
        let (_, all) = items.entry((file.path.to_string(), name)).or_insert((at, String::new()));
        all.push_str(&says);
    }
}

/// Sections whose effect no finite grid shows.
const OFF_THE_GRID: [&str; 3] = ["quotas", "exceptions", "detectors"];

/// Words for people, which decide nothing.
const WORDS: [&str; 3] = ["message", "controls", "reason"];

/// Whether a condition of the item is a text.
fn hangs_on_cedar(item: &Node) -> bool {
    text(item, "when").is_some() || text(item, "unless").is_some()
}

fn text<'n>(item: &'n Node, key: &str) -> Option<&'n str> {
    let Value::Mapping(entries) = &item.value else { return None };
    let (_, node) = entries.iter().find(|(known, _)| known.name == key)?;
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

/// What a node says, whatever its layout.
fn write(node: &Node, into: &mut String) {
    match &node.value {
        Value::Scalar { text, .. } => drop(write!(into, "{text:?},")),
        Value::Sequence(elements) => {
            into.push('[');
            elements.iter().for_each(|element| write(element, into));
            into.push(']');
        }
        Value::Mapping(entries) => {
            let mut entries: Vec<&(Key, Node)> =
                entries.iter().filter(|(key, _)| !WORDS.contains(&key.name.as_str())).collect();
            entries.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
            into.push('{');
            for (key, node) in entries {
                into.push_str(&key.name);
                into.push(':');
                write(node, into);
            }
            into.push('}');
        }
    }
}
