//! Changes to a document's source that leave every other byte as it was inspected.

use super::Span;

/// Replacements and insertions to be made in a document's source, collected first and applied in one pass.
#[derive(Debug, Default)]
pub struct Edits {
    replacements: Vec<(Span, String)>,
    insertions: Vec<(Place, Subtree)>,
}

/// The end of an object that exists, where members are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: usize,
    empty: bool,
}

/// Members to be created, in the order in which they were asked for.
#[derive(Debug)]
enum Subtree {
    Value(String),
    Members(Vec<(String, Subtree)>),
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.replacements.is_empty() && self.insertions.is_empty()
    }

    /// Replaces the bytes of `span` by `json`, which must be one JSON value.
    pub fn replace(&mut self, span: Span, json: impl Into<String>) {
        self.replacements.push((span, json.into()));
    }

    /// Replaces a value by a string.
    pub fn replace_with_string(&mut self, span: Span, text: &str) {
        self.replace(span, quoted(text));
    }

    /// Adds the member named by `path` below the object that fills `object`, creating the objects between. `empty`
    /// says whether that object has no members; the caller knows that it has none named `path[0]`. Paths that share
    /// a beginning share the objects created for it.
    pub fn insert(&mut self, object: Span, empty: bool, path: &[&str], json: impl Into<String>) {
        let place = Place { at: object.end.saturating_sub(1), empty };
        let known = self.insertions.iter().position(|(known, _)| *known == place);
        let index = known.unwrap_or_else(|| {
            self.insertions.push((place, Subtree::Members(Vec::new())));
            self.insertions.len() - 1
        });
        if let Some((_, tree)) = self.insertions.get_mut(index) {
            tree.add(path, json.into());
        }
    }

    /// The edited source. Spans must not overlap; they come from the nodes of one document.
    pub fn apply(self, source: &str) -> String {
        let mut changes = self.replacements;
        changes.extend(self.insertions.into_iter().map(|(place, tree)| {
            let comma = if place.empty { "" } else { "," };
            (Span { start: place.at, end: place.at }, format!("{comma}{}", tree.members()))
        }));
        changes.sort_by_key(|(span, _)| span.start);
        let added: usize = changes.iter().map(|(_, json)| json.len()).sum();
        let mut edited = String::with_capacity(source.len() + added);
        let mut copied = 0;
        for (span, json) in &changes {
            edited.push_str(source.get(copied..span.start).unwrap_or_default());
            edited.push_str(json);
            copied = span.end;
        }
        edited.push_str(source.get(copied..).unwrap_or_default());
        edited
    }
}

impl Subtree {
    fn add(&mut self, path: &[&str], json: String) {
        let (Self::Members(members), Some((first, rest))) = (self, path.split_first()) else { return };
        let known = members.iter().position(|(name, _)| name == first);
        let index = known.unwrap_or_else(|| {
            members.push(((*first).to_owned(), Self::Members(Vec::new())));
            members.len() - 1
        });
        let Some((_, member)) = members.get_mut(index) else { return };
        if rest.is_empty() {
            *member = Self::Value(json);
        } else {
            member.add(rest, json);
        }
    }

    /// `"a":1,"b":{…}` without the braces around it.
    fn members(&self) -> String {
        match self {
            Self::Value(json) => json.clone(),
            Self::Members(members) => {
                let list: Vec<_> = members
                    .iter()
                    .map(|(name, member)| match member {
                        Self::Value(json) => format!("{}:{json}", quoted(name)),
                        Self::Members(_) => format!("{}:{{{}}}", quoted(name), member.members()),
                    })
                    .collect();
                list.join(",")
            }
        }
    }
}

/// `text` as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
