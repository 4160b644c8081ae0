//! Operations that are known and never passed on, so that refusals and records can call them by name.
//!
//! Receives a method and a raw path, returns the name and why it is refused. Whatever is neither here nor in the table of
//! operations is refused as well, without a name. No policy can grant any of them.

use http::Method;

use super::path::labels;

/// One operation that is never passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// AWS's own name of the operation.
    pub name: &'static str,
    method: &'static str,
    path: &'static str,
    why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Batch,
    Logging,
    Guardrails,
    Alias,
    Capacity,
    Jobs,
    Retention,
    Agreement,
    Permissions,
    Account,
    Reading,
}

impl Refused {
    /// The operation behind a request line whose path is raw and without its query.
    pub(super) fn recognise(method: &Method, path: &str) -> Option<&'static Self> {
        ALL.iter().find(|refused| refused.method == method.as_str() && labels(refused.path, path).is_some())
    }

    /// Whether AWS has an operation of that name which is never passed on.
    pub fn is_known(name: &str) -> bool {
        ALL.iter().any(|refused| refused.name == name)
    }

    pub(super) const fn why(&self) -> &'static str {
        match self.why {
            Why::Batch => "prompts of batch jobs never cross the warden",
            Why::Logging => "it decides what AWS itself records of every call",
            Why::Guardrails => "guardrails are the operator's, not a caller's",
            Why::Alias => "it points a name at a model, which policies could not see through",
            Why::Capacity => "it commits the account to capacity",
            Why::Jobs => "data of such jobs never crosses the warden",
            Why::Retention => "it decides what model providers keep of prompts",
            Why::Agreement => "it agrees to terms in the account's name",
            Why::Permissions => "it decides who may use a resource",
            Why::Account => "it changes resources of the account",
            Why::Reading => "it shows what no policy can cut down to a caller's own",
        }
    }
}

macro_rules! refused {
    ($($why:ident { $($method:ident $path:literal => $name:ident,)+ })+) => {
        const ALL: &[Refused] = &[
            $($(Refused {
                name: stringify!($name),
                method: stringify!($method),
                path: $path,
                why: Why::$why,
            },)+)+
        ];
    };
}

// Everything in the botocore models that is not passed on. `{}` is a label.
refused! {
    Batch {
        POST "/model-invocation-job" => CreateModelInvocationJob,
        POST "/model-invocation-job/{}/stop" => StopModelInvocationJob,
    }
    Logging {
        DELETE "/logging/modelinvocations" => DeleteModelInvocationLoggingConfiguration,
        PUT "/logging/modelinvocations" => PutModelInvocationLoggingConfiguration,
    }
    Guardrails {
        POST "/automated-reasoning-policies/{}/build-workflows/{}/cancel" => CancelAutomatedReasoningPolicyBuildWorkflow,
        POST "/automated-reasoning-policies" => CreateAutomatedReasoningPolicy,
        POST "/automated-reasoning-policies/{}/test-cases" => CreateAutomatedReasoningPolicyTestCase,
        POST "/automated-reasoning-policies/{}/versions" => CreateAutomatedReasoningPolicyVersion,
        POST "/guardrails" => CreateGuardrail,
        POST "/guardrails/{}" => CreateGuardrailVersion,
        DELETE "/automated-reasoning-policies/{}" => DeleteAutomatedReasoningPolicy,
        DELETE "/automated-reasoning-policies/{}/build-workflows/{}" => DeleteAutomatedReasoningPolicyBuildWorkflow,
        DELETE "/automated-reasoning-policies/{}/test-cases/{}" => DeleteAutomatedReasoningPolicyTestCase,
        DELETE "/enforcedGuardrailsConfiguration/{}" => DeleteEnforcedGuardrailConfiguration,
        DELETE "/guardrails/{}" => DeleteGuardrail,
        PUT "/enforcedGuardrailsConfiguration" => PutEnforcedGuardrailConfiguration,
        POST "/automated-reasoning-policies/{}/build-workflows/{}/start" => StartAutomatedReasoningPolicyBuildWorkflow,
        POST "/automated-reasoning-policies/{}/build-workflows/{}/test-workflows" => StartAutomatedReasoningPolicyTestWorkflow,
        PATCH "/automated-reasoning-policies/{}" => UpdateAutomatedReasoningPolicy,
        PATCH "/automated-reasoning-policies/{}/build-workflows/{}/annotations" => UpdateAutomatedReasoningPolicyAnnotations,
        PATCH "/automated-reasoning-policies/{}/test-cases/{}" => UpdateAutomatedReasoningPolicyTestCase,
        PUT "/guardrails/{}" => UpdateGuardrail,
    }
    Alias {
        POST "/model-customization/custom-model-deployments" => CreateCustomModelDeployment,
        POST "/inference-profiles" => CreateInferenceProfile,
        POST "/prompt-routers" => CreatePromptRouter,
        PATCH "/model-customization/custom-model-deployments/{}" => UpdateCustomModelDeployment,
    }
    Capacity {
        POST "/marketplace-model/endpoints" => CreateMarketplaceModelEndpoint,
        POST "/provisioned-model-throughput" => CreateProvisionedModelThroughput,
        DELETE "/marketplace-model/endpoints/{}" => DeleteMarketplaceModelEndpoint,
        DELETE "/provisioned-model-throughput/{}" => DeleteProvisionedModelThroughput,
        DELETE "/marketplace-model/endpoints/{}/registration" => DeregisterMarketplaceModelEndpoint,
        POST "/marketplace-model/endpoints/{}/registration" => RegisterMarketplaceModelEndpoint,
        PATCH "/marketplace-model/endpoints/{}" => UpdateMarketplaceModelEndpoint,
        PATCH "/provisioned-model-throughput/{}" => UpdateProvisionedModelThroughput,
    }
    Jobs {
        POST "/advanced-prompt-optimization-job/batch-delete" => BatchDeleteAdvancedPromptOptimizationJob,
        POST "/evaluation-jobs/batch-delete" => BatchDeleteEvaluationJob,
        POST "/advanced-prompt-optimization-jobs" => CreateAdvancedPromptOptimizationJob,
        POST "/custom-models/create-custom-model" => CreateCustomModel,
        POST "/evaluation-jobs" => CreateEvaluationJob,
        POST "/model-copy-jobs" => CreateModelCopyJob,
        POST "/model-customization-jobs" => CreateModelCustomizationJob,
        POST "/model-import-jobs" => CreateModelImportJob,
        POST "/advanced-prompt-optimization-jobs/{}/stop" => StopAdvancedPromptOptimizationJob,
        POST "/evaluation-job/{}/stop" => StopEvaluationJob,
        POST "/model-customization-jobs/{}/stop" => StopModelCustomizationJob,
    }
    Retention {
        DELETE "/v1/data_retention/storage/{}" => DeleteAccountDataRetentionStorage,
        DELETE "/v1/data_retention/organization-storage/{}" => DeleteOrganizationDataRetentionStorage,
        DELETE "/v1/projects/{}/data_retention/storage/{}" => DeleteProjectDataRetentionStorage,
        PUT "/data-retention" => PutAccountDataRetention,
        PUT "/v1/data_retention/storage/{}" => PutAccountDataRetentionStorage,
        PUT "/v1/data_retention/organization-storage/{}" => PutOrganizationDataRetentionStorage,
        PUT "/v1/projects/{}/data_retention/storage/{}" => PutProjectDataRetentionStorage,
    }
    Agreement {
        POST "/create-foundation-model-agreement" => CreateFoundationModelAgreement,
        POST "/delete-foundation-model-agreement" => DeleteFoundationModelAgreement,
        PUT "/trusted-access-programs/{}/account-enrollment" => PutTrustedAccessProgramAccountEnrollment,
        PUT "/trusted-access-programs/{}/organization-enrollment" => PutTrustedAccessProgramOrganizationEnrollment,
        PUT "/trusted-access-programs/{}/project-enrollment/{}" => PutTrustedAccessProgramProjectEnrollment,
        POST "/use-case-for-model-access" => PutUseCaseForModelAccess,
        POST "/trusted-access-programs/{}/account-application" => StartTrustedAccessProgramAccountApplication,
        POST "/trusted-access-programs/{}/organization-application" => StartTrustedAccessProgramOrganizationApplication,
        POST "/trusted-access-programs/{}/project-application/{}" => StartTrustedAccessProgramProjectApplication,
    }
    Permissions {
        DELETE "/resource-policy/{}" => DeleteResourcePolicy,
        POST "/resource-policy" => PutResourcePolicy,
    }
    Account {
        POST "/projects/{}/archive" => ArchiveProject,
        POST "/projects" => CreateProject,
        DELETE "/custom-models/{}" => DeleteCustomModel,
        DELETE "/model-customization/custom-model-deployments/{}" => DeleteCustomModelDeployment,
        DELETE "/imported-models/{}" => DeleteImportedModel,
        DELETE "/inference-profiles/{}" => DeleteInferenceProfile,
        DELETE "/prompt-routers/{}" => DeletePromptRouter,
        POST "/tagResource" => TagResource,
        POST "/untagResource" => UntagResource,
        POST "/projects/{}" => UpdateProject,
    }
    Reading {
        GET "/automated-reasoning-policies/{}/export" => ExportAutomatedReasoningPolicyVersion,
        GET "/data-retention" => GetAccountDataRetention,
        GET "/v1/data_retention/storage/{}" => GetAccountDataRetentionStorage,
        GET "/advanced-prompt-optimization-jobs/{}" => GetAdvancedPromptOptimizationJob,
        GET "/automated-reasoning-policies/{}" => GetAutomatedReasoningPolicy,
        GET "/automated-reasoning-policies/{}/build-workflows/{}/annotations" => GetAutomatedReasoningPolicyAnnotations,
        GET "/automated-reasoning-policies/{}/build-workflows/{}" => GetAutomatedReasoningPolicyBuildWorkflow,
        GET "/automated-reasoning-policies/{}/build-workflows/{}/result-assets" => GetAutomatedReasoningPolicyBuildWorkflowResultAssets,
        GET "/automated-reasoning-policies/{}/build-workflows/{}/scenarios" => GetAutomatedReasoningPolicyNextScenario,
        GET "/automated-reasoning-policies/{}/test-cases/{}" => GetAutomatedReasoningPolicyTestCase,
        GET "/automated-reasoning-policies/{}/build-workflows/{}/test-cases/{}/test-results" => GetAutomatedReasoningPolicyTestResult,
        GET "/evaluation-jobs/{}" => GetEvaluationJob,
        GET "/model-copy-jobs/{}" => GetModelCopyJob,
        GET "/model-customization-jobs/{}" => GetModelCustomizationJob,
        GET "/model-import-jobs/{}" => GetModelImportJob,
        GET "/model-invocation-job/{}" => GetModelInvocationJob,
        GET "/v1/data_retention/organization-storage/{}" => GetOrganizationDataRetentionStorage,
        GET "/projects/{}" => GetProject,
        GET "/v1/projects/{}/data_retention/storage/{}" => GetProjectDataRetentionStorage,
        GET "/resource-policy/{}" => GetResourcePolicy,
        GET "/trusted-access-programs/{}" => GetTrustedAccessProgram,
        GET "/trusted-access-programs/{}/account-enrollment" => GetTrustedAccessProgramAccountEnrollment,
        GET "/trusted-access-programs/{}/organization-enrollment" => GetTrustedAccessProgramOrganizationEnrollment,
        GET "/trusted-access-programs/{}/project-enrollment/{}" => GetTrustedAccessProgramProjectEnrollment,
        GET "/use-case-for-model-access" => GetUseCaseForModelAccess,
        GET "/advanced-prompt-optimization-jobs" => ListAdvancedPromptOptimizationJobs,
        GET "/automated-reasoning-policies" => ListAutomatedReasoningPolicies,
        GET "/automated-reasoning-policies/{}/build-workflows" => ListAutomatedReasoningPolicyBuildWorkflows,
        GET "/automated-reasoning-policies/{}/test-cases" => ListAutomatedReasoningPolicyTestCases,
        GET "/automated-reasoning-policies/{}/build-workflows/{}/test-results" => ListAutomatedReasoningPolicyTestResults,
        GET "/enforcedGuardrailsConfiguration" => ListEnforcedGuardrailsConfiguration,
        GET "/evaluation-jobs" => ListEvaluationJobs,
        GET "/list-foundation-model-agreement-offers/{}" => ListFoundationModelAgreementOffers,
        GET "/model-copy-jobs" => ListModelCopyJobs,
        GET "/model-customization-jobs" => ListModelCustomizationJobs,
        GET "/model-import-jobs" => ListModelImportJobs,
        GET "/model-invocation-jobs" => ListModelInvocationJobs,
        GET "/projects" => ListProjects,
        POST "/listTagsForResource" => ListTagsForResource,
        GET "/trusted-access-programs" => ListTrustedAccessPrograms,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bedrock::operation::Operation;

    #[test]
    fn no_line_is_in_two_tables() {
        let mut seen = BTreeSet::new();
        for operation in Operation::ALL {
            let row = operation.row();
            let shape =
                row.path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
            assert!(seen.insert((row.method, shape.collect::<Vec<_>>().join("/"))), "{operation}");
            assert!(!Refused::is_known(operation.name()), "{operation}");
        }
        for refused in ALL {
            assert!(seen.insert((refused.method, refused.path.to_owned())), "{refused:?}");
        }
    }
}
