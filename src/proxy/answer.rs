//! Filters a unary answer: reads it, scans it, redacts or withholds what policy says, gives back what was tokenised.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;

use crate::bedrock::fault::{ErrorShape, Fault};
use crate::bedrock::format::Format;
use crate::bedrock::json::{Document, Edits, quoted};
use crate::bedrock::view::{Text, TextRole, Usage};
use crate::policy::{AnswerVerdict, Found, Inquiry, PolicySet};
use crate::sensitive::{DetectorSet, Findings, Match, Scanner, Spelling, Tokens, redact};

use super::refuse::Refusal;
use super::stream::NOTICE;
use super::tool_input::{Redacted, ToolInput};

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
    /// Whether policy took something out of what Bedrock sent.
    pub edited: bool,
    /// Whether nothing of the answer may be passed on. `body` is empty then.
    pub withheld: bool,
}

/// Reads and filters an answer of status 200.
///
/// FAIL-CLOSED: an answer that cannot be read is not passed on. Bedrock's are JSON; what is not comes from somebody in
/// between, and may repeat the request that we signed, session token included.
///
/// ORDER: what the request's `tokens` stand for is put back into what policy left of the answer. The caller sent it, so
/// that it is no finding.
pub fn filter(
    format: Format,
    policies: &PolicySet,
    scanner: &Scanner,
    detectors: DetectorSet,
    inquiry: &Inquiry<'_>,
    body: Bytes,
    tokens: &Tokens,
) -> Result<Filtered, Refusal> {
    let document = Document::parse(&body).map_err(|_| Refusal::AnswerUnreadable)?;
    let answer = format.answer(&document);
    let looked = Looked::into(scanner, detectors, &answer.texts);
    let (findings, fixed) = looked.findings(&answer.texts);
    let found = Found { findings: &findings, fixed: Some(&fixed), overlong: false };
    let verdict = policies.judge_answer(inquiry, found);
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
        let Some(notice) = withheld(format, &document) else {
            return Ok(Filtered { withheld: true, ..filtered });
        };
        filtered.body = notice.into();
        filtered.stop_reason = Some("guardrail_intervened".to_owned());
        return Ok(filtered);
    }
    let redacted = looked.redactions(&answer.texts, filtered.verdict.redact);
    filtered.edited = !redacted.is_empty();
    let edits = edits(&answer.texts, redacted, tokens, document.source());
    if edits.is_empty() {
        drop(answer);
        drop(document);
        return Ok(Filtered { body, ..filtered });
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

/// What was found in the texts of an answer, by the index of the text.
struct Looked {
    words: Vec<(usize, Vec<Match>)>,
    /// What a tool is called with, where that is JSON in a string.
    inputs: Vec<(usize, ToolInput)>,
}

impl Looked {
    fn into(scanner: &Scanner, detectors: DetectorSet, texts: &[Text<'_>]) -> Self {
        let mut looked = Self { words: Vec::new(), inputs: Vec::new() };
        if detectors.is_empty() {
            return looked;
        }
        for (index, text) in texts.iter().enumerate() {
            let is_input = text.role == TextRole::ToolInput && text.editable;
            let input = if is_input { ToolInput::read(scanner, detectors, &text.text) } else { None };
            match input {
                Some(input) => looked.inputs.push((index, input)),
                None => looked.words.push((index, scanner.scan(detectors, &text.text, text.key))),
            }
        }
        looked
    }

    /// Everything that was found, and of it what stands where nothing can be replaced.
    fn findings(&self, texts: &[Text<'_>]) -> (Findings, Findings) {
        let (mut all, mut fixed) = (Findings::default(), Findings::default());
        for (index, matches) in &self.words {
            let editable = texts.get(*index).is_some_and(|text| text.editable);
            for one in matches {
                all.add(one.detector, 1);
                fixed.add(one.detector, u32::from(!editable));
            }
        }
        for (_, input) in &self.inputs {
            let (found, in_names) = input.findings();
            found.iter().for_each(|(detector, count)| all.add(detector, count));
            in_names.iter().for_each(|(detector, count)| fixed.add(detector, count));
        }
        (all, fixed)
    }

    /// INVARIANT: what stands where nothing can be replaced broke a rule before.
    fn redactions(&self, texts: &[Text<'_>], which: DetectorSet) -> BTreeMap<usize, String> {
        let mut redacted = BTreeMap::new();
        for (index, matches) in &self.words {
            let Some(text) = texts.get(*index) else { continue };
            if let Some(clean) = redact(&text.text, matches, which) {
                redacted.insert(*index, clean);
            }
        }
        for (index, input) in &self.inputs {
            let Some(text) = texts.get(*index) else { continue };
            if let Redacted::Changed(clean) = input.redacted(&text.text, which) {
                redacted.insert(*index, clean);
            }
        }
        redacted
    }
}

/// The texts that differ from what Bedrock sent: without what must go, with what comes back.
fn edits(texts: &[Text<'_>], mut redacted: BTreeMap<usize, String>, tokens: &Tokens, source: &str) -> Edits {
    let mut edits = Edits::default();
    for (index, text) in texts.iter().enumerate() {
        let clean = redacted.remove(&index);
        let restored = restored(text, clean.as_deref().unwrap_or(&text.text), tokens, source);
        if let Some(new) = restored.or(clean) {
            edits.replace_with_string(text.span, &new);
        }
    }
    edits
}

/// What `clean`, which policy left of a text, says with the values in the place of their placeholders.
fn restored(text: &Text<'_>, clean: &str, tokens: &Tokens, source: &str) -> Option<String> {
    let is_input = text.role == TextRole::ToolInput;
    // The model may name members of a tool's input so, too. Nothing else that cannot be edited is touched: a signature
    // would not hold any more.
    let is_name = || source.get(text.span.end..).is_some_and(|after| after.trim_start().starts_with(':'));
    if tokens.is_empty() || !(text.editable || (is_input && is_name())) {
        return None;
    }
    let spelling = if is_input { Spelling::of_input(clean) } else { Spelling::Plain };
    tokens.restore(clean, spelling)
}

/// A Converse answer that holds a notice and the counts, with the stop reason that applications which use
/// Bedrock's own guardrails already handle. Other formats have no such form.
fn withheld(format: Format, document: &Document<'_>) -> Option<String> {
    if !format.is_converse() {
        return None;
    }
    // SECRET: a trace repeats the model's words, so that nothing stays but what can hold none.
    let kept = ["metrics", "usage"].into_iter().filter_map(|name| {
        let span = document.root().get(name)?.span;
        Some(format!(",{}:{}", quoted(name), document.source().get(span.start..span.end)?))
    });
    let kept: String = kept.collect();
    let notice = quoted(NOTICE);
    Some(format!(
        "{{\"output\":{{\"message\":{{\"role\":\"assistant\",\"content\":[{{\"text\":{notice}}}]}}}},\
         \"stopReason\":\"guardrail_intervened\"{kept}}}"
    ))
}

/// What an error is called whose body is in the form of OpenAI or Anthropic, where no header has to name it. `None` for
/// what is no such body.
pub fn named_in_body(shape: ErrorShape, body: &[u8]) -> Option<String> {
    let document = Document::parse(body).ok().filter(|_| shape != ErrorShape::Aws)?;
    let error = document.root().get("error")?;
    let name = ["code", "type"].into_iter().find_map(|name| error.get(name)?.as_str())?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    ((1..=64).contains(&name.len()) && name.bytes().all(is_name)).then(|| name.to_owned())
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
