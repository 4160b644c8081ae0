//! The question whether text may still grow into a match.
//!
//! Receives the patterns of a set of detectors and compiles them into one automaton that reads a text from a fixed
//! start: as long as it is not dead, what it has read is the beginning of something that one of the patterns matches.
//! It may say so of too much (it knows no look-around), never of too little.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, Compiler, WhichCaptures};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::{Hir, HirKind, Repetition};

use crate::sensitive::DetectorSet;
use crate::sensitive::pattern::may_begin;

/// The most memory that the states of one automaton may take before it forgets them, in bytes, for each text that is
/// read at the same time.
const CACHE: usize = 2 * 1024 * 1024;
/// The most memory that all patterns together may take, in bytes.
const PATTERNS: usize = 32 * 1024 * 1024;
/// Repetitions beyond this are those of tokens and keys that have no length of their own.
const LONG: u32 = 256;
/// Repetitions of so many and more have no end at all: their validators look on behind the pattern.
const ENDLESS: u32 = 8192;
/// Caches that are kept for the next texts.
const SPARE: usize = 4;
/// Sets whose automata are kept. Policies use few.
const MOST_SETS: usize = 16;

/// The automata of all sets of detectors that were asked for.
#[derive(Debug, Default)]
pub(in crate::sensitive) struct Holdings {
    known: Mutex<Vec<(DetectorSet, Bounds, Arc<Holding>)>>,
}

/// Whether long matches end where their pattern's bound says. Those of [`ENDLESS`] repetitions never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sensitive) enum Bounds {
    Kept,
    /// What may be repeated very often may be repeated for ever.
    Lifted,
}

impl Holdings {
    /// The automaton of a set, compiled when the set is new.
    pub(in crate::sensitive) fn of<'p, P: Iterator<Item = &'p str>>(
        &self,
        detectors: DetectorSet,
        bounds: Bounds,
        patterns: impl FnOnce() -> P,
    ) -> Arc<Holding> {
        let same = |(set, of, _): &&(DetectorSet, Bounds, Arc<Holding>)| (*set, *of) == (detectors, bounds);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(same).map(|(.., holding)| Arc::clone(holding));
        found.unwrap_or_else(|| {
            // Nobody waits for this: who asks for the same set meanwhile compiles it as well.
            let holding = Arc::new(Holding::new(patterns(), bounds));
            let mut known = known();
            if known.len() >= MOST_SETS {
                known.remove(0);
            }
            known.push((detectors, bounds, Arc::clone(&holding)));
            holding
        })
    }
}

/// The automaton of a set of detectors, shared by all texts that are read for them.
pub(in crate::sensitive) struct Holding {
    /// `None` when the patterns cannot be compiled.
    automaton: Option<Automaton>,
    spare: Mutex<Vec<States>>,
    made: AtomicU64,
}

struct Automaton {
    dfa: DFA,
    /// Whether anything begins with a byte.
    first: [bool; 256],
}

/// The states that an automaton has built so far. Ids of states mean something in one of these only.
struct States {
    number: u64,
    cache: Cache,
}

impl Automaton {
    fn new<'p>(patterns: impl Iterator<Item = &'p str>, bounds: Bounds) -> Option<Self> {
        let parse = |pattern: &str| Some(widened(regex_syntax::parse(pattern).ok()?, bounds));
        let parsed: Option<Vec<Hir>> = patterns.map(parse).collect();
        let nfa = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(PATTERNS));
        let nfa = Compiler::new().configure(nfa).build_many_from_hir(&parsed?).ok()?;
        let config =
            DFA::config().match_kind(MatchKind::All).cache_capacity(CACHE).skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        let mut cache = dfa.create_cache();
        let mut first = [false; 256];
        for (byte, may_begin) in (0..=u8::MAX).zip(&mut first) {
            let start = dfa.start_state(&mut cache, &anchored()).ok()?;
            *may_begin = !dfa.next_state(&mut cache, start, byte).ok()?.is_dead();
        }
        Some(Self { dfa, first })
    }

    /// Whether a match can begin at an offset.
    fn begins(&self, bytes: &[u8], at: usize) -> bool {
        let byte = bytes.get(at).copied().unwrap_or_default();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before)).copied().unwrap_or(b' ');
        may_begin(before, byte) && self.first.get(usize::from(byte)).copied().unwrap_or(true)
    }

    fn start(&self, states: &mut States) -> Option<LazyStateID> {
        self.dfa.start_state(&mut states.cache, &anchored()).ok()
    }
}

impl Holding {
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p str>, bounds: Bounds) -> Self {
        let automaton = Automaton::new(patterns, bounds);
        Self { automaton, spare: Mutex::default(), made: AtomicU64::default() }
    }

    /// States to read with, those with `number` if they are not in use.
    fn borrow(&self, automaton: &Automaton, number: u64) -> States {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let known = spare.iter().position(|states| states.number == number);
        let taken = known.map(|at| spare.swap_remove(at)).or_else(|| spare.pop());
        drop(spare);
        taken.unwrap_or_else(|| States {
            number: self.made.fetch_add(1, Ordering::Relaxed),
            cache: automaton.dfa.create_cache(),
        })
    }

    fn give_back(&self, states: States) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(states);
        }
    }
}

impl fmt::Debug for Holding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.automaton.as_ref().map(|automaton| automaton.dfa.get_nfa().memory_usage());
        formatter.debug_struct("Holding").field("memory", &memory).finish_non_exhaustive()
    }
}

fn anchored() -> start::Config {
    start::Config::new().anchored(Anchored::Yes)
}

/// The pattern without conditions on what stands around a place, which are not known yet at the end of a text.
fn widened(pattern: Hir, bounds: Bounds) -> Hir {
    let all = |parts: Vec<Hir>| parts.into_iter().map(|part| widened(part, bounds)).collect();
    match pattern.into_kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Capture(capture) => widened(*capture.sub, bounds),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let longest = if bounds == Bounds::Kept { ENDLESS - 1 } else { LONG };
            let (max, sub) = (max.filter(|max| *max <= longest), Box::new(widened(*sub, bounds)));
            Hir::repetition(Repetition { min, max, greedy, sub })
        }
    }
}

/// Follows a text and knows the first place from which a match may still grow.
///
/// One start is followed at a time, the first that is alive: when it dies, the next ones are tried. So a byte costs as
/// many steps as starts are tried on it, which the lengths of the patterns bound.
#[derive(Debug)]
pub(super) struct Walk {
    holding: Arc<Holding>,
    /// Where the start that is followed lies, and how far the text was read from there.
    start: usize,
    at: usize,
    reached: Option<Reached>,
    /// Whether a whole match was seen from this start.
    matched: bool,
    /// Whether one was seen from a start that is dead.
    seen: bool,
    /// Whether the automaton gave up.
    lost: bool,
    /// Bytes read, each as often as it was read.
    #[cfg(test)]
    pub(super) steps: u64,
}

/// A state, and in which states it means something.
#[derive(Debug, Clone, Copy)]
struct Reached {
    number: u64,
    cleared: usize,
    state: LazyStateID,
}

impl Walk {
    pub(super) const fn new(holding: Arc<Holding>) -> Self {
        Self {
            holding,
            start: 0,
            at: 0,
            reached: None,
            matched: false,
            seen: false,
            lost: false,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Reads on to the end of `text`, of which it has read the beginning before.
    pub(super) fn read(&mut self, text: &str) {
        let holding = Arc::clone(&self.holding);
        // FAIL-CLOSED: without an automaton, or once it has given up, the place it has come to stays alive to the end.
        let Some(automaton) = holding.automaton.as_ref().filter(|_| !self.lost) else { return };
        let mut states = holding.borrow(automaton, self.reached.map_or(0, |reached| reached.number));
        let state = self.read_with(automaton, &mut states, text);
        self.lost = state.is_none();
        let (number, cleared) = (states.number, states.cache.clear_count());
        self.reached = state.map(|state| Reached { number, cleared, state });
        holding.give_back(states);
    }

    /// `None` when the automaton gives up.
    fn read_with(&mut self, automaton: &Automaton, states: &mut States, text: &str) -> Option<LazyStateID> {
        let bytes = text.as_bytes();
        let known = self.reached.filter(|reached| {
            reached.number == states.number && reached.cleared == states.cache.clear_count()
        });
        let mut state = if let Some(reached) = known {
            reached.state
        } else {
            self.at = self.start;
            automaton.start(states)?
        };
        while let Some(&byte) = bytes.get(self.at) {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            if self.at == self.start && !automaton.begins(bytes, self.at) {
                self.next_start(text);
                continue;
            }
            state = automaton.dfa.next_state(&mut states.cache, state, byte).ok()?;
            self.at += 1;
            self.matched |= state.is_match();
            if state.is_quit() {
                return None;
            }
            if state.is_dead() {
                self.next_start(text);
                state = automaton.start(states)?;
            }
        }
        Some(state)
    }

    /// The first offset from which a match may still grow: the end of the text, when there is none.
    pub(super) const fn alive_from(&self) -> usize {
        self.start
    }

    /// Whether whole matches, believed or not, may begin before that offset.
    pub(super) const fn has_seen_matches(&self) -> bool {
        self.seen
    }

    /// The matches that were seen have been dealt with.
    pub(super) const fn forget_matches(&mut self) {
        self.seen = false;
    }

    /// Begins anew at an offset.
    pub(super) const fn restart(&mut self, at: usize) {
        (self.start, self.at, self.reached) = (at, at, None);
        (self.matched, self.seen) = (false, false);
    }

    /// All offsets have become smaller.
    pub(super) const fn shift(&mut self, by: usize) {
        self.start -= by;
        self.at -= by;
    }

    fn next_start(&mut self, text: &str) {
        self.seen |= self.matched;
        self.matched = false;
        let rest = text.get(self.start..).unwrap_or_default();
        self.start += rest.chars().next().map_or(1, char::len_utf8);
        self.at = self.start;
    }
}

/// Follows one start of which the text is not kept.
pub(super) struct Follower {
    holding: Arc<Holding>,
    /// `None` when the automaton gave up: then nothing ends.
    reached: Option<(States, LazyStateID)>,
    /// Whether a match ended before the byte that was read last: they are seen one byte late.
    late: bool,
}

impl Follower {
    /// Follows something that has no end.
    pub(super) const fn endless(holding: Arc<Holding>) -> Self {
        Self { holding, reached: None, late: false }
    }

    /// `alive` is what began at the start so far.
    pub(super) fn new(holding: Arc<Holding>, alive: &str) -> Self {
        let reached = holding.automaton.as_ref().and_then(|automaton| {
            let mut states = holding.borrow(automaton, 0);
            let state = automaton.start(&mut states)?;
            Some((states, state))
        });
        let mut follower = Self { holding, reached, late: false };
        follower.read(alive, 0);
        follower
    }

    /// Reads on from an offset of `text` and returns the offset at which what is followed has ended, once it has.
    pub(super) fn read(&mut self, text: &str, from: usize) -> Option<usize> {
        let automaton = self.holding.automaton.as_ref()?;
        let (mut states, mut state) = self.reached.take()?;
        for (at, byte) in text.bytes().enumerate().skip(from) {
            state = automaton.dfa.next_state(&mut states.cache, state, byte).ok()?;
            if state.is_dead() {
                self.holding.give_back(states);
                return Some(at - usize::from(self.late));
            }
            self.late = state.is_match();
        }
        self.reached = Some((states, state));
        None
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Follower").finish_non_exhaustive()
    }
}
