//! Finds sensitive data in texts.
//!
//! Receives a text, the detectors that matter and the name of the JSON member that holds the text, and returns where
//! they found something. One pass decides which patterns are worth trying; each candidate is then judged by its
//! validator; where two detectors claim the same bytes, the better founded claim wins. Keeps nothing between texts.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use regex_automata::meta::BuildError;
use thiserror::Error;

use super::candidate::{Accepted, Candidate, Detector, Trigger, Validate};
use super::custom::Custom;
use super::normalise::Normalised;
use super::pattern::{self, Pattern};
use super::stream::{Bounds, Holding, Holdings};
use super::words::{Contribution, Vocabulary, Words};
use super::{DetectorId, DetectorSet, Plan, context};

/// Detectors, compiled once and shared by all threads; cheap to clone.
#[derive(Clone)]
pub struct Scanner {
    compiled: Arc<Compiled>,
}

struct Compiled {
    detectors: Vec<Ready>,
    vocabulary: Vocabulary,
    all: DetectorSet,
    holdings: Holdings,
}

/// A detector that can be run: one of the catalogue, or a custom one.
#[derive(Clone)]
struct Ready {
    id: DetectorId,
    pattern: Pattern,
    validate: Validate,
    /// Digits that a text must have; `None` when digits do not matter.
    digits: Option<usize>,
    /// Whether a member's name that speaks for it is enough to look.
    by_context: bool,
    /// Whether a candidate without a word or such a name is nothing: then it is looked for behind its words only.
    only_by_context: bool,
    keys: Arc<[String]>,
    whole: bool,
}

/// What was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub detector: DetectorId,
    /// Bytes of the text, on character boundaries.
    pub range: Range<usize>,
}

/// A detector does not compile.
#[derive(Debug, Clone, Error)]
pub enum ScannerError {
    #[error("the pattern of detector {detector} does not compile: {error}")]
    Pattern { detector: &'static str, error: Box<BuildError> },
    #[error("the words of the detectors do not compile: {0}")]
    Words(String),
}

impl Scanner {
    /// The built-in detectors.
    pub fn new() -> Result<Self, ScannerError> {
        static BUILT_IN: OnceLock<Result<Scanner, ScannerError>> = OnceLock::new();
        let compile = || {
            let built_in = |id: DetectorId| id.built_in().map(|detector| Ready::built_in(id, detector));
            Self::of(DetectorSet::all().iter().filter_map(built_in).collect::<Result<_, _>>()?, &[])
        };
        BUILT_IN.get_or_init(compile).clone()
    }

    /// The built-in detectors and custom ones.
    pub fn with(custom: &[Custom]) -> Result<Self, ScannerError> {
        let built_in = Self::new()?;
        if custom.is_empty() {
            return Ok(built_in);
        }
        let mut detectors = built_in.compiled.detectors.clone();
        detectors.extend(custom.iter().map(Ready::custom));
        Self::of(detectors, custom)
    }

    fn of(detectors: Vec<Ready>, custom: &[Custom]) -> Result<Self, ScannerError> {
        let built_in = detectors
            .iter()
            .filter_map(|ready| ready.id.built_in().map(|detector| contribution(ready.id, detector)));
        let vocabulary = Vocabulary::new(built_in.chain(custom.iter().map(Custom::contribution)))
            .map_err(|error| ScannerError::Words(error.to_string()))?;
        let all = detectors.iter().map(|ready| ready.id).collect();
        Ok(Self {
            compiled: Arc::new(Compiled { detectors, vocabulary, all, holdings: Holdings::default() }),
        })
    }

    /// Every detector of this scanner, custom ones included.
    pub fn detectors(&self) -> DetectorSet {
        self.compiled.all
    }

    /// The detector of this scanner that a policy calls `name`, in any spelling and any case.
    pub fn find(&self, name: &str) -> Option<DetectorId> {
        self.compiled.all.iter().find(|id| id.is_called(name))
    }

    /// The detectors with their patterns, as `regex` reads them. What a pattern does not match is never found; a claim is
    /// always part of what it matches, but for repetitions without end, which it follows behind their bound.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (DetectorId, &str)> {
        self.compiled.detectors.iter().map(|ready| (ready.id, ready.pattern.source()))
    }

    /// One of `detectors` that takes the whole value of a member called `key`, whatever it is, so that none of it may be
    /// shown before it has ended.
    pub(super) fn takes_whole(&self, detectors: DetectorSet, key: Option<&str>) -> Option<DetectorId> {
        let takes = |ready: &&Ready| {
            ready.whole && detectors.contains(ready.id) && key.is_some_and(|key| ready.is_key(key))
        };
        self.compiled.detectors.iter().find(takes).map(|ready| ready.id)
    }

    /// The claims of those chains that take whole values.
    pub(super) fn whole_values(&self, chains: &[Chain], text: &str) -> impl Iterator<Item = Claim> {
        let ready = |chain: &Chain| self.compiled.detectors.get(chain.index).filter(|ready| ready.whole);
        let spoken_for = chains.iter().filter(|chain| chain.key).filter_map(ready);
        spoken_for.filter_map(|ready| ready.whole_value(text))
    }

    /// What `detectors` find in `text`: sorted, not overlapping. `key` is the name of the member that holds the text.
    pub fn scan(&self, detectors: DetectorSet, text: &str, key: Option<&str>) -> Vec<Match> {
        self.decide(&[detectors], text, key)
    }

    /// What the detectors of `plan` find in `text`, sorted: those that act as if those that only report were not there, and
    /// the other way round. So matches of the one kind overlap none of their kind, but may overlap one of the other.
    pub fn look(&self, plan: &Plan, text: &str, key: Option<&str>) -> Vec<Match> {
        self.decide(&[plan.acting(), plan.report], text, key)
    }

    /// The matches of each of `sets`, which are disjoint.
    fn decide(&self, sets: &[DetectorSet], text: &str, key: Option<&str>) -> Vec<Match> {
        let detectors = sets.iter().fold(DetectorSet::EMPTY, |all, set| all.union(*set));
        if detectors.is_empty() || text.is_empty() {
            return Vec::new();
        }
        let normalised = Normalised::new(text);
        let mut claims = self.claims(detectors, normalised.text(), key);
        let mut matches = Vec::new();
        for set in sets {
            let (of_set, rest) = claims.into_iter().partition(|claim| set.contains(claim.detector));
            claims = rest;
            matches.extend(
                settle(of_set).into_iter().map(|claim| Match {
                    detector: claim.detector,
                    range: normalised.original(&claim.range),
                }),
            );
        }
        if sets.len() > 1 {
            matches.sort_by_key(|found| (found.range.start, found.range.end));
        }
        matches
    }

    /// Everything that `detectors` claim of a folded text.
    fn claims(&self, detectors: DetectorSet, folded: &str, key: Option<&str>) -> Vec<Claim> {
        let words = self.compiled.vocabulary.find(folded);
        let digits = folded.bytes().filter(u8::is_ascii_digit).count();
        let mut claims = Vec::new();
        for ready in self.compiled.detectors.iter().filter(|ready| detectors.contains(ready.id)) {
            let key = key.is_some_and(|key| ready.is_key(key));
            if key && ready.whole {
                claims.extend(ready.whole_value(folded));
            }
            if ready.is_triggered(&words, digits, key) {
                let trials = Trials { ready, text: folded, words: &words, key, from: 0, word: 0 };
                claims.extend(trials.filter_map(|trial| trial.claim));
            }
        }
        claims
    }

    /// Builds what streams need that redact or deny what `detectors` find, so that the first of them does not wait for it.
    pub fn prepare(&self, detectors: DetectorSet) {
        if !detectors.is_empty() {
            drop(self.holding(detectors, Bounds::Kept));
        }
    }

    /// What tells text that may still grow into a match of `detectors`.
    pub(super) fn holding(&self, detectors: DetectorSet, bounds: Bounds) -> Arc<Holding> {
        let patterns =
            || self.patterns().filter(|(id, _)| detectors.contains(*id)).map(|(_, pattern)| pattern);
        self.compiled.holdings.of(detectors, bounds, patterns)
    }

    /// Where each of `detectors` begins in a text of which `key` is the member's name.
    pub(super) fn chains(&self, detectors: DetectorSet, key: Option<&str>) -> Vec<Chain> {
        let all = self.compiled.detectors.iter().enumerate();
        let chains = all.filter(|(_, ready)| detectors.contains(ready.id)).map(|(index, ready)| Chain {
            detector: ready.id,
            index,
            key: key.is_some_and(|key| ready.is_key(key)),
            next: 0,
        });
        chains.collect()
    }

    /// Adds to `trials` every candidate between `from` and `until` of a folded text that no chain has passed yet, with
    /// the place of its chain.
    pub(super) fn trials(
        &self,
        chains: &[Chain],
        text: &str,
        bounds: Range<usize>,
        trials: &mut Vec<(usize, Trial)>,
    ) {
        let words = self.compiled.vocabulary.find(text);
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        for (place, chain) in chains.iter().enumerate() {
            let ready = self.compiled.detectors.get(chain.index);
            let Some(ready) = ready.filter(|ready| ready.is_triggered(&words, digits, chain.key)) else {
                continue;
            };
            let from = chain.next.max(bounds.start);
            let all = Trials { ready, text, words: &words, key: chain.key, from, word: 0 };
            let before = all.take_while(|trial| trial.candidate.start < bounds.end);
            trials.extend(before.map(|trial| (place, trial)));
        }
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scanner").field("detectors", &self.compiled.detectors.len()).finish()
    }
}

impl Ready {
    fn built_in(id: DetectorId, detector: &Detector) -> Result<Self, ScannerError> {
        let pattern = Pattern::new(detector.pattern, pattern::LIMIT)
            .map_err(|error| ScannerError::Pattern { detector: detector.name, error })?;
        let digits = detector.triggers.iter().filter_map(|trigger| match trigger {
            Trigger::Digits(least) => Some(*least),
            Trigger::Literal(_) | Trigger::Context => None,
        });
        Ok(Self {
            id,
            pattern,
            validate: detector.validate,
            digits: digits.min(),
            by_context: by_context(detector),
            only_by_context: detector.triggers.iter().all(|trigger| matches!(trigger, Trigger::Context)),
            keys: detector.keys.iter().map(|key| (*key).to_owned()).collect(),
            whole: detector.whole,
        })
    }

    fn custom(custom: &Custom) -> Self {
        Self {
            id: custom.id,
            pattern: custom.pattern.clone(),
            validate: custom.validate,
            digits: custom.keywords.is_empty().then_some(0),
            by_context: true,
            only_by_context: !custom.keywords.is_empty(),
            keys: custom.keys(),
            whole: false,
        }
    }

    /// Whether a text can hold anything for this detector at all.
    fn is_triggered(&self, words: &Words, digits: usize, key: bool) -> bool {
        let counted = self.digits.is_some_and(|least| digits >= least);
        counted || words.triggered.contains(self.id) || (key && self.by_context)
    }

    fn is_key(&self, key: &str) -> bool {
        context::key_is_one_of(key, self.keys.iter().map(String::as_str))
    }

    /// All of a value whose member says what it is. Too short a value tells nothing, and words of schemas are no secrets.
    fn whole_value(&self, text: &str) -> Option<Claim> {
        const SHORTEST: usize = 4;
        let value = text.trim();
        let start = text.len() - text.trim_start().len();
        let placeholder = value.starts_with('{') && value.ends_with('}');
        let told = value.len() >= SHORTEST && !placeholder && !super::secrets::is_no_secret(value);
        told.then(|| Claim { detector: self.id, range: start..start + value.len(), weight: 1 })
    }
}

fn by_context(detector: &Detector) -> bool {
    detector.triggers.iter().any(|trigger| matches!(trigger, Trigger::Context))
}

fn contribution(id: DetectorId, detector: &'static Detector) -> Contribution<'static> {
    let literals = detector.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Literal(literal) => Some(*literal),
        Trigger::Digits(_) | Trigger::Context => None,
    });
    Contribution {
        detector: id,
        words: detector.words.to_vec(),
        literals: literals.collect(),
        by_words: by_context(detector),
    }
}

/// A detector's claim to some bytes of the folded text.
#[derive(Debug)]
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
    /// What was accepted of it.
    pub claim: Option<Claim>,
    /// Where the next candidate is looked for.
    pub next: usize,
}

/// How far one detector has come in a text.
#[derive(Debug)]
pub(super) struct Chain {
    pub detector: DetectorId,
    index: usize,
    /// Whether the member's name speaks for it.
    key: bool,
    /// Where its next candidate is looked for.
    pub next: usize,
}

/// All candidates of one detector, in order.
struct Trials<'s> {
    ready: &'s Ready,
    text: &'s str,
    words: &'s Words,
    /// Whether the member's name speaks for this detector.
    key: bool,
    from: usize,
    /// The first word that may still be before a candidate.
    word: usize,
}

impl Trials<'_> {
    /// The next candidate. Where only a word could make it one, places that no word of its reaches are left out.
    fn find(&mut self) -> Option<Range<usize>> {
        let starts = self.words.starts(self.text);
        let between = |from: usize, to: usize| {
            let first = starts.partition_point(|&start| start < from);
            let rest = starts.get(first..).unwrap_or_default();
            let reached = rest.iter().take_while(|&&start| start < to).count();
            rest.get(..reached).unwrap_or_default()
        };
        if self.key || !self.ready.only_by_context {
            let first = starts.partition_point(|&start| start < self.from);
            return self.ready.pattern.find(self.text, starts.get(first..)?).map(|found| found.range());
        }
        while let Some(reach) = self.words.reach(self.word) {
            if reach.end > self.from && self.words.speaks(self.word, self.ready.id) {
                let starts = between(self.from.max(reach.start), reach.end);
                if let Some(found) = self.ready.pattern.find(self.text, starts) {
                    return Some(found.range());
                }
            }
            self.word += 1;
        }
        None
    }
}

impl Iterator for Trials<'_> {
    type Item = Trial;

    fn next(&mut self) -> Option<Trial> {
        let found = self.find()?;
        let candidate = Candidate::new(self.ready.id, self.text, found.clone(), self.words, self.key);
        let told = || !self.ready.only_by_context || candidate.has_context();
        let accepted = (self.ready.validate)(&candidate).filter(|_| told());
        let claim = accepted.map(|Accepted { range, checked }| {
            let weight = 2 * u8::from(checked) + u8::from(candidate.has_context());
            Claim { detector: self.ready.id, range, weight }
        });
        self.from = claim.as_ref().map_or(0, |claim| claim.range.end).max(found.start + 1);
        Some(Trial { candidate: found, claim, next: self.from })
    }
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
