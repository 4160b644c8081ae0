//! Which detectors there are, and sets of them.
//!
//! Receives names as policies write them and returns ids that are cheap to copy, compare and count with. An id can
//! only come from the catalogue or from a custom detector that was compiled, so whoever holds one need not check it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use super::Match;
use super::candidate::Detector;
use super::detectors::CATALOGUE;

/// How many detectors a set has room for, built-in ones and all names that custom ones ever had in this process.
const CAPACITY: usize = 256;
const WORD: usize = 64;

// INVARIANT: every id has a bit of its own in a `DetectorSet`.
const _: () = assert!(CATALOGUE.len() <= CAPACITY / 2 && CAPACITY <= 256);

/// Names of custom detectors. A name keeps its place for the life of the process, so that what was counted under it
/// before a reload is told under it afterwards.
static CUSTOM: [OnceLock<String>; CAPACITY - CATALOGUE.len()] =
    [const { OnceLock::new() }; CAPACITY - CATALOGUE.len()];

/// One detector.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DetectorId(u8);

impl DetectorId {
    /// The name that Bedrock Guardrails uses for the type, or one in its style where it has none; of a custom detector,
    /// the name that its file gives it.
    pub fn name(self) -> &'static str {
        self.built_in().map_or_else(|| self.custom_name(), |detector| detector.name)
    }

    /// The short spelling that policies accept as well.
    pub fn short(self) -> &'static str {
        self.built_in().map_or_else(|| self.custom_name(), |detector| detector.short)
    }

    /// The entry of the catalogue; `None` for a custom detector.
    pub(super) fn built_in(self) -> Option<&'static Detector> {
        CATALOGUE.get(usize::from(self.0)).copied()
    }

    /// The id of a custom detector's name. `None` when there is no room for another name.
    pub(super) fn custom(name: &str) -> Option<Self> {
        let place = CUSTOM.iter().position(|slot| slot.get_or_init(|| name.to_owned()) == name)?;
        u8::try_from(CATALOGUE.len() + place).ok().map(Self)
    }

    /// Whether `name` is one of its spellings, in any case.
    pub(super) fn is_called(self, name: &str) -> bool {
        let aliases = self.built_in().map_or(&[][..], |detector| detector.aliases);
        let mut spellings = [self.name(), self.short()].into_iter().chain(aliases.iter().copied());
        spellings.any(|spelling| spelling.eq_ignore_ascii_case(name))
    }

    fn custom_name(self) -> &'static str {
        let slot = usize::from(self.0).checked_sub(CATALOGUE.len()).and_then(|place| CUSTOM.get(place));
        // INVARIANT: ids behind the catalogue are made with their name only.
        slot.and_then(OnceLock::get).map_or("", String::as_str)
    }
}

impl fmt::Debug for DetectorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for DetectorId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The built-in detector that a policy calls `name`, in any spelling and any case.
pub fn find(name: &str) -> Option<DetectorId> {
    DetectorSet::all().iter().find(|id| id.is_called(name))
}

/// A set of detectors.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DetectorSet([u64; CAPACITY / WORD]);

impl DetectorSet {
    pub const EMPTY: Self = Self([0; CAPACITY / WORD]);

    /// Every built-in detector.
    pub fn all() -> Self {
        (0..=u8::MAX).take(CATALOGUE.len()).map(DetectorId).collect()
    }

    pub fn contains(self, id: DetectorId) -> bool {
        let (word, bit) = place(id);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    pub fn insert(&mut self, id: DetectorId) {
        let (word, bit) = place(id);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        self.combine(other, |one, another| one | another)
    }

    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        self.combine(other, |one, another| one & another)
    }

    /// The members that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        self.combine(other, |one, another| one & !another)
    }

    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The members, in the catalogue's order, custom ones last.
    pub fn iter(self) -> impl Iterator<Item = DetectorId> {
        (0..=u8::MAX).map(DetectorId).filter(move |&id| self.contains(id))
    }

    fn combine(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        let mut combined = self;
        for (one, another) in combined.0.iter_mut().zip(other.0) {
            *one = with(*one, another);
        }
        combined
    }
}

/// The word of a set that holds the id's bit, and the bit.
fn place(id: DetectorId) -> (usize, u64) {
    let index = usize::from(id.0);
    (index / WORD, 1 << (index % WORD))
}

impl FromIterator<DetectorId> for DetectorSet {
    fn from_iter<I: IntoIterator<Item = DetectorId>>(ids: I) -> Self {
        ids.into_iter().fold(Self::EMPTY, |mut set, id| {
            set.insert(id);
            set
        })
    }
}

impl fmt::Debug for DetectorSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

/// How often each detector found something. Never holds text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    counts: BTreeMap<DetectorId, u32>,
}

impl Findings {
    /// Adds `count` findings; adding none leaves no trace.
    pub fn add(&mut self, detector: DetectorId, count: u32) {
        if count > 0 {
            let sum = self.counts.entry(detector).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// The counts of some matches.
    pub fn of(matches: &[Match]) -> Self {
        let mut findings = Self::default();
        for one in matches {
            findings.add(one.detector, 1);
        }
        findings
    }

    /// Adds all of `more`.
    pub fn add_all(&mut self, more: &Self) {
        more.iter().for_each(|(detector, count)| self.add(detector, count));
    }

    /// Detectors with a count of at least 1, in the catalogue's order.
    pub fn iter(&self) -> impl Iterator<Item = (DetectorId, u32)> {
        self.counts.iter().map(|(&detector, &count)| (detector, count))
    }

    pub fn detectors(&self) -> DetectorSet {
        self.counts.keys().copied().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}
