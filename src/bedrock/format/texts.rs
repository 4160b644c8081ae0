//! Collecting strings out of JSON.
//!
//! Receives nodes of a request or an answer and appends their strings, with role, key and place, in document order.
//! Free JSON (tool inputs, schemas) gives up its keys and numbers as well, because a model reads those too.
//! Never skips a string: what is not to be read, the caller of this module must not hand in.

use std::borrow::Cow;

use super::payload;
use crate::bedrock::json::{Document, Node, Value};
use crate::bedrock::view::{Text, TextRole};

/// The strings found so far.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a>(pub(crate) Vec<Text<'a>>);

/// What the strings below a member of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Words(TextRole),
    /// Words under a signature that an edit would break.
    Sealed(TextRole),
    /// Arbitrary JSON: keys and numbers are words too.
    Free(TextRole),
    /// Base64, read as words where it is not.
    Payload,
    /// Tokens that are one text cut into pieces: strings of lists, and members called `token`.
    Tokens,
}

impl<'a> Texts<'a> {
    /// Appends a string node. Any other node has no words.
    pub(crate) fn string(&mut self, node: &'a Node<'a>, role: TextRole, key: Option<&'a str>) {
        if let Some(text) = node.as_str() {
            self.push(node, Cow::Borrowed(text), role, key, true);
        }
    }

    /// Appends a string that is inspected and never edited.
    pub(crate) fn sealed(&mut self, node: &'a Node<'a>, role: TextRole, key: Option<&'a str>) {
        if let Some(text) = node.as_str() {
            self.push(node, Cow::Borrowed(text), role, key, false);
        }
    }

    /// Appends words that stand in the node in another form, so that they cannot be edited in place.
    pub(crate) fn derived(&mut self, node: &'a Node<'a>, text: String, role: TextRole, key: Option<&'a str>) {
        self.push(node, Cow::Owned(text), role, key, false);
    }

    /// Appends what a string of JSON says where it says it with escapes, which the model may never see as such.
    pub(crate) fn json_string(&mut self, node: &'a Node<'a>, role: TextRole, key: Option<&'a str>) {
        let Some(text) = node.as_str().filter(|text| text.contains('\\')) else { return };
        let Ok(document) = Document::parse(text.as_bytes()) else { return };
        let mut words = String::new();
        join_words(document.root(), &mut words);
        if !words.is_empty() {
            self.derived(node, words, role, key);
        }
    }

    /// Appends every key, string and number below `node`.
    pub(crate) fn free(&mut self, node: &'a Node<'a>, role: TextRole, key: Option<&'a str>) {
        match &node.value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.push(node, Cow::Borrowed(number.text), role, key, true),
            Value::String(text) => self.push(node, Cow::Borrowed(text), role, key, true),
            Value::Array(elements) => {
                for element in elements {
                    self.free(element, role, key);
                }
            }
            Value::Object(members) => {
                for member in members {
                    self.0.push(Text {
                        text: Cow::Borrowed(&member.name),
                        role,
                        key,
                        span: member.name_span,
                        editable: false,
                    });
                    self.free(&member.node, role, Some(&member.name));
                }
            }
        }
    }

    /// Appends a string that should be base64, unless it is.
    pub(crate) fn payload(&mut self, node: &'a Node<'a>, role: TextRole, key: Option<&'a str>) {
        if !node.as_str().is_some_and(payload::is_base64) {
            self.free(node, role, key);
        }
    }

    /// Appends every string of an answer. `part` says by member name what the strings below are; a member within has its
    /// own say, except below a signature.
    pub(crate) fn answer(&mut self, body: &'a Node<'a>, part: fn(&str) -> Part) {
        self.answer_part(body, None, Part::Words(TextRole::Other), part);
    }

    fn answer_part(&mut self, node: &'a Node<'a>, key: Option<&'a str>, this: Part, part: fn(&str) -> Part) {
        match (this, &node.value) {
            (Part::Free(role), _) => self.free(node, role, key),
            (Part::Tokens, Value::Array(_) | Value::Object(_)) => self.tokens(node, key),
            (_, Value::Array(elements)) => {
                for element in elements {
                    self.answer_part(element, key, this, part);
                }
            }
            (_, Value::Object(members)) => {
                for member in members {
                    let inner = inherited(this, part(&member.name));
                    self.answer_part(&member.node, Some(&member.name), inner, part);
                }
            }
            (Part::Words(role), _) => self.string(node, role, key),
            (Part::Sealed(role), _) => self.sealed(node, role, key),
            (Part::Payload, Value::String(_)) => self.payload(node, TextRole::Other, key),
            (Part::Payload | Part::Tokens, _) => self.string(node, TextRole::Other, key),
        }
    }

    // FAIL-CLOSED: a value cut over tokens would pass piece by piece. Joined it is seen, and because no edit can take it
    // out of the pieces, a rule that wants it gone refuses the answer.
    fn tokens(&mut self, list: &'a Node<'a>, key: Option<&'a str>) {
        let joined = joined_tokens(list);
        if !joined.is_empty() {
            self.derived(list, joined, TextRole::Other, key);
        }
    }

    fn push(
        &mut self,
        node: &'a Node<'a>,
        text: Cow<'a, str>,
        role: TextRole,
        key: Option<&'a str>,
        editable: bool,
    ) {
        if !text.is_empty() {
            self.0.push(Text { text, role, key, span: node.span, editable });
        }
    }
}

/// What the strings below a member are, given what stands around it: a signature covers everything but itself.
fn inherited(outer: Part, inner: Part) -> Part {
    match (outer, inner) {
        (Part::Sealed(role), Part::Words(_) | Part::Sealed(_) | Part::Free(_) | Part::Tokens) => {
            Part::Sealed(role)
        }
        (_, inner) => inner,
    }
}

/// Appends every key and string below `node`, a line each.
fn join_words(node: &Node<'_>, words: &mut String) {
    if let Some(text) = node.as_str() {
        words.push_str(text);
        words.push('\n');
    }
    node.elements().iter().for_each(|element| join_words(element, words));
    for member in node.members() {
        words.push_str(&member.name);
        words.push('\n');
        join_words(&member.node, words);
    }
}

/// The text that a list of tokens repeats.
pub(crate) fn joined_tokens(list: &Node<'_>) -> String {
    let mut joined = String::new();
    join_tokens(list, &mut joined);
    joined
}

/// Appends the strings called `token` below `node`, and those that stand in lists. The alternatives that were not
/// generated (`topTokens`, `top_logprobs`) are no part of the text. AI21 writes a space as U+2581 and a line break as
/// `<|newline|>`.
fn join_tokens(node: &Node<'_>, joined: &mut String) {
    for element in node.elements() {
        match element.as_str() {
            Some(token) => join_token(token, joined),
            None => join_tokens(element, joined),
        }
    }
    for member in node.members() {
        match (member.name.as_ref(), member.node.as_str()) {
            ("topTokens" | "top_logprobs", _) => {}
            ("token", Some(token)) => join_token(token, joined),
            // Whatever else is written beside tokens is a line of its own.
            (_, Some(text)) => {
                joined.push('\n');
                joined.push_str(text);
                joined.push('\n');
            }
            (_, None) => join_tokens(&member.node, joined),
        }
    }
}

fn join_token(token: &str, joined: &mut String) {
    joined.push_str(&token.replace('\u{2581}', " ").replace("<|newline|>", "\n"));
}
