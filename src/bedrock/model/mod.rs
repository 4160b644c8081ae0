//! Which model a request names, read strictly and brought to one spelling.
//!
//! Receives a path label that was percent-decoded once, or a model id out of an AWS answer. Returns the parts that
//! policies compare: canonical id, provider, geography, region, account. Two spellings of one model have one canonical
//! id; what cannot be told from the text is refused or stays a reference that needs a lookup, which `resolution` speaks
//! about. Case is significant.

mod arn;
mod id;
pub mod resolution;

use std::collections::HashSet;
use std::fmt;

use thiserror::Error;

use id::Id;
use resolution::Found;

pub use id::{GEOGRAPHIES, PROVIDERS};

/// Longest model identifier the service takes (botocore model).
pub const MAX_LENGTH: usize = 2048;

/// What a model reference points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ModelKind {
    /// A model of the catalogue, by id or by ARN.
    Foundation,
    /// A system-defined inference profile: a catalogue model that may run anywhere in a geography.
    Profile,
    ApplicationProfile,
    Provisioned,
    Custom,
    CustomDeployment,
    Imported,
    Prompt,
    Router,
    /// A SageMaker endpoint registered with the Bedrock marketplace.
    Marketplace,
    /// A bare resource name: provisioned throughput, custom model or application profile.
    Named,
}

impl ModelKind {
    pub const ALL: [Self; 11] = [
        Self::Foundation,
        Self::Profile,
        Self::ApplicationProfile,
        Self::Provisioned,
        Self::Custom,
        Self::CustomDeployment,
        Self::Imported,
        Self::Prompt,
        Self::Router,
        Self::Marketplace,
        Self::Named,
    ];

    /// The word used in policies and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Foundation => "foundation",
            Self::Profile => "profile",
            Self::ApplicationProfile => "app-profile",
            Self::Provisioned => "provisioned",
            Self::Custom => "custom",
            Self::CustomDeployment => "custom-deployment",
            Self::Imported => "imported",
            Self::Prompt => "prompt",
            Self::Router => "router",
            Self::Marketplace => "marketplace",
            Self::Named => "named",
        }
    }

    /// Whether only AWS knows which model answers.
    pub const fn needs_lookup(self) -> bool {
        match self {
            Self::Foundation | Self::Profile => false,
            Self::ApplicationProfile
            | Self::Provisioned
            | Self::Custom
            | Self::CustomDeployment
            | Self::Imported
            | Self::Prompt
            | Self::Router
            | Self::Marketplace
            | Self::Named => true,
        }
    }

    /// Whether a reference of this kind has no weights of its own: what runs is a model behind it. A custom model is no
    /// alias, for it is not the model that it was trained from.
    pub const fn is_alias(self) -> bool {
        match self {
            Self::ApplicationProfile
            | Self::Provisioned
            | Self::CustomDeployment
            | Self::Prompt
            | Self::Router
            | Self::Named => true,
            Self::Foundation | Self::Profile | Self::Custom | Self::Imported | Self::Marketplace => false,
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One model as a caller named it, and what was found behind that name. Shown as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelReference {
    raw: String,
    kind: ModelKind,
    /// The catalogue id that decides about the body's format.
    base: Option<String>,
    provider: Option<String>,
    geography: Option<String>,
    context: Option<String>,
    partition: Option<String>,
    region: Option<String>,
    account: Option<String>,
    /// What a bare name is of, where the place that holds it says so.
    sought: Option<ModelKind>,
    /// What a lookup found; `None` until there was one.
    found: Option<Found>,
}

impl ModelReference {
    /// Reads a model id, an inference profile id, a resource name, or an ARN of any of Bedrock's model resources.
    /// The label must have been percent-decoded exactly once.
    pub fn parse(label: &str) -> Result<Self, ModelError> {
        if label.is_empty() {
            return Err(ModelError::Empty);
        }
        if label.len() > MAX_LENGTH {
            return Err(ModelError::TooLong);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        if let Some(at) = label.bytes().position(|byte| !allowed(byte)) {
            return Err(ModelError::Character(at));
        }
        if label.contains("..") {
            return Err(ModelError::EmptyPart);
        }
        if label.starts_with("arn:") {
            return arn::parse(label);
        }
        if label.contains(['.', ':', '/']) {
            let id = Id::parse(label)?;
            let kind = if id.geography.is_some() { ModelKind::Profile } else { ModelKind::Foundation };
            return Ok(Self::of_id(label, kind, &id));
        }
        if is_resource_name(label) {
            return Ok(Self::opaque(label, ModelKind::Named));
        }
        Err(ModelError::Name)
    }

    /// The label as it was written, percent-decoded.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The id that rules compare: no geography, no context suffix, no ARN around it, its version kept. For a kind
    /// that needs a lookup this is the text as written.
    pub fn canonical(&self) -> &str {
        if self.kind.needs_lookup() { &self.raw } else { self.base.as_deref().unwrap_or(&self.raw) }
    }

    /// The catalogue id whose body format the model speaks: the canonical id, or what a custom model was trained from.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// `anthropic`, `amazon`, …; `None` where only a lookup could tell.
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// Where a profile may run: `us`, `eu`, `global`, …
    pub fn geography(&self) -> Option<&str> {
        self.geography.as_deref()
    }

    /// The throughput variant asked for: `48k` of `anthropic.claude-3-haiku-20240307-v1:0:48k`. Not in the canonical
    /// id, so that a rule against a model holds for its variants.
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    pub const fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Partition of an ARN: `aws`, `aws-us-gov`, …
    pub fn partition(&self) -> Option<&str> {
        self.partition.as_deref()
    }

    /// Region of an ARN.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Account of an ARN, 12 digits. Foundation models have none.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Where inference happens as far as the text tells: the geography of a profile, else the region of an ARN, else
    /// the region that requests are sent to.
    pub fn runs_in<'a>(&'a self, upstream_region: &'a str) -> &'a str {
        self.geography().or(self.region()).unwrap_or(upstream_region)
    }

    /// A bare name in a place that only names resources of one kind. Every other reference says its kind itself.
    #[must_use]
    pub fn sought_as(self, kind: ModelKind) -> Self {
        let sought = (self.kind == ModelKind::Named).then_some(kind);
        Self { sought, ..self }
    }

    /// What a bare name is of; `None` where it may be several things.
    pub const fn sought(&self) -> Option<ModelKind> {
        self.sought
    }

    /// What was found one step behind the name.
    pub const fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// The next models in the chain from the name to what runs, each with its own. Empty where there are none, or where
    /// none were looked up.
    pub fn behind(&self) -> &[Self] {
        self.found.as_ref().map(|found| found.models.as_slice()).unwrap_or_default()
    }

    /// What an imported model was built as, in AWS's words: `LlamaForCausalLM`, …
    pub fn architecture(&self) -> Option<&str> {
        self.found.as_ref().and_then(|found| found.architecture.as_deref())
    }

    /// Whether it is known to the end what stands behind the name.
    pub fn is_resolved(&self) -> bool {
        let behind = self.behind();
        let known = self.found.is_some() && !(self.kind.is_alias() && behind.is_empty());
        !self.kind.needs_lookup() || (known && behind.iter().all(Self::is_resolved))
    }

    /// This reference and all that stand behind it, from the name inwards.
    pub fn chain(&self) -> Vec<&Self> {
        let behind = self.behind().iter().flat_map(Self::chain);
        std::iter::once(self).chain(behind).collect()
    }

    /// Those of the chain that run: no aliases, and not what a custom model was trained from. Empty for an alias that
    /// was not looked up.
    pub fn running(&self) -> Vec<&Self> {
        if self.kind.is_alias() { self.behind().iter().flat_map(Self::running).collect() } else { vec![self] }
    }

    /// The ends of the chain: what is known about the models once all names are followed and every custom model is
    /// traced to its base. Itself, where nothing is behind it.
    pub fn origins(&self) -> Vec<&Self> {
        match self.behind() {
            [] => vec![self],
            behind => behind.iter().flat_map(Self::origins).collect(),
        }
    }

    /// Canonical ids of the [`origins`](Self::origins), each once.
    pub fn origin_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.origins().into_iter().map(Self::canonical).collect();
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(*id));
        ids
    }

    fn of_id(raw: &str, kind: ModelKind, id: &Id<'_>) -> Self {
        Self {
            raw: raw.to_owned(),
            kind,
            base: Some(id.canonical.to_owned()),
            provider: Some(id.provider.to_owned()),
            geography: id.geography.map(str::to_owned),
            context: id.context.map(str::to_owned),
            partition: None,
            region: None,
            account: None,
            sought: None,
            found: None,
        }
    }

    fn opaque(raw: &str, kind: ModelKind) -> Self {
        Self {
            raw: raw.to_owned(),
            kind,
            base: None,
            provider: None,
            geography: None,
            context: None,
            partition: None,
            region: None,
            account: None,
            sought: None,
            found: None,
        }
    }
}

impl fmt::Display for ModelReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.raw)
    }
}

/// Why a label names no model. Texts hold no part of the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ModelError {
    #[error("model id is empty")]
    Empty,
    #[error("model id is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("model id holds a character that no model id has, at byte {0}")]
    Character(usize),
    #[error("model id has an empty part; parts between dots, colons and slashes cannot be empty")]
    EmptyPart,
    #[error("not a model id; expected `provider.model:version`, a resource name, or an ARN")]
    Name,
    #[error("model id has upper-case letters; ids of foundation models and inference profiles have none")]
    UpperCase,
    #[error("model id has more than a version and a context length after its name")]
    Suffix,
    #[error("model id starts with a geography that no model follows")]
    GeographyWithoutModel,
    #[error("cannot tell whether the model id starts with a geography or with a provider")]
    AmbiguousGeography,
    #[error("not an ARN of a model; expected `arn:partition:bedrock:region:account:resource`")]
    Arn,
    #[error("ARN is of another service; models are resources of bedrock, or endpoints of sagemaker")]
    ForeignService,
    #[error("ARN has a malformed region")]
    Region,
    #[error("ARN has a malformed account; models of an account need its 12 digits, foundation models none")]
    Account,
    #[error("ARN names no kind of model that can be invoked")]
    Resource,
}

/// `([0-9a-zA-Z][_-]?)+` of the service model: no dots, no two separators in a row.
fn is_resource_name(text: &str) -> bool {
    let separator = |byte: &u8| matches!(byte, b'-' | b'_');
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || separator(byte))
        && bytes.iter().zip(bytes.iter().skip(1)).all(|(one, next)| !(separator(one) && separator(next)))
}

#[cfg(test)]
mod tests;
