//! Looks through the events of an answer and decides how each is passed on: as it is, with other texts, or not at all.
//!
//! Receives an event and its pieces. Every run of text is looked through on its own; what a run still holds back when its
//! block ends goes before that event, in the form of the event that held the run last. An event whose texts are all held
//! is left out. Where nothing may have to be changed, texts are looked through and every event stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use aws_lc_rs::rand;
use bytes::Bytes;

use crate::bedrock::json::{Edits, Span};
use crate::bedrock::stream::{Event, Kind, Observed, Piece, continued, rewritten};
use crate::sensitive::{Findings, Spelling, redact};

use super::filter::{Filter, Seen};
use super::run::{Denied, Run};
use crate::proxy::tool_input::{Redacted, ToolInput};

/// Most runs of text that may be open at a time: more than any model has blocks. Bounds what inputs of tools can hold.
const OPEN_RUNS: usize = 128;

/// Why an answer cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Something in it may not reach the caller.
    Denied,
    /// It has a form that cannot be vouched for.
    Unreadable,
}

impl From<Denied> for Stop {
    fn from(Denied: Denied) -> Self {
        Self::Denied
    }
}

/// How one event is passed on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Events that go on with blocks, to be passed on before it.
    pub before: Vec<Bytes>,
    /// `None` where the event is left out.
    pub event: Option<Bytes>,
}

/// All runs of one answer.
#[derive(Debug)]
pub struct Runs<'f> {
    filter: &'f Filter<'f>,
    open: BTreeMap<Kind, Open<'f>>,
    closed: BTreeSet<Kind>,
    seen: Seen,
}

#[derive(Debug)]
struct Open<'f> {
    run: Run<'f>,
    last: Option<Last>,
}

/// Where a run went on last, for an event that goes on with it.
#[derive(Debug)]
struct Last {
    event: Event,
    inner: Option<Bytes>,
    place: Span,
}

impl<'f> Runs<'f> {
    pub fn new(filter: &'f Filter<'f>) -> Self {
        let (open, closed) = (BTreeMap::new(), BTreeSet::new());
        Self { filter, open, closed, seen: Seen::default() }
    }

    /// Looks through one event. After an error nothing more is to be passed on.
    pub fn pass(&mut self, event: &Event, observed: Observed) -> Result<Passed, Stop> {
        let as_it_is = Passed { before: Vec::new(), event: Some(event.raw().clone()) };
        if self.filter.all().is_empty() && !self.filter.changes() {
            return Ok(as_it_is);
        }
        let Observed { pieces, ended, only_words, inner, .. } = observed;
        let inner = inner.map(Bytes::from);
        let mut texts = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            texts.push(self.piece(piece, event, inner.as_ref())?);
        }
        let mut before = Vec::new();
        for blocks in &ended {
            self.end(blocks, &pieces, &mut texts, &mut before)?;
        }
        if !self.filter.changes() {
            return Ok(as_it_is);
        }
        let rewritten = rewrite(event, inner.as_deref(), &pieces, &texts, only_words)?;
        Ok(Passed { before, event: rewritten })
    }

    /// Looks through the texts of an event that is passed on as it is or not at all. Whether it may be.
    pub fn pass_whole(&mut self, pieces: &[Piece]) -> bool {
        pieces.iter().all(|piece| self.aside(piece).is_ok())
    }

    /// The answer is over: looks through what was held and is not passed on.
    ///
    /// FAIL-CLOSED: what is still held at the end of an answer that broke off may be the beginning of something that must
    /// go.
    pub fn finish(mut self) -> Seen {
        for open in self.open.values_mut() {
            // Denied or not, nothing of it is passed on.
            drop(open.run.end(&mut String::new(), &mut self.seen));
        }
        self.seen
    }

    /// What stands in the place of a piece now; `None` where it is not for the caller at all.
    fn piece(&mut self, piece: &Piece, event: &Event, inner: Option<&Bytes>) -> Result<Option<String>, Stop> {
        let acts = self.filter.acts();
        match piece.kind {
            Kind::Words(_) | Kind::ToolInput(_) | Kind::Sealed(_) => {
                let Open { run, last } = open(&mut self.open, &self.closed, self.filter, piece.kind)?;
                if let Some(place) = piece.place.filter(|_| self.filter.changes()) {
                    *last = Some(Last { event: event.clone(), inner: inner.cloned(), place });
                }
                let mut out = String::new();
                run.push(&piece.text, &mut out, &mut self.seen)?;
                Ok(Some(out))
            }
            Kind::Tokens if acts => Ok(None),
            Kind::Input | Kind::RepeatedInput => {
                let clean = self.input(piece)?;
                Ok(Some(self.restored(piece, Spelling::of_input(&clean), clean)))
            }
            Kind::Aside | Kind::Repeated => {
                let clean = self.aside(piece)?;
                Ok(Some(self.restored(piece, Spelling::Plain, clean)))
            }
            Kind::Tokens => self.aside(piece).map(Some),
        }
    }

    /// What is left of a whole text, with the values in the place of their placeholders.
    fn restored(&self, piece: &Piece, spelling: Spelling, clean: String) -> String {
        let issued = self.filter.issued.as_ref().filter(|_| piece.place.is_some());
        issued.and_then(|issued| issued.with(|tokens| tokens.restore(&clean, spelling))).unwrap_or(clean)
    }

    /// Looks through JSON in a string, as it would be if it had come in pieces.
    fn input(&mut self, piece: &Piece) -> Result<String, Stop> {
        let Some(input) = ToolInput::read(self.filter.scanner, self.filter.all(), &piece.text) else {
            return self.aside(piece);
        };
        let (all, in_names) = input.findings();
        // What repeats a text was counted with it.
        if piece.kind != Kind::RepeatedInput {
            self.seen.add(&all);
        }
        if !all.detectors().intersection(self.filter.plan.deny).is_empty() {
            return Err(Stop::Denied);
        }
        match input.redacted(&piece.text, self.filter.plan.redact) {
            Redacted::Unchanged => Ok(piece.text.clone()),
            Redacted::Changed(clean) if piece.place.is_some() => Ok(clean),
            Redacted::Changed(_) | Redacted::Impossible => {
                self.seen.add_fixed(&in_names);
                Err(Stop::Denied)
            }
        }
    }

    /// Looks through a text of its own.
    fn aside(&mut self, piece: &Piece) -> Result<String, Stop> {
        let matches = self.filter.scanner.scan(self.filter.all(), &piece.text, piece.key.as_deref());
        if matches.is_empty() {
            return Ok(piece.text.clone());
        }
        let mut found = Findings::default();
        for one in &matches {
            found.add(one.detector, 1);
        }
        // What repeats a text was counted with it.
        if piece.kind != Kind::Repeated {
            self.seen.add(&found);
        }
        if !found.detectors().intersection(self.filter.plan.deny).is_empty() {
            return Err(Stop::Denied);
        }
        match redact(&piece.text, &matches, self.filter.plan.redact) {
            None => Ok(piece.text.clone()),
            Some(clean) if piece.place.is_some() => Ok(clean),
            Some(_) => {
                self.seen.add_fixed(&found);
                Err(Stop::Denied)
            }
        }
    }

    /// Ends the runs of some blocks. What they still hold goes into the last piece that the event has of them, or into an
    /// event before it.
    fn end(
        &mut self,
        blocks: &RangeInclusive<u32>,
        pieces: &[Piece],
        texts: &mut [Option<String>],
        before: &mut Vec<Bytes>,
    ) -> Result<(), Stop> {
        let of_blocks = |kind: &Kind| kind.block().is_some_and(|block| blocks.contains(&block));
        let ending: Vec<Kind> = self.open.keys().copied().filter(of_blocks).collect();
        for kind in ending {
            let Some(Open { mut run, last }) = self.open.remove(&kind) else { continue };
            if self.filter.acts() {
                self.closed.insert(kind);
            }
            let mut rest = String::new();
            run.end(&mut rest, &mut self.seen)?;
            if rest.is_empty() || !self.filter.changes() {
                continue;
            }
            let own = pieces.iter().rposition(|piece| piece.kind == kind);
            match own.and_then(|index| texts.get_mut(index)) {
                Some(text) => text.get_or_insert_default().push_str(&rest),
                None => before.push(self.continuation(last.as_ref(), &rest)?),
            }
        }
        Ok(())
    }

    /// An event that goes on with a run by `text`.
    fn continuation(&self, last: Option<&Last>, text: &str) -> Result<Bytes, Stop> {
        // FAIL-CLOSED: text without a place cannot be passed on, and without it the answer is another one.
        let Last { event, inner, place } = last.ok_or(Stop::Unreadable)?;
        let may_stand = |text: &str| self.filter.scanner.scan(self.filter.acting(), text, None).is_empty();
        let payload = continued(event.payload(), inner.as_deref(), *place, text, random()?, &may_stand);
        event.with_payload(payload.ok_or(Stop::Unreadable)?).map_err(|_| Stop::Unreadable)
    }
}

/// The run that pieces of a kind go on with.
fn open<'o, 'f>(
    open: &'o mut BTreeMap<Kind, Open<'f>>,
    closed: &BTreeSet<Kind>,
    filter: &'f Filter<'f>,
    kind: Kind,
) -> Result<&'o mut Open<'f>, Stop> {
    // FAIL-CLOSED: a block that goes on after its end would be read together with what was passed on of it, and has been
    // looked through apart.
    if closed.contains(&kind) || (open.len() >= OPEN_RUNS && !open.contains_key(&kind)) {
        return Err(Stop::Unreadable);
    }
    Ok(open.entry(kind).or_insert_with(|| Open { run: Run::new(filter, kind), last: None }))
}

/// The event with the texts that stand in the places of its pieces; `None` where it says nothing any more.
fn rewrite(
    event: &Event,
    inner: Option<&[u8]>,
    pieces: &[Piece],
    texts: &[Option<String>],
    only_words: bool,
) -> Result<Option<Bytes>, Stop> {
    let mut edits = Edits::default();
    for (piece, text) in pieces.iter().zip(texts) {
        match (piece.place, text) {
            (Some(place), None) => edits.replace(place, "null"),
            (Some(place), Some(text)) if *text != piece.text => edits.replace_with_string(place, text),
            (None, Some(text)) if *text == piece.text => {}
            (None, _) => return Err(Stop::Unreadable),
            (Some(_), Some(_)) => {}
        }
    }
    if edits.is_empty() {
        return Ok(Some(event.raw().clone()));
    }
    let is_left_out = |(piece, text): (&Piece, &Option<String>)| {
        piece.kind.block().is_none() || text.as_ref().is_some_and(String::is_empty)
    };
    if only_words && pieces.iter().zip(texts).all(is_left_out) {
        return Ok(None);
    }
    let payload = rewritten(event.payload(), inner, edits, random()?).ok_or(Stop::Unreadable)?;
    event.with_payload(payload).map(Some).map_err(|_| Stop::Unreadable)
}

fn random() -> Result<u8, Stop> {
    let mut byte = [0];
    rand::fill(&mut byte).map_err(|_| Stop::Unreadable)?;
    let [byte] = byte;
    Ok(byte)
}

#[cfg(test)]
mod tests;
