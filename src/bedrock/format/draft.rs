//! A view of a request while it is being read.
//!
//! Receives from a family's reader, member by member, what stands in the body, and becomes a [`View`]. It knows what every
//! family shares: how a parameter is checked, what an attachment is, where a missing value could go. It never decides
//! which members a body may have; that is the reader's part.

use std::collections::BTreeSet;

use super::aliases;
use super::error::DecodeError;
use super::payload::{self, Document};
use super::texts::Texts;
use crate::bedrock::json::{Member, Node, Value};
use crate::bedrock::view::{
    BodyGuardrail, Insertion, Leak, Modality, Opaque, OpaqueKind, Parameter, Setting, SettingValue, TextRole,
    View,
};

/// What was read so far. Borrows from the parsed document.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a> {
    pub(crate) texts: Texts<'a>,
    pub(crate) turns: u32,
    pub(crate) system: bool,
    pub(crate) model: Option<&'a str>,
    pub(crate) guardrail: Option<BodyGuardrail>,
    pub(crate) leaks: BTreeSet<Leak>,
    pub(crate) guardrail_insertion: Option<Insertion>,
    pub(crate) output: Option<&'a str>,
    pub(crate) streams: bool,
    parameters: Vec<Setting<'a>>,
    insertions: Vec<Insertion>,
    attachments: BTreeSet<Modality>,
    tools: BTreeSet<&'a str>,
    images: u32,
    opaque: Vec<Opaque>,
}

impl<'a> Draft<'a> {
    pub(crate) fn into_view(self) -> View<'a> {
        let mut modalities = self.attachments;
        if self.texts.0.iter().any(|text| is_content(text.role)) {
            modalities.insert(Modality::Text);
        }
        View {
            texts: self.texts.0,
            parameters: self.parameters,
            insertions: self.insertions,
            modalities,
            tools: self.tools.into_iter().map(Into::into).collect(),
            turns: self.turns,
            images: self.images,
            opaque: self.opaque,
            model: self.model,
            system: self.system,
            guardrail: self.guardrail,
            leaks: self.leaks,
            guardrail_insertion: self.guardrail_insertion,
            output: self.output,
            streams: self.streams,
        }
    }

    /// Reads a member that must be a string.
    pub(crate) fn string(&mut self, member: &'a Member<'a>, role: TextRole) -> Result<&'a str, DecodeError> {
        let text = string(member)?;
        self.texts.string(&member.node, role, Some(&member.name));
        Ok(text)
    }

    /// Reads a member that must be a string, and that no edit may change.
    pub(crate) fn sealed(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        string(member)?;
        self.texts.sealed(&member.node, TextRole::Other, Some(&member.name));
        Ok(())
    }

    /// Reads a member that must be a list of strings.
    pub(crate) fn strings(&mut self, member: &'a Member<'a>, role: TextRole) -> Result<(), DecodeError> {
        for element in array(member)? {
            if element.as_str().is_none() {
                return Err(DecodeError::wrong_element(element, "a string"));
            }
            self.texts.string(element, role, Some(&member.name));
        }
        Ok(())
    }

    /// Reads arbitrary JSON that the model sees.
    pub(crate) fn free(&mut self, member: &'a Member<'a>, role: TextRole) {
        self.texts.free(&member.node, role, Some(&member.name));
    }

    /// Reads a member that sets `parameter`.
    // FAIL-CLOSED: a number in any other form (a string, a list, a fraction of a token) is what two decoders read
    // differently, so it is refused and not interpreted.
    pub(crate) fn setting(
        &mut self,
        parameter: Parameter,
        member: &'a Member<'a>,
    ) -> Result<(), DecodeError> {
        let node = if is_penalty(parameter) { penalty(member)? } else { &member.node };
        let value = if parameter.is_numeric() {
            let number = node.as_number().ok_or_else(|| DecodeError::wrong_type(member, "a number"))?;
            if counts_tokens(parameter) && node.as_count().is_none() {
                return Err(DecodeError::wrong_type(member, "a whole number"));
            }
            SettingValue::Number { text: number.text, value: number.value }
        } else {
            self.texts.free(node, TextRole::Other, Some(&member.name));
            SettingValue::Items(items(node))
        };
        self.parameters.push(Setting { parameter, value, span: node.span });
        Ok(())
    }

    /// Records every token limit in a member of which the wire defines no parts, whatever the limit is called there.
    pub(crate) fn hidden_limit(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        match aliases::parameter(&member.name) {
            Some(parameter @ (Parameter::MaxTokens | Parameter::ThinkingTokens)) => {
                self.setting(parameter, member)
            }
            Some(_) | None => self.hidden_limits(&member.node),
        }
    }

    fn hidden_limits(&mut self, node: &'a Node<'a>) -> Result<(), DecodeError> {
        for element in node.elements() {
            self.hidden_limits(element)?;
        }
        for member in node.members() {
            self.hidden_limit(member)?;
        }
        Ok(())
    }

    /// Says where `parameter` can be added: at the first of `paths`, unless one of them exists.
    pub(crate) fn insertable(&mut self, parameter: Parameter, body: &Node<'_>, paths: &[&[&'static str]]) {
        if paths.iter().any(|path| body.at(path).is_some()) {
            return;
        }
        if let Some(path) = paths.first() {
            self.insertions.push(insertion(Some(parameter), body, path));
        }
    }

    pub(crate) fn attach(&mut self, modality: Modality) {
        self.attachments.insert(modality);
        if modality == Modality::Image {
            self.images = self.images.saturating_add(1);
        }
    }

    /// Notes content that no text of the view holds.
    pub(crate) fn opaque(&mut self, kind: OpaqueKind, node: &Node<'_>) {
        self.opaque.push(Opaque { kind, span: node.span });
    }

    /// Reads base64 of one picture that stands in a member of its own.
    pub(crate) fn picture(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        self.attach(Modality::Image);
        self.bytes(member, Modality::Image, "")
    }

    /// Reads a list of pictures in base64.
    pub(crate) fn pictures(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        for node in array(member)? {
            if node.as_str().is_none() {
                return Err(DecodeError::wrong_element(node, "a string"));
            }
            self.attach(Modality::Image);
            self.opaque(OpaqueKind::Image, node);
            self.texts.payload(node, TextRole::Document, Some(&member.name));
        }
        Ok(())
    }

    /// Reads reasoning that only its provider can read. What is no base64 is words.
    pub(crate) fn encrypted(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        string(member)?;
        self.opaque(OpaqueKind::EncryptedReasoning, &member.node);
        self.texts.payload(&member.node, TextRole::Reasoning, Some(&member.name));
        Ok(())
    }

    /// Reads base64 of an attachment. Documents that are text are read as words too.
    pub(crate) fn bytes(
        &mut self,
        member: &'a Member<'a>,
        modality: Modality,
        format: &str,
    ) -> Result<(), DecodeError> {
        let text = string(member)?;
        let key = Some(member.name.as_ref());
        if modality != Modality::Document {
            self.opaque(OpaqueKind::of(modality), &member.node);
            self.texts.payload(&member.node, TextRole::Document, key);
            return Ok(());
        }
        self.document(member, text, format);
        Ok(())
    }

    /// Reads a document of which `encoded` is the base64, wherever in the member it stands.
    pub(crate) fn document(&mut self, member: &'a Member<'a>, encoded: &str, format: &str) {
        let key = Some(member.name.as_ref());
        match payload::document(encoded, format) {
            Document::Words(words) => {
                // FAIL-CLOSED: a file of plain characters can still be a container, as many a PDF is.
                if !payload::is_plain_text(format) {
                    self.opaque(OpaqueKind::Document, &member.node);
                }
                self.texts.derived(&member.node, words, TextRole::Document, key);
            }
            Document::Binary => self.opaque(OpaqueKind::Document, &member.node),
            Document::NotBase64 => self.texts.string(&member.node, TextRole::Document, key),
        }
    }

    /// Records the name of a tool that the model is offered or has used.
    pub(crate) fn tool(&mut self, member: &'a Member<'a>) -> Result<(), DecodeError> {
        let name = self.string(member, TextRole::ToolDefinition)?;
        self.tools.insert(name);
        Ok(())
    }

    pub(crate) fn turn(&mut self) {
        self.turns = self.turns.saturating_add(1);
    }
}

/// A place below the innermost object of `path` that exists.
pub(crate) fn insertion(parameter: Option<Parameter>, body: &Node<'_>, path: &[&'static str]) -> Insertion {
    let mut object = body;
    let mut rest = path;
    while let Some((name, below)) = rest.split_first()
        && let Some(inner) = object.get(name)
    {
        object = inner;
        rest = below;
    }
    Insertion { parameter, object: object.span, empty: object.members().is_empty(), path: rest.to_vec() }
}

/// The members of an object member.
pub(crate) fn object<'a>(member: &'a Member<'a>) -> Result<&'a [Member<'a>], DecodeError> {
    match &member.node.value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(DecodeError::wrong_type(member, "an object"))
        }
    }
}

/// The elements of an array member.
pub(crate) fn array<'a>(member: &'a Member<'a>) -> Result<&'a [Node<'a>], DecodeError> {
    match &member.node.value {
        Value::Array(elements) => Ok(elements),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(DecodeError::wrong_type(member, "a list"))
        }
    }
}

pub(crate) fn string<'a>(member: &'a Member<'a>) -> Result<&'a str, DecodeError> {
    member.node.as_str().ok_or_else(|| DecodeError::wrong_type(member, "a string"))
}

/// The members of a list element that must be an object.
pub(crate) fn element<'a>(node: &'a Node<'a>) -> Result<&'a [Member<'a>], DecodeError> {
    if node.is_object() {
        return Ok(node.members());
    }
    Err(DecodeError::wrong_element(node, "an object"))
}

/// Accepts a number that no policy bounds.
pub(crate) fn plain_number(member: &Member<'_>) -> Result<(), DecodeError> {
    match member.node.as_number() {
        Some(_) => Ok(()),
        None => Err(DecodeError::wrong_type(member, "a number")),
    }
}

pub(crate) fn flag(member: &Member<'_>) -> Result<(), DecodeError> {
    match member.node.as_bool() {
        Some(_) => Ok(()),
        None => Err(DecodeError::wrong_type(member, "true or false")),
    }
}

/// Whether the body has `name`, else the error that says so.
pub(crate) fn require(
    members: &[Member<'_>],
    place: &'static str,
    member: &'static str,
) -> Result<(), DecodeError> {
    if members.iter().any(|present| present.name == member) {
        return Ok(());
    }
    Err(DecodeError::Missing { place, member })
}

const fn is_penalty(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::PresencePenalty | Parameter::FrequencyPenalty | Parameter::CountPenalty)
}

/// Parameters that cost, and that are whole and not negative in every family.
const fn counts_tokens(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::MaxTokens | Parameter::ThinkingTokens | Parameter::Choices)
}

/// The number of a penalty: the member itself, or `scale` in AI21's object of flags.
fn penalty<'a>(member: &'a Member<'a>) -> Result<&'a Node<'a>, DecodeError> {
    const PLACE: &str = "a penalty";
    if !member.node.is_object() {
        return Ok(&member.node);
    }
    for inner in member.node.members() {
        match inner.name.as_ref() {
            "scale" => plain_number(inner)?,
            "applyToWhitespaces"
            | "applyToPunctuations"
            | "applyToPunctuation"
            | "applyToNumbers"
            | "applyToStopwords"
            | "applyToEmojis" => flag(inner)?,
            _ => return Err(DecodeError::unknown(inner, PLACE)),
        }
    }
    member.node.get("scale").ok_or(DecodeError::Missing { place: PLACE, member: "scale" })
}

fn items(node: &Node<'_>) -> u32 {
    match &node.value {
        Value::Array(elements) => u32::try_from(elements.len()).unwrap_or(u32::MAX),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => 1,
    }
}

const fn is_content(role: TextRole) -> bool {
    match role {
        TextRole::System
        | TextRole::User
        | TextRole::Assistant
        | TextRole::ToolInput
        | TextRole::ToolResult
        | TextRole::Reasoning => true,
        TextRole::ToolDefinition | TextRole::Document | TextRole::Other => false,
    }
}
