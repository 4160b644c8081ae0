//! Events with other texts in them.
//!
//! Receives an event's payload, the document within it and what to put where, returns the payload as Bedrock would have
//! sent it: `bytes` in base64 again, the padding of a length of its own. Also writes the event that goes on with a block
//! after another one did. Touches nothing but the places it is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{PADDING, is_padding};
use crate::bedrock::json::{Document, Edits, Member, Node, Span, Value, quoted};

/// Members below the top of a document that say where a text belongs and may be said again. Whatever else stands beside
/// a text (roles, names, ids of calls) is said once.
const PLACE_NAMES: &[&str] = &[
    "type",
    "index",
    "contentBlockIndex",
    // Of a session.
    "sessionId",
    "promptName",
    "completionId",
    "contentId",
    "role",
];

/// The payload with `edits` made in the document that the pieces of the event stand in: `inner`, or the payload itself.
/// `random` decides how long the padding is, where there is one. `None` for what is no such event.
pub fn rewritten(payload: &[u8], inner: Option<&[u8]>, edits: Edits, random: u8) -> Option<Vec<u8>> {
    if let Some(inner) = inner {
        let document = std::str::from_utf8(inner).ok()?;
        return wrapped(payload, &edits.apply(document), random);
    }
    let document = Document::parse(payload).ok()?;
    let mut edits = edits;
    pad(document.root(), &mut edits, random);
    Some(edits.apply(document.source()).into_bytes())
}

/// The payload of an event that goes on with the block of a text that stood at `place` in an earlier one, by `text`.
/// Beside it stands only what says where it belongs, and of that only strings that `may_stand`. `None` where there is no
/// such place.
pub fn continued(
    payload: &[u8],
    inner: Option<&[u8]>,
    place: Span,
    text: &str,
    random: u8,
    may_stand: &dyn Fn(&str) -> bool,
) -> Option<Vec<u8>> {
    let document = Document::parse(inner.unwrap_or(payload)).ok()?;
    let within = Within { source: document.source(), place, text: &quoted(text), may_stand };
    let json = within.node(document.root(), true)?;
    if inner.is_some() {
        return wrapped(payload, &json, random);
    }
    let document = Document::parse(json.as_bytes()).ok()?;
    let mut edits = Edits::default();
    pad(document.root(), &mut edits, random);
    Some(edits.apply(document.source()).into_bytes())
}

/// An envelope as `payload` is one, around another document.
fn wrapped(payload: &[u8], document: &str, random: u8) -> Option<Vec<u8>> {
    let envelope = Document::parse(payload).ok()?;
    let mut edits = Edits::default();
    edits.replace_with_string(envelope.root().get("bytes")?.span, &STANDARD.encode(document));
    pad(envelope.root(), &mut edits, random);
    Some(edits.apply(envelope.source()).into_bytes())
}

/// SECRET: padding hides how long a text is, so that a text of another length gets a padding of another length.
fn pad(event: &Node<'_>, edits: &mut Edits, random: u8) {
    if let Some(node) = event.get("p").filter(|node| node.as_str().is_some_and(is_padding)) {
        let length = 1 + usize::from(random) % PADDING.len();
        edits.replace_with_string(node.span, PADDING.get(..length).unwrap_or(PADDING));
    }
}

/// A document cut down to the way to one place.
struct Within<'w> {
    source: &'w str,
    place: Span,
    text: &'w str,
    may_stand: &'w dyn Fn(&str) -> bool,
}

impl Within<'_> {
    fn node(&self, node: &Node<'_>, is_top: bool) -> Option<String> {
        if node.span == self.place {
            return Some(self.text.to_owned());
        }
        match &node.value {
            Value::Array(elements) => {
                let on_the_way = elements.iter().find(|element| self.holds(element))?;
                Some(format!("[{}]", self.node(on_the_way, false)?))
            }
            Value::Object(members) => {
                let mut kept = Vec::new();
                for member in members {
                    if self.holds(&member.node) {
                        kept.push(format!("{}:{}", quoted(&member.name), self.node(&member.node, false)?));
                    } else if self.stays(member, members, is_top) {
                        let Span { start, end } = member.node.span;
                        kept.push(format!("{}:{}", quoted(&member.name), self.source.get(start..end)?));
                    }
                }
                Some(format!("{{{}}}", kept.join(",")))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    fn holds(&self, node: &Node<'_>) -> bool {
        node.span.start <= self.place.start && self.place.end <= node.span.end
    }

    fn stays(&self, member: &Member<'_>, beside: &[Member<'_>], is_top: bool) -> bool {
        let name = member.name.as_ref();
        // Only sessions say with every text who speaks; elsewhere a role is said once.
        let says_where = PLACE_NAMES.contains(&name)
            && (name != "role" || beside.iter().any(|member| member.name == "contentId"));
        match &member.node.value {
            Value::Null => true,
            Value::Bool(_) | Value::Number(_) => is_top || says_where,
            Value::String(text) => (is_top || says_where) && (self.may_stand)(text),
            Value::Array(_) | Value::Object(_) => false,
        }
    }
}
