//! Every operation beside inference, through the socket: what passes, what is cut down, what is refused and how it is
//! recorded.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::call::{
    Call, HAIKU, PROMPT_CANARY, TITAN, claude_body, converse_body, label, titan_body,
};
use crate::support::http::Response;
use crate::support::warden::{Setup, TestWarden};

const ACCESS: &str = "AccessDeniedException";
const OWN: &str = "arn:aws:bedrock:us-east-1:111122223333";

/// Grants every model, and by name what has to be named.
const ALL: &str = "allow:\n  - models: [\"*\"]\n  - { id: checks, actions: [ApplyGuardrail, InvokeGuardrailChecks] }\n  \
                   - { id: async, models: [\"*\"], actions: [StartAsyncInvoke], outputs: [\"s3://results/*\"] }\n";

fn all() -> Setup {
    Setup::new().org(ALL).team(ALL)
}

fn get(target: &str) -> Call {
    Call::new("GET", target, "")
}

fn post(target: &str, body: &Value) -> Call {
    Call::new("POST", target, body.to_string()).header("content-type", "application/json")
}

fn count(model: &str, input: &Value) -> Call {
    post(&format!("/model/{}/count-tokens", label(model)), &json!({ "input": input }))
}

fn sealed(body: &Value) -> Value {
    json!({ "invokeModel": { "body": BASE64_STANDARD.encode(body.to_string()) } })
}

fn apply(source: &str, text: &str) -> Call {
    let body = json!({ "source": source, "content": [{ "text": { "text": text } }] });
    post("/guardrail/gr1a2b3c4d5e/version/1/apply", &body)
}

fn start(model: &str, native: &Value, token: &str, uri: &str) -> Call {
    let output = json!({ "s3OutputDataConfig": { "s3Uri": uri } });
    let body = json!({
        "modelId": model, "modelInput": native, "outputDataConfig": output, "clientRequestToken": token,
    });
    post("/async-invoke", &body)
}

/// The record that opens a request, which says what was asked for.
fn opening(warden: &TestWarden, response: &Response) -> Value {
    let id = response.decision_id();
    let journal = warden.journal();
    let opening =
        journal.of(&id).find(|record| !record.is_outcome()).unwrap_or_else(|| panic!("no record of {id}"));
    opening.0.clone()
}

#[test]
fn reads_pass_and_are_recorded_by_name() {
    // What has weights of its own is granted by its own id; what leads to a model, by that.
    let names = [CUSTOM_MODEL, IMPORTED_MODEL];
    let listed: Vec<_> = names.iter().map(|name| format!("\"{OWN}:{name}\"")).collect();
    let allow = format!("allow:\n  - models: [\"*\", {}]\n", listed.join(", "));
    let warden = Setup::new().org(&allow).team(&allow).start();
    let rows = [
        ("/async-invoke", "ListAsyncInvokes", "/asyncInvokeSummaries"),
        ("/foundation-models?byProvider=Anthropic", "ListFoundationModels", "/modelSummaries/0/modelId"),
        ("/foundation-models/amazon.titan-text-express-v1", "GetFoundationModel", "/modelDetails/modelArn"),
        (
            "/foundation-model-availability/amazon.titan-text-express-v1",
            "GetFoundationModelAvailability",
            "/authorizationStatus",
        ),
        ("/inference-profiles?type=SYSTEM_DEFINED&maxResults=2", "ListInferenceProfiles", "/nextToken"),
        ("/inference-profiles/us.amazon.nova-lite-v1%3A0", "GetInferenceProfile", "/models/0/modelArn"),
        (
            "/inference-profiles/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aapplication-inference-profile%2Fabcdef123456",
            "GetInferenceProfile",
            "/models/0/modelArn",
        ),
        ("/provisioned-model-throughputs", "ListProvisionedModelThroughputs", "/provisionedModelSummaries/0"),
        (
            "/provisioned-model-throughput/payments-throughput",
            "GetProvisionedModelThroughput",
            "/foundationModelArn",
        ),
        ("/custom-models", "ListCustomModels", "/modelSummaries/0"),
        (&own("/custom-models", CUSTOM_MODEL), "GetCustomModel", "/baseModelArn"),
        (
            "/model-customization/custom-model-deployments",
            "ListCustomModelDeployments",
            "/modelDeploymentSummaries/0/customModelDeploymentArn",
        ),
        ("/custom-models/complaints", "GetCustomModel", "/baseModelArn"),
        (
            "/model-customization/custom-model-deployments/complaints-live",
            "GetCustomModelDeployment",
            "/modelArn",
        ),
        ("/imported-models/homemade", "GetImportedModel", "/modelArchitecture"),
        (
            &own("/model-customization/custom-model-deployments", DEPLOYMENT),
            "GetCustomModelDeployment",
            "/modelArn",
        ),
        ("/imported-models", "ListImportedModels", "/modelSummaries/0"),
        (&own("/imported-models", IMPORTED_MODEL), "GetImportedModel", "/modelArchitecture"),
        ("/prompt-routers", "ListPromptRouters", "/promptRouterSummaries"),
        ("/marketplace-model/endpoints", "ListMarketplaceModelEndpoints", "/marketplaceModelEndpoints"),
        ("/guardrails", "ListGuardrails", "/guardrails/0/id"),
        ("/guardrails/gr1a2b3c4d5e?guardrailVersion=3", "GetGuardrail", "/version"),
        ("/logging/modelinvocations", "GetModelInvocationLoggingConfiguration", "/loggingConfig/s3Config"),
    ];
    for (target, operation, pointer) in rows {
        let response = warden.send(get(target));
        assert!(response.assert_ok().json().pointer(pointer).is_some(), "{target}: {}", response.text());
        assert_eq!(opening(&warden, &response)["operation"], operation, "{target}");
        assert!(warden.record_of(&response).is_outcome(), "{target}");
    }
    // In between, names are looked up.
    let seen: Vec<_> = warden.upstream().iter().map(|seen| seen.path().to_owned()).collect();
    let mut seen = seen.iter();
    assert!(rows.iter().all(|(target, ..)| seen.any(|path| path == target)), "as they were asked for");
}

const CUSTOM_MODEL: &str = "custom-model/amazon.titan-text-express-v1/abcdef123456";
const DEPLOYMENT: &str = "custom-model-deployment/abcdef123456";
const IMPORTED_MODEL: &str = "imported-model/abcdef123456";

/// The path of a resource of the account, by its ARN.
fn own(collection: &str, name: &str) -> String {
    format!("{collection}/{}", format!("{OWN}:{name}").replace(':', "%3A").replace('/', "%2F"))
}

#[test]
fn lists_are_cut_down_to_what_the_caller_may_use() {
    let profile = format!("{OWN}:application-inference-profile/abcdef123456");
    let team = format!("allow:\n  - models: [\"anthropic.claude-3-haiku-*\", \"{profile}\"]\n");
    let warden =
        Setup::new().org(&format!("allow:\n  - models: [\"*\", \"{profile}\"]\n")).team(&team).start();
    let profiles = warden.send(get("/inference-profiles")).assert_ok().json();
    let ids: Vec<_> = profiles["inferenceProfileSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["inferenceProfileId"])
        .collect();
    assert_eq!(ids, ["us.anthropic.claude-3-haiku-20240307-v1:0", "abcdef123456"]);
    for (target, array) in [
        ("/provisioned-model-throughputs", "provisionedModelSummaries"),
        ("/custom-models", "modelSummaries"),
        ("/model-customization/custom-model-deployments", "modelDeploymentSummaries"),
        ("/imported-models", "modelSummaries"),
        ("/marketplace-model/endpoints", "marketplaceModelEndpoints"),
    ] {
        let response = warden.send(get(target));
        assert_eq!(response.assert_ok().json()[array], json!([]), "{target}");
        assert_eq!(response.header("x-warden-modified"), Some("answer"), "{target}");
    }
    let routers = warden.send(get("/prompt-routers")).assert_ok().json();
    let leads_to_haiku = &routers["promptRouterSummaries"][0]["promptRouterArn"];
    assert!(leads_to_haiku.is_string(), "every model behind it is granted: {routers}");
}

#[test]
fn what_a_caller_may_not_use_is_not_described_to_it() {
    let warden = Setup::new().team("allow:\n  - models: [\"anthropic.claude-3-haiku-*\"]\n").start();
    for target in [
        "/foundation-models/amazon.titan-text-express-v1",
        "/foundation-model-availability/amazon.titan-text-express-v1",
        "/inference-profiles/us.amazon.nova-lite-v1%3A0",
        "/inference-profiles/fedcba654321",
        "/inference-profiles/global.anthropic.claude-3-haiku-20240307-v1%3A0",
        "/provisioned-model-throughput/payments-throughput",
        &own("/custom-models", CUSTOM_MODEL),
        &own("/model-customization/custom-model-deployments", DEPLOYMENT),
        &own("/imported-models", IMPORTED_MODEL),
        "/custom-models/complaints",
        "/model-customization/custom-model-deployments/complaints-live",
        "/imported-models/homemade",
        "/marketplace-model/endpoints/arn%3Aaws%3Asagemaker%3Aus-east-1%3A111122223333%3Aendpoint%2Fbought",
    ] {
        let response = warden.send(get(target));
        let message = response.assert_refused(403, ACCESS);
        assert!(message.contains("with an explicit deny in policy"), "{target}: {message}");
        assert!(warden.record_of(&response).is_denial(), "{target}");
    }
    let elsewhere = "/foundation-models/arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Afoundation-model%2Fanthropic.claude-3-haiku-20240307-v1%3A0";
    warden.send(get(elsewhere)).assert_refused(400, "ValidationException");
    let with_body = Call::new("GET", "/guardrails", "{}").header("content-type", "application/json");
    warden.send(with_body).assert_refused(400, "ValidationException");
    // Names are looked up to be judged, and that is all that is asked.
    let asked = warden.upstream();
    assert!(asked.iter().all(|seen| !seen.path().starts_with("/foundation-model")), "{asked:?}");
    assert!(asked.iter().all(|seen| !seen.path().contains("eu-west-1")), "{asked:?}");
}

#[test]
fn dangerous_writes_are_refused_and_recorded_by_name() {
    let warden = all().start();
    for (method, target, operation) in [
        ("POST", "/model-invocation-job", "CreateModelInvocationJob"),
        ("PUT", "/logging/modelinvocations", "PutModelInvocationLoggingConfiguration"),
        ("DELETE", "/logging/modelinvocations", "DeleteModelInvocationLoggingConfiguration"),
        ("POST", "/guardrails", "CreateGuardrail"),
        ("PUT", "/guardrails/gr1a2b3c4d5e", "UpdateGuardrail"),
        ("DELETE", "/guardrails/gr1a2b3c4d5e", "DeleteGuardrail"),
        ("PUT", "/data-retention", "PutAccountDataRetention"),
        ("PUT", "/enforcedGuardrailsConfiguration", "PutEnforcedGuardrailConfiguration"),
        ("POST", "/inference-profiles", "CreateInferenceProfile"),
        ("POST", "/provisioned-model-throughput", "CreateProvisionedModelThroughput"),
        ("PATCH", "/provisioned-model-throughput/payments-throughput", "UpdateProvisionedModelThroughput"),
    ] {
        let response = warden.send(Call::new(method, target, "{}"));
        let message = response.assert_refused(403, ACCESS);
        assert!(message.starts_with(&format!("{operation} is refused: ")), "{message}");
        let record = warden.record_of(&response);
        assert!(record.is_denial() && record.text("operation") == operation, "{record:?}");
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn what_must_be_named_is_refused_until_it_is() {
    let warden = Setup::new().start();
    let checks = json!({ "messages": [{ "role": "user", "content": [{ "text": "hi" }] }], "checks": {} });
    for (call, operation) in [
        (apply("INPUT", "hi"), "ApplyGuardrail"),
        (post("/guardrail-checks/invoke", &checks), "InvokeGuardrailChecks"),
        (start(TITAN, &titan_body("hi"), "token", "s3://results/a/"), "StartAsyncInvoke"),
    ] {
        let message = warden.send(call).assert_refused(403, ACCESS);
        assert!(
            message.contains(&format!("{operation} is not granted; an item of `allow` must name it")),
            "{message}"
        );
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn prompts_that_are_counted_are_judged_like_prompts_that_are_sent() {
    let rules = "sensitive:\n  - { id: mail, detect: [email], prompt: redact }\n  - { id: keys, detect: [aws_access_key], prompt: deny }\n\
                 limits:\n  - maxTokens: { max: 32, over: clamp }\n    temperature: { max: 0.5 }\n";
    let warden = all().org(&format!("{ALL}{rules}")).start();
    let open = json!({ "converse": { "messages": converse_body("hello")["messages"] } });
    let response = warden.send(count(HAIKU, &open));
    assert!(response.assert_ok().json()["inputTokens"].is_u64());
    assert!(opening(&warden, &response)["in_tokens"].is_null());

    let response = warden.send(count(HAIKU, &sealed(&claude_body("write to jane.doe@example.com"))));
    response.assert_ok();
    let seen = warden.upstream().pop().unwrap();
    let inner = seen.json()["input"]["invokeModel"]["body"].as_str().unwrap().to_owned();
    let inner: Value = serde_json::from_slice(&BASE64_STANDARD.decode(inner).unwrap()).unwrap();
    assert_eq!(inner["messages"][0]["content"], "write to {EMAIL}");
    assert_eq!((&inner["max_tokens"], &inner["system"]), (&json!(32), &json!(PROMPT_CANARY)));
    assert!(response.header("x-warden-modified").unwrap().contains("redact:EMAIL"));

    let before = warden.upstream().len();
    let mut hot = claude_body("hello");
    hot["temperature"] = json!(0.9);
    for (input, error) in [
        (sealed(&claude_body("AKIAIOSFODNN7ABCDEFG")), "ValidationException"),
        (sealed(&hot), "ValidationException"),
        (json!({ "invokeModel": { "body": "not base64" } }), "ValidationException"),
        (json!({ "converse": { "inferenceConfig": {} } }), ACCESS),
    ] {
        let response = warden.send(count(HAIKU, &input));
        assert_eq!(response.error_type(), error, "{input}: {}", response.text());
    }
    warden.send(count("acme.future-model-v1:0", &sealed(&json!({})))).assert_refused(403, ACCESS);
    assert_eq!(warden.upstream().len(), before);
}

#[test]
fn texts_for_guardrails_and_their_answers_are_filtered() {
    let rules = "sensitive:\n  - { id: mail, detect: [email], prompt: redact, response: redact }\n\
                 guardrail:\n  - oneOf: [\"gr1a2b3c4d5e:1\"]\n";
    let warden = all().org(&format!("{ALL}{rules}")).start();
    let hidden = BASE64_STANDARD.encode("ask john.roe@example.com");
    let response = warden.send(apply("OUTPUT", &format!("say-base64: {hidden}")));
    let answer = response.assert_ok().json();
    assert_eq!(answer["action"], "GUARDRAIL_INTERVENED");
    assert_eq!(answer["outputs"][0]["text"], "ask {EMAIL}");
    let record = warden.record_of(&response);
    assert_eq!(record.text("stop_reason"), "GUARDRAIL_INTERVENED");
    assert_eq!(opening(&warden, &response)["guardrail"]["after"], "gr1a2b3c4d5e:1");

    warden.send(apply("INPUT", "write to jane.doe@example.com")).assert_ok();
    assert_eq!(warden.upstream().pop().unwrap().json()["content"][0]["text"]["text"], "write to {EMAIL}");

    let checks = json!({ "contentFilter": { "categories": [{ "category": "HATE" }] }, "sensitiveInformation": { "entities": [{ "type": "EMAIL" }] } });
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "jane.doe@example.com" }] }], "checks": checks });
    let response = warden.send(post("/guardrail-checks/invoke", &body));
    assert_eq!(response.assert_ok().json()["results"]["contentFilter"]["results"][0]["category"], "HATE");
    assert_eq!(warden.upstream().pop().unwrap().json()["messages"][0]["content"][0]["text"], "{EMAIL}");

    let other = post("/guardrail/other/version/1/apply", &json!({ "source": "INPUT", "content": [] }));
    assert!(warden.send(other).assert_refused(403, ACCESS).contains("org/guardrail"));
}

#[test]
fn async_invocations_are_started_where_policy_says_and_seen_by_those_who_may() {
    let research = "version: 1\nscope: team/research\nallow:\n  - models: [\"amazon.*\"]\n";
    let warden = all().policy("teams/research.yaml", research).start();
    let titan = titan_body("hello");
    let response = warden.send(start(TITAN, &titan, "one", "s3://results/2026/jane.doe/"));
    let arn = response.assert_ok().json()["invocationArn"].as_str().unwrap().to_owned();
    let intent = opening(&warden, &response);
    assert_eq!((&intent["model_requested"], &intent["output"]), (&json!(TITAN), &json!("s3://results")));
    assert!(!intent.to_string().contains("jane.doe"), "{intent}");
    let again = warden.send(start(TITAN, &titan, "one", "s3://results/2026/jane.doe/"));
    assert_eq!(again.assert_ok().json()["invocationArn"], arn);
    warden
        .send(start(TITAN, &titan_body("other"), "one", "s3://results/"))
        .assert_refused(400, "ConflictException");
    let haiku = warden.send(start(HAIKU, &claude_body("hello"), "two", "s3://results/")).assert_ok().json();
    let haiku = haiku["invocationArn"].as_str().unwrap().to_owned();

    let message = warden.send(start(TITAN, &titan, "three", "s3://elsewhere/")).assert_refused(403, ACCESS);
    assert!(message.contains("granted: s3://results/*"), "{message}");
    warden.send(start("acme.future-model-v1:0", &titan, "four", "s3://results/")).assert_refused(403, ACCESS);

    let list = |key| {
        let call = get("/async-invoke?statusEquals=Completed").sign(key, &warden.authority());
        let list =
            warden.tls().send(&call).assert_ok().json()["asyncInvokeSummaries"].as_array().unwrap().clone();
        list.iter().map(|one| one["invocationArn"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&warden.key), [haiku.clone(), arn.clone()]);
    let other = warden.add_caller("research", "notebooks");
    warden.wait_until_known(&other);
    assert_eq!(list(&other), std::slice::from_ref(&arn));
    let look = |arn: &str| {
        warden.tls().send(&get(&format!("/async-invoke/{}", label(arn))).sign(&other, &warden.authority()))
    };
    assert_eq!(look(&arn).assert_ok().json()["status"], "Completed");
    let declined = look(&haiku);
    declined.assert_refused(403, ACCESS);
    assert!(!declined.text().contains("haiku"), "{}", declined.text());
}

#[test]
fn an_answer_that_must_be_filtered_is_not_sent_to_s3() {
    let rules = "sensitive:\n  - { id: mail, detect: [email], response: redact }\n";
    let warden = all().org(&format!("{ALL}{rules}")).start();
    let message =
        warden.send(start(TITAN, &titan_body("hello"), "one", "s3://results/")).assert_refused(403, ACCESS);
    assert!(message.contains("org/sensitive/mail") && message.contains("S3"), "{message}");
    assert!(warden.upstream().is_empty());
}
