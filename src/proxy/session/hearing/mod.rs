//! Judges the events of a session that follow its first, each before it is passed on.
//!
//! What was sent adds up: every event is judged as part of the session so far. Texts of a content are judged together, as
//! one text and piece by piece, when the content ends; what a rule wants redacted is taken out of the pieces it stands in,
//! and what comes out is read, scanned and judged again as it will be sent. What cannot be done is refused.

use std::sync::Arc;

use bytes::Bytes;

use crate::bedrock::json::{Document, Edits};
use crate::bedrock::speech::{Event, Kind, Order, Step, wrap_chunk};
use crate::bedrock::view::{Text, View};
use crate::policy::{Allowed, Denial, Direction, Facts, Inquiry, PolicySet, estimated_tokens};
use crate::proxy::judge::removed;
use crate::proxy::refuse::Refusal;
use crate::proxy::respond::Answering;
use crate::sensitive::{DetectorSet, Findings, Match, Scanner};

use super::beside::Shared;

/// Most shadow violations and repairs of one session that are recorded. Every rule is there once.
const MOST_NOTED: usize = 256;

/// What is known of a session so far.
pub struct Hearing<'a> {
    policies: &'a PolicySet,
    scanner: &'a Scanner,
    detectors: DetectorSet,
    /// Whether anything may become a placeholder.
    tokenizes: bool,
    subject: Box<Answering>,
    /// Facts of everything that was sent.
    facts: Facts,
    shared: Arc<Shared>,
}

impl<'a> Hearing<'a> {
    /// `subject` has the facts of the first event as it was sent.
    pub fn new(
        policies: &'a PolicySet,
        scanner: &'a Scanner,
        subject: Box<Answering>,
        shared: Arc<Shared>,
    ) -> Self {
        let detectors = policies.detectors(&subject.principal, Direction::Prompt);
        let tokenizes = !policies.tokenized(&subject.principal).is_empty();
        let facts = subject.facts.clone().unwrap_or_default();
        Self { policies, scanner, detectors, tokenizes, subject, facts, shared }
    }

    /// The frames to be sent now, with the proof that they may be; `None` for an event that waits.
    pub fn hear(
        &mut self,
        order: &mut Order,
        document: Bytes,
    ) -> Result<Option<(Allowed, Vec<Bytes>)>, Refusal> {
        let step = {
            let parsed = Document::parse(&document)?;
            let event = Event::read(&parsed)?;
            let step = order.step(&event, &document)?;
            self.shared.with_heard(|heard| heard.shape.add(&event, document.len()));
            step
        };
        let documents = match step {
            Step::Hold => return Ok(None),
            Step::Pass => vec![document],
            Step::Release(mut held) => {
                held.push(document);
                held
            }
        };
        let (allowed, documents) = self.judge(documents)?;
        let frames = documents.iter().map(|document| wrap_chunk(document)).collect::<Result<_, _>>()?;
        Ok(Some((allowed, frames)))
    }

    fn judge(&mut self, mut documents: Vec<Bytes>) -> Result<(Allowed, Vec<Bytes>), Refusal> {
        let mut facts = self.read(&documents)?;
        let found = self.found(&documents)?;
        add(&mut facts.findings, &found);
        let repairs = self.policies.repair(&self.inquiry(&facts));
        if self.tokenizes {
            self.avoid(&documents)?;
        }
        // FAIL-CLOSED: nothing else can be mended in an event, so that the rule stays broken and refuses it.
        let (redact, tokenize) = removed(&repairs);
        if !redact.union(tokenize).is_empty() {
            documents = self.clean(&documents, redact, tokenize)?;
            facts = self.read(&documents)?;
            add(&mut facts.findings, &self.found(&documents)?);
        }
        let inquiry = self.inquiry(&facts);
        let (verdict, allowed) = self.policies.decide(&inquiry);
        let denial = Denial::of(&inquiry, &verdict.violations);
        self.shared.with_heard(|heard| {
            add(&mut heard.findings, &found);
            heard.violations = verdict.violations;
            for repair in repairs {
                if heard.repairs.len() < MOST_NOTED && !heard.repairs.contains(&repair) {
                    heard.repairs.push(repair);
                }
            }
            for used in verdict.exceptions {
                if !heard.exceptions.contains(&used) {
                    heard.exceptions.push(used);
                }
            }
            for violation in verdict.shadow {
                let is_new = heard.shadow.iter().all(|known| known.rule != violation.rule);
                if is_new && heard.shadow.len() < MOST_NOTED {
                    heard.shadow.push(violation);
                }
            }
        });
        match (allowed, denial) {
            (Some(allowed), _) => {
                self.facts = facts;
                Ok((allowed, documents))
            }
            (None, Some(denial)) => Err(Refusal::EventDenied(denial)),
            (None, None) => Err(Refusal::Denied),
        }
    }

    fn inquiry<'i>(&'i self, facts: &'i Facts) -> Inquiry<'i> {
        let Answering { route, principal, context, .. } = &*self.subject;
        let model = route.model.as_ref();
        Inquiry { principal, operation: route.operation, model, context, facts }
    }

    /// The session with `documents` added, but for what is found in them.
    fn read(&self, documents: &[Bytes]) -> Result<Facts, Refusal> {
        let mut facts = self.facts.clone();
        for document in documents {
            let parsed = Document::parse(document)?;
            join(&mut facts, &Event::read(&parsed)?.view);
        }
        Ok(facts)
    }

    /// What is found in texts alone and, of texts that are pieces of one, in the whole: the larger count of the two.
    fn found(&self, documents: &[Bytes]) -> Result<Findings, Refusal> {
        let (mut alone, mut pieces) = (Findings::default(), Vec::new());
        for document in documents {
            let parsed = Document::parse(document)?;
            let event = Event::read(&parsed)?;
            for text in &event.view.texts {
                count(&mut alone, &self.scanner.scan(self.detectors, &text.text, text.key));
            }
            pieces.extend(piece(&event).map(|text| text.text.clone().into_owned()));
        }
        let mut whole = Findings::default();
        if pieces.len() > 1 {
            count(&mut whole, &self.scanner.scan(self.detectors, &pieces.concat(), PIECE));
        }
        for (detector, more) in whole.iter() {
            let known = alone.iter().find(|(known, _)| *known == detector).map_or(0, |(_, known)| known);
            alone.add(detector, more.saturating_sub(known));
        }
        Ok(alone)
    }

    /// Notes what in the texts of the caller looks like a placeholder. From now on it is the caller's.
    fn avoid(&self, documents: &[Bytes]) -> Result<(), Refusal> {
        let mut pieces = String::new();
        for document in documents {
            let parsed = Document::parse(document)?;
            let event = Event::read(&parsed)?;
            event
                .view
                .texts
                .iter()
                .for_each(|text| self.subject.issued.with(|tokens| tokens.avoid(&text.text)));
            pieces.extend(piece(&event).map(|text| text.text.as_ref()));
        }
        self.subject.issued.with(|tokens| tokens.avoid(&pieces));
        Ok(())
    }

    /// The documents without what `redact` finds, and with placeholders for what `tokenize` finds. Pieces of a text of which
    /// nothing is left are left out.
    fn clean(
        &self,
        documents: &[Bytes],
        redact: DetectorSet,
        tokenize: DetectorSet,
    ) -> Result<Vec<Bytes>, Refusal> {
        let which = redact.union(tokenize);
        let mut texts = Vec::new();
        for document in documents {
            let parsed = Document::parse(document)?;
            texts.extend(piece(&Event::read(&parsed)?).map(|text| text.text.clone().into_owned()));
        }
        let whole = texts.concat();
        let found = if texts.len() > 1 { self.scanner.scan(which, &whole, PIECE) } else { Vec::new() };
        let mut stand_in = |one: &Match| {
            let value = whole.get(one.range.clone()).unwrap_or_default();
            self.subject.issued.with(|tokens| tokens.stand_in(one.detector, value, tokenize))
        };
        let mut cleaned = clean_pieces(&texts, &found, &mut stand_in).into_iter();
        let mut clean = Vec::with_capacity(documents.len());
        for document in documents {
            let parsed = Document::parse(document)?;
            let event = Event::read(&parsed)?;
            let whole = piece(&event).map(|text| (text.span, cleaned.next().unwrap_or_default()));
            let mut edits = Edits::default();
            let mut is_gone = false;
            for text in event.view.texts.iter().filter(|text| text.editable) {
                let of_whole = whole.as_ref().filter(|(span, _)| *span == text.span);
                let before = of_whole.map_or(text.text.as_ref(), |(_, clean)| clean.as_str());
                let matches = self.scanner.scan(which, before, text.key);
                let after =
                    self.subject.issued.with(|tokens| tokens.clean(before, &matches, redact, tokenize));
                let after = after.as_deref().unwrap_or(before);
                if after != text.text {
                    is_gone |= of_whole.is_some() && after.is_empty();
                    edits.replace_with_string(text.span, after);
                }
            }
            if !is_gone {
                clean.push(edits.apply(parsed.source()).into());
            }
        }
        Ok(clean)
    }
}

/// The member that holds a piece.
const PIECE: Option<&str> = Some("content");

/// The text of an event that is a piece of its content's text.
fn piece<'e, 'a>(event: &'e Event<'a>) -> Option<&'e Text<'a>> {
    match event.kind {
        Kind::TextInput | Kind::ToolResult => event.view.texts.iter().find(|text| text.key == PIECE),
        Kind::SessionStart
        | Kind::PromptStart
        | Kind::ContentStart(_)
        | Kind::AudioInput
        | Kind::ContentEnd
        | Kind::PromptEnd
        | Kind::SessionEnd => None,
    }
}

/// Pieces of a text without `found`, whose ranges are those of the whole text. What is cut over several pieces leaves
/// what `stand_in` puts in its place in the first of them.
fn clean_pieces(
    pieces: &[String],
    found: &[Match],
    stand_in: &mut dyn FnMut(&Match) -> String,
) -> Vec<String> {
    let mut start = 0;
    let mut clean = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let end = start + piece.len();
        let (mut text, mut copied) = (String::with_capacity(piece.len()), start);
        for one in found.iter().filter(|one| one.range.start < end && one.range.end > start) {
            let until = one.range.start.max(start);
            text.push_str(piece.get(copied - start..until - start).unwrap_or_default());
            if one.range.start >= start {
                text.push_str(&stand_in(one));
            }
            copied = one.range.end.min(end);
        }
        text.push_str(piece.get(copied - start..).unwrap_or_default());
        clean.push(text);
        start = end;
    }
    clean
}

fn join(facts: &mut Facts, view: &View<'_>) {
    facts.modalities.extend(view.modalities.iter().copied());
    for tool in &view.tools {
        if !facts.tools.iter().any(|known| known == tool) {
            facts.tools.push(tool.to_string());
        }
    }
    facts.turns = facts.turns.saturating_add(view.turns);
    facts.images = facts.images.saturating_add(view.images);
    facts.input_tokens = facts.input_tokens.saturating_add(estimated_tokens(view));
    facts.unread = facts.unread.saturating_add(view.unread());
    facts.uninspected.extend(view.opaque.iter().map(|opaque| opaque.kind));
}

fn count(findings: &mut Findings, found: &[Match]) {
    for one in found {
        findings.add(one.detector, 1);
    }
}

fn add(findings: &mut Findings, more: &Findings) {
    for (detector, count) in more.iter() {
        findings.add(detector, count);
    }
}

#[cfg(test)]
mod tests;
