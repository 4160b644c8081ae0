//! Bedrock's `requestMetadata`: pairs that end up in AWS's own invocation logs. Converse has them in the body, the invoke
//! operations in a header.
//!
//! Receives what a caller wrote there, looks into it, and adds who called and what was decided, so that AWS's log and
//! ours name each other. Pairs that a caller writes into our namespace never pass. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::bedrock::json::{Document, Edits, Node, Span, quoted};
use crate::identity::Principal;
use crate::sensitive::{Findings, Plan, Scanner};

use super::refuse::Refusal;

/// Header member of the invoke operations (botocore model).
pub const METADATA: HeaderName = HeaderName::from_static("x-amzn-bedrock-request-metadata");

/// Member of a Converse body (botocore model).
const MEMBER: &str = "requestMetadata";

/// What our keys begin with. No caller's pair does, however it is written.
const NAMESPACE: &str = "warden:";

/// Most pairs, ours included, and most characters of the header (botocore model).
const MOST_PAIRS: usize = 16;
const LONGEST_HEADER: usize = 8500;

/// What is added to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pairs: [(&'static str, String); 4],
}

impl Stamp {
    /// INVARIANT: values are names of callers, an id and a digest, all of which Bedrock's alphabet has.
    pub fn new(principal: &Principal, decision: Uuid, policy_digest: &str) -> Self {
        Self {
            pairs: [
                ("warden:team", principal.team.clone()),
                ("warden:app", principal.app.clone()),
                ("warden:decision", decision.to_string()),
                ("warden:policy", policy_digest.to_owned()),
            ],
        }
    }

    /// How many pairs a caller may send.
    const fn room(&self) -> usize {
        MOST_PAIRS - self.pairs.len()
    }

    /// A Converse body with the stamp, every other byte as it was.
    pub fn write(&self, document: &Document<'_>) -> Result<String, Refusal> {
        let root = document.root();
        let mut edits = Edits::default();
        match root.get(MEMBER) {
            Some(theirs) => edits.replace(theirs.span, self.merged(document.source(), theirs)?),
            None => edits.insert(root.span, root.members().is_empty(), &[MEMBER], self.object(&[])),
        }
        Ok(edits.apply(document.source()))
    }

    /// The places in a stamped body that hold the stamp: names and values, nothing else. FAIL-CLOSED: a body that does not
    /// hold exactly our pairs under our names was not stamped by us.
    pub fn places(&self, document: &Document<'_>) -> Result<Vec<Span>, Refusal> {
        let members = document.root().get(MEMBER).map(Node::members).unwrap_or_default();
        let ours: Vec<_> = members.iter().filter(|member| is_ours(&member.name)).collect();
        let expected = self.pairs.iter().map(|(key, value)| (*key, Some(value.as_str())));
        if !ours.iter().map(|member| (member.name.as_ref(), member.node.as_str())).eq(expected) {
            return Err(Refusal::Metadata);
        }
        Ok(ours.iter().flat_map(|member| [member.name_span, member.node.span]).collect())
    }

    /// Puts the stamp into the header of an invoke operation.
    pub fn place(&self, headers: &mut HeaderMap) -> Result<(), Refusal> {
        let theirs = headers.get(METADATA);
        let stamped = match theirs {
            None => self.object(&[]),
            Some(value) => {
                let document = Document::parse(value.as_bytes())?;
                self.merged(document.source(), document.root())?
            }
        };
        if stamped.len() > LONGEST_HEADER {
            return Err(Refusal::MetadataTooLong);
        }
        headers.insert(METADATA, HeaderValue::from_str(&stamped).map_err(|_| Refusal::Metadata)?);
        Ok(())
    }

    /// The caller's object with our pairs in it, and with none that claims to be ours. Pairs that stay keep their bytes.
    fn merged(&self, source: &str, theirs: &Node<'_>) -> Result<String, Refusal> {
        if !theirs.is_object() {
            return Err(Refusal::Metadata);
        }
        let kept = theirs.members().iter().filter(|member| !is_ours(&member.name));
        let kept: Vec<_> = kept
            .map(|member| source.get(member.name_span.start..member.node.span.end).unwrap_or_default())
            .collect();
        if kept.len() > self.room() {
            return Err(Refusal::MetadataFull { room: self.room() });
        }
        Ok(self.object(&kept))
    }

    fn object(&self, kept: &[&str]) -> String {
        let ours = self.pairs.iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)));
        let pairs: Vec<_> = kept.iter().map(|pair| (*pair).to_owned()).chain(ours).collect();
        format!("{{{}}}", pairs.join(","))
    }
}

/// Whether a key is in our namespace, for a machine or for the eye of a person who reads a log.
fn is_ours(key: &str) -> bool {
    key.trim_start().get(..NAMESPACE.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAMESPACE))
}

/// Looks into the request metadata of an invoke operation, a JSON object in a header. What the caller wrote there is
/// never edited, so that a rule that wants something gone refuses the request.
pub fn scan_metadata(
    scanner: &Scanner,
    plan: &Plan,
    headers: &HeaderMap,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    for value in headers.get_all(METADATA) {
        let document = Document::parse(value.as_bytes())?;
        if !document.root().is_object() {
            return Err(Refusal::Metadata);
        }
        for member in document.root().members() {
            let text = member.node.as_str().ok_or(Refusal::Metadata)?;
            let found = [(None, member.name.as_ref()), (Some(member.name.as_ref()), text)];
            for one in found.into_iter().flat_map(|(key, text)| scanner.look(plan, text, key)) {
                findings.add(one.detector, 1);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
