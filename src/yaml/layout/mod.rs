//! One layout for all files: keys in their documented order, two spaces of indentation, comments where they were.
//!
//! Receives a file that was read without a mistake and the order of keys, returns its text in canonical form. What the file
//! says never changes, nor does a comment get lost: a text of which that cannot be shown is not returned. What was written
//! in flow style (`{ }`, `[ ]`) stays so where it fits a line; blocks stay blocks.

mod piece;
mod print;

use thiserror::Error;

use super::{Diagnostics, Node, Source, Value};

/// Columns that a line may have before a mapping or list in flow style is broken up.
pub const WIDTH: usize = 120;

/// Where keys belong, as far as their order depends on it.
pub trait Order: Copy {
    /// The documented order of the keys of a mapping. Other keys follow in the order in which they were written.
    fn keys(self) -> Vec<&'static str>;
    /// The place of what stands under a key.
    #[must_use]
    fn under(self, key: &str) -> Self;
}

/// Why a file is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    #[error("it does not load")]
    Unreadable,
    #[error("laid out anew, it would not say the same")]
    Changed,
}

/// The text of `source` in canonical form.
pub fn formatted(source: &Source, order: impl Order) -> Result<String, LayoutError> {
    let before = tree(source)?;
    let (root, comments) = piece::read(&source.text, order).ok_or(LayoutError::Unreadable)?;
    let text = print::document(&root);
    // FAIL-CLOSED: this is a file that decides who may do what.
    let after = tree(&Source::new(source.path.clone(), text.as_str())).map_err(|_| LayoutError::Changed)?;
    let (_, kept) = piece::read(&text, order).ok_or(LayoutError::Changed)?;
    if meaning(&before) != meaning(&after) || sorted(comments) != sorted(kept) {
        return Err(LayoutError::Changed);
    }
    Ok(text)
}

fn tree(source: &Source) -> Result<Node, LayoutError> {
    let mut diagnostics = Diagnostics::default();
    let node = source.parse(&mut diagnostics).filter(|_| diagnostics.is_empty());
    node.ok_or(LayoutError::Unreadable)
}

/// What a node says, whatever the order of its keys and its place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// With whether it may be read as nothing at all.
    Text(String, bool),
    List(Vec<Meaning>),
    Pairs(Vec<(String, Meaning)>),
}

fn meaning(node: &Node) -> Meaning {
    match &node.value {
        Value::Scalar { text, .. } => Meaning::Text(text.clone(), node.is_null()),
        Value::Sequence(elements) => Meaning::List(elements.iter().map(meaning).collect()),
        Value::Mapping(entries) => {
            let pairs = entries.iter().map(|(key, node)| (key.name.clone(), meaning(node)));
            Meaning::Pairs(sorted(pairs.collect()))
        }
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

#[cfg(test)]
mod tests;
