//! What every rule has in common: an id, a place in a file, a mode, a condition, words for people.
//!
//! Receives an item of a section and returns its head; the section's own file reads the rest of the item.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::asked::{Asked, Undecided};
use super::condition::Condition;
use super::detectors::Detectors;
use super::rules::Kind;
use super::scope::is_name;
use crate::yaml::{Mapping, Node, Reader, Source};

/// `<scope>/<section>[/<id>]`, as in `payments/limits/opus-short`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// `scope` is what the ids of its file begin with.
    pub(super) fn new(scope: &(impl fmt::Display + ?Sized), section: Section, id: Option<&str>) -> Self {
        let section = section.name();
        Self(match id {
            Some(id) => format!("{scope}/{section}/{id}").into(),
            None => format!("{scope}/{section}").into(),
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The sections of a policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    Allow,
    Deny,
    Residency,
    Limits,
    Content,
    Guardrail,
    Sensitive,
}

impl Section {
    pub const ALL: [Self; 7] = [
        Self::Allow,
        Self::Deny,
        Self::Residency,
        Self::Limits,
        Self::Content,
        Self::Guardrail,
        Self::Sensitive,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Residency => "residency",
            Self::Limits => "limits",
            Self::Content => "content",
            Self::Guardrail => "guardrail",
            Self::Sensitive => "sensitive",
        }
    }
}

/// Whether a rule decides, or is only watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    #[default]
    Enforce,
    /// Checked and recorded. Never repairs, never denies.
    Shadow,
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }

    pub(super) const WORDS: [(&'static str, Self); 2] =
        [("enforce", Self::Enforce), ("shadow", Self::Shadow)];
}

/// A compiled item of any section but `allow`.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub head: Head,
    pub kind: Kind,
}

impl Rule {
    /// Where the rule stands among those of its level.
    pub fn order(&self) -> (Section, &RuleId) {
        (self.kind.section(), &self.head.id)
    }

    pub fn is_enforced(&self) -> bool {
        self.head.mode == Mode::Enforce
    }

    /// Whether the rule concerns this request at all.
    pub fn applies(&self, asked: &Asked<'_>) -> Result<bool, Undecided> {
        Ok(self.kind.concerns(asked.inquiry.operation) && self.head.condition.restricts(asked)?)
    }
}

/// The attributes that items of all sections share.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub id: RuleId,
    pub place: Place,
    pub mode: Mode,
    pub condition: Condition,
    /// A sentence for callers.
    pub message: Option<String>,
    /// Controls of compliance catalogues that the rule implements.
    pub controls: Vec<String>,
    /// Whether exceptions may not touch the rule.
    pub locked: bool,
}

/// Where in a file something stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub source: Source,
    pub span: Range<usize>,
    /// `file:line`.
    pub at: Arc<str>,
}

impl Place {
    pub fn new(source: &Source, span: &Range<usize>) -> Self {
        let at = format!("{}:{}", source.path, source.line(span.start)).into();
        Self { source: source.clone(), span: span.clone(), at }
    }
}

/// What the items of one file inherit from it.
#[derive(Clone, Copy)]
pub(super) struct FileHead<'a> {
    /// What the ids of its rules begin with.
    pub scope: &'a dyn fmt::Display,
    pub mode: Mode,
    /// Whether its rules can be locked.
    pub is_floor: bool,
    /// What `sensitive` can name.
    pub detectors: &'a Detectors,
}

/// Names of the attributes that items of all sections share.
pub(super) const COMMON_KEYS: [&str; 7] = ["id", "when", "unless", "mode", "message", "controls", "locked"];

impl Head {
    pub fn read(
        reader: &mut Reader<'_>,
        item: &Mapping<'_>,
        section: Section,
        file: FileHead<'_>,
    ) -> Option<Self> {
        let errors = reader.diagnostics.errors();
        let id = item.get("id").and_then(|node| read_id(reader, node));
        let condition = Condition::read(reader, item);
        let named = matches!(section, Section::Deny | Section::Sensitive);
        if item.get("id").is_none() && (named || !condition.is_empty()) {
            let why = if named { section.name() } else { "an item with a condition" };
            reader.error(item.span, format!("{why} needs an `id`, so that denials and records can name it"));
        }
        let mode = match item.get("mode") {
            Some(node) if section == Section::Allow => {
                let diagnostic =
                    reader.source.error(node.span.clone(), "`allow` has no mode: it grants or it does not");
                reader.push(
                    diagnostic
                        .help("remove `mode`; `mode` of the whole file does not concern `allow` either"),
                );
                None
            }
            Some(node) => reader.one_of(node, "mode", &Mode::WORDS),
            None => None,
        };
        let message = item.get("message").and_then(|node| read_sentence(reader, node, "message"));
        let controls = item.get("controls").and_then(|node| reader.strings(node, "controls"));
        let locked = read_locked(reader, item, file.is_floor);
        let head = Self {
            id: RuleId::new(file.scope, section, id.as_deref()),
            place: Place::new(reader.source, item.span),
            mode: mode.unwrap_or(file.mode),
            condition,
            message,
            controls: controls.unwrap_or_default(),
            locked,
        };
        (reader.diagnostics.errors() == errors).then_some(head)
    }
}

fn read_id(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let id = reader.string(node, "id")?;
    if !is_name(&id) {
        reader.error(&node.span, "id must be letters, digits, `-`, `_` or `.`, at most 64");
        return None;
    }
    Some(id)
}

fn read_locked(reader: &mut Reader<'_>, item: &Mapping<'_>, is_floor: bool) -> bool {
    let Some(node) = item.get("locked") else { return false };
    if !is_floor {
        let diagnostic = reader.source.error(node.span.clone(), "`locked` belongs to org.yaml only");
        reader.push(diagnostic.help("remove it here: only the floor is out of reach of exceptions"));
    }
    reader.boolean(node, "locked").unwrap_or_default()
}

/// One line that callers will read.
pub(super) fn read_sentence(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<String> {
    let text = reader.string(node, place)?;
    if text.chars().any(char::is_control) || text.chars().count() > 400 {
        reader.error(&node.span, format!("{place} must be one line of at most 400 characters"));
        return None;
    }
    Some(text)
}
