//! `ListFoundationModels`: the catalogue as a document, narrowed by the query.
//!
//! Receives the raw query and returns `modelSummaries`, or the service's complaint about a filter. Pure.

use serde_json::{Value, json};

use crate::bedrock::fault::Fault;

use super::super::reply::Refusal;
use super::Model;
use super::table::MODELS;

/// Filters of the operation and the values that they accept; a provider's name is free. Botocore model.
const FILTERS: &[(&str, &[&str])] = &[
    ("byProvider", &[]),
    ("byCustomizationType", &["FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"]),
    ("byOutputModality", &["TEXT", "IMAGE", "EMBEDDING"]),
    ("byInferenceType", &["ON_DEMAND", "PROVISIONED"]),
];

/// The document for `query`, the part of the target after `?`.
pub fn list(query: &str, region: &str) -> Result<Value, Refusal> {
    let mut filters = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some((name, accepted)) = FILTERS.iter().find(|(filter, _)| *filter == name) else { continue };
        let value = decoded(value);
        if !accepted.is_empty() && !accepted.contains(&value.as_str()) {
            let message = format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must satisfy enum \
                 value set: [{}]",
                accepted.join(", ")
            );
            return Err(Refusal::new(Fault::Validation, message));
        }
        filters.push((*name, value));
    }
    let models = MODELS.iter().filter(|model| filters.iter().all(|(name, value)| model.passes(name, value)));
    Ok(json!({"modelSummaries": models.map(|model| model.summary(region)).collect::<Vec<_>>()}))
}

impl Model {
    fn passes(&self, filter: &str, value: &str) -> bool {
        match filter {
            "byProvider" => self.provider.eq_ignore_ascii_case(value),
            "byCustomizationType" => self.customizations.contains(&value),
            "byOutputModality" => self.outputs.contains(&value),
            _ => self.inference.contains(&value),
        }
    }

    pub(in crate::simulator) fn summary(&self, region: &str) -> Value {
        json!({
            "modelArn": self.arn(region),
            "modelId": self.id,
            "modelName": self.name,
            "providerName": self.provider,
            "inputModalities": self.inputs,
            "outputModalities": self.outputs,
            "responseStreamingSupported": self.streams,
            "customizationsSupported": self.customizations,
            "inferenceTypesSupported": self.inference,
            "modelLifecycle": {"status": if self.legacy { "LEGACY" } else { "ACTIVE" }},
        })
    }
}

/// A query value without its percent escapes; `+` is a space.
pub(in crate::simulator) fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let escaped = match (byte, ahead.next(), ahead.next()) {
            (b'%', Some(high), Some(low)) => {
                hex::decode([high, low]).ok().and_then(|byte| byte.first().copied())
            }
            _ => None,
        };
        if escaped.is_some() {
            rest = ahead;
        }
        bytes.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(query: &str) -> Vec<String> {
        let document = list(query, "eu-west-1").unwrap();
        let models = document["modelSummaries"].as_array().unwrap();
        models.iter().map(|model| model["modelId"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn filters_narrow_the_list() {
        let all = ids("").len();
        assert!(all >= 20);
        assert_eq!(ids("unknown=1").len(), all);
        assert_eq!(ids("byProvider=Stability%20AI&byOutputModality=IMAGE").len(), 4);
        assert_eq!(ids("byProvider=ai21+labs").len(), 6);
        assert!(ids("byOutputModality=EMBEDDING").contains(&"cohere.embed-english-v3".to_owned()));
        assert!(
            ids("byCustomizationType=CONTINUED_PRE_TRAINING").iter().all(|id| id.starts_with("amazon.titan"))
        );
        assert!(ids("byInferenceType=PROVISIONED&byProvider=nobody").is_empty());
        assert_eq!(list("byOutputModality=AUDIO", "eu-west-1").unwrap_err().fault, Fault::Validation);
    }

    #[test]
    fn a_summary_has_every_member_of_the_service_model() {
        let document = list("byProvider=Anthropic", "eu-west-1").unwrap();
        let haiku = document["modelSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|model| model["modelName"] == "Claude 3 Haiku");
        assert_eq!(
            haiku.unwrap(),
            &json!({
                "modelArn": "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
                "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
                "modelName": "Claude 3 Haiku",
                "providerName": "Anthropic",
                "inputModalities": ["TEXT", "IMAGE"],
                "outputModalities": ["TEXT"],
                "responseStreamingSupported": true,
                "customizationsSupported": [],
                "inferenceTypesSupported": ["ON_DEMAND", "INFERENCE_PROFILE"],
                "modelLifecycle": {"status": "ACTIVE"},
            })
        );
    }
}
