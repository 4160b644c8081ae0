//! Typed access to a tree that notes every mistake and goes on, so that one run reports them all.

use std::ops::Range;
use std::str::FromStr;

use super::{Diagnostic, Diagnostics, Key, Node, Source, Value};

/// Reads nodes of one file. Each method returns `None` after it has reported why.
#[derive(Debug)]
pub struct Reader<'a> {
    pub source: &'a Source,
    pub diagnostics: &'a mut Diagnostics,
}

/// A mapping whose keys were all checked to be known.
#[derive(Debug, Clone, Copy)]
pub struct Mapping<'n> {
    pub span: &'n Range<usize>,
    entries: &'n [(Key, Node)],
}

impl<'n> Mapping<'n> {
    /// The value of `name`, `None` when the key is absent or nothing is written after it.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    pub fn entry(&self, name: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }

    pub fn entries(&self) -> &'n [(Key, Node)] {
        self.entries
    }
}

impl Reader<'_> {
    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.push(self.source.error(span.clone(), message));
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A mapping. Keys that are not in `known` are reported with the closest known one; `place` names the mapping in
    /// messages, as in "unknown key `maxTokns` in limits".
    pub fn mapping<'n>(&mut self, node: &'n Node, place: &str, known: &[&str]) -> Option<Mapping<'n>> {
        let mapping = self.any_mapping(node, place)?;
        for (key, _) in mapping.entries {
            if !known.contains(&key.name.as_str()) {
                let help = match closest(&key.name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known keys: {}", known.join(", ")),
                };
                let message = format!("unknown key `{}` in {place}", key.name);
                self.push(self.source.error(key.span.clone(), message).help(help));
            }
        }
        Some(mapping)
    }

    /// A mapping whose keys are the user's own words.
    pub fn any_mapping<'n>(&mut self, node: &'n Node, place: &str) -> Option<Mapping<'n>> {
        if let Value::Mapping(entries) = &node.value {
            return Some(Mapping { span: &node.span, entries });
        }
        self.error(&node.span, format!("{place} must be a mapping (`key: value`)"));
        None
    }

    /// The value of a key that must be there.
    pub fn required<'n>(&mut self, mapping: &Mapping<'n>, place: &str, name: &str) -> Option<&'n Node> {
        let node = mapping.get(name);
        if node.is_none() {
            let span = mapping.entry(name).map_or(mapping.span, |(key, _)| &key.span);
            self.error(span, format!("{place} needs `{name}`"));
        }
        node
    }

    pub fn string(&mut self, node: &Node, place: &str) -> Option<String> {
        match &node.value {
            Value::Scalar { text, .. } if !node.is_null() => Some(text.clone()),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => {
                self.error(&node.span, format!("{place} must be text"));
                None
            }
        }
    }

    /// A value that `T` parses; `expected` says what it must be, as in "a whole number".
    pub fn parsed<T: FromStr>(&mut self, node: &Node, place: &str, expected: &str) -> Option<T> {
        if let Value::Scalar { text, .. } = &node.value {
            if let Ok(value) = text.parse() {
                return Some(value);
            }
            self.error(&node.span, format!("{place} must be {expected}, not `{text}`"));
        } else {
            self.error(&node.span, format!("{place} must be {expected}"));
        }
        None
    }

    pub fn boolean(&mut self, node: &Node, place: &str) -> Option<bool> {
        self.parsed(node, place, "`true` or `false`")
    }

    /// One of a closed set of words.
    pub fn one_of<T: Copy>(&mut self, node: &Node, place: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(node, place)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let list: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let diagnostic = self
            .source
            .error(node.span.clone(), format!("{place} must be {}, not `{text}`", list.join(" or ")));
        let diagnostic = match closest(&text, words.iter().map(|(word, _)| *word)) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic,
        };
        self.push(diagnostic);
        None
    }

    /// The elements of a list; a value that is not a list counts as a list of one.
    pub fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::Sequence(elements) => elements,
            Value::Scalar { .. } | Value::Mapping(_) => std::slice::from_ref(node),
        }
    }

    /// A list of texts, or a single one. An empty list is reported.
    pub fn strings(&mut self, node: &Node, place: &str) -> Option<Vec<String>> {
        let elements = self.list(node);
        if elements.is_empty() {
            self.error(&node.span, format!("{place} must not be empty"));
            return None;
        }
        elements.iter().map(|element| self.string(element, place)).collect()
    }
}

/// The known word that `word` is most likely a misspelling of.
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let near = known.into_iter().map(|known| (distance(&lower, &known.to_lowercase()), known));
    let (distance, known) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.len() / 4).then_some(known)
}

/// Edit distance with neighbouring transpositions counted once each.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut older: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (row, letter) in left.chars().enumerate() {
        let mut current = Vec::with_capacity(previous.len());
        current.push(row + 1);
        for (column, &other) in right.iter().enumerate() {
            let at = |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX / 2);
            let substituted = at(&previous, column) + usize::from(letter != other);
            let mut cost = substituted.min(at(&previous, column + 1) + 1).min(at(&current, column) + 1);
            let swapped = column > 0 && last == Some(other) && right.get(column - 1) == Some(&letter);
            if swapped {
                cost = cost.min(at(&older, column - 1) + 1);
            }
            current.push(cost);
        }
        older = std::mem::replace(&mut previous, current);
        last = Some(letter);
    }
    previous.last().copied().unwrap_or(usize::MAX)
}
