//! The one normalised view of a request, whatever operation and family it was written for.
//!
//! Receives parsed bodies, hands out what policies speak about: texts, parameters, modalities, tools. Every part
//! remembers the bytes it was read from, so that a repair edits the body itself and not a copy of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use super::format::DecodeError;
use super::json::{Document, Span};
use super::model::ModelReference;

mod coverage;

pub use coverage::{Coverage, Opaque, OpaqueKind, Uninspected};

/// A request as policies see it. Borrows from the parsed document.
#[derive(Debug)]
pub struct View<'a> {
    /// Every string the model can see, in document order.
    pub texts: Vec<Text<'a>>,
    /// Every spelling of every parameter in the body: an alias hides nothing.
    pub parameters: Vec<Setting<'a>>,
    /// Where a parameter that is absent can be added. Parameters the family does not have are not listed.
    pub insertions: Vec<Insertion>,
    pub modalities: BTreeSet<Modality>,
    /// Names of tools offered to the model.
    pub tools: Vec<Cow<'a, str>>,
    /// Messages in the conversation; 1 for a single prompt.
    pub turns: u32,
    pub images: u32,
    /// What no detector can look into, in document order.
    pub opaque: Vec<Opaque>,
    /// A model that the body names beside the one in the path. See [`View::check_model`].
    pub model: Option<&'a str>,
    /// Whether a system prompt is present.
    pub system: bool,
    /// What the body says of a guardrail, or `None`. On operations that name guardrails in headers it names none.
    pub guardrail: Option<BodyGuardrail>,
    /// How the body asks for a guardrail that sees less than all, or for the sight of what it holds back.
    pub leaks: BTreeSet<Leak>,
    /// Where a guardrail can be placed in the body; `None` when the operation takes it in headers.
    pub guardrail_insertion: Option<Insertion>,
    /// S3 URI that the answer will be written to instead of being passed back (StartAsyncInvoke).
    pub output: Option<&'a str>,
    /// Whether the body asks for a streamed answer, on operations that let it.
    pub streams: bool,
}

impl View<'_> {
    /// Attachments whose content is not among `texts`: pictures, sound, binary documents, anything in S3.
    pub fn unread(&self) -> u32 {
        let count = self.opaque.iter().filter(|opaque| opaque.kind.is_attachment()).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Refuses a body that names another model than the one that was judged: which of the two answers is not for us to
    /// guess. Some clients repeat the model, with or without its geography.
    pub fn check_model(&self, judged: &ModelReference) -> Result<(), DecodeError> {
        let Some(named) = self.model else { return Ok(()) };
        let is_same = |named: ModelReference| named.canonical() == judged.canonical();
        if named == judged.raw() || ModelReference::parse(named).is_ok_and(is_same) {
            return Ok(());
        }
        Err(DecodeError::OtherModel)
    }

    /// What of the request was looked into and what was not. `document` is the one that the view was read from.
    pub fn coverage(&self, document: &Document<'_>) -> Coverage {
        let inspected = self.texts.iter().map(|text| text.text.len() as u64).sum();
        Coverage::new(inspected, &self.opaque, document.root())
    }
}

/// One string that the model can see.
#[derive(Debug, Clone, PartialEq)]
pub struct Text<'a> {
    pub text: Cow<'a, str>,
    pub role: TextRole,
    /// Name of the nearest enclosing object member, for context rules such as `"ssn": "…"`.
    pub key: Option<&'a str>,
    /// The JSON value (quotes included) that holds the text: a string, or a number read as text.
    pub span: Span,
    /// Whether an edit may change it. Object keys and signed reasoning are inspected, never edited.
    pub editable: bool,
}

/// Where in the conversation a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextRole {
    System,
    User,
    Assistant,
    ToolInput,
    ToolResult,
    ToolDefinition,
    Document,
    Reasoning,
    /// Any other string of the body.
    Other,
}

impl TextRole {
    /// The word used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::ToolInput => "tool_input",
            Self::ToolResult => "tool_result",
            Self::ToolDefinition => "tool_definition",
            Self::Document => "document",
            Self::Reasoning => "reasoning",
            Self::Other => "other",
        }
    }
}

/// The parameters that policies can bound, under their normalised names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    MaxTokens,
    Temperature,
    TopP,
    TopK,
    MinP,
    ThinkingTokens,
    Choices,
    PresencePenalty,
    FrequencyPenalty,
    CountPenalty,
    Seed,
    Stop,
    ReturnLikelihoods,
    LogitBias,
    Stream,
}

impl Parameter {
    pub const ALL: [Self; 15] = [
        Self::MaxTokens,
        Self::Temperature,
        Self::TopP,
        Self::TopK,
        Self::MinP,
        Self::ThinkingTokens,
        Self::Choices,
        Self::PresencePenalty,
        Self::FrequencyPenalty,
        Self::CountPenalty,
        Self::Seed,
        Self::Stop,
        Self::ReturnLikelihoods,
        Self::LogitBias,
        Self::Stream,
    ];

    /// The name used in policies, records and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "maxTokens",
            Self::Temperature => "temperature",
            Self::TopP => "topP",
            Self::TopK => "topK",
            Self::MinP => "minP",
            Self::ThinkingTokens => "thinkingTokens",
            Self::Choices => "choices",
            Self::PresencePenalty => "presencePenalty",
            Self::FrequencyPenalty => "frequencyPenalty",
            Self::CountPenalty => "countPenalty",
            Self::Seed => "seed",
            Self::Stop => "stop",
            Self::ReturnLikelihoods => "returnLikelihoods",
            Self::LogitBias => "logitBias",
            Self::Stream => "stream",
        }
    }

    /// Whether the parameter is one number, which is what `limits` can bound. A body that sets such a parameter to
    /// anything but a number is refused when it is decoded.
    pub const fn is_numeric(self) -> bool {
        match self {
            Self::MaxTokens
            | Self::Temperature
            | Self::TopP
            | Self::TopK
            | Self::MinP
            | Self::ThinkingTokens
            | Self::Choices
            | Self::PresencePenalty
            | Self::FrequencyPenalty
            | Self::CountPenalty
            | Self::Seed => true,
            Self::Stop | Self::ReturnLikelihoods | Self::LogitBias | Self::Stream => false,
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One place in the body that sets a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting<'a> {
    pub parameter: Parameter,
    pub value: SettingValue<'a>,
    /// The value's bytes.
    pub span: Span,
}

/// What a parameter is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingValue<'a> {
    Number {
        text: &'a str,
        value: f64,
    },
    /// A list counts its elements; anything else counts 1. Used for parameters that are not numbers.
    Items(u32),
}

/// A place where a missing value can be added: the innermost object that exists, and the member path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insertion {
    pub parameter: Option<Parameter>,
    /// Span of the object that exists.
    pub object: Span,
    /// Whether that object has no members, which decides about a comma.
    pub empty: bool,
    /// Members to create below it: the last one holds the value, the others hold objects.
    pub path: Vec<&'static str>,
}

/// Kinds of content in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    Text,
    Image,
    Document,
    Video,
    Audio,
}

impl Modality {
    pub const ALL: [Self; 5] = [Self::Text, Self::Image, Self::Document, Self::Video, Self::Audio];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Document => "document",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// The reason to stop of an answer in which a guardrail intervened, in Converse's word. Other forms are recorded by it too.
pub const INTERVENED: &str = "guardrail_intervened";

/// `guardrailConfig` of a Converse body, or `amazon-bedrock-guardrailConfig` of a native one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyGuardrail {
    pub identifier: Option<String>,
    pub version: Option<String>,
    /// Bytes of the whole value.
    pub span: Span,
}

/// Ways of calling a guardrail that get around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// The trace repeats the model's words as they were before the guardrail masked or blocked them.
    Trace,
    /// A stream is passed on before it was checked.
    Unchecked,
    /// The request marks the parts that the guardrail looks at, so that it looks at nothing else.
    Narrowed,
}

impl Leak {
    pub const ALL: [Self; 3] = [Self::Trace, Self::Unchecked, Self::Narrowed];

    /// The word used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Unchecked => "unchecked",
            Self::Narrowed => "narrowed",
        }
    }
}

/// Tokens of one exchange. `None` where the answer does not say. `input` excludes cached tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
}

impl Usage {
    /// Takes from `later` every count that it knows.
    pub fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_write = later.cache_write.or(self.cache_write);
    }
}

/// A unary answer, or one chunk of a streamed one, in normalised form.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    /// Every string that the caller will see, with spans in the answer's own document.
    pub texts: Vec<Text<'a>>,
    pub usage: Usage,
    /// The family's own word for why generation ended; Converse's where a guardrail ended it.
    pub stop_reason: Option<String>,
}
