//! What a request is, as far as policies ask: values only, no text.
//!
//! Built from a decoded view, or by hand for `policy explain`. Repairs can be applied to it, so that a decision can
//! be worked out without a body. Never holds prompt text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use super::Repair;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{GuardrailPlace, Operation};
use crate::bedrock::view::{Leak, Modality, OpaqueKind, Parameter, SettingValue, View};
use crate::identity::Principal;
use crate::sensitive::Findings;

/// One question to a policy: may this principal send this?
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    pub principal: &'a Principal,
    pub operation: Operation,
    /// `None` for operations that call no model.
    pub model: Option<&'a ModelReference>,
    pub context: &'a Context,
    pub facts: &'a Facts,
}

/// Everything about a request that is neither who, what nor content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// As configured: `prod`, `dev`, …
    pub environment: String,
    /// The region that requests are sent to.
    pub region: String,
    /// Where the request came from.
    pub source: IpAddr,
    pub now: Timestamp,
    /// The exception that the caller invokes with `x-warden-break-glass`.
    pub break_glass: Option<String>,
}

/// What a body shows to policies. Two requests with equal facts are judged alike.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Every value that the body gives to a numeric parameter, one per place that sets it.
    pub settings: BTreeMap<Parameter, Vec<f64>>,
    /// Parameters that are absent and could be added.
    pub insertable: BTreeSet<Parameter>,
    pub modalities: BTreeSet<Modality>,
    /// Names of tools offered to the model.
    pub tools: Vec<String>,
    pub turns: u32,
    pub images: u32,
    /// An estimate of the tokens that the texts of the request are: one for every four bytes, rounded up.
    pub input_tokens: u32,
    /// Attachments that no detector can look into.
    pub unread: u32,
    /// Kinds of content that no detector can look into.
    pub uninspected: BTreeSet<OpaqueKind>,
    /// Whether the answer is streamed.
    pub stream: bool,
    pub guardrail: Option<GuardrailReference>,
    /// S3 URI that the answer is written to, out of the warden's sight.
    pub output: Option<String>,
    /// How the request asks to get around the guardrail.
    pub leaks: BTreeSet<Leak>,
    /// What detectors found in the texts that the model would see.
    pub findings: Findings,
}

impl Facts {
    /// The facts of a decoded request. `outer_guardrail` is the guardrail that its path names, or the headers that will
    /// be sent with it; it counts for the operations that read it there only.
    pub fn of(
        view: &View<'_>,
        operation: Operation,
        outer_guardrail: Option<GuardrailReference>,
        findings: Findings,
    ) -> Self {
        let mut settings: BTreeMap<Parameter, Vec<f64>> = BTreeMap::new();
        for setting in view.parameters.iter().filter(|setting| setting.parameter.is_numeric()) {
            let value = match setting.value {
                SettingValue::Number { value, .. } => value,
                // FAIL-CLOSED: no bound admits a number that is none.
                SettingValue::Items(_) => f64::NAN,
            };
            settings.entry(setting.parameter).or_default().push(value);
        }
        let insertable = view.insertions.iter().filter_map(|insertion| insertion.parameter).collect();
        let body_guardrail = view.guardrail.as_ref().map(|guardrail| GuardrailReference {
            identifier: guardrail.identifier.clone().unwrap_or_default(),
            version: guardrail.version.clone().unwrap_or_default(),
        });
        Self {
            settings,
            insertable,
            modalities: view.modalities.clone(),
            tools: view.tools.iter().map(ToString::to_string).collect(),
            turns: view.turns,
            images: view.images,
            input_tokens: estimated_tokens(view),
            unread: view.unread(),
            uninspected: view.opaque.iter().map(|opaque| opaque.kind).collect(),
            stream: operation.is_streaming() || view.streams,
            leaks: view.leaks.clone(),
            guardrail: match operation.guardrail() {
                GuardrailPlace::Body => body_guardrail,
                GuardrailPlace::Headers | GuardrailPlace::Path => outer_guardrail,
                GuardrailPlace::Nowhere | GuardrailPlace::Unneeded => None,
            },
            output: view.output.map(str::to_owned),
            findings,
        }
    }

    /// The facts of a request whose prompt is partly stored elsewhere: `stored` holds for it as well, and nothing can be
    /// added to what is stored. What both parts hold counts twice.
    #[must_use]
    pub fn with_stored(mut self, stored: Self) -> Self {
        for (parameter, values) in stored.settings {
            self.settings.entry(parameter).or_default().extend(values);
        }
        self.insertable.clear();
        self.modalities.extend(stored.modalities);
        self.tools.extend(stored.tools);
        self.turns = self.turns.saturating_add(stored.turns);
        self.images = self.images.saturating_add(stored.images);
        self.unread = self.unread.saturating_add(stored.unread);
        self.uninspected.extend(stored.uninspected);
        self.leaks.extend(stored.leaks);
        for (detector, count) in stored.findings.iter() {
            self.findings.add(detector, count);
        }
        self
    }

    /// The facts after repairs, as a body that was edited accordingly would show them.
    #[must_use]
    pub fn apply(&self, repairs: &[Repair]) -> Self {
        let mut facts = self.clone();
        for repair in repairs {
            match repair {
                Repair::Set { parameter, value, .. } => {
                    let values = facts.settings.entry(*parameter).or_default();
                    let places = values.len().max(1);
                    *values = vec![*value; places];
                    facts.insertable.remove(parameter);
                }
                Repair::Guardrail { reference, .. } => facts.guardrail = Some(reference.clone()),
                Repair::Redact { detectors, .. } | Repair::Tokenize { detectors, .. } => {
                    let mut left = Findings::default();
                    for (detector, count) in facts.findings.iter().filter(|(id, _)| !detectors.contains(*id))
                    {
                        left.add(detector, count);
                    }
                    facts.findings = left;
                }
            }
        }
        facts
    }
}

/// Tokens that the texts of a request are, at four bytes each. No model's own count: prose in Latin letters has fewer
/// tokens than that, source code and other scripts have about as many, and pictures are not in it.
pub fn estimated_tokens(view: &View<'_>) -> u32 {
    let bytes: usize = view.texts.iter().map(|text| text.text.len()).sum();
    u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
}

/// A guardrail as a request or a policy names it. A part that a request leaves out is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardrailReference {
    /// Id or ARN.
    pub identifier: String,
    /// A number, or `DRAFT`.
    pub version: String,
}

impl GuardrailReference {
    /// Reads `id:version`; an ARN has colons of its own, so the last one counts.
    pub fn parse(text: &str) -> Option<Self> {
        let (identifier, version) = text.rsplit_once(':')?;
        let reference = Self { identifier: identifier.to_owned(), version: version.to_owned() };
        reference.is_well_formed().then_some(reference)
    }

    /// Whether it could name a guardrail: whatever else a caller writes there is not repeated in messages.
    pub(super) fn is_well_formed(&self) -> bool {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:/.".contains(&byte);
        let number = self.version.bytes().all(|digit| digit.is_ascii_digit()) && self.version.len() <= 8;
        !self.identifier.is_empty()
            && self.identifier.len() <= 2048
            && self.identifier.bytes().all(letter)
            && !self.version.is_empty()
            && (number || self.version == "DRAFT")
    }
}

impl fmt::Display for GuardrailReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.identifier, self.version)
    }
}

/// What was found in an answer.
#[derive(Debug, Clone, Copy)]
pub struct Found<'f> {
    pub findings: &'f Findings,
    /// Of these, what stands where nothing can be replaced: under a signature, in the name of a member.
    pub fixed: Option<&'f Findings>,
    /// Whether a text was too long to be looked into to its end.
    pub overlong: bool,
}

/// Findings that can all be replaced.
impl<'f> From<&'f Findings> for Found<'f> {
    fn from(findings: &'f Findings) -> Self {
        Self { findings, fixed: None, overlong: false }
    }
}
