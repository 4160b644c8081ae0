//! CountTokens: a union of two ways to write one prompt.
//!
//! Receives `{"input":{"invokeModel":{"body":…}}}`, whose body is the base64 of a family's own document, or
//! `{"input":{"converse":{…}}}` (botocore model). Returns the document of the first, and reads the second as Converse
//! without the members that a count has no use for. The answer holds a number and no words.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::converse::content::{self, Blocks};
use super::converse::{additional, tools};
use super::envelope::OpenError;
use super::format::draft::{self, Draft};
use super::format::error::DecodeError;
use super::format::texts::{Part, Texts};
use super::json::{Document, Edits, Member, Node, Span};
use super::view::{Answer, TextRole};

const PLACE: &str = "a CountTokens body";
const UNION: &str = "`input`";

/// A document that was in base64.
pub(crate) struct Sealed<'b> {
    pub document: Vec<u8>,
    /// The whole body, and where in it the base64 stands, quotes included.
    pub around: (&'b str, Span),
}

/// The document in a body that holds one in base64; `None` for a body of the other kind.
pub(crate) fn sealed(body: &[u8]) -> Result<Option<Sealed<'_>>, OpenError> {
    let document = Document::parse(body)?;
    let chosen = choice(document.root())?;
    if chosen.name != "invokeModel" {
        return Ok(None);
    }
    let members = draft::object(chosen)?;
    if let Some(other) = members.iter().find(|member| member.name != "body") {
        return Err(DecodeError::unknown(other, "`invokeModel`").into());
    }
    let [member] = members else {
        return Err(DecodeError::Missing { place: "`invokeModel`", member: "body" }.into());
    };
    // FAIL-CLOSED: strict base64 only. What a lenient decoder would read as well, two decoders could read differently.
    let decoded = BASE64_STANDARD
        .decode(draft::string(member)?)
        .map_err(|_| DecodeError::wrong_type(member, "base64 of a JSON document"))?;
    Ok(Some(Sealed { document: decoded, around: (document.source(), member.node.span) }))
}

/// `body` with `document` in base64 at `span`.
pub(crate) fn seal(body: &str, span: Span, document: &str) -> String {
    let mut edits = Edits::default();
    edits.replace_with_string(span, &BASE64_STANDARD.encode(document));
    edits.apply(body)
}

/// Reads a body that holds a Converse request.
pub(crate) fn decode<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    let chosen = choice(body)?;
    if chosen.name != "converse" {
        return Err(DecodeError::unknown(chosen, UNION));
    }
    for member in draft::object(chosen)? {
        match member.name.as_ref() {
            "messages" => content::messages(draft, member, Blocks::Converse)?,
            "system" => content::system(draft, member, Blocks::Converse)?,
            "toolConfig" => tools::config(draft, member)?,
            "additionalModelRequestFields" => additional::fields(draft, member)?,
            _ => return Err(DecodeError::unknown(member, "`converse` of a count")),
        }
    }
    Ok(())
}

/// Reads the answer. Tokens that were counted are not tokens that were used, so they are no usage.
pub(crate) fn answer<'a>(body: &'a Node<'a>) -> Answer<'a> {
    let mut texts = Texts::default();
    texts.answer(body, |_| Part::Words(TextRole::Other));
    Answer { texts: texts.0, ..Answer::default() }
}

/// The one member of the union.
fn choice<'n, 'a>(body: &'n Node<'a>) -> Result<&'n Member<'a>, DecodeError> {
    if !body.is_object() {
        return Err(DecodeError::NotAnObject);
    }
    if let Some(other) = body.members().iter().find(|member| member.name != "input") {
        return Err(DecodeError::unknown(other, PLACE));
    }
    let [input] = body.members() else {
        return Err(DecodeError::Missing { place: PLACE, member: "input" });
    };
    match input.node.members() {
        [chosen] => Ok(chosen),
        [] | [_, _, ..] => Err(DecodeError::Union { place: UNION, at: input.node.span.start }),
    }
}
