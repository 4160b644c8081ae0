use http::{Method, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::bedrock::fault::Fault;
use crate::bedrock::json::JsonError;
use crate::bedrock::model::{ModelError, ModelReference};

const POST: Method = Method::POST;
const GET: Method = Method::GET;

/// Method, target, and the operation and model that they ask for.
type Line = (Method, &'static str, &'static str, Option<&'static str>);

fn recognise_all(table: &[Line]) {
    for (method, target, operation, model) in table {
        let route = Route::recognise(method, target).unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(route.operation.name(), *operation, "{target}");
        assert_eq!(route.model.as_ref().map(ModelReference::raw), *model, "{target}");
    }
}

#[test]
fn operations_are_recognised_however_clients_encode_the_model() {
    let table = [
        (POST, "/model/amazon.nova-lite-v1%3A0/count-tokens", "CountTokens", Some("amazon.nova-lite-v1:0")),
        (POST, "/async-invoke", "StartAsyncInvoke", None),
        (GET, "/async-invoke", "ListAsyncInvokes", None),
        (
            GET,
            "/async-invoke?submitTimeAfter=2026-11-24T00%3A00%3A00Z&maxResults=10&nextToken=a%2Bb%3D&sortBy=SubmissionTime",
            "ListAsyncInvokes",
            None,
        ),
        (
            GET,
            "/async-invoke/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aasync-invoke%2Fabcdef123456",
            "GetAsyncInvoke",
            None,
        ),
        (POST, "/guardrail/gr1a2b3c/version/1/apply", "ApplyGuardrail", None),
        (
            POST,
            "/guardrail/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aguardrail%2Fgr1a/version/DRAFT/apply",
            "ApplyGuardrail",
            None,
        ),
        (POST, "/guardrail-checks/invoke", "InvokeGuardrailChecks", None),
        (
            POST,
            "/model/amazon.nova-sonic-v1%3A0/invoke-with-bidirectional-stream",
            "InvokeModelWithBidirectionalStream",
            Some("amazon.nova-sonic-v1:0"),
        ),
        (POST, "/model/amazon.nova-lite-v1%3A0/invoke", "InvokeModel", Some("amazon.nova-lite-v1:0")),
        (POST, "/model/amazon.nova-lite-v1:0/invoke", "InvokeModel", Some("amazon.nova-lite-v1:0")),
        (POST, "/model/amazon.nova-lite-v1%3a0/converse", "Converse", Some("amazon.nova-lite-v1:0")),
        (POST, "/model/%61mazon%2Enova%2Dlite/converse-stream", "ConverseStream", Some("amazon.nova-lite")),
        (
            POST,
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Afoundation-model%2Famazon.nova-lite-v1%3A0\
             /invoke-with-response-stream",
            "InvokeModelWithResponseStream",
            Some("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"),
        ),
        (
            POST,
            "/model/arn:aws:bedrock:eu-west-1:444455556666:provisioned-model%2Fq1w2e3r4t5y6/converse",
            "Converse",
            Some("arn:aws:bedrock:eu-west-1:444455556666:provisioned-model/q1w2e3r4t5y6"),
        ),
        (POST, "/model/invoke/invoke", "InvokeModel", Some("invoke")),
        (GET, "/foundation-models", "ListFoundationModels", None),
        (GET, "/foundation-models?byProvider=Stability%20AI", "ListFoundationModels", None),
        (
            GET,
            "/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT&byProvider=x\
             &byCustomizationType=FINE_TUNING",
            "ListFoundationModels",
            None,
        ),
    ];
    recognise_all(&table);
}

#[test]
fn the_apis_of_openai_and_anthropic_have_paths_of_their_own() {
    let table = [
        (POST, "/openai/v1/chat/completions", "ChatCompletions", None),
        (POST, "/v1/chat/completions", "ChatCompletions", None),
        (POST, "/openai/v1/responses", "Responses", None),
        (POST, "/anthropic/v1/messages", "Messages", None),
        (GET, "/openai/v1/models", "ListModels", None),
        (GET, "/v1/models", "ListModels", None),
    ];
    recognise_all(&table);
    let queried = Route::recognise(&POST, "/openai/v1/chat/completions?model=x");
    assert_eq!(queried, Err(RouteError::NoQuery));
}

#[test]
fn reads_of_the_control_plane_are_recognised() {
    let table = [
        (GET, "/guardrails", "ListGuardrails", None),
        (GET, "/guardrails/gr1a2b3c?guardrailVersion=2", "GetGuardrail", None),
        (GET, "/inference-profiles?type=SYSTEM_DEFINED", "ListInferenceProfiles", None),
        (
            GET,
            "/inference-profiles/us.amazon.nova-lite-v1%3A0",
            "GetInferenceProfile",
            Some("us.amazon.nova-lite-v1:0"),
        ),
        (
            GET,
            "/inference-profiles/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aapplication-inference-profile%2Fabcdef123456",
            "GetInferenceProfile",
            Some("arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456"),
        ),
        (
            GET,
            "/foundation-models/amazon.nova-lite-v1:0",
            "GetFoundationModel",
            Some("amazon.nova-lite-v1:0"),
        ),
        (
            GET,
            "/foundation-model-availability/amazon.nova-lite-v1:0",
            "GetFoundationModelAvailability",
            Some("amazon.nova-lite-v1:0"),
        ),
        (GET, "/provisioned-model-throughputs?nameContains=pay", "ListProvisionedModelThroughputs", None),
        (GET, "/provisioned-model-throughput/payments", "GetProvisionedModelThroughput", Some("payments")),
        (GET, "/custom-models?isOwned=true", "ListCustomModels", None),
        (GET, "/custom-models/complaints", "GetCustomModel", Some("complaints")),
        (GET, "/model-customization/custom-model-deployments", "ListCustomModelDeployments", None),
        (GET, "/model-customization/custom-model-deployments/live", "GetCustomModelDeployment", Some("live")),
        (GET, "/imported-models", "ListImportedModels", None),
        (GET, "/imported-models/homemade", "GetImportedModel", Some("homemade")),
        (GET, "/prompt-routers?type=default", "ListPromptRouters", None),
        (
            GET,
            "/prompt-routers/arn:aws:bedrock:us-east-1:111122223333:default-prompt-router%2Fanthropic.claude:1",
            "GetPromptRouter",
            Some("arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1"),
        ),
        (GET, "/marketplace-model/endpoints", "ListMarketplaceModelEndpoints", None),
        (
            GET,
            "/marketplace-model/endpoints/arn:aws:sagemaker:us-east-1:111122223333:endpoint%2Fbought",
            "GetMarketplaceModelEndpoint",
            Some("arn:aws:sagemaker:us-east-1:111122223333:endpoint/bought"),
        ),
        (GET, "/logging/modelinvocations", "GetModelInvocationLoggingConfiguration", None),
    ];
    recognise_all(&table);
}

#[test]
fn an_operation_that_is_not_in_the_table_is_denied() {
    let table = [
        (GET, "/"),
        (GET, "/model/amazon.nova/converse"),
        (Method::PUT, "/model/amazon.nova/converse"),
        (Method::OPTIONS, "/model/amazon.nova/converse"),
        (Method::from_bytes(b"post").unwrap(), "/model/amazon.nova/converse"),
        (Method::from_bytes(b"get").unwrap(), "/foundation-models"),
        (POST, "/model"),
        (POST, "/model/"),
        (POST, "/model/amazon.nova"),
        (POST, "/model/amazon.nova/"),
        (POST, "/model/amazon.nova/converse/"),
        (POST, "/model/amazon.nova/Converse"),
        (POST, "/model/amazon.nova/converse;v=1"),
        (POST, "/model/amazon.nova/%63onverse"),
        (POST, "/model/amazon.nova/converse%2F"),
        (POST, "/model/amazon.nova%2Fconverse"),
        (POST, "/model/amazon.nova/embed"),
        (POST, "/Model/amazon.nova/converse"),
        (POST, "/models/amazon.nova/converse"),
        (POST, "/model%2Famazon.nova/converse"),
        (POST, "//model/amazon.nova/converse"),
        (POST, "/./model/amazon.nova/converse"),
        (POST, "/v1/model/amazon.nova/converse"),
        (POST, "/foundation-models"),
        (Method::HEAD, "/foundation-models"),
        (GET, "//foundation-models"),
        (GET, "/Foundation-Models"),
        (GET, "/foundation-models;x"),
        (GET, "/%66oundation-models"),
        (GET, "/openai/v1/chat/completions"),
        (POST, "/openai/v1/chat/completions/"),
        (POST, "/OpenAI/v1/chat/completions"),
        (POST, "/openai/v1/completions"),
        (POST, "/openai/v1/embeddings"),
        (POST, "/openai/v1/files"),
        (POST, "/openai/v2/chat/completions"),
        (GET, "/openai/v1/responses/resp_1"),
        (Method::DELETE, "/openai/v1/responses/resp_1"),
        (POST, "/openai/v1/responses/compact"),
        (POST, "/v1/responses"),
        (POST, "/v1/messages"),
        (GET, "/openai/v1/models/openai.gpt-oss-20b"),
        (POST, "/openai/v1/models"),
        (GET, "/anthropic/v1/models"),
        (POST, "/anthropic/v1/messages/count_tokens"),
        (POST, "/anthropic/v1/messages/batches"),
        (POST, "/async-invoke/x"),
        (Method::DELETE, "/async-invoke"),
        (POST, "/guardrail/x/version/1/apply/"),
        (POST, "/guardrails/x/version/1/apply"),
        (POST, "/guardrail/x/version/1"),
        (GET, "/guardrail/x/version/1/apply"),
        (GET, "/guardrail-checks/invoke"),
        (GET, "/Guardrails"),
        (GET, "/logging/modelinvocations/"),
        (GET, "/provisioned-model-throughputs/x"),
        (GET, "/model-customization"),
        (GET, "/healthz"),
    ];
    for (method, target) in table {
        let error = Route::recognise(&method, target).expect_err(target);
        assert_eq!(error, RouteError::UnknownOperation, "{method} {target}");
        assert_eq!(error.fault(), Fault::AccessDenied);
    }
}

#[test]
fn a_target_that_two_layers_could_read_differently_is_refused() {
    let table = [
        ("", RouteError::NotOriginForm),
        ("*", RouteError::NotOriginForm),
        ("?amazon.nova", RouteError::NotOriginForm),
        ("model/amazon.nova/converse", RouteError::NotOriginForm),
        ("http://elsewhere.example/model/amazon.nova/converse", RouteError::NotOriginForm),
        ("\\model\\amazon.nova\\converse", RouteError::NotOriginForm),
        ("/model/amazon.nova/converse#x", RouteError::Character(27)),
        ("/model/amazon.nova\\x/converse", RouteError::Character(18)),
        ("/model/amazon.nova /converse", RouteError::Character(18)),
        ("/model/amazon.nova\t/converse", RouteError::Character(18)),
        ("/model/amazon.nova\u{7f}/converse", RouteError::Character(18)),
        ("/model/amazon.n\u{f6}va/converse", RouteError::Character(15)),
        ("/model/amazon.nova/converse?", RouteError::NoQuery),
        ("/model/amazon.nova/converse?a=1", RouteError::NoQuery),
        ("/model/amazon.nova/invoke?/converse", RouteError::NoQuery),
        ("/model//converse", RouteError::Model(ModelError::Empty)),
        ("/model///converse", RouteError::BareSlash),
        ("/model//amazon.nova/converse", RouteError::BareSlash),
        ("/model/amazon.nova//converse", RouteError::BareSlash),
        ("/model/amazon.nova/converse/converse", RouteError::BareSlash),
        ("/model/amazon.nova/../meta.llama/converse", RouteError::BareSlash),
        ("/model/arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova/converse", RouteError::BareSlash),
        ("/model/%/converse", RouteError::Escape),
        ("/model/amazon.nova%4/converse", RouteError::Escape),
        ("/model/amazon.nova%+1/converse", RouteError::Escape),
        ("/model/amazon.nova%zz/converse", RouteError::Escape),
        ("/model/%u0061mazon.nova/converse", RouteError::Escape),
        ("/model/%ff%fe/converse", RouteError::Escape),
        ("/model/%c0%ae%c0%ae/converse", RouteError::Escape),
        ("/model/amazon.nova-v1%253A0/converse", RouteError::Model(ModelError::Character(14))),
        ("/model/../converse", RouteError::Model(ModelError::EmptyPart)),
        ("/model/%2e%2E/converse", RouteError::Model(ModelError::EmptyPart)),
        ("/model/amazon.nova%2F..%2Fmeta.llama/converse", RouteError::Model(ModelError::EmptyPart)),
        ("/model/./converse", RouteError::Model(ModelError::EmptyPart)),
        ("/model/amazon.nova%2Fconverse/converse", RouteError::Model(ModelError::Name)),
        ("/model/%2F%2Famazon.nova/converse", RouteError::Model(ModelError::Name)),
        ("/model/amazon.nova;x=1/converse", RouteError::Model(ModelError::Character(11))),
    ];
    for (target, expected) in table {
        let error = Route::recognise(&POST, target).expect_err(target);
        assert_eq!(error, expected, "{target}");
        assert_eq!(error.fault().status(), StatusCode::BAD_REQUEST, "{target}");
    }
}

#[test]
fn operations_that_are_never_passed_on_are_refused_by_name() {
    let table = [
        (
            POST,
            "/model-invocation-job",
            "CreateModelInvocationJob is refused: prompts of batch jobs never cross the warden",
        ),
        (POST, "/model-invocation-job/x/stop", "StopModelInvocationJob is refused: "),
        (GET, "/model-invocation-jobs?maxResults=1", "ListModelInvocationJobs is refused: "),
        (
            Method::PUT,
            "/logging/modelinvocations",
            "PutModelInvocationLoggingConfiguration is refused: it decides what AWS",
        ),
        (
            Method::DELETE,
            "/logging/modelinvocations",
            "DeleteModelInvocationLoggingConfiguration is refused: ",
        ),
        (POST, "/guardrails", "CreateGuardrail is refused: "),
        (POST, "/guardrails/x", "CreateGuardrailVersion is refused: "),
        (Method::PUT, "/guardrails/x", "UpdateGuardrail is refused: "),
        (Method::DELETE, "/guardrails/x", "DeleteGuardrail is refused: "),
        (Method::PUT, "/data-retention", "PutAccountDataRetention is refused: "),
        (Method::PUT, "/enforcedGuardrailsConfiguration", "PutEnforcedGuardrailConfiguration is refused: "),
        (POST, "/inference-profiles", "CreateInferenceProfile is refused: it points a name at a model"),
        (POST, "/provisioned-model-throughput", "CreateProvisionedModelThroughput is refused: "),
        (Method::PATCH, "/provisioned-model-throughput/x", "UpdateProvisionedModelThroughput is refused: "),
    ];
    for (method, target, message) in table {
        let error = Route::recognise(&method, target).expect_err(target);
        assert!(matches!(error, RouteError::Refused(_)), "{method} {target}: {error:?}");
        assert_eq!(error.fault(), Fault::AccessDenied);
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn labels_other_than_models_are_read_strictly() {
    let invocation = "arn:aws:bedrock:us-east-1:111122223333:async-invoke";
    let guardrail = "arn:aws:bedrock:us-east-1:111122223333:guardrail";
    let table = [
        (POST, "/guardrail//version/1/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/Gr1/version/1/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/gr-1/version/1/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/%2e%2e/version/1/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/gr1/version/0/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/gr1/version/123456789/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/gr1/version/draft/apply".to_owned(), RouteError::Label),
        (POST, "/guardrail/gr1/version/%/apply".to_owned(), RouteError::Escape),
        (POST, "/guardrail/gr1/version/1/apply?x=1".to_owned(), RouteError::NoQuery),
        (POST, format!("/guardrail/{guardrail}/gr1/version/1/apply"), RouteError::BareSlash),
        (POST, format!("/guardrail/{guardrail}%2Fgr1%2Fx/version/1/apply"), RouteError::Label),
        (GET, format!("/async-invoke/{invocation}/abcdef123456"), RouteError::BareSlash),
        (GET, format!("/async-invoke/{invocation}%2Fabcdef12345"), RouteError::Label),
        (GET, format!("/async-invoke/{invocation}%2F..%2F..%2Fx"), RouteError::Label),
        (GET, "/async-invoke/abcdef123456".to_owned(), RouteError::Label),
        (GET, "/async-invoke/%252e".to_owned(), RouteError::Label),
        (GET, "/foundation-models/".to_owned(), RouteError::Model(ModelError::Empty)),
        (GET, "/foundation-models/a/b".to_owned(), RouteError::BareSlash),
        (GET, "/foundation-models/../x".to_owned(), RouteError::BareSlash),
        (GET, "/inference-profiles/us.amazon.nova-lite-v1:0?type=x".to_owned(), RouteError::NoQuery),
        (GET, "/guardrails?maxResults=".to_owned(), RouteError::Query(Operation::ListGuardrails)),
        (GET, "/guardrails?maxResults=1e3".to_owned(), RouteError::Query(Operation::ListGuardrails)),
        (GET, "/guardrails?nextToken=a%20b".to_owned(), RouteError::Query(Operation::ListGuardrails)),
        (GET, "/guardrails?nextToken=a+b".to_owned(), RouteError::Query(Operation::ListGuardrails)),
        (GET, "/async-invoke?modelId=x".to_owned(), RouteError::Query(Operation::ListAsyncInvokes)),
    ];
    for (method, target, expected) in table {
        assert_eq!(Route::recognise(&method, &target), Err(expected), "{target}");
    }
}

#[test]
fn a_model_in_the_body_completes_the_route() {
    let route = || Route::recognise(&POST, "/async-invoke").unwrap();
    let body = br#"{"modelId":"amazon.nova-reel-v1:0","modelInput":{"modelId":"other"}}"#;
    assert_eq!(route().complete(body).unwrap().model.unwrap().raw(), "amazon.nova-reel-v1:0");
    for (body, error) in [
        ("{}", RouteError::NoModel("modelId")),
        ("[]", RouteError::NoModel("modelId")),
        (r#"{"modelId":7}"#, RouteError::NoModel("modelId")),
        (r#"{"modelId":"a..b"}"#, RouteError::Model(ModelError::EmptyPart)),
        (r#"{"modelId":"amazon.a","modelId":"amazon.b"}"#, RouteError::Json(JsonError::DuplicateKey(22))),
        ("", RouteError::Json(JsonError::Empty)),
    ] {
        assert_eq!(route().complete(body.as_bytes()), Err(error), "{body}");
    }
    let other = Route::recognise(&POST, "/model/amazon.nova/converse").unwrap();
    assert_eq!(other.clone().complete(b"not read"), Ok(other));
}

#[test]
fn the_body_of_a_chat_completes_its_route() {
    for path in ["/openai/v1/chat/completions", "/openai/v1/responses", "/anthropic/v1/messages"] {
        let route = || Route::recognise(&POST, path).unwrap();
        for (stream, streams) in [("", false), (r#","stream":false"#, false), (r#","stream":true"#, true)] {
            let body = format!(r#"{{"model":"us.openai.gpt-5.4"{stream}}}"#);
            let route = route().complete(body.as_bytes()).unwrap();
            assert_eq!((route.model.unwrap().raw(), route.streams), ("us.openai.gpt-5.4", streams));
        }
        let body = br#"{"modelId":"amazon.nova","stream":true}"#;
        assert_eq!(route().complete(body), Err(RouteError::NoModel("model")));
    }
}

#[test]
fn a_model_without_its_version_has_its_known_versions_behind_it() {
    let complete = |model: &str| {
        let body = format!(r#"{{"model":"{model}"}}"#);
        Route::recognise(&POST, "/v1/chat/completions")
            .unwrap()
            .complete(body.as_bytes())
            .unwrap()
            .model
            .unwrap()
    };
    for (model, behind) in [
        ("openai.gpt-oss-20b", Some("openai.gpt-oss-20b-1:0")),
        ("us.openai.gpt-oss-20b", Some("us.openai.gpt-oss-20b-1:0")),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b",
            Some("arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-20b-1:0"),
        ),
        ("anthropic.claude-sonnet-4-20250514", Some("anthropic.claude-sonnet-4-20250514-v1:0")),
        ("openai.gpt-oss-20b-1:0", None),
        // `:1` is another model, and so is what has one more number.
        ("anthropic.claude-v2", None),
        ("anthropic.claude-fable-5", None),
    ] {
        let model = complete(model);
        assert_eq!(model.behind().first().map(ModelReference::raw), behind, "{model}");
        assert!(model.is_resolved());
    }
}

#[test]
fn no_encoding_smuggles_a_forbidden_byte_into_a_model_id() {
    for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_alphanumeric() && !b"-.:_/".contains(byte)) {
        let target = format!("/model/amazon.nova%{byte:02X}lite/converse");
        let error = Route::recognise(&POST, &target).expect_err(&target);
        assert_eq!(error.fault(), Fault::Validation, "{target}");
    }
}

#[test]
fn list_foundation_models_takes_its_four_filters_once_each() {
    let table = [
        "",
        "&",
        "byProvider",
        "byProvider=",
        "byProvider=a&",
        "byProvider=a&byProvider=b",
        "byProvider=a&maxResults=1",
        "byprovider=a",
        "by%50rovider=a",
        "byProvider=a%26x",
        "byProvider=a+b",
        "byProvider=a;byOutputModality=TEXT",
        "byProvider=%",
        "byProvider=%25",
        "byProvider=%C3%A9",
        "byProvider=a=b",
        "byProvider=a?b",
        "X-Amz-Signature=0",
    ];
    for query in table {
        let target = format!("/foundation-models?{query}");
        assert_eq!(
            Route::recognise(&GET, &target),
            Err(RouteError::Query(Operation::ListFoundationModels)),
            "{target}"
        );
    }
    let longest = format!("/foundation-models?byProvider={}", "a".repeat(63));
    assert!(Route::recognise(&GET, &longest).is_ok());
    assert!(Route::recognise(&GET, &format!("{longest}a")).is_err());
}

#[test]
fn a_label_is_as_long_as_the_service_allows_and_no_longer() {
    let longest = format!("/model/{}/converse", "m".repeat(2048));
    assert!(Route::recognise(&POST, &longest).is_ok());
    let encoded = format!("/model/{}/converse", "%6D".repeat(2049));
    assert_eq!(Route::recognise(&POST, &encoded), Err(RouteError::Model(ModelError::TooLong)));
}

proptest! {
    #[test]
    fn no_target_makes_recognition_panic(target in "/?(model/)?[ -~\\x00é%/.]{0,40}(/converse)?") {
        drop(Route::recognise(&POST, &target));
        drop(Route::recognise(&GET, &target));
    }

    #[test]
    fn any_mixture_of_escaped_and_bare_bytes_names_the_same_model(escaped in any::<u64>(), lower in any::<bool>()) {
        let id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let label: String = id
            .bytes()
            .enumerate()
            .map(|(at, byte)| match (escaped >> at & 1 == 1, lower) {
                (false, _) => char::from(byte).to_string(),
                (true, false) => format!("%{byte:02X}"),
                (true, true) => format!("%{byte:02x}"),
            })
            .collect();
        let route = Route::recognise(&POST, &format!("/model/{label}/converse")).unwrap();
        prop_assert_eq!(route.model.unwrap(), ModelReference::parse(id).unwrap());
    }
}
