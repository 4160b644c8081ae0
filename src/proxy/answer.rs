//! Filters a unary answer: reads it, scans it, redacts or withholds what policy says.

use bytes::Bytes;
use http::StatusCode;

use crate::bedrock::fault::Fault;
use crate::bedrock::format::Format;
use crate::bedrock::json::{Document, Edits, quoted};
use crate::bedrock::view::{Answer, Usage};
use crate::policy::{AnswerVerdict, Inquiry, PolicySet};
use crate::sensitive::{DetectorSet, Findings, Match, Scanner, redact};

use super::refuse::Refusal;
use super::scan::scan;

/// A unary answer as the caller will get it, and what was learnt from it.
#[derive(Debug)]
pub struct Filtered {
    pub body: Bytes,
    pub usage: Usage,
    pub stop_reason: Option<String>,
    /// Id of the model that a prompt router chose.
    pub routed_to: Option<String>,
    pub findings: Findings,
    pub verdict: AnswerVerdict,
    /// Whether `body` differs from what Bedrock sent.
    pub edited: bool,
    /// Whether nothing of the answer may be passed on. `body` is empty then.
    pub withheld: bool,
}

/// Reads and filters an answer of status 200.
///
/// FAIL-CLOSED: an answer that cannot be read is not passed on. Bedrock's are JSON; what is not comes from somebody in
/// between, and may repeat the request that we signed, session token included.
pub fn filter(
    format: Format,
    policies: &PolicySet,
    scanner: &Scanner,
    detectors: DetectorSet,
    inquiry: &Inquiry<'_>,
    body: Bytes,
) -> Result<Filtered, Refusal> {
    let document = Document::parse(&body).map_err(|_| Refusal::AnswerUnreadable)?;
    let answer = format.answer(&document);
    let (matches, findings) = scan(scanner, detectors, &answer.texts);
    let verdict = policies.judge_answer(inquiry, &findings);
    let mut filtered = Filtered {
        body: Bytes::new(),
        usage: answer.usage,
        stop_reason: answer.stop_reason.clone(),
        routed_to: format.routed_to(&document),
        findings,
        verdict,
        edited: true,
        withheld: false,
    };
    if !filtered.verdict.violations.is_empty() {
        let Some(edits) = withhold(format, &document) else {
            return Ok(Filtered { withheld: true, ..filtered });
        };
        filtered.body = edits.apply(document.source()).into();
        filtered.stop_reason = Some("guardrail_intervened".to_owned());
        return Ok(filtered);
    }
    let Some(edits) = redactions(&answer, &matches, filtered.verdict.redact) else {
        return Ok(Filtered { withheld: true, ..filtered });
    };
    if edits.is_empty() {
        drop(answer);
        drop(document);
        return Ok(Filtered { body, edited: false, ..filtered });
    }
    filtered.body = edits.apply(document.source()).into();
    Ok(filtered)
}

impl Filtered {
    /// The answer to a read, already cut down to what the caller may use.
    pub fn of_read(body: &Bytes, kept: String) -> Self {
        Self {
            edited: kept.as_bytes() != body,
            body: kept.into(),
            usage: Usage::default(),
            stop_reason: None,
            routed_to: None,
            findings: Findings::default(),
            verdict: AnswerVerdict::default(),
            withheld: false,
        }
    }
}

/// FAIL-CLOSED: `None` where something must be redacted and cannot be edited (signed reasoning, lists of tokens).
fn redactions(answer: &Answer<'_>, matches: &[(usize, Vec<Match>)], which: DetectorSet) -> Option<Edits> {
    let mut edits = Edits::default();
    for (index, found) in matches {
        let Some(text) = answer.texts.get(*index) else { continue };
        match redact(&text.text, found, which) {
            Some(clean) if text.editable => edits.replace_with_string(text.span, &clean),
            Some(_) => return None,
            None => {}
        }
    }
    Some(edits)
}

/// A Converse answer whose content is replaced by a notice, with the stop reason that applications which use
/// Bedrock's own guardrails already handle. Other formats have no such form.
fn withhold(format: Format, document: &Document<'_>) -> Option<Edits> {
    const NOTICE: &str = "The answer was withheld by policy.";
    if !format.is_converse() {
        return None;
    }
    let content = document.root().at(&["output", "message", "content"])?;
    let stop_reason = document.root().get("stopReason")?;
    let mut edits = Edits::default();
    edits.replace(content.span, format!("[{{\"text\":{}}}]", quoted(NOTICE)));
    edits.replace_with_string(stop_reason.span, "guardrail_intervened");
    Some(edits)
}

/// What may be told of an error answer of Bedrock's.
#[derive(Debug, PartialEq, Eq)]
pub enum UpstreamFault {
    /// Passed on as it is.
    Relayed,
    /// AWS does not know our credentials, or not any more: the body may hold the canonical request, which holds the
    /// session token. Another try may be signed with newer ones.
    Credentials,
    /// Our role lacks a right: the body names the role.
    Forbidden,
    /// Not Bedrock's own: a page of somebody in between, which may repeat the request that we signed.
    Foreign,
}

/// Sorts error answers by whom they concern. `name` is the error's name, as Bedrock's answers have one.
pub fn upstream_fault(status: StatusCode, name: Option<&str>) -> UpstreamFault {
    let ours = [
        Fault::IncompleteSignature,
        Fault::InvalidSignature,
        Fault::MissingAuthenticationToken,
        Fault::UnrecognizedClient,
        Fault::ExpiredToken,
    ];
    let is_ours = |name: &str| ours.iter().any(|fault| fault.name() == name);
    match name {
        Some(name) if is_ours(name) => UpstreamFault::Credentials,
        _ if matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED) => UpstreamFault::Forbidden,
        Some(_) if status.is_client_error() || status.is_server_error() => UpstreamFault::Relayed,
        Some(_) | None => UpstreamFault::Foreign,
    }
}
