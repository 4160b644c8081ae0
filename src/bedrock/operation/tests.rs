use http::StatusCode;
use proptest::prelude::*;

use super::*;

const POST: Method = Method::POST;
const GET: Method = Method::GET;

#[test]
fn the_six_operations_are_recognised_however_clients_encode_the_model() {
    let table = [
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
    for (method, target, operation, model) in table {
        let route = Route::recognise(&method, target).unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(route.operation.name(), operation, "{target}");
        assert_eq!(route.model.as_ref().map(ModelReference::raw), model, "{target}");
    }
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
        (POST, "/model/amazon.nova/count-tokens"),
        (POST, "/model/amazon.nova/embed"),
        (POST, "/Model/amazon.nova/converse"),
        (POST, "/models/amazon.nova/converse"),
        (POST, "/model%2Famazon.nova/converse"),
        (POST, "//model/amazon.nova/converse"),
        (POST, "/./model/amazon.nova/converse"),
        (POST, "/v1/model/amazon.nova/converse"),
        (POST, "/foundation-models"),
        (Method::HEAD, "/foundation-models"),
        (GET, "/foundation-models/"),
        (GET, "/foundation-models/amazon.nova"),
        (GET, "//foundation-models"),
        (GET, "/Foundation-Models"),
        (GET, "/foundation-models;x"),
        (GET, "/%66oundation-models"),
        (GET, "/inference-profiles?type=SYSTEM_DEFINED"),
        (POST, "/openai/v1/chat/completions"),
        (POST, "/anthropic/v1/messages"),
        (POST, "/async-invoke"),
        (POST, "/guardrail/x/version/1/apply"),
        (POST, "/model-invocation-job"),
        (Method::DELETE, "/logging/modelinvocations"),
        (GET, "/healthz"),
    ];
    for (method, target) in table {
        let error = Route::recognise(&method, target).expect_err(target);
        assert_eq!(error, RouteError::UnknownOperation, "{method} {target}");
        assert_eq!(error.fault(), Fault::AccessDenied);
        assert!(Operation::ALL.iter().all(|operation| error.to_string().contains(operation.name())));
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
        ("/model/amazon.nova/converse?", RouteError::RuntimeQuery),
        ("/model/amazon.nova/converse?a=1", RouteError::RuntimeQuery),
        ("/model/amazon.nova/invoke?/converse", RouteError::RuntimeQuery),
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
        assert_eq!(Route::recognise(&GET, &target), Err(RouteError::Query), "{target}");
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
