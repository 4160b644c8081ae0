//! Which operation a request line asks for, and on what.
//!
//! Receives the method and the target exactly as they came over the wire. Returns one of the operations of one table,
//! or refuses, by name where the name is known: what is not recognised is never passed on. Targets are compared byte by
//! byte and labels decoded once; nothing is normalised, because what one layer tidies another layer reads differently.

mod labels;
mod path;
mod query;
mod refused;
mod route;
mod table;

use super::chat::Api;
use table::{Row, Streaming};

use super::model::ModelKind;

pub(crate) use labels::is_invocation;

pub use labels::Guardrail;
pub use refused::Refused;
pub use route::{Route, RouteError};
pub use table::{Access, AnswerShape, Body, GuardrailPlace};

impl Operation {
    /// The operation that AWS calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// Operations that policies grant or deny one by one: all but reads, whose answers are cut down instead.
    pub fn granted() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|operation| operation.access() != Access::Read)
    }

    /// The method of its requests.
    pub const fn method(self) -> &'static str {
        self.row().method
    }

    /// The path of its requests, labels in braces: `/model/{modelId}/invoke`.
    pub const fn path(self) -> &'static str {
        self.row().path
    }

    /// What it takes to be granted the operation.
    pub const fn access(self) -> Access {
        self.row().access
    }

    /// Whether every successful answer is a stream. See also [`Route::streams`].
    pub const fn is_streaming(self) -> bool {
        matches!(self.row().streaming, Streaming::Always)
    }

    /// Whether an answer can be a stream.
    pub const fn may_stream(self) -> bool {
        !matches!(self.row().streaming, Streaming::Never)
    }

    /// Whether `bedrock.{region}` serves it instead of `bedrock-runtime.{region}`.
    pub const fn is_control_plane(self) -> bool {
        self.row().control
    }

    /// How the request's body is to be read.
    pub const fn body(self) -> Body {
        self.row().body
    }

    /// How the answer is to be read.
    pub const fn answer(self) -> AnswerShape {
        self.row().answer
    }

    /// Whether a request names a model, in its path or in its body.
    pub fn takes_model(self) -> bool {
        self.names_model_in_body() || self.path().contains("{modelId}")
    }

    /// Whether the model is a member of the body, so that a path alone does not tell it.
    pub const fn names_model_in_body(self) -> bool {
        matches!(self.row().body, Body::AsyncInvoke | Body::Chat(_))
    }

    /// Whether what is answered is a model's: what AWS counts as an invocation.
    pub const fn is_inference(self) -> bool {
        matches!(self.row().body, Body::Invoke | Body::Converse | Body::Chat(_))
    }

    /// Whether the model's answer is written elsewhere and never crosses the warden.
    pub const fn answers_elsewhere(self) -> bool {
        matches!(self.row().body, Body::AsyncInvoke)
    }

    /// Whether the request is a stream as well, of which the answer begins before the request ends.
    pub const fn is_bidirectional(self) -> bool {
        matches!(self.row().body, Body::Session)
    }

    /// Whether members of the request travel in headers (botocore model).
    pub const fn binds_headers(self) -> bool {
        matches!(self.row().body, Body::Invoke)
    }

    /// Where a request says which guardrail is to watch it.
    pub const fn guardrail(self) -> GuardrailPlace {
        match self.row().body {
            Body::Invoke | Body::Chat(_) => GuardrailPlace::Headers,
            Body::Converse => GuardrailPlace::Body,
            Body::Guardrail => GuardrailPlace::Path,
            Body::AsyncInvoke | Body::Session => GuardrailPlace::Nowhere,
            Body::None | Body::CountTokens | Body::GuardrailChecks => GuardrailPlace::Unneeded,
        }
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Makes the enumeration and its table of the same lines, so that no operation lacks a row.
macro_rules! operations {
    ($($name:ident => $row:expr,)+) => {
        /// The operations that are passed on, by AWS's own names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Operation {
            $($name,)+
        }

        impl Operation {
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];

            /// AWS's own name of the operation.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => $row,)+
                }
            }
        }
    };
}

// The paths, methods and query members are those of the botocore model; it has none of the chat operations, whose paths
// are those of AWS's documentation.
operations! {
    InvokeModel => Row::model("/model/{modelId}/invoke", Body::Invoke),
    InvokeModelWithResponseStream =>
        Row::model("/model/{modelId}/invoke-with-response-stream", Body::Invoke).streaming(),
    InvokeModelWithBidirectionalStream =>
        Row::model("/model/{modelId}/invoke-with-bidirectional-stream", Body::Session).streaming(),
    Converse => Row::model("/model/{modelId}/converse", Body::Converse),
    ConverseStream => Row::model("/model/{modelId}/converse-stream", Body::Converse).streaming(),
    CountTokens => Row::model("/model/{modelId}/count-tokens", Body::CountTokens),
    ChatCompletions => Row::chat("/openai/v1/chat/completions", Api::Completions).also(&["/v1/chat/completions"]),
    Responses => Row::chat("/openai/v1/responses", Api::Responses),
    Messages => Row::chat("/anthropic/v1/messages", Api::Messages),
    StartAsyncInvoke => Row::named("/async-invoke", Body::AsyncInvoke),
    ApplyGuardrail => Row::named("/guardrail/{guardrailIdentifier}/version/{guardrailVersion}/apply", Body::Guardrail),
    InvokeGuardrailChecks => Row::named("/guardrail-checks/invoke", Body::GuardrailChecks),
    GetAsyncInvoke => Row::read("/async-invoke/{invocationArn}").about("modelArn"),
    ListAsyncInvokes => Row::read("/async-invoke")
        .entries("asyncInvokeSummaries", &["modelArn"])
        .query(query::ASYNC_INVOKES),
    ListModels => Row::read("/openai/v1/models").also(&["/v1/models"]).entries("data", &["id"]),
    ListFoundationModels => Row::control("/foundation-models")
        .entries("modelSummaries", &["modelId"])
        .query(query::FOUNDATION_MODELS),
    GetFoundationModel => Row::control("/foundation-models/{modelId}"),
    GetFoundationModelAvailability => Row::control("/foundation-model-availability/{modelId}"),
    ListInferenceProfiles => Row::control("/inference-profiles")
        .entries("inferenceProfileSummaries", &["inferenceProfileId", "inferenceProfileArn"])
        .query(query::TYPED),
    GetInferenceProfile => Row::control("/inference-profiles/{modelId}").naming(ModelKind::ApplicationProfile),
    ListProvisionedModelThroughputs => Row::control("/provisioned-model-throughputs")
        .entries("provisionedModelSummaries", &["provisionedModelName", "provisionedModelArn"])
        .query(query::PROVISIONED_MODELS),
    GetProvisionedModelThroughput => Row::control("/provisioned-model-throughput/{modelId}").naming(ModelKind::Provisioned),
    ListCustomModels => Row::control("/custom-models")
        .entries("modelSummaries", &["modelName", "modelArn"])
        .query(query::CUSTOM_MODELS),
    GetCustomModel => Row::control("/custom-models/{modelId}").naming(ModelKind::Custom),
    ListCustomModelDeployments => Row::control("/model-customization/custom-model-deployments")
        .entries("modelDeploymentSummaries", &["customModelDeploymentName", "customModelDeploymentArn"])
        .query(query::CUSTOM_MODEL_DEPLOYMENTS),
    GetCustomModelDeployment => Row::control("/model-customization/custom-model-deployments/{modelId}").naming(ModelKind::CustomDeployment),
    ListImportedModels => Row::control("/imported-models")
        .entries("modelSummaries", &["modelName", "modelArn"])
        .query(query::IMPORTED_MODELS),
    GetImportedModel => Row::control("/imported-models/{modelId}").naming(ModelKind::Imported),
    ListPromptRouters => Row::control("/prompt-routers")
        .entries("promptRouterSummaries", &["promptRouterArn"])
        .query(query::TYPED),
    GetPromptRouter => Row::control("/prompt-routers/{modelId}"),
    ListMarketplaceModelEndpoints => Row::control("/marketplace-model/endpoints")
        .entries("marketplaceModelEndpoints", &["endpointArn"])
        .query(query::MARKETPLACE_ENDPOINTS),
    GetMarketplaceModelEndpoint => Row::control("/marketplace-model/endpoints/{modelId}"),
    ListGuardrails => Row::control("/guardrails").query(query::GUARDRAILS),
    GetGuardrail => Row::control("/guardrails/{guardrailIdentifier}").query(query::GUARDRAIL),
    GetModelInvocationLoggingConfiguration => Row::control("/logging/modelinvocations"),
}

#[cfg(test)]
mod tests;
