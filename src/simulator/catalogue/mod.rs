//! The models that the double offers, and what may be known about each.
//!
//! Receives model references and returns models, or the service's own refusal. Facts of the real models as the service
//! lists them. Pure.

mod list;
mod table;

use crate::bedrock::fault::Fault;
use crate::bedrock::model::{ModelKind, ModelReference};

use super::models::Family;
use super::reply::Refusal;

pub(super) use list::decoded;
pub use list::list;
pub use table::MODELS;

/// One foundation model.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    pub id: &'static str,
    pub name: &'static str,
    pub provider: &'static str,
    pub family: Family,
    inputs: &'static [&'static str],
    outputs: &'static [&'static str],
    pub streams: bool,
    customizations: &'static [&'static str],
    /// `ON_DEMAND`: by the identifier itself; `INFERENCE_PROFILE`: by a profile's; `PROVISIONED`.
    inference: &'static [&'static str],
    legacy: bool,
}

impl Model {
    /// The model of a catalogue id, however it may be called.
    pub fn named(id: &str) -> Option<&'static Self> {
        table::MODELS.iter().find(|model| model.id == id)
    }

    /// Models that inference profiles lead to.
    pub fn through_profiles() -> impl Iterator<Item = &'static Self> {
        table::MODELS.iter().filter(|model| model.inference.contains(&"INFERENCE_PROFILE"))
    }

    pub fn arn(&self, region: &str) -> String {
        format!("arn:aws:bedrock:{region}::foundation-model/{}", self.id)
    }

    /// The model that a reference leads to, as the endpoint of `region` sees it.
    pub fn resolve(reference: &ModelReference, region: &str) -> Result<&'static Self, Refusal> {
        let invalid = || Refusal::new(Fault::Validation, "The provided model identifier is invalid.");
        if reference.region().is_some_and(|named| named != region) {
            return Err(invalid());
        }
        let found = || Self::named(reference.canonical()).ok_or_else(invalid);
        match reference.kind() {
            ModelKind::Foundation => {
                let model = found()?;
                if model.inference.contains(&"ON_DEMAND") {
                    return Ok(model);
                }
                let id = reference.raw();
                let message = format!(
                    "Invocation of model ID {id} with on-demand throughput isn\u{2019}t supported. Retry your request \
                     with the ID or ARN of an inference profile that contains this model."
                );
                Err(Refusal::new(Fault::Validation, message))
            }
            ModelKind::Profile => {
                let model = found()?;
                if model.inference.contains(&"INFERENCE_PROFILE") { Ok(model) } else { Err(invalid()) }
            }
            ModelKind::ApplicationProfile
            | ModelKind::Provisioned
            | ModelKind::Custom
            | ModelKind::CustomDeployment
            | ModelKind::Imported
            | ModelKind::Prompt
            | ModelKind::Router
            | ModelKind::Marketplace
            | ModelKind::Named => Err(Refusal::new(
                Fault::ResourceNotFound,
                "Could not resolve the foundation model from the model identifier.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_to_models_or_to_the_refusal_of_the_service() {
        let cases = [
            ("anthropic.claude-v2:1", Ok("anthropic.claude-v2:1")),
            ("anthropic.claude-v2", Ok("anthropic.claude-v2")),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Ok("anthropic.claude-sonnet-4-5-20250929-v1:0")),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-lite-v1",
                Ok("amazon.titan-text-lite-v1"),
            ),
            ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-text-lite-v1", Err(Fault::Validation)),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", Err(Fault::Validation)),
            ("us.anthropic.claude-v2", Err(Fault::Validation)),
            ("anthropic.claude-v9", Err(Fault::Validation)),
            (
                "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdef123456",
                Err(Fault::ResourceNotFound),
            ),
        ];
        for (label, expected) in cases {
            let reference = ModelReference::parse(label).unwrap();
            let found = Model::resolve(&reference, "us-east-1").map(|model| model.id);
            assert_eq!(found.map_err(|refusal| refusal.fault), expected, "{label}");
        }
    }
}
