//! Values in the place of their placeholders, in texts that arrive whole or in pieces.
//!
//! Receives pieces of any size and returns what of them is final: only an end that may still grow into a placeholder that
//! was issued is held back. Must never turn back what was not issued.

use super::Tokens;
use crate::bedrock::json::{Document, Value, quoted};

/// How a text spells its characters, and so how a value must be spelt in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    Plain,
    /// JSON, where a value can only stand within a string.
    Json,
}

impl Spelling {
    /// Of what a tool is called with, whole: JSON as a rule, a text of its own for some tools.
    pub fn of_input(text: &str) -> Self {
        let is_json =
            |document: Document<'_>| matches!(document.root().value, Value::Object(_) | Value::Array(_));
        if Document::parse(text.as_bytes()).is_ok_and(is_json) { Self::Json } else { Self::Plain }
    }

    fn push(self, value: &str, out: &mut String) {
        match self {
            Self::Plain => out.push_str(value),
            Self::Json => {
                let quoted = quoted(value);
                out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
        }
    }
}

/// Restores one text as it arrives.
///
/// INVARIANT: whatever the pieces, what [`push`](Self::push) and [`finish`](Self::finish) append together is the whole
/// text with every placeholder that was issued replaced by its value, and not another byte changed.
#[derive(Debug, Default)]
pub struct Restorer {
    /// The beginning of what may become a placeholder.
    held: String,
}

impl Restorer {
    /// Takes the next piece and appends to `out` what is final now.
    pub fn push(&mut self, tokens: &Tokens, spelling: Spelling, piece: &str, out: &mut String) {
        if self.held.is_empty() && !piece.contains('{') {
            out.push_str(piece);
            return;
        }
        self.held.push_str(piece);
        let text = std::mem::take(&mut self.held);
        let mut rest = text.as_str();
        while let Some((before, from)) = rest.find('{').and_then(|start| rest.split_at_checked(start)) {
            out.push_str(before);
            let end = tokens.within_reach(from).find('}').map(|end| end + 1);
            if let Some((placeholder, after)) = end.and_then(|end| from.split_at_checked(end))
                && let Some(value) = tokens.value(placeholder)
            {
                spelling.push(value, out);
                rest = after;
            } else if end.is_none() && tokens.may_begin(from) {
                from.clone_into(&mut self.held);
                return;
            } else {
                out.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
        out.push_str(rest);
    }

    /// The text has ended: appends the rest.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
    }

    /// Whether text is held back.
    pub const fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }
}

impl Tokens {
    /// A whole text with the values in the place of their placeholders; `None` when it holds none.
    pub fn restore(&self, text: &str, spelling: Spelling) -> Option<String> {
        if self.is_empty() || !text.contains('{') {
            return None;
        }
        let (mut restorer, mut restored) = (Restorer::default(), String::with_capacity(text.len()));
        restorer.push(self, spelling, text, &mut restored);
        restorer.finish(&mut restored);
        (restored != text).then_some(restored)
    }
}
