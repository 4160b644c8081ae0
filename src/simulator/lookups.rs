//! What the control plane says about names that hide a model: profiles, throughputs, custom and imported models, routers,
//! endpoints.
//!
//! Receives a request line and returns the description of one resource, or the service's refusal. The account has a few
//! fixed resources and one throughput that `UpdateProvisionedModelThroughput` points at another model. Members are those of
//! the service model.

use std::sync::{Mutex, PoisonError};

use http::Method;
use serde_json::{Value, json};

use crate::bedrock::fault::Fault;
use crate::bedrock::json::Document;
use crate::bedrock::model::resolution::Lookup;
use crate::bedrock::model::{ModelKind, ModelReference};

use super::reply::Refusal;

/// The account that everything belongs to.
const ACCOUNT: &str = "111122223333";
const CREATED: &str = "2026-01-05T09:00:00Z";

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const SONNET: &str = "anthropic.claude-3-sonnet-20240229-v1:0";
const TITAN: &str = "amazon.titan-text-express-v1";
const NOVA: &str = "amazon.nova-lite-v1:0";

/// Collections of the control plane that hold such names. Service model.
const PROFILES: &str = "/inference-profiles/";
const THROUGHPUTS: &str = "/provisioned-model-throughput/";
const CUSTOM_MODELS: &str = "/custom-models/";
const DEPLOYMENTS: &str = "/model-customization/custom-model-deployments/";
const IMPORTED_MODELS: &str = "/imported-models/";
const ROUTERS: &str = "/prompt-routers/";
const ENDPOINTS: &str = "/marketplace-model/endpoints/";
/// Of `bedrock-agent`, which answers here as well.
const PROMPTS: &str = "/prompts/";

/// The stored prompts: a text with its limits, and a chat that says too much.
const GREETING: &str = "GREETING01";
const LETTER: &str = "LETTER0001";

/// The names of the account.
#[derive(Debug)]
pub struct Names {
    region: String,
    // What the movable throughput points at. Written by updates, held for a copy.
    throughput: Mutex<&'static str>,
}

impl Names {
    pub fn new(region: String) -> Self {
        Self { region, throughput: Mutex::new(NOVA) }
    }

    /// Describes or moves the resource that a request line names; `None` for every other request, and for what is not
    /// among these names.
    pub fn answer(&self, method: &Method, target: &str, body: &[u8]) -> Option<Result<Value, Refusal>> {
        let collections =
            [PROFILES, THROUGHPUTS, CUSTOM_MODELS, DEPLOYMENTS, IMPORTED_MODELS, ROUTERS, ENDPOINTS, PROMPTS];
        let collection = collections.into_iter().find(|collection| target.starts_with(collection))?;
        if collection == PROMPTS {
            let found = self.prompt(method, target.strip_prefix(collection)?);
            let message = "The specified resource was not found.";
            return Some(found.ok_or_else(|| Refusal::new(Fault::ResourceNotFound, message)));
        }
        let name = target.strip_prefix(collection)?.replace("%3A", ":").replace("%2F", "/");
        let id = name.rsplit(['/', ':']).next().unwrap_or_default();
        match *method {
            Method::GET => self.describe(collection, id).map(Ok),
            Method::PATCH if collection == THROUGHPUTS && id == "movable00001" => Some(self.move_to(body)),
            _ => None,
        }
    }

    /// GetPrompt. `target` is what follows the collection: an ARN, and the version in the query.
    fn prompt(&self, method: &Method, target: &str) -> Option<Value> {
        let (name, version) = target.split_once("/?promptVersion=")?;
        let arn = name.replace("%3A", ":").replace("%2F", "/");
        let id = arn.rsplit('/').next().unwrap_or_default();
        if *method != Method::GET || version != "1" || arn != self.arn("prompt", id) {
            return None;
        }
        let variant = match id {
            GREETING => json!({
                "name": "default",
                "templateType": "TEXT",
                "modelId": HAIKU,
                "templateConfiguration": {"text": {
                    "text": "You greet people.\nsay: Good morning, {{name}}!",
                    "inputVariables": [{"name": "name"}],
                }},
                "inferenceConfiguration": {"text": {"maxTokens": 200, "temperature": 0.2}},
            }),
            LETTER => json!({
                "name": "default",
                "templateType": "CHAT",
                "modelId": self.foundation(NOVA),
                "templateConfiguration": {"chat": {
                    "system": [{"text": "Write for alice.example@mail.example.com."}],
                    "messages": [{"role": "user", "content": [{"text": "say: Dear {{name}}"}]}],
                    "inputVariables": [{"name": "name"}],
                }},
            }),
            _ => return None,
        };
        Some(json!({
            "name": id.to_lowercase(),
            "id": id,
            "arn": format!("{arn}:{version}"),
            "version": version,
            "defaultVariant": "default",
            "variants": [variant],
            "createdAt": CREATED,
            "updatedAt": CREATED,
        }))
    }

    /// The Converse body that a call of a stored prompt comes to: the prompt's messages before the caller's.
    pub fn prompted(&self, reference: &ModelReference, body: &[u8]) -> Option<Vec<u8>> {
        let question = Lookup::all(reference).ok()?.into_iter().find(Lookup::is_of_agents)?;
        let answer = self.answer(&Method::GET, &question.path(), b"")?.ok()?;
        let resolved = reference.clone().with(question.read(answer.to_string().as_bytes()).ok()?);
        let request: Value = serde_json::from_slice(body).ok()?;
        let filled = resolved.stored_prompt()?.filled(Document::parse(body).ok()?.root()).ok()?;
        let mut whole: Value = serde_json::from_str(&filled).ok()?;
        let appended = request.get("messages").and_then(Value::as_array);
        whole.get_mut("messages")?.as_array_mut()?.extend(appended.into_iter().flatten().cloned());
        if let Some(guardrail) = request.get("guardrailConfig") {
            whole.as_object_mut()?.insert("guardrailConfig".to_owned(), guardrail.clone());
        }
        Some(whole.to_string().into_bytes())
    }

    /// The model that answers when `reference` is called.
    pub fn follow(&self, reference: &ModelReference) -> Option<ModelReference> {
        if reference.kind() == ModelKind::Prompt {
            let model = if reference.raw().contains(GREETING) { HAIKU } else { NOVA };
            return ModelReference::parse(model).ok();
        }
        let id = reference.raw().rsplit(['/', ':']).next().unwrap_or_default();
        let model = match id {
            "profile00001" | "profile00003" | "profile00004" | "router000001" | "imported0001" | "falcon" => {
                HAIKU
            }
            "profile00002" => TITAN,
            "custom000001" | "deployed0001" | "fixed0000001" => NOVA,
            "movable00001" | "claims-throughput" => self.moved_to(),
            _ => return None,
        };
        ModelReference::parse(model).ok()
    }

    fn describe(&self, collection: &str, id: &str) -> Option<Value> {
        match (collection, id) {
            (PROFILES, "profile00001") => Some(self.profile(id, &[self.foundation(HAIKU)])),
            (PROFILES, "profile00002") => Some(self.profile(id, &[self.foundation(TITAN)])),
            (PROFILES, "profile00003") => {
                let elsewhere = format!("arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}");
                Some(self.profile(id, &[self.foundation(HAIKU), elsewhere]))
            }
            (PROFILES, "profile00004") => {
                let anywhere = format!("arn:aws:bedrock:::foundation-model/{HAIKU}");
                Some(self.profile(id, &[self.foundation(HAIKU), anywhere]))
            }
            (THROUGHPUTS, "movable00001" | "claims-throughput") => {
                let model = self.foundation(self.moved_to());
                Some(self.throughput("movable00001", &model, &model))
            }
            (THROUGHPUTS, "fixed0000001") => {
                Some(self.throughput(id, &self.custom_model(), &self.foundation(NOVA)))
            }
            (CUSTOM_MODELS, "custom000001") => Some(json!({
                "modelArn": self.custom_model(),
                "modelName": "claims-writer",
                "baseModelArn": self.foundation(NOVA),
                "customizationType": "FINE_TUNING",
                "modelStatus": "Active",
                "creationTime": CREATED,
            })),
            (DEPLOYMENTS, "deployed0001") => Some(json!({
                "customModelDeploymentArn": self.arn("custom-model-deployment", id),
                "modelDeploymentName": "claims-writer-live",
                "modelArn": self.custom_model(),
                "createdAt": CREATED,
                "status": "Active",
            })),
            (IMPORTED_MODELS, "imported0001") => Some(json!({
                "modelArn": self.arn("imported-model", id),
                "modelName": "from-home",
                "modelArchitecture": "llama",
                "instructSupported": true,
                "creationTime": CREATED,
            })),
            (ROUTERS, "router000001") => Some(json!({
                "promptRouterName": "claude-router",
                "promptRouterArn": self.arn("prompt-router", id),
                "routingCriteria": {"responseQualityDifference": 10.0},
                "models": [{"modelArn": self.foundation(HAIKU)}, {"modelArn": self.foundation(SONNET)}],
                "fallbackModel": {"modelArn": self.foundation(HAIKU)},
                "status": "AVAILABLE",
                "type": "custom",
            })),
            (ENDPOINTS, "falcon") => Some(json!({"marketplaceModelEndpoint": {
                "endpointArn": format!("arn:aws:sagemaker:{}:{ACCOUNT}:endpoint/falcon", self.region),
                "modelSourceIdentifier": format!(
                    "arn:aws:sagemaker:{}:aws:hub-content/SageMakerPublicHub/Model/huggingface-llm-falcon/2.0.1",
                    self.region
                ),
                "status": "REGISTERED",
                "endpointStatus": "InService",
                "createdAt": CREATED,
                "updatedAt": CREATED,
            }})),
            (_, _) => None,
        }
    }

    fn profile(&self, id: &str, models: &[String]) -> Value {
        json!({
            "inferenceProfileName": format!("claims {id}"),
            "inferenceProfileArn": self.arn("application-inference-profile", id),
            "inferenceProfileId": id,
            "models": models.iter().map(|arn| json!({"modelArn": arn})).collect::<Vec<_>>(),
            "status": "ACTIVE",
            "type": "APPLICATION",
            "createdAt": CREATED,
            "updatedAt": CREATED,
        })
    }

    fn throughput(&self, id: &str, model: &str, foundation: &str) -> Value {
        json!({
            "provisionedModelName": "claims-throughput",
            "provisionedModelArn": self.arn("provisioned-model", id),
            "modelArn": model,
            "desiredModelArn": model,
            "foundationModelArn": foundation,
            "modelUnits": 1,
            "desiredModelUnits": 1,
            "status": "InService",
            "creationTime": CREATED,
            "lastModifiedTime": CREATED,
        })
    }

    /// `UpdateProvisionedModelThroughput`, to one of the models of the catalogue that it may serve.
    fn move_to(&self, body: &[u8]) -> Result<Value, Refusal> {
        let wanted = serde_json::from_slice::<Value>(body).ok();
        let wanted = wanted.as_ref().and_then(|body| body.get("desiredModelId")).and_then(Value::as_str);
        let model = [HAIKU, SONNET, NOVA].into_iter().find(|model| Some(*model) == wanted);
        let invalid = || Refusal::new(Fault::Validation, "The provided model identifier is invalid.");
        *self.throughput.lock().unwrap_or_else(PoisonError::into_inner) = model.ok_or_else(invalid)?;
        Ok(json!({}))
    }

    fn moved_to(&self) -> &'static str {
        *self.throughput.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn custom_model(&self) -> String {
        self.arn("custom-model", &format!("{NOVA}/custom000001"))
    }

    fn foundation(&self, model: &str) -> String {
        format!("arn:aws:bedrock:{}::foundation-model/{model}", self.region)
    }

    fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:bedrock:{}:{ACCOUNT}:{kind}/{id}", self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_described_name_leads_to_the_model_that_answers_for_it() {
        let names = Names::new("us-east-1".to_owned());
        let own = |resource: &str| format!("arn:aws:bedrock:us-east-1:111122223333:{resource}");
        let table = [
            (own("application-inference-profile/profile00001"), HAIKU),
            (own("application-inference-profile/profile00002"), TITAN),
            (own("application-inference-profile/profile00003"), HAIKU),
            (own("provisioned-model/movable00001"), NOVA),
            ("claims-throughput".to_owned(), NOVA),
            (own("prompt-router/router000001"), HAIKU),
        ];
        for (label, answers) in table {
            let reference = ModelReference::parse(&label).unwrap();
            let lookup = Lookup::all(&reference).unwrap().remove(0);
            let described = names.answer(&Method::GET, &lookup.path(), b"").unwrap().unwrap();
            let found = lookup.read(described.to_string().as_bytes()).unwrap();
            let resolved = reference.clone().with(found);
            assert!(resolved.origin_ids().contains(&answers), "{label}: {described:#}");
            assert_eq!(names.follow(&reference).unwrap().canonical(), answers, "{label}");
        }
    }

    #[test]
    fn only_the_movable_throughput_moves_and_only_to_models_it_may_serve() {
        let names = Names::new("us-east-1".to_owned());
        let path = "/provisioned-model-throughput/movable00001";
        let to = |model: &str| json!({ "desiredModelId": model }).to_string();
        assert!(names.answer(&Method::PATCH, path, to("nobody.model").as_bytes()).unwrap().is_err());
        assert_eq!(names.moved_to(), NOVA);
        assert!(names.answer(&Method::PATCH, path, to(SONNET).as_bytes()).unwrap().is_ok());
        assert_eq!(names.moved_to(), SONNET);
        let fixed = path.replace("movable00001", "fixed0000001");
        assert!(names.answer(&Method::PATCH, &fixed, to(HAIKU).as_bytes()).is_none());
        assert!(names.answer(&Method::GET, "/prompt-routers/nobody", b"").is_none());
        assert!(names.answer(&Method::GET, "/foundation-models", b"").is_none());
    }
}
