//! Where an answer was cut because something in it may not reach the caller, and how it ends there.
//!
//! Keeps what the caller has seen of the blocks of an answer. A cut stream never ends cleanly: it ends as it would if a
//! guardrail of Bedrock's had stepped in, where the format has a form for that, or with an exception.

use bytes::{Bytes, BytesMut};

use crate::bedrock::fault::Fault;
use crate::bedrock::stream::{Announced, Event, Framing, Observed, Shown};

/// What people read in the place of an answer that is withheld.
pub const NOTICE: &str = "The answer was withheld by policy.";

/// What the caller has seen of the blocks of an answer.
#[derive(Debug, Default)]
pub struct Progressed {
    shown: Shown,
}

/// The end of an answer that was cut.
#[derive(Debug)]
pub struct Ending {
    pub bytes: Bytes,
    pub stop_reason: Option<&'static str>,
    /// Name of the exception, where it ends with one.
    pub error: Option<&'static str>,
}

/// Where an answer was cut.
#[derive(Debug, Default)]
pub struct Cut {
    shown: Shown,
    /// Payload of Bedrock's own last event.
    metadata: Option<Bytes>,
}

impl Progressed {
    pub const fn shown(&self) -> &Shown {
        &self.shown
    }

    /// What the caller will have seen after an event.
    pub fn after(&self, observed: &Observed) -> Shown {
        let mut shown = self.shown.clone();
        shown.started = true;
        if let Some(block) = observed.block {
            shown.open.insert(block);
            shown.next = shown.next.max(block.saturating_add(1));
        }
        shown.open.retain(|block| !observed.ended.iter().any(|ended| ended.contains(block)));
        shown
    }

    pub fn show(&mut self, shown: Shown) {
        self.shown = shown;
    }
}

impl Cut {
    pub const fn new(shown: Shown) -> Self {
        Self { shown, metadata: None }
    }

    /// Takes an event that is not passed on.
    pub fn drained(&mut self, event: &Event) {
        if event.announced() == Announced::Event("metadata") {
            self.metadata = Some(Bytes::copy_from_slice(event.payload()));
        }
    }

    /// How the answer ends. `converses` says whether its format is Converse's; `refusal` is what an exception says.
    pub fn ending(&self, converses: bool, framing: Framing, refusal: &str) -> Ending {
        if converses {
            let mut bytes = BytesMut::new();
            let events = self.shown.intervened(NOTICE, self.metadata.as_deref());
            let written = events.iter().try_for_each(|(name, payload)| {
                framing.event(name, payload.as_bytes()).map(|event| bytes.extend_from_slice(&event))
            });
            if written.is_ok() {
                let stop_reason = Some("guardrail_intervened");
                return Ending { bytes: bytes.freeze(), stop_reason, error: None };
            }
        }
        let fault = Fault::Validation;
        Ending { bytes: framing.exception(fault, refusal), stop_reason: None, error: Some(fault.name()) }
    }
}
