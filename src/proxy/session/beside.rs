//! What stands beside an answer while it is relayed: the request, where it still goes on.
//!
//! The relay asks here whether the request's side has ended the exchange, and whether the end of the answer may be held
//! back. For all exchanges but sessions the request is over, and both are answered so.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;

use crate::audit::{EndState, Outcome};
use crate::clock;
use crate::policy::{Exempted, Repair, Violation};
use crate::proxy::records;
use crate::proxy::refuse::Refusal;
use crate::sensitive::Findings;

use super::shape::Shape;

/// How the request's side of a session ends an exchange. As long as it does not, it says nothing.
#[derive(Debug)]
pub enum InputEnd {
    /// The caller hung up.
    Left,
    /// Nothing more is passed on; what the caller still sends is thrown away.
    Refused { refusal: Refusal, rest: Incoming },
}

/// What the events that followed an intent brought.
#[derive(Debug, Default)]
pub struct Heard {
    /// Strings found in them, by detector, before any were redacted.
    pub findings: Findings,
    pub repairs: Vec<Repair>,
    pub violations: Vec<Violation>,
    pub shadow: Vec<Violation>,
    pub shape: Shape,
    /// Exceptions that they relied on, each once.
    pub exceptions: Vec<Exempted>,
}

/// What both sides of a session know of each other.
#[derive(Debug)]
pub struct Shared {
    // Held for an assignment or a copy; a panic elsewhere cannot leave it half changed.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    heard: Heard,
    /// When the caller last sent something.
    last: Instant,
    /// Whether the caller has nothing more to say.
    complete: bool,
}

impl Default for Shared {
    fn default() -> Self {
        let state = State { heard: Heard::default(), last: clock::instant(), complete: false };
        Self { state: Mutex::new(state) }
    }
}

impl Shared {
    pub fn touch(&self) {
        self.lock().last = clock::instant();
    }

    /// ORDER: to be called before the last event is passed on, so that its answer finds the end known.
    pub fn complete(&self) {
        self.lock().complete = true;
    }

    pub fn with_heard(&self, add: impl FnOnce(&mut Heard)) {
        add(&mut self.lock().heard);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request's side, as whoever relays the answer sees it.
pub struct Beside<'a> {
    /// `None` once it has ended, or never was.
    events: Option<Pin<&'a mut (dyn Future<Output = InputEnd> + Send)>>,
    shared: Option<Arc<Shared>>,
    left: bool,
    drained: bool,
    rest: Option<Incoming>,
}

impl<'a> Beside<'a> {
    pub fn new(events: Pin<&'a mut (dyn Future<Output = InputEnd> + Send)>, shared: Arc<Shared>) -> Self {
        Self { events: Some(events), shared: Some(shared), left: false, drained: false, rest: None }
    }

    /// A request that was over before its answer began.
    pub const fn nothing() -> Self {
        Self { events: None, shared: None, left: false, drained: false, rest: None }
    }

    /// Waits until the request's side ends the exchange: `None` when the caller hung up. Never resolves twice. Can be
    /// dropped and called again.
    pub async fn ended(&mut self) -> Option<Refusal> {
        let Some(events) = &mut self.events else { return std::future::pending().await };
        let end = events.as_mut().await;
        self.events = None;
        match end {
            InputEnd::Left => {
                self.left = true;
                None
            }
            InputEnd::Refused { refusal, rest } => {
                self.rest = Some(rest);
                self.drained = matches!(refusal, Refusal::Draining);
                Some(refusal)
            }
        }
    }

    /// As [`Self::ended`], but for callers who hung up.
    pub async fn refused(&mut self) -> Refusal {
        loop {
            if let Some(refusal) = self.ended().await {
                return refusal;
            }
        }
    }

    /// Whether the caller hung up, as far as its request tells.
    pub const fn has_left(&self) -> bool {
        self.left
    }

    /// Whether this is a session, whose request goes on beside its answer.
    pub const fn is_live(&self) -> bool {
        self.shared.is_some()
    }

    /// Whether the request is complete, so that the answer may be.
    pub fn is_complete(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| self.left || shared.lock().complete)
    }

    /// Whether the caller has sent something within `pause`: then silence of Bedrock's is patience.
    pub fn is_heard_within(&self, pause: Duration) -> bool {
        self.shared.as_ref().is_some_and(|shared| {
            let state = shared.lock();
            !state.complete && clock::instant().saturating_duration_since(state.last) < pause
        })
    }

    /// Adds to an outcome what the events have brought, and that no rule but a drain has ended them. Once: they are taken
    /// out.
    pub fn note(&self, outcome: &mut Outcome) {
        if self.drained && outcome.end_state == EndState::PolicyAbort {
            outcome.end_state = EndState::Drained;
        }
        if let Some(shared) = &self.shared {
            records::add_heard(outcome, &std::mem::take(&mut shared.lock().heard));
        }
    }

    /// What a refused caller may still be sending.
    pub fn into_rest(self) -> Option<Incoming> {
        self.rest
    }
}
