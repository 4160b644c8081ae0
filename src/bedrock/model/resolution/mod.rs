//! What to ask the control plane about a reference that hides its model, and how its answer is read.
//!
//! Receives a parsed reference, returns the requests that tell what stands behind it; receives the bodies of the answers,
//! returns the next references in the chain. Pure: somebody else sends and caches. An answer that does not have exactly
//! the form of the service model resolves nothing.

use std::fmt::Write as _;

use thiserror::Error;

use super::{ModelKind, ModelReference};
use crate::bedrock::json::{Document, JsonError, Node};
use crate::bedrock::stored_prompt::StoredPrompt;

/// Longest chain from a name to what runs: a name, a deployment, a custom model, its base, and one to spare.
pub const MAX_DEPTH: usize = 5;

/// Most models in one answer. A profile of all regions has about twenty.
pub const MAX_MODELS: usize = 64;

/// How long an answer about a reference stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// No operation of the service changes it.
    Fixed,
    /// It can be pointed at another model at any time.
    Changing,
}

/// One question to the control plane. INVARIANT: made from a parsed reference only, so that it carries nothing of a
/// caller's but an identifier whose every character was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    subject: ModelReference,
    resource: Resource,
}

/// What one answer says: the next references in the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Found {
    pub(super) models: Vec<ModelReference>,
    pub(super) architecture: Option<String>,
    pub(super) prompt: Option<StoredPrompt>,
}

/// Why nothing can be said about what stands behind a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResolutionError {
    #[error(
        "a draft of a prompt can be changed at any time and cannot be judged; call a version of it, such as `…:prompt/…:1`"
    )]
    Draft,
    #[error("the model leads back to itself")]
    Loop,
    #[error("more than {MAX_DEPTH} names stand between the model and what runs")]
    TooDeep,
    #[error("AWS's answer about the model could not be read")]
    Json(#[from] JsonError),
    #[error("AWS's answer about the model has no `{0}` that names a model")]
    Member(&'static str),
    #[error("AWS's answer about the model names more than {MAX_MODELS} models")]
    TooManyModels,
}

/// The resources that can stand where a model id stands (botocore model of `bedrock`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    InferenceProfile,
    ProvisionedThroughput,
    CustomModel,
    Deployment,
    ImportedModel,
    PromptRouter,
    MarketplaceEndpoint,
    Prompt,
}

impl Lookup {
    /// The questions about `reference`, none when its text says it all. A bare name may be several things: all of
    /// them are asked about, and those that exist count. FAIL-CLOSED: two resources of one name are judged both.
    pub fn all(reference: &ModelReference) -> Result<Vec<Self>, ResolutionError> {
        let resources: &[Resource] = match reference.kind() {
            ModelKind::Foundation | ModelKind::Profile => &[],
            ModelKind::ApplicationProfile => &[Resource::InferenceProfile],
            ModelKind::Provisioned => &[Resource::ProvisionedThroughput],
            ModelKind::Custom => &[Resource::CustomModel],
            ModelKind::CustomDeployment => &[Resource::Deployment],
            // What was imported into another training is a custom model to the service.
            ModelKind::Imported if reference.raw().contains(":custom-model/") => &[Resource::CustomModel],
            ModelKind::Imported => &[Resource::ImportedModel],
            ModelKind::Router => &[Resource::PromptRouter],
            ModelKind::Marketplace => &[Resource::MarketplaceEndpoint],
            ModelKind::Named => match reference.sought().and_then(Resource::of_kind) {
                Some(resource) => &[resource],
                None => &[Resource::ProvisionedThroughput, Resource::InferenceProfile],
            },
            ModelKind::Prompt if version(reference).is_none() => return Err(ResolutionError::Draft),
            ModelKind::Prompt => &[Resource::Prompt],
        };
        Ok(resources.iter().map(|&resource| Self { subject: reference.clone(), resource }).collect())
    }

    /// Path of the `GET` on the control plane, identifier percent-encoded.
    pub fn path(&self) -> String {
        let mut path = String::from(self.resource.collection());
        let (name, query) = match version(&self.subject) {
            Some((arn, version)) => (arn, format!("/?promptVersion={version}")),
            None => (self.subject.raw(), String::new()),
        };
        for byte in name.bytes() {
            // Parsed references hold no other bytes that a path segment does not (see `ModelReference::parse`).
            match byte {
                b':' | b'/' => drop(write!(path, "%{byte:02X}")),
                _ => path.push(char::from(byte)),
            }
        }
        path + &query
    }

    /// Whether `bedrock-agent.{region}` answers instead of the control plane of models.
    pub const fn is_of_agents(&self) -> bool {
        matches!(self.resource, Resource::Prompt)
    }

    /// AWS's name of the operation: what the warden's role must be allowed.
    pub const fn operation(&self) -> &'static str {
        match self.resource {
            Resource::InferenceProfile => "GetInferenceProfile",
            Resource::ProvisionedThroughput => "GetProvisionedModelThroughput",
            Resource::CustomModel => "GetCustomModel",
            Resource::Deployment => "GetCustomModelDeployment",
            Resource::ImportedModel => "GetImportedModel",
            Resource::PromptRouter => "GetPromptRouter",
            Resource::MarketplaceEndpoint => "GetMarketplaceModelEndpoint",
            Resource::Prompt => "GetPrompt",
        }
    }

    /// Reads the body of an answer of status 200.
    pub fn read(&self, body: &[u8]) -> Result<Found, ResolutionError> {
        let document = Document::parse(body)?;
        match version(&self.subject) {
            Some((arn, version)) => {
                let (prompt, model) = StoredPrompt::read(&document, arn, version)?;
                Ok(Found { models: vec![model], prompt: Some(prompt), ..Found::default() })
            }
            None => self.describe(document.root()),
        }
    }

    /// Reads the description of the resource: an answer, or the entry of a list, which has the same members.
    pub fn describe(&self, node: &Node<'_>) -> Result<Found, ResolutionError> {
        let found = self.resource.read(node, self.subject.kind())?;
        if found.models.len() > MAX_MODELS {
            return Err(ResolutionError::TooManyModels);
        }
        if self.subject.kind() != ModelKind::Named {
            return Ok(found);
        }
        // A name leads to a resource, which has an ARN of its own that policies may list.
        let named = model(node, self.resource.own_arn(), self.resource.kinds())?;
        Ok(Found { models: vec![named.with(found)], ..Found::default() })
    }
}

impl Found {
    /// What several answers about one name say together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.models.extend(other.models);
        self.architecture = self.architecture.or(other.architecture);
        self
    }

    pub fn models(&self) -> &[ModelReference] {
        &self.models
    }

    /// The same answer with its models followed further.
    #[must_use]
    pub fn with_models(self, models: Vec<ModelReference>) -> Self {
        Self { models, ..self }
    }

    /// What a reviewer wrote down about an alias, in place of an answer.
    pub fn stated(models: Vec<ModelReference>) -> Self {
        Self { models, ..Self::default() }
    }
}

impl ModelReference {
    /// What a name of Prompt management stands for, beside its model.
    pub fn stored_prompt(&self) -> Option<&StoredPrompt> {
        self.found.as_ref()?.prompt.as_ref()
    }

    /// The reference with what was found behind it.
    #[must_use]
    pub fn with(self, found: Found) -> Self {
        Self { found: Some(found), ..self }
    }

    /// How long what is found about it stays true.
    pub const fn lifetime(&self) -> Lifetime {
        match self.kind {
            ModelKind::Provisioned
            | ModelKind::CustomDeployment
            | ModelKind::Marketplace
            // A name can be given to another resource.
            | ModelKind::Named => Lifetime::Changing,
            ModelKind::Foundation
            | ModelKind::Profile
            | ModelKind::ApplicationProfile
            | ModelKind::Custom
            | ModelKind::Imported
            // Drafts are never followed.
            | ModelKind::Prompt
            | ModelKind::Router => Lifetime::Fixed,
        }
    }

    /// The reference that is to be looked up next, as the last of `chain`. FAIL-CLOSED: chains end and have no loops.
    pub fn follow<'a>(&'a self, chain: &[&'a str]) -> Result<Vec<&'a str>, ResolutionError> {
        if chain.contains(&self.raw()) {
            return Err(ResolutionError::Loop);
        }
        if chain.len() >= MAX_DEPTH {
            return Err(ResolutionError::TooDeep);
        }
        Ok([chain, &[self.raw()]].concat())
    }

    /// A model of the SageMaker hub behind a marketplace endpoint: `…:hub-content/{hub}/Model/{name}[/{version}]`.
    fn hub_content(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "sagemaker", region, _, resource] = fields.as_slice() else { return None };
        let mut parts = resource.split('/');
        let (kind, _, model) = (parts.next()?, parts.next()?, parts.next()?);
        let name: Vec<&str> = parts.collect();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        let valid = kind == "hub-content"
            && model == "Model"
            && matches!(name.len(), 1 | 2)
            && !resource.contains("//")
            && !resource.ends_with('/')
            && text.len() <= super::MAX_LENGTH
            && text.bytes().all(plain);
        valid.then(|| {
            let reference = Self::opaque(text, ModelKind::Marketplace);
            let place = Self {
                partition: Some((*partition).to_owned()),
                region: Some((*region).to_owned()),
                ..reference
            };
            place.with(Found::default())
        })
    }
}

impl Resource {
    /// The resource that a name of one kind is of, where names stand for such resources.
    const fn of_kind(kind: ModelKind) -> Option<Self> {
        match kind {
            ModelKind::ApplicationProfile => Some(Self::InferenceProfile),
            ModelKind::Provisioned => Some(Self::ProvisionedThroughput),
            ModelKind::Custom => Some(Self::CustomModel),
            ModelKind::CustomDeployment => Some(Self::Deployment),
            ModelKind::Imported => Some(Self::ImportedModel),
            ModelKind::Foundation
            | ModelKind::Profile
            | ModelKind::Prompt
            | ModelKind::Router
            | ModelKind::Marketplace
            | ModelKind::Named => None,
        }
    }

    /// The kinds that the resource's own ARN can be of.
    const fn kinds(self) -> &'static [ModelKind] {
        match self {
            Self::InferenceProfile => &[ModelKind::ApplicationProfile],
            Self::ProvisionedThroughput => &[ModelKind::Provisioned],
            Self::CustomModel => &[ModelKind::Custom, ModelKind::Imported],
            Self::Deployment => &[ModelKind::CustomDeployment],
            Self::ImportedModel => &[ModelKind::Imported],
            Self::PromptRouter => &[ModelKind::Router],
            Self::MarketplaceEndpoint => &[ModelKind::Marketplace],
            Self::Prompt => &[ModelKind::Prompt],
        }
    }

    /// The member of an answer that names the resource itself.
    const fn own_arn(self) -> &'static str {
        match self {
            Self::InferenceProfile => "inferenceProfileArn",
            Self::ProvisionedThroughput => "provisionedModelArn",
            Self::CustomModel | Self::ImportedModel => "modelArn",
            Self::Deployment => "customModelDeploymentArn",
            Self::PromptRouter => "promptRouterArn",
            Self::MarketplaceEndpoint => "endpointArn",
            Self::Prompt => "arn",
        }
    }

    const fn collection(self) -> &'static str {
        match self {
            Self::InferenceProfile => "/inference-profiles/",
            Self::ProvisionedThroughput => "/provisioned-model-throughput/",
            Self::CustomModel => "/custom-models/",
            Self::Deployment => "/model-customization/custom-model-deployments/",
            Self::ImportedModel => "/imported-models/",
            Self::PromptRouter => "/prompt-routers/",
            Self::MarketplaceEndpoint => "/marketplace-model/endpoints/",
            Self::Prompt => "/prompts/",
        }
    }

    fn read(self, answer: &Node<'_>, subject: ModelKind) -> Result<Found, ResolutionError> {
        const WEIGHTS: [ModelKind; 3] = [ModelKind::Foundation, ModelKind::Custom, ModelKind::Imported];
        const CATALOGUE: [ModelKind; 2] = [ModelKind::Foundation, ModelKind::Profile];
        let models = match self {
            Self::InferenceProfile => each(answer, "models", &CATALOGUE)?,
            Self::ProvisionedThroughput => {
                // Both: while it is moved from one model to the other, either may answer.
                let current = model(answer, "modelArn", &WEIGHTS)?;
                let desired = model(answer, "desiredModelArn", &WEIGHTS)?;
                let mut models = vec![current];
                push_new(&mut models, desired);
                models
            }
            // What was imported may have no base that AWS knows.
            Self::CustomModel if subject == ModelKind::Imported && answer.get("baseModelArn").is_none() => {
                Vec::new()
            }
            Self::CustomModel => vec![model(answer, "baseModelArn", &WEIGHTS)?],
            Self::Deployment => {
                let mut models = vec![model(answer, "modelArn", &WEIGHTS)?];
                if let Some(update) = answer.get("updateDetails").filter(|node| !node.is_null()) {
                    push_new(&mut models, model(update, "modelArn", &WEIGHTS)?);
                }
                models
            }
            Self::ImportedModel => {
                let architecture = answer.get("modelArchitecture").and_then(Node::as_str);
                let architecture = architecture.ok_or(ResolutionError::Member("modelArchitecture"))?;
                return Ok(Found { architecture: Some(architecture.to_owned()), ..Found::default() });
            }
            Self::PromptRouter => {
                let mut models = each(answer, "models", &CATALOGUE)?;
                let fallback = answer.get("fallbackModel").ok_or(ResolutionError::Member("fallbackModel"))?;
                push_new(&mut models, model(fallback, "modelArn", &CATALOGUE)?);
                models
            }
            // What it stands for is more than models (see [`Lookup::read`]).
            Self::Prompt => return Err(ResolutionError::Member("variants")),
            Self::MarketplaceEndpoint => {
                // A description wraps what a list has as its entry.
                let endpoint = answer.get("marketplaceModelEndpoint").unwrap_or(answer);
                let source = endpoint.get("modelSourceIdentifier");
                let source = source.and_then(Node::as_str).and_then(ModelReference::hub_content);
                vec![source.ok_or(ResolutionError::Member("modelSourceIdentifier"))?]
            }
        };
        Ok(Found { models, ..Found::default() })
    }
}

/// The ARN of a stored prompt and its version; `None` for drafts, and for all that is none.
fn version(reference: &ModelReference) -> Option<(&str, &str)> {
    let (arn, version) = reference.raw().rsplit_once(':')?;
    let is_version = reference.kind() == ModelKind::Prompt && arn.contains(":prompt/");
    (is_version && version.bytes().all(|byte| byte.is_ascii_digit())).then_some((arn, version))
}

/// The models of a list of `{"modelArn": …}`, at least one.
fn each(
    answer: &Node<'_>,
    list: &'static str,
    kinds: &[ModelKind],
) -> Result<Vec<ModelReference>, ResolutionError> {
    let elements = answer.get(list).map(Node::elements).unwrap_or_default();
    if elements.is_empty() {
        return Err(ResolutionError::Member(list));
    }
    let mut models = Vec::with_capacity(elements.len());
    for element in elements {
        push_new(&mut models, model(element, "modelArn", kinds)?);
    }
    Ok(models)
}

/// The model that a member names, when it is of one of `kinds`.
fn model(
    node: &Node<'_>,
    member: &'static str,
    kinds: &[ModelKind],
) -> Result<ModelReference, ResolutionError> {
    let text = node.get(member).and_then(Node::as_str).ok_or(ResolutionError::Member(member))?;
    let model = parse(text).filter(|model| kinds.contains(&model.kind()));
    model.ok_or(ResolutionError::Member(member))
}

/// A model out of an answer. An ARN without a region is how AWS writes that a model may run anywhere (AWS's policy
/// examples for global inference profiles), so it is read as the global profile that it stands for.
fn parse(text: &str) -> Option<ModelReference> {
    let anywhere = text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":bedrock:::foundation-model/"))
        .filter(|(partition, _)| !partition.contains(':'));
    match anywhere {
        Some((_, id)) => ModelReference::parse(&format!("global.{id}")).ok(),
        None => ModelReference::parse(text).ok(),
    }
}

fn push_new(models: &mut Vec<ModelReference>, model: ModelReference) {
    if !models.contains(&model) {
        models.push(model);
    }
}

#[cfg(test)]
mod tests;
