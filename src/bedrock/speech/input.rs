//! Events that a caller sends.
//!
//! Receives one document, returns the event in it: its kind, what it belongs to, and a view of its own. Every member must
//! be known. Names of prompts and contents are inspected and never edited, because later events refer to them.

use crate::bedrock::converse::tools;
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload::is_base64;
use crate::bedrock::json::{Document, Member, Node};
use crate::bedrock::view::{Modality, OpaqueKind, Parameter, TextRole, View};

use super::is_uuid;

/// Longest name of a prompt, a content or a tool use, in bytes.
const LONGEST_NAME: usize = 256;

/// One event of a caller's.
#[derive(Debug)]
pub struct Event<'a> {
    pub kind: Kind,
    pub place: Place,
    pub view: View<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SessionStart,
    PromptStart,
    ContentStart(ContentKind),
    /// A piece of the text of a content.
    TextInput,
    AudioInput,
    /// A piece of what a tool returned.
    ToolResult,
    ContentEnd,
    PromptEnd,
    SessionEnd,
}

/// What a content consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    Text,
    Audio,
    Tool,
}

/// What an event belongs to. Empty where its kind has no such name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub prompt: String,
    pub content: String,
}

impl<'a> Event<'a> {
    /// Reads `{"event":{NAME:{…}}}`.
    pub fn read(document: &'a Document<'a>) -> Result<Self, DecodeError> {
        Self::of(document.root())
    }

    pub(crate) fn of(root: &'a Node<'a>) -> Result<Self, DecodeError> {
        const PLACE: &str = "an event of a session";
        if !root.is_object() {
            return Err(DecodeError::NotAnObject);
        }
        let union = |node: &Node<'_>| DecodeError::Union { place: "event", at: node.span.start };
        let [wrapper] = root.members() else { return Err(union(root)) };
        if wrapper.name != "event" {
            return Err(DecodeError::unknown(wrapper, PLACE));
        }
        draft::object(wrapper)?;
        let [event] = wrapper.node.members() else { return Err(union(&wrapper.node)) };
        draft::object(event)?;
        let mut reading = Reading::default();
        let kind = match event.name.as_ref() {
            "sessionStart" => reading.session_start(event)?,
            "promptStart" => reading.prompt_start(event)?,
            "contentStart" => reading.content_start(event)?,
            "textInput" => reading.piece(event, Kind::TextInput)?,
            "audioInput" => reading.piece(event, Kind::AudioInput)?,
            "toolResult" => reading.piece(event, Kind::ToolResult)?,
            "contentEnd" => reading.end(event, Kind::ContentEnd)?,
            "promptEnd" => reading.end(event, Kind::PromptEnd)?,
            "sessionEnd" => reading.end(event, Kind::SessionEnd)?,
            _ => return Err(DecodeError::unknown(event, PLACE)),
        };
        reading.check_place(kind)?;
        Ok(Self { kind, place: reading.place, view: reading.draft.into_view() })
    }
}

/// An event while it is being read.
#[derive(Default)]
struct Reading<'a> {
    draft: Draft<'a>,
    place: Place,
}

impl<'a> Reading<'a> {
    fn session_start(&mut self, event: &'a Member<'a>) -> Result<Kind, DecodeError> {
        const CONFIGURATION: &str = "inferenceConfiguration";
        for member in draft::object(event)? {
            match member.name.as_ref() {
                CONFIGURATION => self.inference(member)?,
                "turnDetectionConfiguration" => self.words(member, &["endpointingSensitivity"])?,
                _ => return Err(DecodeError::unknown(member, "`sessionStart`")),
            }
        }
        let places = [
            (Parameter::MaxTokens, "maxTokens"),
            (Parameter::Temperature, "temperature"),
            (Parameter::TopP, "topP"),
        ];
        for (parameter, name) in places {
            self.draft.insertable(parameter, &event.node, &[&[CONFIGURATION, name]]);
        }
        Ok(Kind::SessionStart)
    }

    fn inference(&mut self, configuration: &'a Member<'a>) -> Result<(), DecodeError> {
        for member in draft::object(configuration)? {
            match member.name.as_ref() {
                "maxTokens" => self.draft.setting(Parameter::MaxTokens, member)?,
                "temperature" => self.draft.setting(Parameter::Temperature, member)?,
                "topP" => self.draft.setting(Parameter::TopP, member)?,
                _ => return Err(DecodeError::unknown(member, "`inferenceConfiguration`")),
            }
        }
        Ok(())
    }

    fn prompt_start(&mut self, event: &'a Member<'a>) -> Result<Kind, DecodeError> {
        for member in draft::object(event)? {
            match member.name.as_ref() {
                "promptName" => self.place.prompt = self.name(member)?,
                "textOutputConfiguration" | "toolUseOutputConfiguration" => {
                    self.words(member, &["mediaType"])?;
                }
                "audioOutputConfiguration" => self.words(member, AUDIO)?,
                "toolConfiguration" => tools::config(&mut self.draft, member)?,
                _ => return Err(DecodeError::unknown(member, "`promptStart`")),
            }
        }
        Ok(Kind::PromptStart)
    }

    fn content_start(&mut self, event: &'a Member<'a>) -> Result<Kind, DecodeError> {
        let (mut kind, mut is_system) = (None, false);
        for member in draft::object(event)? {
            match member.name.as_ref() {
                "promptName" => self.place.prompt = self.name(member)?,
                "contentName" => self.place.content = self.name(member)?,
                "type" => kind = Some(content_kind(member)?),
                "role" => is_system = role(member)? == "SYSTEM",
                "interactive" => draft::flag(member)?,
                "textInputConfiguration" => self.words(member, &["mediaType"])?,
                "audioInputConfiguration" => self.words(member, AUDIO)?,
                "toolResultInputConfiguration" => self.tool_result(member)?,
                _ => return Err(DecodeError::unknown(member, "`contentStart`")),
            }
        }
        let kind = kind.ok_or(DecodeError::Missing { place: "`contentStart`", member: "type" })?;
        if kind == ContentKind::Audio {
            self.draft.attach(Modality::Audio);
            self.draft.opaque(OpaqueKind::Audio, &event.node);
        }
        if is_system {
            self.draft.system = true;
        } else {
            self.draft.turn();
        }
        Ok(Kind::ContentStart(kind))
    }

    fn tool_result(&mut self, configuration: &'a Member<'a>) -> Result<(), DecodeError> {
        for member in draft::object(configuration)? {
            match member.name.as_ref() {
                "toolUseId" => drop(self.name(member)?),
                "type" => drop(content_kind(member)?),
                "textInputConfiguration" => self.words(member, &["mediaType"])?,
                _ => return Err(DecodeError::unknown(member, "`toolResultInputConfiguration`")),
            }
        }
        Ok(())
    }

    /// A piece of a content: `textInput`, `audioInput` or `toolResult`.
    fn piece(&mut self, event: &'a Member<'a>, kind: Kind) -> Result<Kind, DecodeError> {
        draft::require(draft::object(event)?, "event", "content")?;
        for member in draft::object(event)? {
            match member.name.as_ref() {
                "promptName" => self.place.prompt = self.name(member)?,
                "contentName" => self.place.content = self.name(member)?,
                "role" => drop(role(member)?),
                "content" if kind == Kind::AudioInput => {
                    // FAIL-CLOSED: what is no sound would be words that nobody looked at.
                    if !is_base64(draft::string(member)?) {
                        return Err(DecodeError::wrong_type(member, "base64"));
                    }
                }
                "content" if kind == Kind::ToolResult => {
                    self.draft.string(member, TextRole::ToolResult)?;
                }
                "content" => {
                    self.draft.string(member, TextRole::User)?;
                }
                "status" if kind == Kind::ToolResult => {
                    self.draft.string(member, TextRole::Other)?;
                }
                _ => return Err(DecodeError::unknown(member, "an event of content")),
            }
        }
        Ok(kind)
    }

    fn end(&mut self, event: &'a Member<'a>, kind: Kind) -> Result<Kind, DecodeError> {
        for member in draft::object(event)? {
            match (member.name.as_ref(), kind) {
                ("promptName", Kind::ContentEnd | Kind::PromptEnd) => {
                    self.place.prompt = self.name(member)?;
                }
                ("contentName", Kind::ContentEnd) => self.place.content = self.name(member)?,
                _ => return Err(DecodeError::unknown(member, "an event that ends something")),
            }
        }
        Ok(kind)
    }

    /// Reads a name that other events refer to.
    fn name(&mut self, member: &'a Member<'a>) -> Result<String, DecodeError> {
        let name = draft::string(member)?;
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(DecodeError::wrong_type(member, "a name of 1 to 256 bytes"));
        }
        if !is_uuid(name) {
            self.draft.texts.sealed(&member.node, TextRole::Other, Some(&member.name));
        }
        Ok(name.to_owned())
    }

    /// Reads an object that describes a format, in words and numbers. FAIL-CLOSED: a member that is not known could be a
    /// parameter.
    fn words(&mut self, configuration: &'a Member<'a>, known: &[&str]) -> Result<(), DecodeError> {
        for member in draft::object(configuration)? {
            if !known.contains(&member.name.as_ref()) {
                return Err(DecodeError::unknown(member, "a configuration"));
            }
            if member.node.as_number().is_none() {
                self.draft.string(member, TextRole::Other)?;
            }
        }
        Ok(())
    }

    fn check_place(&self, kind: Kind) -> Result<(), DecodeError> {
        let missing = |member| DecodeError::Missing { place: "event", member };
        let (prompt, content) = match kind {
            Kind::SessionStart | Kind::SessionEnd => (false, false),
            Kind::PromptStart | Kind::PromptEnd => (true, false),
            Kind::ContentStart(_)
            | Kind::TextInput
            | Kind::AudioInput
            | Kind::ToolResult
            | Kind::ContentEnd => (true, true),
        };
        if prompt && self.place.prompt.is_empty() {
            return Err(missing("promptName"));
        }
        if content && self.place.content.is_empty() {
            return Err(missing("contentName"));
        }
        Ok(())
    }
}

const AUDIO: &[&str] =
    &["mediaType", "sampleRateHertz", "sampleSizeBits", "channelCount", "voiceId", "encoding", "audioType"];

fn content_kind(member: &Member<'_>) -> Result<ContentKind, DecodeError> {
    match draft::string(member)? {
        "TEXT" => Ok(ContentKind::Text),
        "AUDIO" => Ok(ContentKind::Audio),
        "TOOL" => Ok(ContentKind::Tool),
        _ => Err(DecodeError::wrong_type(member, "`TEXT`, `AUDIO` or `TOOL`")),
    }
}

fn role<'a>(member: &'a Member<'a>) -> Result<&'a str, DecodeError> {
    match draft::string(member)? {
        role @ ("SYSTEM" | "USER" | "ASSISTANT" | "TOOL") => Ok(role),
        _ => Err(DecodeError::wrong_type(member, "`SYSTEM`, `USER`, `ASSISTANT` or `TOOL`")),
    }
}
