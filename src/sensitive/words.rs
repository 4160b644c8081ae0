//! One pass over a text that finds every word and trigger of every detector.
//!
//! Receives all words when a scanner is made; then folded text, and returns where words stand and which detectors have
//! something to look for. What a candidate is follows from the nearest word before it, whichever detector it speaks for:
//! in `ABA 021000021, a/c 12345678` each number goes to the word in front of it. Keeps nothing of a text.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::context::{CONTEXT, OTHER, Told, begins_word, ends_word, is_placeholder};
use super::normalise::Normalised;
use super::pattern::starts;
use super::{DetectorId, DetectorSet};

/// All words of all detectors, compiled.
#[derive(Debug)]
pub(super) struct Vocabulary {
    automaton: AhoCorasick,
    /// By the automaton's pattern.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    /// Whose word it is. Nobody's: it says that a number is something else.
    speaks: DetectorSet,
    /// Which detectors look into a text that holds it, wherever it stands.
    triggers: DetectorSet,
    /// Whether it is a word at all, or a trigger only.
    word: bool,
    /// Whether it must end where a word ends.
    whole: bool,
}

/// Where words stand in a text, ordered by where they end.
#[derive(Debug, Default)]
pub(super) struct Words {
    hits: Vec<Hit>,
    /// Detectors of which a word or a literal trigger was found.
    pub triggered: DetectorSet,
    /// Where candidates may begin; worked out when a pattern is tried.
    starts: OnceCell<Vec<usize>>,
}

#[derive(Debug)]
struct Hit {
    range: Range<usize>,
    speaks: DetectorSet,
}

/// What one detector adds to the vocabulary.
pub(super) struct Contribution<'d> {
    pub detector: DetectorId,
    pub words: Vec<&'d str>,
    pub literals: Vec<&'d str>,
    /// Whether one of the words is enough to look into a text.
    pub by_words: bool,
}

impl Vocabulary {
    pub fn new<'d>(contributions: impl IntoIterator<Item = Contribution<'d>>) -> Result<Self, BuildError> {
        let mut entries: BTreeMap<(String, bool), Entry> = BTreeMap::new();
        for word in OTHER {
            entries.insert(((*word).to_owned(), true), Entry { word: true, whole: true, ..Entry::default() });
        }
        for Contribution { detector, words, literals, by_words } in contributions {
            for word in words {
                let (word, whole) = word.strip_suffix('*').map_or((word, true), |word| (word, false));
                // Words are looked for in folded text.
                let lower = word.to_lowercase();
                let folded = Normalised::new(&lower);
                for joint in [" ", "_", "-", ""] {
                    let entry = entries.entry((folded.text().replace(' ', joint), whole)).or_default();
                    (entry.word, entry.whole) = (true, whole);
                    entry.speaks.insert(detector);
                    if by_words {
                        entry.triggers.insert(detector);
                    }
                }
            }
            for literal in literals {
                entries.entry((literal.to_lowercase(), false)).or_default().triggers.insert(detector);
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(entries.keys().map(|(word, _)| word))?;
        Ok(Self { automaton, entries: entries.into_values().collect() })
    }

    /// The words of a folded text.
    pub fn find(&self, text: &str) -> Words {
        let mut words = Words::default();
        let bytes = text.as_bytes();
        for found in self.automaton.find_overlapping_iter(text) {
            let Some(entry) = self.entries.get(found.pattern().as_usize()) else { continue };
            let stands = || {
                begins_word(bytes, found.start())
                    && (!entry.whole || ends_word(bytes, found.end()))
                    && !is_placeholder(bytes, found.start(), found.end())
            };
            if entry.word && stands() {
                words.triggered = words.triggered.union(entry.triggers);
                words.hits.push(Hit { range: found.range(), speaks: entry.speaks });
            } else if !entry.word {
                words.triggered = words.triggered.union(entry.triggers);
            }
        }
        words
    }
}

impl Words {
    /// Where in the text candidates may begin, ascending.
    pub fn starts(&self, text: &str) -> &[usize] {
        self.starts.get_or_init(|| starts(text))
    }

    /// Where a candidate begins that word number `index` speaks of; `None` behind the last word.
    pub fn reach(&self, index: usize) -> Option<Range<usize>> {
        self.hits.get(index).map(|hit| hit.range.end..hit.range.start + CONTEXT)
    }

    /// Whether a word speaks for `detector`.
    pub fn speaks(&self, index: usize, detector: DetectorId) -> bool {
        self.hits.get(index).is_some_and(|hit| hit.speaks.contains(detector))
    }

    /// What the nearest word before `at` says to `detector`. A word for something else is about the first number after it
    /// only; one for the detector is about all in a row.
    pub fn told(&self, text: &str, detector: DetectorId, at: usize) -> Told {
        let near = self.hits.partition_point(|hit| hit.range.end <= at);
        // INVARIANT: the byte before a word tells whether it is one, and lies within reach as well.
        let reach = |hit: &&Hit| hit.range.start + CONTEXT > at;
        let number_follows = |hit: &Hit| {
            let between = text.as_bytes().get(hit.range.end..at).unwrap_or_default();
            between.iter().any(|byte| byte.is_ascii_digit() || *byte == b'}')
        };
        let mut other: Option<&Hit> = None;
        for hit in self.hits.get(..near).unwrap_or_default().iter().rev().filter(reach) {
            // `id` in `driver id` and in `tax id` says nothing that the words before it or around it do not say better.
            let better = other.is_none_or(|other| {
                let general = other.speaks.is_empty() && hit.range.end + 1 >= other.range.start;
                general || hit.range.end > other.range.start
            });
            if better && hit.speaks.contains(detector) {
                return Told::This(hit.range.clone());
            }
            if !better {
                break;
            }
            if !number_follows(hit) {
                other = Some(hit);
            }
        }
        other.map_or(Told::Nothing, |hit| Told::Other { general: hit.speaks.is_empty() })
    }
}
