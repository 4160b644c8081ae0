//! The shape of what a session's caller says, for its record.
//!
//! Receives events as they arrive, adds them up, returns the record's own words. Never holds a text.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit;
use crate::bedrock::speech::{Event, Kind};
use crate::bedrock::view::{Modality, OpaqueKind, TextRole};

/// Most names of tools that are kept, to count each once. A request that offers more is recorded as offering so many.
const MOST_TOOLS: usize = 1024;

/// The events that followed the first.
#[derive(Debug, Default)]
pub struct Shape {
    events: u64,
    bytes: u64,
    texts: BTreeMap<TextRole, u64>,
    modalities: BTreeSet<Modality>,
    tools: BTreeSet<String>,
    turns: u32,
    /// How often, and how many bytes.
    opaque: BTreeMap<OpaqueKind, (u32, u64)>,
}

impl Shape {
    /// Adds an event whose document has `bytes` bytes.
    pub fn add(&mut self, event: &Event<'_>, bytes: usize) {
        let (view, bytes) = (&event.view, bytes as u64);
        self.events += 1;
        self.bytes += bytes;
        for text in &view.texts {
            *self.texts.entry(text.role).or_default() += text.text.len() as u64;
        }
        self.modalities.extend(view.modalities.iter().copied());
        for tool in &view.tools {
            if self.tools.len() < MOST_TOOLS {
                self.tools.insert(tool.to_string());
            }
        }
        self.turns = self.turns.saturating_add(view.turns);
        for opaque in &view.opaque {
            let (count, _) = self.opaque.entry(opaque.kind).or_default();
            *count = count.saturating_add(1);
        }
        // The sound of a content comes in events of its own.
        if event.kind == Kind::AudioInput {
            let (_, sound) = self.opaque.entry(OpaqueKind::Audio).or_default();
            *sound += bytes;
        }
    }

    pub fn to_record(&self) -> audit::Session {
        let uninspected = self.opaque.iter().map(|(kind, (count, bytes))| audit::Uninspected {
            kind: kind.name().to_owned(),
            count: *count,
            bytes: *bytes,
            paths: Vec::new(),
        });
        audit::Session {
            events: self.events,
            bytes: self.bytes,
            texts: self.texts.iter().map(|(role, bytes)| (role.name().to_owned(), *bytes)).collect(),
            modalities: self.modalities.iter().map(|modality| modality.name().to_owned()).collect(),
            tools: u32::try_from(self.tools.len()).unwrap_or(u32::MAX),
            turns: self.turns,
            uninspected: uninspected.collect(),
        }
    }
}
