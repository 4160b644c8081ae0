//! Which detectors there are, and sets of them.
//!
//! Receives names as policies write them and returns ids that are cheap to copy, compare and count with. An id can
//! only come from the catalogue, so whoever holds one need not check it.

use std::collections::BTreeMap;
use std::fmt;

use super::candidate::Detector;
use super::detectors::CATALOGUE;

/// One detector of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DetectorId(u16);

impl DetectorId {
    /// The name that Bedrock Guardrails uses for the type, or one in its style where it has none.
    pub fn name(self) -> &'static str {
        self.detector().name
    }

    /// The short spelling that policies accept as well.
    pub fn short(self) -> &'static str {
        self.detector().short
    }

    pub(super) fn detector(self) -> &'static Detector {
        // INVARIANT: ids are made from positions in the catalogue only, so there is always one.
        CATALOGUE.get(usize::from(self.0)).unwrap_or(&CATALOGUE[0])
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

/// The detector that a policy calls `name`, in either spelling and any case.
pub fn find(name: &str) -> Option<DetectorId> {
    let named =
        |id: &DetectorId| id.name().eq_ignore_ascii_case(name) || id.short().eq_ignore_ascii_case(name);
    DetectorSet::all().iter().find(named)
}

/// A set of detectors.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DetectorSet(u64);

// INVARIANT: every id has a bit of its own in a `DetectorSet`.
const _: () = assert!(CATALOGUE.len() <= 64);

impl DetectorSet {
    pub const EMPTY: Self = Self(0);

    pub const fn all() -> Self {
        Self(u64::MAX >> (64 - CATALOGUE.len()))
    }

    pub const fn contains(self, id: DetectorId) -> bool {
        self.0 & (1 << id.0) != 0
    }

    pub const fn insert(&mut self, id: DetectorId) {
        self.0 |= 1 << id.0;
    }

    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the catalogue's order.
    pub fn iter(self) -> impl Iterator<Item = DetectorId> {
        (0..64).map(DetectorId).filter(move |&id| self.contains(id))
    }
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
