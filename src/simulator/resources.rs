//! Resources of the double's account, as the control plane lists and describes them.
//!
//! Receives a read and returns its document. One resource of each kind, beside the inference profiles that every account
//! has. Members are those of the service model. Pure.

use serde_json::{Value, json};

use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{Operation, Route};

use super::async_invokes::AsyncInvokes;
use super::catalogue::{self, Model, decoded};
use super::reply::Refusal;
use super::{chat, guardrails};

/// The account that the double belongs to.
pub const ACCOUNT: &str = "111122223333";

/// When everything here was made.
pub const CREATED: &str = "2026-01-05T09:00:00Z";

/// Foundation models behind the account's own resources.
const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const TITAN: &str = "amazon.titan-text-express-v1";

/// The document that answers a read.
pub fn describe(
    route: &Route,
    target: &str,
    region: &str,
    invocations: &AsyncInvokes,
) -> Result<Value, Refusal> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let account = Account { region };
    let asked = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    };
    let one = |things: Vec<Value>, names: &[&str]| find(things, route.model.as_ref(), names);
    match route.operation {
        Operation::ListAsyncInvokes => Ok(invocations.list(query)),
        Operation::GetAsyncInvoke => invocations.get(&decoded(path.rsplit('/').next().unwrap_or_default())),
        Operation::ListModels => Ok(chat::models()),
        Operation::ListFoundationModels => catalogue::list(query, region),
        Operation::GetFoundationModel => {
            Ok(json!({"modelDetails": foundation(route.model.as_ref())?.summary(region)}))
        }
        Operation::GetFoundationModelAvailability => Ok(availability(foundation(route.model.as_ref())?)),
        Operation::ListInferenceProfiles => {
            let kind = asked("type");
            let mut profiles = account.profiles();
            profiles.retain(|profile| kind.as_deref().is_none_or(|kind| profile["type"] == *kind));
            Ok(page("inferenceProfileSummaries", profiles, asked("maxResults"), asked("nextToken")))
        }
        Operation::GetInferenceProfile => {
            one(account.profiles(), &["inferenceProfileId", "inferenceProfileArn"])
        }
        Operation::ListProvisionedModelThroughputs => {
            Ok(json!({"provisionedModelSummaries": account.provisioned()}))
        }
        Operation::GetProvisionedModelThroughput => {
            one(account.provisioned(), &["provisionedModelName", "provisionedModelArn"])
        }
        Operation::ListCustomModels => Ok(json!({"modelSummaries": account.custom_models()})),
        Operation::GetCustomModel => one(account.custom_models(), &["modelName", "modelArn"]),
        Operation::ListCustomModelDeployments => {
            Ok(json!({"modelDeploymentSummaries": account.deployments("customModelDeploymentName")}))
        }
        Operation::GetCustomModelDeployment => one(
            account.deployments("modelDeploymentName"),
            &["modelDeploymentName", "customModelDeploymentArn"],
        ),
        Operation::ListImportedModels => Ok(json!({"modelSummaries": account.imported()})),
        Operation::GetImportedModel => one(account.imported(), &["modelName", "modelArn"]),
        Operation::ListPromptRouters => Ok(json!({"promptRouterSummaries": account.routers()})),
        Operation::GetPromptRouter => one(account.routers(), &["promptRouterArn"]),
        Operation::ListMarketplaceModelEndpoints => {
            Ok(json!({"marketplaceModelEndpoints": account.endpoints()}))
        }
        Operation::GetMarketplaceModelEndpoint => {
            Ok(json!({"marketplaceModelEndpoint": one(account.endpoints(), &["endpointArn"])?}))
        }
        Operation::ListGuardrails => Ok(guardrails::list(region, ACCOUNT)),
        Operation::GetGuardrail => {
            let guardrail = route.guardrail.as_ref().ok_or_else(missing)?;
            let version = asked("guardrailVersion").unwrap_or_else(|| "DRAFT".to_owned());
            Ok(guardrails::get(guardrail, &version, region, ACCOUNT))
        }
        Operation::GetModelInvocationLoggingConfiguration => Ok(json!({"loggingConfig": {
            "s3Config": {"bucketName": "invocation-logs", "keyPrefix": "bedrock"},
            "textDataDeliveryEnabled": true,
            "imageDataDeliveryEnabled": false,
            "embeddingDataDeliveryEnabled": false,
        }})),
        Operation::InvokeModel
        | Operation::InvokeModelWithResponseStream
        | Operation::InvokeModelWithBidirectionalStream
        | Operation::Converse
        | Operation::ConverseStream
        | Operation::CountTokens
        | Operation::ChatCompletions
        | Operation::Responses
        | Operation::Messages
        | Operation::StartAsyncInvoke
        | Operation::ApplyGuardrail
        | Operation::InvokeGuardrailChecks => Err(missing()),
    }
}

fn availability(model: &Model) -> Value {
    json!({
        "modelId": model.id,
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
    })
}

/// An account in one region.
struct Account<'r> {
    region: &'r str,
}

impl Account<'_> {
    fn profiles(&self) -> Vec<Value> {
        let geography = self.region.split('-').next().unwrap_or("us");
        let system = Model::through_profiles().map(|model| {
            let id = format!("{geography}.{}", model.id);
            let name = format!("{} {}", geography.to_uppercase(), model.name);
            self.profile(&id, "inference-profile", &name, model.id, "SYSTEM_DEFINED")
        });
        let own = ["abcdef123456", "fedcba654321"].into_iter().zip([HAIKU, TITAN]).map(|(id, model)| {
            self.profile(id, "application-inference-profile", "fraud review", model, "APPLICATION")
        });
        system.chain(own).collect()
    }

    fn profile(&self, id: &str, kind: &str, name: &str, model: &str, origin: &str) -> Value {
        json!({
            "inferenceProfileName": name,
            "description": "Routes requests to models",
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "inferenceProfileArn": self.arn(kind, id),
            "models": [{"modelArn": self.foundation(model)}],
            "inferenceProfileId": id,
            "status": "ACTIVE",
            "type": origin,
        })
    }

    fn provisioned(&self) -> Vec<Value> {
        vec![json!({
            "provisionedModelName": "payments-throughput",
            "provisionedModelArn": self.arn("provisioned-model", "abcdef123456"),
            "modelArn": self.foundation(TITAN),
            "desiredModelArn": self.foundation(TITAN),
            "foundationModelArn": self.foundation(TITAN),
            "modelUnits": 1,
            "desiredModelUnits": 1,
            "status": "InService",
            "creationTime": CREATED,
            "lastModifiedTime": CREATED,
        })]
    }

    fn custom_models(&self) -> Vec<Value> {
        vec![json!({
            "modelArn": self.arn("custom-model", &format!("{TITAN}/abcdef123456")),
            "modelName": "complaints",
            "creationTime": CREATED,
            "baseModelArn": self.foundation(TITAN),
            "baseModelName": TITAN,
            "customizationType": "FINE_TUNING",
            "modelStatus": "Active",
        })]
    }

    /// `name` is what the list, and what the description calls a deployment's name.
    fn deployments(&self, name: &str) -> Vec<Value> {
        vec![json!({
            "customModelDeploymentArn": self.arn("custom-model-deployment", "abcdef123456"),
            name: "complaints-live",
            "modelArn": self.arn("custom-model", &format!("{TITAN}/abcdef123456")),
            "createdAt": CREATED,
            "status": "Active",
        })]
    }

    fn imported(&self) -> Vec<Value> {
        vec![json!({
            "modelArn": self.arn("imported-model", "abcdef123456"),
            "modelName": "homemade",
            "creationTime": CREATED,
            "instructSupported": true,
            "modelArchitecture": "llama",
        })]
    }

    fn routers(&self) -> Vec<Value> {
        vec![json!({
            "promptRouterName": "Anthropic Prompt Router",
            "routingCriteria": {"responseQualityDifference": 26.0},
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "promptRouterArn": self.arn("default-prompt-router", "anthropic.claude:1"),
            "models": [{"modelArn": self.foundation(HAIKU)}],
            "fallbackModel": {"modelArn": self.foundation(HAIKU)},
            "status": "AVAILABLE",
            "type": "default",
        })]
    }

    fn endpoints(&self) -> Vec<Value> {
        vec![json!({
            "endpointArn": format!("arn:aws:sagemaker:{}:{ACCOUNT}:endpoint/bought", self.region),
            "modelSourceIdentifier": format!(
                "arn:aws:sagemaker:{}:aws:hub-content/SageMakerPublicHub/Model/bought/1.0.0",
                self.region
            ),
            "status": "REGISTERED",
            "createdAt": CREATED,
            "updatedAt": CREATED,
        })]
    }

    fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:bedrock:{}:{ACCOUNT}:{kind}/{id}", self.region)
    }

    fn foundation(&self, model: &str) -> String {
        format!("arn:aws:bedrock:{}::foundation-model/{model}", self.region)
    }
}

/// The thing that one of its names is the model's.
fn find(things: Vec<Value>, model: Option<&ModelReference>, names: &[&str]) -> Result<Value, Refusal> {
    let wanted = model.map(ModelReference::raw).unwrap_or_default();
    let id = wanted.rsplit('/').next().unwrap_or_default();
    let is_it = |thing: &Value| {
        names.iter().filter_map(|name| thing[*name].as_str()).any(|name| name == wanted || name == id)
    };
    things.into_iter().find(is_it).ok_or_else(missing)
}

fn page(array: &str, things: Vec<Value>, most: Option<String>, token: Option<String>) -> Value {
    let number = |text: Option<String>| text.and_then(|text| text.parse::<usize>().ok());
    let (first, most) = (number(token).unwrap_or(0), number(most).unwrap_or(usize::MAX));
    let rest = things.len().saturating_sub(first) > most;
    let page: Vec<Value> = things.into_iter().skip(first).take(most).collect();
    if rest {
        json!({array: page, "nextToken": (first + page.len()).to_string()})
    } else {
        json!({array: page})
    }
}

fn foundation(model: Option<&ModelReference>) -> Result<&'static Model, Refusal> {
    model.and_then(|model| Model::named(model.canonical())).ok_or_else(missing)
}

fn missing() -> Refusal {
    Refusal::new(Fault::ResourceNotFound, "The specified resource was not found.")
}
