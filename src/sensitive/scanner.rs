//! Finds sensitive data in texts.
//!
//! Receives a text, the detectors that matter and the name of the JSON member that holds the text, and returns where
//! they found something. One pass decides which patterns are worth trying; each candidate is then judged by its
//! validator; where two detectors claim the same bytes, the better founded claim wins. Keeps nothing between texts.

use std::fmt;
use std::ops::Range;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::candidate::{Accepted, Candidate, Detector, Trigger};
use super::normalise::Normalised;
use super::{DetectorId, DetectorSet, context};

/// The most memory one compiled pattern may take, in bytes.
const PATTERN_LIMIT: usize = 4 * 1024 * 1024;

/// All detectors, compiled once and shared by all threads.
pub struct Scanner {
    patterns: Vec<(DetectorId, Regex)>,
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
        Ok(Self { patterns: DetectorSet::all().iter().map(compile).collect::<Result<_, _>>()? })
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
                claims.extend(Claims { id: *id, pattern, text: normalised.text(), key, from: 0 });
            }
        }
        let found = settle(claims)
            .into_iter()
            .map(|claim| Match { detector: claim.detector, range: normalised.original(&claim.range) });
        found.collect()
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
#[derive(Debug)]
struct Claim {
    detector: DetectorId,
    range: Range<usize>,
    /// How well founded it is: a checksum weighs more than context, context more than shape alone.
    weight: u8,
}

/// All claims of one detector, in order.
struct Claims<'s> {
    id: DetectorId,
    pattern: &'s Regex,
    text: &'s str,
    /// Whether the member's name speaks for this detector.
    key: bool,
    from: usize,
}

impl Iterator for Claims<'_> {
    type Item = Claim;

    fn next(&mut self) -> Option<Claim> {
        while let Some(found) = self.pattern.find_at(self.text, self.from) {
            let detector = self.id.detector();
            let candidate = Candidate::new(detector, self.text, found.range(), self.key);
            if let Some(Accepted { range, checksum }) = (detector.validate)(&candidate) {
                self.from = range.end.max(found.start() + 1);
                let weight = 2 * u8::from(checksum) + u8::from(candidate.has_context());
                return Some(Claim { detector: self.id, range, weight });
            }
            self.from = after_rejection(self.text, found.start());
            if self.from > self.text.len() {
                break;
            }
        }
        None
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
fn settle(mut claims: Vec<Claim>) -> Vec<Claim> {
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
