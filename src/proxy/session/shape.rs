//! The shape of what a session's caller says, for its record.
//!
//! Receives events as they arrive, adds them up, returns the record's own words. Never holds a text.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::audit;
use crate::bedrock::speech::{Event, Kind, Place};
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
    /// Open contents that are system prompts: their pieces do not say so themselves. An order of events that is legal
    /// has few open contents.
    system: HashSet<Place>,
    /// How often, and how many bytes.
    opaque: BTreeMap<OpaqueKind, (u32, u64)>,
}

impl Shape {
    /// Adds an event that came in its turn, whose document has `bytes` bytes.
    pub fn add(&mut self, event: &Event<'_>, bytes: usize) {
        let (view, bytes) = (&event.view, bytes as u64);
        self.events += 1;
        self.bytes += bytes;
        match event.kind {
            Kind::ContentStart(_) if view.system => drop(self.system.insert(event.place.clone())),
            Kind::ContentEnd => drop(self.system.remove(&event.place)),
            Kind::SessionStart
            | Kind::PromptStart
            | Kind::ContentStart(_)
            | Kind::TextInput
            | Kind::AudioInput
            | Kind::ToolResult
            | Kind::PromptEnd
            | Kind::SessionEnd => {}
        }
        let is_system = self.system.contains(&event.place);
        for text in &view.texts {
            let role = if is_system && text.role == TextRole::User { TextRole::System } else { text.role };
            *self.texts.entry(role).or_default() += text.text.len() as u64;
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
