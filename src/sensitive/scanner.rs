//! Finds sensitive data in texts.
//!
//! Receives a text, the detectors that matter and the name of the JSON member that holds the text, and returns where
//! they found something. One pass decides which patterns are worth trying; each candidate is then judged by its
//! validator; where two detectors claim the same bytes, the better founded claim wins. Keeps nothing between texts.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::candidate::{Accepted, Candidate, Detector, Trigger};
use super::normalise::Normalised;
use super::stream::{Bounds, Holding, Holdings};
use super::{DetectorId, DetectorSet, context};

/// The most memory one compiled pattern may take, in bytes.
const PATTERN_LIMIT: usize = 4 * 1024 * 1024;

/// All detectors, compiled once and shared by all threads.
pub struct Scanner {
    patterns: Vec<(DetectorId, Regex)>,
    holdings: Holdings,
}

/// What was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub detector: DetectorId,
    /// Bytes of the text, on character boundaries.
    pub range: Range<usize>,
}

/// A detector's pattern does not compile.
#[derive(Debug, Error)]
#[error("the pattern of detector {detector} does not compile: {error}")]
pub struct ScannerError {
    detector: &'static str,
    error: Box<regex::Error>,
}

impl Scanner {
    pub fn new() -> Result<Self, ScannerError> {
        let compile = |id: DetectorId| {
            let detector = id.detector();
            RegexBuilder::new(detector.pattern)
                .size_limit(PATTERN_LIMIT)
                .build()
                .map(|pattern| (id, pattern))
                .map_err(|error| ScannerError { detector: detector.name, error: Box::new(error) })
        };
        let patterns = DetectorSet::all().iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { patterns, holdings: Holdings::default() })
    }

    /// What `detectors` find in `text`: sorted, not overlapping. `key` is the name of the member that holds the text.
    pub fn scan(&self, detectors: DetectorSet, text: &str, key: Option<&str>) -> Vec<Match> {
        if detectors.is_empty() || text.is_empty() {
            return Vec::new();
        }
        let normalised = Normalised::new(text);
        let digits = normalised.text().bytes().filter(u8::is_ascii_digit).count();
        let mut claims = Vec::new();
        for (id, pattern) in self.patterns.iter().filter(|(id, _)| detectors.contains(*id)) {
            if is_triggered(id.detector(), normalised.text(), digits) {
                let key = key.is_some_and(|key| context::key_is_one_of(key, id.detector().keys));
                let trials = Trials { id: *id, pattern, text: normalised.text(), key, from: 0 };
                claims.extend(trials.filter_map(|trial| trial.claim));
            }
        }
        let found = settle(claims)
            .into_iter()
            .map(|claim| Match { detector: claim.detector, range: normalised.original(&claim.range) });
        found.collect()
    }

    /// What tells text that may still grow into a match of `detectors`.
    pub(super) fn holding(&self, detectors: DetectorSet, bounds: Bounds) -> Arc<Holding> {
        self.holdings.of(detectors, bounds)
    }

    /// Every candidate of `detector` in folded text, in order, from an offset on. `key` is whether the name of the
    /// member that holds the text speaks for the detector.
    pub(super) fn trials<'s>(
        &'s self,
        detector: DetectorId,
        text: &'s str,
        key: bool,
        from: usize,
    ) -> impl Iterator<Item = Trial> {
        let pattern = self.patterns.iter().find(|(id, _)| *id == detector).map(|(_, pattern)| pattern);
        pattern.map(|pattern| Trials { id: detector, pattern, text, key, from }).into_iter().flatten()
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scanner").field("detectors", &self.patterns.len()).finish()
    }
}

fn is_triggered(detector: &Detector, text: &str, digits: usize) -> bool {
    detector.triggers.iter().any(|trigger| match trigger {
        Trigger::Digits(least) => digits >= *least,
        Trigger::Literal(literal) => text.contains(literal),
    })
}

/// A detector's claim to some bytes of the folded text.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub detector: DetectorId,
    pub range: Range<usize>,
    /// How well founded it is: a checksum weighs more than context, context more than shape alone.
    weight: u8,
}

/// A candidate and what became of it.
#[derive(Debug)]
pub(super) struct Trial {
    /// What the pattern matched.
    pub candidate: Range<usize>,
    /// What the validator accepted of it.
    pub claim: Option<Claim>,
    /// Where the next candidate is looked for.
    pub next: usize,
}

/// All candidates of one detector, in order.
struct Trials<'s> {
    id: DetectorId,
    pattern: &'s Regex,
    text: &'s str,
    /// Whether the member's name speaks for this detector.
    key: bool,
    from: usize,
}

impl Iterator for Trials<'_> {
    type Item = Trial;

    fn next(&mut self) -> Option<Trial> {
        if self.from > self.text.len() {
            return None;
        }
        let found = self.pattern.find_at(self.text, self.from)?;
        let detector = self.id.detector();
        let candidate = Candidate::new(detector, self.text, found.range(), self.key);
        let claim = (detector.validate)(&candidate).map(|Accepted { range, checksum }| {
            let weight = 2 * u8::from(checksum) + u8::from(candidate.has_context());
            Claim { detector: self.id, range, weight }
        });
        self.from = match &claim {
            Some(claim) => claim.range.end.max(found.start() + 1),
            None => after_rejection(self.text, found.start()),
        };
        Some(Trial { candidate: found.range(), claim, next: self.from })
    }
}

/// Where to look on after a rejected candidate. No detector accepts what begins inside a word, so the rest of the word
/// is skipped, which also keeps a long run of digits from being tried at every one of them.
fn after_rejection(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let first = rest.chars().next().map_or(1, char::len_utf8);
    start + word.max(first)
}

/// Keeps the best founded claims, the longer of equals, that do not overlap; sorted by position.
pub(super) fn settle(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort_by_key(|claim| {
        (std::cmp::Reverse(claim.weight), std::cmp::Reverse(claim.range.len()), claim.range.start)
    });
    let mut kept: Vec<Claim> = Vec::new();
    for claim in claims {
        let place = kept.partition_point(|other| other.range.end <= claim.range.start);
        if kept.get(place).is_none_or(|next| claim.range.end <= next.range.start) {
            kept.insert(place, claim);
        }
    }
    kept
}
