//! What a set of detectors says of a text that arrives in pieces.
//!
//! Receives pieces and hands on, in order, the parts of the text that are settled: plain text, and matches. Every byte is
//! handed on once. Must never settle a byte whose fate depends on text that is still to come.

use std::ops::Range;

use super::holding::{Bounds, Follower, Walk};
use super::window::Window;
use crate::sensitive::scanner::{Chain, Claim, Trial, settle};
use crate::sensitive::{DetectorId, DetectorSet, Scanner};

/// A settled part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Plain(&'t str),
    Found(DetectorId),
}

#[derive(Debug)]
pub(super) struct Lane<'s> {
    scanner: &'s Scanner,
    chains: Vec<Chain>,
    window: Window,
    walk: Walk,
    trials: Vec<(usize, Trial)>,
    /// The first live start when matches were last tried: as long as it stays, nothing more can be decided.
    tried: usize,
    /// A detector that takes the whole text whatever it is, by the name of its member.
    whole: Option<DetectorId>,
    /// What is being dropped, because too much of it would have to be held.
    swallowing: Option<Follower>,
    /// Text before this offset was dropped or replaced already.
    swallowed: usize,
    /// How much of what is dropped is kept to look for matches that begin in it.
    kept: usize,
    /// Whether text is held back at all. Without, every piece is taken for the whole text.
    #[cfg(test)]
    pub(super) holds: bool,
}

/// What is known of the text behind the window.
#[derive(Debug, Clone, Copy)]
enum Horizon {
    /// More may come.
    Open,
    /// It has ended, or is treated as if it had.
    Closed,
}

impl<'s> Lane<'s> {
    /// `key` is the name of the JSON member that holds the text.
    pub(super) fn new(scanner: &'s Scanner, detectors: DetectorSet, key: Option<&str>) -> Self {
        Self {
            scanner,
            chains: scanner.chains(detectors, key),
            window: Window::default(),
            walk: Walk::new(scanner.holding(detectors, Bounds::Kept)),
            trials: Vec::new(),
            tried: 0,
            whole: scanner.takes_whole(detectors, key),
            swallowing: None,
            swallowed: 0,
            kept: 0,
            #[cfg(test)]
            holds: true,
        }
    }

    /// Folded bytes that are held back and not dropped already.
    pub(super) fn pending(&self) -> usize {
        self.window.folded().len() - self.window.settled().max(self.swallowed)
    }

    #[cfg(test)]
    pub(super) const fn memory(&self) -> usize {
        self.window.memory()
    }

    #[cfg(test)]
    pub(super) const fn steps(&self) -> u64 {
        self.walk.steps
    }

    /// Takes the next piece, or the end, and hands on what is settled now.
    pub(super) fn advance(&mut self, text: Option<&str>, sink: &mut impl FnMut(Part<'_>)) {
        match text {
            Some(text) => self.push(text, sink),
            None => self.finish(sink),
        }
    }

    fn push(&mut self, text: &str, sink: &mut impl FnMut(Part<'_>)) {
        let from = self.window.folded().len();
        self.window.push(text);
        #[cfg(test)]
        if !self.holds {
            return self.finish(sink);
        }
        if self.is_swallowed(from) || self.whole.is_some() {
            return;
        }
        self.walk.read(self.window.folded());
        let alive = self.walk.alive_from();
        if !self.walk.has_seen_matches() {
            self.hand_on(self.window.settled()..alive, sink);
            self.forget(alive);
        } else if alive > self.tried {
            let settled = self.settle(alive, Horizon::Open, sink);
            if settled == alive {
                self.walk.forget_matches();
            }
            self.tried = alive;
            self.forget(settled);
        }
    }

    fn finish(&mut self, sink: &mut impl FnMut(Part<'_>)) {
        let end = self.window.folded().len();
        if self.swallowing.is_none() {
            self.settle(end, Horizon::Closed, sink);
        }
        self.walk.restart(end);
        self.forget(end);
    }

    /// More than `limit` is held back: what may be a match is treated as one, and so is what follows as long as it may
    /// belong to it. The detector that is named is one that may be right, of `first` if possible.
    pub(super) fn swallow(&mut self, limit: usize, first: DetectorSet, sink: &mut impl FnMut(Part<'_>)) {
        let alive = self.walk.alive_from();
        if self.window.settled() < alive {
            self.settle(alive, Horizon::Closed, sink);
            self.forget(alive);
        }
        let text = self.window.folded();
        let rest = text.get(self.walk.alive_from()..).unwrap_or_default();
        if self.pending() <= limit {
            return;
        }
        let set = self.chains.iter().map(|chain| chain.detector).collect();
        let holding = self.scanner.holding(set, Bounds::Lifted);
        let (detector, follower) = match self.whole {
            Some(whole) => (Some(whole), Follower::endless(holding)),
            None => (self.suspect(rest, first), Follower::new(holding, rest)),
        };
        if let Some(detector) = detector {
            sink(Part::Found(detector));
        }
        self.swallowing = Some(follower);
        self.swallowed = text.len();
        self.kept = rest.len();
    }

    /// A detector of which all of `text` may be the beginning of a match.
    fn suspect(&self, text: &str, first: DetectorSet) -> Option<DetectorId> {
        let may_match = |id: &DetectorId| {
            let mut walk = Walk::new(self.scanner.holding([*id].into_iter().collect(), Bounds::Kept));
            walk.read(text);
            walk.alive_from() == 0
        };
        let all = || self.chains.iter().map(|chain| chain.detector);
        let named = all().filter(|&id| first.contains(id)).find(may_match);
        named.or_else(|| all().find(may_match)).or_else(|| all().next())
    }

    /// Whether all text from `from` on still belongs to what is swallowed.
    fn is_swallowed(&mut self, from: usize) -> bool {
        let Some(follower) = &mut self.swallowing else { return false };
        let text = self.window.folded();
        if let Some(end) = follower.read(text, from) {
            self.swallowed = end;
            self.swallowing = None;
            // What begins inside of it and goes on behind it is looked for in what was kept.
            self.walk.restart(self.window.settled());
            self.tried = 0;
            return false;
        }
        self.swallowed = text.len();
        let mut oldest = text.len().saturating_sub(self.kept);
        while !text.is_char_boundary(oldest) {
            oldest -= 1;
        }
        let oldest = oldest.max(self.window.settled());
        self.walk.restart(oldest);
        self.forget(oldest);
        true
    }

    /// Hands on plain text, but for what was swallowed.
    fn hand_on(&self, range: Range<usize>, sink: &mut impl FnMut(Part<'_>)) {
        let text = self.window.between(range.start.max(self.swallowed)..range.end);
        if !text.is_empty() {
            sink(Part::Plain(text));
        }
    }

    /// Decides all candidates that begin before `to` and can be decided, and hands on the text up to the first that
    /// cannot. Returns where that is.
    fn settle(&mut self, to: usize, horizon: Horizon, sink: &mut impl FnMut(Part<'_>)) -> usize {
        let bounds = self.window.settled()..to;
        self.scanner.trials(&self.chains, self.window.folded(), bounds, &mut self.trials);
        let to = match horizon {
            Horizon::Open => first_open(&self.trials, to),
            Horizon::Closed => to,
        };
        let mut claims = Vec::new();
        for (index, trial) in self.trials.drain(..).filter(|(_, trial)| trial.candidate.start < to) {
            if let Some(chain) = self.chains.get_mut(index) {
                chain.next = trial.next;
            }
            claims.extend(trial.claim);
        }
        if self.whole.is_some() {
            claims.extend(self.scanner.whole_values(&self.chains, self.window.folded()));
        }
        for chain in &mut self.chains {
            chain.next = chain.next.max(to);
        }
        let mut from = self.window.settled();
        for claim in settle(claims).into_iter().filter(|claim| claim.range.end > self.swallowed) {
            self.hand_on(from..claim.range.start, sink);
            sink(Part::Found(claim.detector));
            let dropped = self.window.dropped_before(claim.range.end);
            if !dropped.is_empty() {
                sink(Part::Plain(dropped));
            }
            from = claim.range.end;
        }
        self.hand_on(from..to, sink);
        self.swallowed = self.swallowed.max(from);
        to
    }

    fn forget(&mut self, settled: usize) {
        let by = self.window.settle(settled);
        self.walk.shift(by);
        self.tried = self.tried.saturating_sub(by);
        self.swallowed = self.swallowed.saturating_sub(by);
        for chain in &mut self.chains {
            chain.next = chain.next.saturating_sub(by);
        }
    }
}

/// The start of the first claim before `to` that reaches beyond what is settled; `to` when there is none. Rejected
/// candidates may reach as far as they like.
///
/// INVARIANT: a candidate that begins before the first live start ends before the last character that was read, or it
/// would be alive itself. So all that decides about it is known.
fn first_open(trials: &[(usize, Trial)], to: usize) -> usize {
    let mut to = to;
    loop {
        let reaches = |claim: &Claim| claim.range.end > to;
        let open = trials
            .iter()
            .map(|(_, trial)| trial)
            .filter(|trial| trial.candidate.start < to && trial.claim.as_ref().is_some_and(reaches));
        match open.map(|trial| trial.candidate.start).min() {
            Some(start) => to = start,
            None => return to,
        }
    }
}
