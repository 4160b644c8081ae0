//! The rule kinds, one file each: how an item is written, when a request breaks it, how a request can be repaired to
//! keep it, and what a caller is told.
//!
//! Predicates speak about the request as it will be sent. They know nothing of levels, order or each other.

pub(super) mod allow;
pub(super) mod content;
pub(super) mod deny;
pub(super) mod guardrail;
pub(super) mod limits;
pub(super) mod residency;
pub(super) mod sensitive;

use content::Content;
use deny::Deny;
use guardrail::Guardrail;
use limits::Limits;
use residency::Residency;
use sensitive::{Sensitive, Strongest};

use super::asked::Undecided;
use super::detectors::Detectors;
use super::facts::Inquiry;
use super::rule::{Mode, Section};
use crate::bedrock::fault::Fault;
use crate::bedrock::operation::{GuardrailPlace, Operation};
use crate::sensitive::DetectorId;
use crate::yaml::{Mapping, Reader};

/// What an item demands, for every section but `allow`.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Deny(Deny),
    Residency(Residency),
    Limits(Limits),
    Content(Content),
    Guardrail(Guardrail),
    Sensitive(Sensitive),
}

/// How a request breaks a rule, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach {
    pub fault: Fault,
    pub text: String,
    pub value: Option<String>,
    pub bound: Option<String>,
    /// The part of the rule that is broken, where exceptions can waive parts of it.
    pub field: Option<&'static str>,
    /// Whether nobody could say if the rule is broken.
    pub undecided: bool,
}

impl Breach {
    pub fn access(text: impl Into<String>) -> Self {
        Self {
            fault: Fault::AccessDenied,
            text: text.into(),
            value: None,
            bound: None,
            field: None,
            undecided: false,
        }
    }

    pub fn validation(text: impl Into<String>) -> Self {
        Self {
            fault: Fault::Validation,
            text: text.into(),
            value: None,
            bound: None,
            field: None,
            undecided: false,
        }
    }

    /// FAIL-CLOSED: a rule whose condition cannot be evaluated counts as broken, by nobody's fault but ours.
    pub fn undecided(error: Undecided) -> Self {
        let text = error.to_string();
        Self {
            fault: Fault::ServiceUnavailable,
            text,
            value: None,
            bound: None,
            field: None,
            undecided: true,
        }
    }

    pub fn between(self, value: impl Into<String>, bound: impl Into<String>) -> Self {
        Self { value: Some(value.into()), bound: Some(bound.into()), ..self }
    }
}

impl Kind {
    /// The attributes of a section's items, besides those that all items share.
    pub const fn keys(section: Section) -> &'static [&'static str] {
        match section {
            Section::Allow => &allow::KEYS,
            Section::Deny => &deny::KEYS,
            Section::Residency => &residency::KEYS,
            Section::Limits => &limits::KEYS,
            Section::Content => &content::KEYS,
            Section::Guardrail => &guardrail::KEYS,
            Section::Sensitive => &sensitive::KEYS,
        }
    }

    /// Reads an item. `None` for `allow`, whose items are grants and not rules, and after a reported mistake.
    pub fn read(
        reader: &mut Reader<'_>,
        item: &Mapping<'_>,
        section: Section,
        detectors: &Detectors,
    ) -> Option<Self> {
        match section {
            Section::Allow => None,
            Section::Deny => Deny::read(reader, item).map(Self::Deny),
            Section::Residency => Residency::read(reader, item).map(Self::Residency),
            Section::Limits => Limits::read(reader, item).map(Self::Limits),
            Section::Content => Content::read(reader, item).map(Self::Content),
            Section::Guardrail => Guardrail::read(reader, item).map(Self::Guardrail),
            Section::Sensitive => Sensitive::read(reader, item, detectors).map(Self::Sensitive),
        }
    }

    pub const fn section(&self) -> Section {
        match self {
            Self::Deny(_) => Section::Deny,
            Self::Residency(_) => Section::Residency,
            Self::Limits(_) => Section::Limits,
            Self::Content(_) => Section::Content,
            Self::Guardrail(_) => Section::Guardrail,
            Self::Sensitive(_) => Section::Sensitive,
        }
    }

    /// Whether the rule is about such operations at all. A guardrail is demanded where a model answers.
    pub const fn concerns(&self, operation: Operation) -> bool {
        match self {
            Self::Guardrail(_) => !matches!(operation.guardrail(), GuardrailPlace::Unneeded),
            Self::Deny(_) | Self::Residency(_) | Self::Limits(_) | Self::Content(_) | Self::Sensitive(_) => {
                true
            }
        }
    }

    /// How the request breaks the rule, given that the rule concerns it.
    pub fn breaches(&self, inquiry: &Inquiry<'_>, mode: Mode, strongest: Strongest) -> Vec<Breach> {
        match self {
            Self::Deny(deny) => deny.breach(inquiry.model).into_iter().collect(),
            Self::Residency(residency) => residency.breach(inquiry).into_iter().collect(),
            Self::Limits(limits) => limits.breaches(inquiry.facts, mode),
            Self::Content(content) => content.breach(inquiry.facts).into_iter().collect(),
            Self::Guardrail(guardrail) => guardrail.breach(inquiry.facts).into_iter().collect(),
            Self::Sensitive(sensitive) => {
                sensitive.breach(inquiry.facts, mode, strongest).into_iter().collect()
            }
        }
    }

    /// What breaks the rule, given that the rule concerns the request: one text, or one for each field.
    pub fn broken_in_cedar(
        &self,
        mode: Mode,
        denied: &dyn Fn(DetectorId) -> String,
    ) -> Vec<(Option<&'static str>, String)> {
        let whole = match self {
            Self::Limits(limits) => {
                let bounds = limits.bounds.iter();
                return bounds
                    .map(|bound| (Some(bound.quantity.name()), bound.broken_in_cedar(mode)))
                    .collect();
            }
            Self::Deny(deny) => deny.broken_in_cedar(),
            Self::Residency(residency) => residency.broken_in_cedar(),
            Self::Content(content) => content.broken_in_cedar(),
            Self::Guardrail(guardrail) => guardrail.broken_in_cedar(),
            Self::Sensitive(sensitive) => sensitive.broken_in_cedar(mode, denied),
        };
        vec![(None, whole)]
    }
}
