//! The order of a caller's events, and the texts that wait for their end.
//!
//! Receives event after event and says of each whether it goes on at once, waits, or lets others go. Text and tool results
//! come in pieces, and what a detector looks for may be cut over two of them: all pieces of a content wait until the content
//! ends, and are judged as one. Sound does not wait. Bounded in what it holds.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use thiserror::Error;

use super::input::{ContentKind, Event, Kind, Place};

/// Most contents, and most prompts, that are open at one time.
const MOST_OPEN: usize = 64;
/// Most bytes of documents that wait. Nova Sonic's own limit of a conversation's text is below that.
const MOST_HELD: usize = 256 * 1024;

/// Why an event does not fit after those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OrderError {
    #[error("a session begins with `sessionStart`, which comes once")]
    SessionStart,
    #[error("nothing may follow `sessionEnd`")]
    AfterEnd,
    #[error("a prompt is started once, before its contents")]
    Prompt,
    #[error("a content is started once, and takes events of its own type until it ends")]
    Content,
    #[error("a content of text must end before its prompt and its session do")]
    OpenText,
    #[error("at most {MOST_OPEN} prompts and contents may be open at one time")]
    TooManyOpen,
    #[error("at most {MOST_HELD} bytes of text may wait for the end of their content")]
    TooMuchText,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It goes on now.
    Pass,
    /// It waits for the end of its content.
    Hold,
    /// It ends a content: the documents of all events that waited for it, in their order.
    Release(Vec<Bytes>),
}

/// How far a session is.
#[derive(Debug, Default)]
pub struct Order {
    state: State,
    prompts: HashSet<String>,
    contents: HashMap<Place, Content>,
    held: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    New,
    Open,
    Ended,
}

#[derive(Debug)]
struct Content {
    kind: ContentKind,
    held: Vec<Bytes>,
}

impl Order {
    /// Takes the next event, which was read from `document`.
    pub fn step(&mut self, event: &Event<'_>, document: &Bytes) -> Result<Step, OrderError> {
        match (self.state, event.kind) {
            (State::New, Kind::SessionStart) => {
                self.state = State::Open;
                return Ok(Step::Pass);
            }
            (State::New, _) | (State::Open, Kind::SessionStart) => return Err(OrderError::SessionStart),
            (State::Ended, _) => return Err(OrderError::AfterEnd),
            (State::Open, _) => {}
        }
        match event.kind {
            Kind::SessionStart => return Err(OrderError::SessionStart),
            Kind::PromptStart => self.start_prompt(&event.place.prompt)?,
            Kind::ContentStart(kind) => self.start_content(&event.place, kind)?,
            Kind::TextInput => return self.hold(&event.place, ContentKind::Text, document),
            Kind::ToolResult => return self.hold(&event.place, ContentKind::Tool, document),
            Kind::AudioInput => {
                let open = self.contents.get(&event.place).ok_or(OrderError::Content)?;
                if open.kind != ContentKind::Audio {
                    return Err(OrderError::Content);
                }
            }
            Kind::ContentEnd => {
                let ended = self.contents.remove(&event.place).ok_or(OrderError::Content)?;
                self.held -= ended.held.iter().map(Bytes::len).sum::<usize>();
                return Ok(Step::Release(ended.held));
            }
            Kind::PromptEnd => {
                let prompt = &event.place.prompt;
                let inside = |place: &Place| place.prompt == *prompt;
                self.check_closed(inside)?;
                self.contents.retain(|place, _| !inside(place));
                if !self.prompts.remove(prompt) {
                    return Err(OrderError::Prompt);
                }
            }
            Kind::SessionEnd => {
                self.check_end()?;
                self.state = State::Ended;
            }
        }
        Ok(Step::Pass)
    }

    /// To be called where a session ends, with or without `sessionEnd`. FAIL-CLOSED: texts that still wait were not judged
    /// and are not sent, so a session that leaves some behind is not the one that was asked for.
    pub fn check_end(&self) -> Result<(), OrderError> {
        self.check_closed(|_| true)
    }

    /// Whether `sessionEnd` was taken.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn start_prompt(&mut self, name: &str) -> Result<(), OrderError> {
        if self.prompts.len() >= MOST_OPEN {
            return Err(OrderError::TooManyOpen);
        }
        if self.prompts.insert(name.to_owned()) { Ok(()) } else { Err(OrderError::Prompt) }
    }

    fn start_content(&mut self, place: &Place, kind: ContentKind) -> Result<(), OrderError> {
        if !self.prompts.contains(&place.prompt) {
            return Err(OrderError::Prompt);
        }
        if self.contents.len() >= MOST_OPEN {
            return Err(OrderError::TooManyOpen);
        }
        match self.contents.insert(place.clone(), Content { kind, held: Vec::new() }) {
            None => Ok(()),
            Some(_) => Err(OrderError::Content),
        }
    }

    fn hold(&mut self, place: &Place, kind: ContentKind, document: &Bytes) -> Result<Step, OrderError> {
        let content = self.contents.get_mut(place).filter(|content| content.kind == kind);
        let content = content.ok_or(OrderError::Content)?;
        self.held += document.len();
        if self.held > MOST_HELD {
            return Err(OrderError::TooMuchText);
        }
        content.held.push(document.clone());
        Ok(Step::Hold)
    }

    fn check_closed(&self, inside: impl Fn(&Place) -> bool) -> Result<(), OrderError> {
        let waits = |(place, content): (&Place, &Content)| inside(place) && !content.held.is_empty();
        if self.contents.iter().any(waits) { Err(OrderError::OpenText) } else { Ok(()) }
    }
}
