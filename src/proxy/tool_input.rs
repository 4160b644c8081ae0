//! What a tool is called with, where it is JSON in a string.
//!
//! Receives such a string, looks into every name, string and number of the JSON, and returns it with values replaced: as
//! JSON that still parses, which an edit of the string itself could not promise. A value is known by the name it stands
//! under.

use crate::bedrock::json::{Document, Edits, Node, Span, Value};
use crate::sensitive::{DetectorSet, Findings, Match, Scanner, redact};

/// What was found in the JSON, and where.
#[derive(Debug, Default)]
pub struct ToolInput {
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    text: String,
    matches: Vec<Match>,
    /// `None` for the name of a member.
    place: Option<Span>,
}

/// What became of findings that must go.
#[derive(Debug, PartialEq, Eq)]
pub enum Redacted {
    Unchanged,
    Changed(String),
    /// There is one in the name of a member, which the tool knows its values by.
    Impossible,
}

impl ToolInput {
    /// Looks into `json`. `None` where it is no object and no list.
    pub fn read(scanner: &Scanner, detectors: DetectorSet, json: &str) -> Option<Self> {
        let document = Document::parse(json.as_bytes()).ok()?;
        if !matches!(document.root().value, Value::Object(_) | Value::Array(_)) {
            return None;
        }
        let mut input = Self::default();
        let mut look = |text: &str, key: Option<&str>, place: Option<Span>| {
            let matches = scanner.scan(detectors, text, key);
            if !matches.is_empty() {
                input.found.push(Found { text: text.to_owned(), matches, place });
            }
        };
        walk(document.root(), None, &mut look);
        Some(input)
    }

    /// Everything that was found, and of it what stands in names.
    pub fn findings(&self) -> (Findings, Findings) {
        let (mut all, mut in_names) = (Findings::default(), Findings::default());
        for found in &self.found {
            for one in &found.matches {
                all.add(one.detector, 1);
                if found.place.is_none() {
                    in_names.add(one.detector, 1);
                }
            }
        }
        (all, in_names)
    }

    /// `json`, the text that was read, without what the detectors of `which` found in it.
    pub fn redacted(&self, json: &str, which: DetectorSet) -> Redacted {
        self.rewritten(json, |text, matches| redact(text, matches, which))
    }

    /// `json` with what `clean` makes of the values in which something was found.
    pub fn rewritten(&self, json: &str, mut clean: impl FnMut(&str, &[Match]) -> Option<String>) -> Redacted {
        let mut edits = Edits::default();
        for Found { text, matches, place } in &self.found {
            match (clean(text, matches), place) {
                (None, _) => {}
                (Some(clean), Some(place)) => edits.replace_with_string(*place, &clean),
                (Some(_), None) => return Redacted::Impossible,
            }
        }
        if edits.is_empty() { Redacted::Unchanged } else { Redacted::Changed(edits.apply(json)) }
    }
}

/// Looks at a text that stands under a name, at a place.
type Look<'l> = dyn FnMut(&str, Option<&str>, Option<Span>) + 'l;

fn walk(node: &Node<'_>, key: Option<&str>, look: &mut Look<'_>) {
    match &node.value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => look(number.text, key, Some(node.span)),
        Value::String(text) => look(text, key, Some(node.span)),
        Value::Array(elements) => elements.iter().for_each(|element| walk(element, key, look)),
        Value::Object(members) => {
            for member in members {
                look(&member.name, key, None);
                walk(&member.node, Some(&member.name), look);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(json: &str) -> Redacted {
        let scanner = Scanner::new().unwrap();
        ToolInput::read(&scanner, DetectorSet::all(), json).unwrap().redacted(json, DetectorSet::all())
    }

    #[test]
    fn values_are_replaced_so_that_the_input_still_parses() {
        let table = [
            (r#"{"to": "a.b@mail.example.com", "n": 1}"#, r#"{"to": "{EMAIL}", "n": 1}"#),
            (r#"{"to":"a.b\u0040mail.example.com"}"#, r#"{"to":"{EMAIL}"}"#),
            (r#"{"card": [4111111111111111]}"#, r#"{"card": ["{CREDIT_DEBIT_CARD_NUMBER}"]}"#),
            (
                r#"[{"a": {"b": "card 4111 1111 1111 1111\n"}}]"#,
                r#"[{"a": {"b": "card {CREDIT_DEBIT_CARD_NUMBER}\n"}}]"#,
            ),
        ];
        for (json, clean) in table {
            assert_eq!(redacted(json), Redacted::Changed(clean.to_owned()), "{json}");
            assert!(Document::parse(clean.as_bytes()).is_ok());
        }
        assert_eq!(redacted(r#"{"city": "Paris", "n": 12}"#), Redacted::Unchanged);
    }

    #[test]
    fn a_name_cannot_be_replaced() {
        assert_eq!(redacted(r#"{"a.b@mail.example.com": 1}"#), Redacted::Impossible);
    }

    #[test]
    fn only_objects_and_lists_are_looked_into() {
        let scanner = Scanner::new().unwrap();
        for text in ["", "{", "12", "\"a\"", "null", "{} {}", "plain words"] {
            assert!(ToolInput::read(&scanner, DetectorSet::all(), text).is_none(), "{text}");
        }
    }
}
