//! Decode, repair, verify: everything that is decided about a request before anything leaves.
//!
//! Values in, values out. The body that comes out is the body that was judged: unchanged bytes when nothing was repaired
//! or stamped, else the edited bytes, which were parsed, decoded, scanned and verified again as they will be sent.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::bedrock::envelope::Envelope;
use crate::bedrock::format::Format;
use crate::bedrock::json::{Document, Edits, Span, quoted};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Guardrail, GuardrailPlace, Operation};
use crate::bedrock::stored_prompt::{self, StoredPrompt};
use crate::bedrock::view::{Coverage, Leak, Parameter, View};
use crate::identity::Principal;
use crate::policy::{
    Allowed, Context, Denial, Direction, Facts, GuardrailReference, Inquiry, PolicySet, Repair, Verdict,
};
use crate::sensitive::{DetectorSet, Findings, Match, Scanner, Tokens};
use crate::upstream;

use super::metadata::{Stamp, scan_metadata};
use super::records;
use super::refuse::Refusal;
use super::scan::scan;

mod removal;

use removal::Removal;

pub use removal::removed;

/// Header members of the invoke operations (botocore model).
const GUARDRAIL_IDENTIFIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailidentifier");
const GUARDRAIL_VERSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailversion");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-bedrock-trace");

/// What the body of a session calls itself (captured from JavaScript and Rust).
const EVENT_STREAM: &[u8] = b"application/vnd.amazon.eventstream";

/// What is judged.
#[derive(Debug)]
pub struct Subject<'a> {
    pub principal: &'a Principal,
    pub operation: Operation,
    /// `None` for operations that call no model.
    pub model: Option<&'a ModelReference>,
    /// The guardrail in the path.
    pub guardrail: Option<&'a Guardrail>,
    pub context: &'a Context,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    /// What a Converse body is to say of the caller and the decision. No rule asked for it, so it is no repair.
    pub stamp: Option<&'a Stamp>,
}

/// What was seen and decided, for the record. Complete for refusals too, as far as the request could be read.
#[derive(Debug, Default)]
pub struct Judgement {
    pub seen: Option<Facts>,
    /// The facts of the request as it will be sent; `None` when its body is sent as it was received.
    pub sent: Option<Facts>,
    /// Strings found in the prompt, by detector, before any were redacted.
    pub findings: Findings,
    pub repairs: Vec<Repair>,
    pub verdict: Option<Verdict>,
    /// What the caller is told when the verdict has violations.
    pub denial: Option<Denial>,
    /// Seconds after which a refused caller may try again, where that is soon.
    pub retry_after: Option<u64>,
    /// Whether a system prompt was present.
    pub system: bool,
    /// How much of the request, as it was received, was looked into.
    pub coverage: Coverage,
    /// What it was looked into for.
    pub looked_for: DetectorSet,
    /// Names of the tools that were offered, as they may be kept.
    pub tools: Vec<String>,
    /// Where and when it was judged.
    pub context: Option<Context>,
}

/// A request that may be sent.
#[derive(Debug)]
pub struct Sendable {
    pub allowed: Allowed,
    pub body: Bytes,
    /// Guardrail headers of an invoke operation, as decided.
    pub guardrail: Option<GuardrailReference>,
    pub format: Format,
    /// What was tokenised in the body, to be given back in the answer.
    pub tokens: Tokens,
}

/// Judges `subject`. `judgement` is filled on the way, so that a refusal is recorded with all that was learnt.
pub fn judge(
    policies: &PolicySet,
    scanner: &Scanner,
    subject: &Subject<'_>,
    judgement: &mut Judgement,
) -> Result<Sendable, Refusal> {
    check_region(subject.model, &subject.context.region)?;
    check_media_type(subject.operation, subject.headers)?;
    let envelope = Envelope::open(subject.operation, subject.model, subject.body)?;
    let format = envelope.format();
    let detectors = policies.detectors(subject.principal, Direction::Prompt);
    let document = Document::parse(envelope.document())?;
    let read = Read::new(format, &document, scanner, detectors, subject, &[])?;
    judgement.findings = read.facts.findings.clone();
    judgement.system = read.system;
    judgement.coverage = read.coverage.clone();
    judgement.looked_for = detectors;
    judgement.tools = records::tool_names(scanner, &read.facts.tools);
    judgement.context = Some(subject.context.clone());

    let repairs = policies.repair(&read.inquiry(subject));
    let mut removal = Removal::new(scanner, detectors, &repairs);
    let edited = edit(&repairs, &read, &document, subject, &mut removal);
    judgement.repairs = repairs;
    let (edited, guardrail) = match edited {
        Ok(edited) => edited,
        Err(refusal) => {
            judgement.seen = Some(read.facts);
            return Err(refusal);
        }
    };
    let Some(edited) = edited else {
        let allowed = decide(policies, &read, subject, judgement);
        let unnamed = read.configures_no_guardrail(subject.operation);
        let guardrail = read.header_guardrail;
        judgement.seen = Some(read.facts);
        let body = subject.body.clone();
        let allowed = allowed.ok_or(Refusal::Denied)?;
        unnamed?;
        return Ok(Sendable { allowed, body, guardrail, format, tokens: removal.tokens });
    };

    judgement.seen = Some(read.facts);
    let body = Bytes::from(envelope.seal(edited));
    let envelope = Envelope::open(subject.operation, subject.model, &body)?;
    let document = Document::parse(envelope.document())?;
    let edited = Subject { body: &body, ..*subject };
    let own = subject.stamp.map(|stamp| stamp.places(&document)).transpose()?.unwrap_or_default();
    let mut read = Read::new(format, &document, scanner, detectors, &edited, &own)?;
    if let Some(guardrail) = guardrail {
        read.facts.guardrail = Some(guardrail.clone());
        read.header_guardrail = Some(guardrail);
    }
    let allowed = decide(policies, &read, &edited, judgement);
    let unnamed = read.configures_no_guardrail(subject.operation);
    let guardrail = read.header_guardrail;
    judgement.sent = Some(read.facts);
    drop(document);
    drop(envelope);
    let allowed = allowed.ok_or(Refusal::Denied)?;
    unnamed?;
    Ok(Sendable { allowed, body, guardrail, format, tokens: removal.tokens })
}

/// Judges a request that only reads. It has no body, and its answer is cut down to what the caller may use.
pub fn judge_read(
    policies: &PolicySet,
    subject: &Subject<'_>,
    judgement: &mut Judgement,
) -> Result<Allowed, Refusal> {
    check_region(subject.model, &subject.context.region)?;
    if !subject.body.is_empty() {
        return Err(Refusal::UnexpectedBody);
    }
    let Subject { principal, operation, model, context, .. } = *subject;
    let inquiry = Inquiry { principal, operation, model, context, facts: &Facts::default() };
    let (verdict, allowed) = policies.decide_read(&inquiry);
    judgement.denial = Denial::of(&inquiry, &verdict.violations);
    judgement.verdict = Some(verdict);
    allowed.ok_or(Refusal::Denied)
}

/// FAIL-CLOSED: an ARN of another region would be judged as if it ran in ours.
pub fn check_region(model: Option<&ModelReference>, upstream: &str) -> Result<(), Refusal> {
    match model.and_then(ModelReference::region) {
        Some(region) if region != upstream => {
            Err(Refusal::ForeignRegion { model: region.to_owned(), upstream: upstream.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Verifies a body as it will be sent.
fn decide(
    policies: &PolicySet,
    read: &Read<'_>,
    subject: &Subject<'_>,
    judgement: &mut Judgement,
) -> Option<Allowed> {
    let inquiry = read.inquiry(subject);
    let (verdict, allowed) = policies.decide(&inquiry);
    judgement.denial = Denial::of(&inquiry, &verdict.violations);
    judgement.verdict = Some(verdict);
    allowed
}

/// A body read once: its view, what the detectors found, and the facts that policies judge.
struct Read<'d> {
    view: View<'d>,
    /// Matches by index of the text that holds them.
    matches: Vec<(usize, Vec<Match>)>,
    facts: Facts,
    header_guardrail: Option<GuardrailReference>,
    coverage: Coverage,
    system: bool,
}

/// What a stored prompt adds to a request. Nobody can edit it here, so that a rule which it breaks stays broken.
struct Stored {
    facts: Facts,
    coverage: Coverage,
    system: bool,
}

impl Stored {
    fn read(
        prompt: &StoredPrompt,
        format: Format,
        request: &Document<'_>,
        scanner: &Scanner,
        detectors: DetectorSet,
        subject: &Subject<'_>,
    ) -> Result<Self, Refusal> {
        let filled = prompt.filled(request.root())?;
        let document = Document::parse(filled.as_bytes())?;
        let view = format.of_stored().decode(&document)?;
        let (_, findings) = scan(scanner, detectors, &view.texts);
        let facts = Facts::of(&view, subject.operation, None, findings);
        Ok(Self { facts, coverage: view.coverage(&document), system: view.system })
    }
}

impl<'d> Read<'d> {
    /// `own` are the places that we wrote into the document ourselves. An id or a digest may look like the number of a
    /// card; no rule is about them.
    fn new(
        format: Format,
        document: &'d Document<'d>,
        scanner: &Scanner,
        detectors: DetectorSet,
        subject: &Subject<'_>,
        own: &[Span],
    ) -> Result<Self, Refusal> {
        let stored = subject.model.and_then(ModelReference::stored_prompt);
        if stored.is_some() {
            stored_prompt::check_request(document.root())?;
        }
        let mut view = format.decode(document)?;
        subject.model.map_or(Ok(()), |model| view.check_model(model))?;
        let stored = stored.map(|prompt| Stored::read(prompt, format, document, scanner, detectors, subject));
        let stored = stored.transpose()?;
        if stored.is_some() {
            view.insertions.clear();
        }
        view.texts.retain(|text| !own.contains(&text.span));
        let (matches, mut findings) = scan(scanner, detectors, &view.texts);
        let mut header_guardrail = None;
        let mut leaks = BTreeSet::new();
        if subject.operation.guardrail() == GuardrailPlace::Headers {
            header_guardrail = guardrail(subject.headers)?;
            leaks = trace_leak(subject.headers);
        }
        if subject.operation.binds_headers() {
            scan_metadata(scanner, detectors, subject.headers, &mut findings)?;
        }
        let outer_guardrail = header_guardrail.clone().or_else(|| path_guardrail(subject));
        let mut facts = Facts::of(&view, subject.operation, outer_guardrail, findings);
        facts.leaks.extend(leaks);
        let (mut coverage, mut system) = (view.coverage(document), view.system);
        if let Some(stored) = stored {
            facts = facts.with_stored(stored.facts);
            coverage = coverage.and(stored.coverage);
            system |= stored.system;
        }
        if facts.guardrail.as_ref().is_some_and(|guardrail| !is_whole(guardrail)) {
            return Err(Refusal::IncompleteGuardrail);
        }
        Ok(Self { view, matches, facts, header_guardrail, coverage, system })
    }

    /// FAIL-CLOSED: a body that configures a guardrail which no header names. Bedrock refuses it too (botocore model).
    fn configures_no_guardrail(&self, operation: Operation) -> Result<(), Refusal> {
        let named = operation.guardrail() != GuardrailPlace::Headers || self.header_guardrail.is_some();
        if named || self.view.guardrail.is_none() { Ok(()) } else { Err(Refusal::UnnamedGuardrail) }
    }

    fn inquiry<'a>(&'a self, subject: &'a Subject<'_>) -> Inquiry<'a> {
        Inquiry {
            principal: subject.principal,
            operation: subject.operation,
            model: subject.model,
            context: subject.context,
            facts: &self.facts,
        }
    }
}

/// The guardrail that the request is for.
fn path_guardrail(subject: &Subject<'_>) -> Option<GuardrailReference> {
    let guardrail = subject.guardrail?;
    let version = guardrail.version.clone().unwrap_or_default();
    Some(GuardrailReference { identifier: guardrail.identifier.clone(), version })
}

/// The guardrail that an invoke operation asks for in its headers.
fn guardrail(headers: &HeaderMap) -> Result<Option<GuardrailReference>, Refusal> {
    let part = |name| upstream::single(headers, &name).map_err(|_| Refusal::IncompleteGuardrail);
    let (identifier, version) = (part(GUARDRAIL_IDENTIFIER)?, part(GUARDRAIL_VERSION)?);
    if identifier.is_none() && version.is_none() {
        return Ok(None);
    }
    let owned = |part: Option<&HeaderValue>| {
        part.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    Ok(Some(GuardrailReference { identifier: owned(identifier), version: owned(version) }))
}

/// Whether the headers of an invoke operation ask for the guardrail's trace. FAIL-CLOSED: any word but one does.
fn trace_leak(headers: &HeaderMap) -> BTreeSet<Leak> {
    let asks = headers.get_all(TRACE).iter().any(|value| value.as_bytes() != b"DISABLED");
    asks.then_some(Leak::Trace).into_iter().collect()
}

/// FAIL-CLOSED: what calls itself something else than JSON could be read as something else than was judged. On the
/// invoke operations SDKs name no type, or say that it is bytes (captured from boto3, JavaScript and Rust).
fn check_media_type(operation: Operation, headers: &HeaderMap) -> Result<(), Refusal> {
    if operation.is_bidirectional() {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let is_stream = types.next().is_some_and(|value| value.as_bytes() == EVENT_STREAM);
        return if is_stream && types.next().is_none() { Ok(()) } else { Err(Refusal::StreamMediaType) };
    }
    let bytes =
        |text: &str| operation.binds_headers() && text.eq_ignore_ascii_case("application/octet-stream");
    let accepted = |value: &HeaderValue| value.to_str().is_ok_and(|text| bytes(text) || is_json(text));
    if headers.get_all(CONTENT_TYPE).iter().all(accepted) { Ok(()) } else { Err(Refusal::MediaType) }
}

/// Whether a media type is JSON in the one encoding that JSON has.
fn is_json(media_type: &str) -> bool {
    let (kind, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
    let charset = parameters.trim().to_ascii_lowercase();
    kind.trim().eq_ignore_ascii_case("application/json")
        && matches!(charset.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"")
}

/// FAIL-CLOSED: Bedrock needs both parts, and half a reference would be judged as one that it is not.
fn is_whole(guardrail: &GuardrailReference) -> bool {
    !guardrail.identifier.is_empty() && !guardrail.version.is_empty()
}

/// The document as it will be sent, unless it is sent as it was received, and a guardrail to be sent in headers.
/// ORDER: repairs first, because a redaction may stand within what the stamp writes anew.
fn edit(
    repairs: &[Repair],
    read: &Read<'_>,
    document: &Document<'_>,
    subject: &Subject<'_>,
    removal: &mut Removal<'_>,
) -> Result<(Option<String>, Option<GuardrailReference>), Refusal> {
    let (mut edited, mut guardrail) = (None, None);
    if !repairs.is_empty() {
        let (edits, header) = apply(repairs, read, subject.operation, removal);
        edited = Some(edits.apply(document.source()));
        guardrail = header;
    }
    if let Some(stamp) = subject.stamp {
        edited = Some(match &edited {
            None => stamp.write(document)?,
            Some(repaired) => stamp.write(&Document::parse(repaired.as_bytes())?)?,
        });
    }
    Ok((edited, guardrail))
}

/// Turns repairs into edits of the body, and a guardrail to be sent in headers.
fn apply(
    repairs: &[Repair],
    read: &Read<'_>,
    operation: Operation,
    removal: &mut Removal<'_>,
) -> (Edits, Option<GuardrailReference>) {
    let mut edits = Edits::default();
    let mut guardrail = None;
    for repair in repairs {
        match repair {
            Repair::Set { parameter, value, .. } => set(&mut edits, &read.view, *parameter, *value),
            Repair::Guardrail { reference, .. } => match operation.guardrail() {
                GuardrailPlace::Headers => guardrail = Some(reference.clone()),
                GuardrailPlace::Body => inject(&mut edits, &read.view, reference),
                // The request then lacks the guardrail that was demanded, and is refused for it.
                GuardrailPlace::Path | GuardrailPlace::Nowhere | GuardrailPlace::Unneeded => {}
            },
            // ORDER: all at once and after the loop, because two edits of one string would overlap.
            Repair::Redact { .. } | Repair::Tokenize { .. } => {}
        }
    }
    removal.edit(&read.view.texts, &read.matches, &mut edits);
    (edits, guardrail)
}

/// Sets every spelling of a parameter that the body has, or adds the parameter where it is absent.
fn set(edits: &mut Edits, view: &View<'_>, parameter: Parameter, value: f64) {
    let mut present = false;
    for setting in view.parameters.iter().filter(|setting| setting.parameter == parameter) {
        present = true;
        edits.replace(setting.span, value.to_string());
    }
    let place = view.insertions.iter().find(|place| place.parameter == Some(parameter));
    if let (false, Some(place)) = (present, place) {
        edits.insert(place.object, place.empty, &place.path, value.to_string());
    }
}

fn inject(edits: &mut Edits, view: &View<'_>, reference: &GuardrailReference) {
    let json = format!(
        "{{\"guardrailIdentifier\":{},\"guardrailVersion\":{}}}",
        quoted(&reference.identifier),
        quoted(&reference.version)
    );
    if let Some(place) = &view.guardrail_insertion {
        edits.insert(place.object, place.empty, &place.path, json);
    }
}

/// Writes the decided guardrail into the headers of an invoke operation, which then must say that the body is JSON.
pub fn place_guardrail(headers: &mut HeaderMap, reference: &GuardrailReference) -> Result<(), Refusal> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Refusal::IncompleteGuardrail);
    headers.insert(GUARDRAIL_IDENTIFIER, value(&reference.identifier)?);
    headers.insert(GUARDRAIL_VERSION, value(&reference.version)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(())
}

#[cfg(test)]
mod doors;
#[cfg(test)]
mod places;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tokenised;
