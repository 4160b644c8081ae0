//! Every operation that policies grant, with every place in which it takes a model, a parameter or a text.
//!
//! An operation without a request in [`requests`] fails the first test, so that no door is left out.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bedrock::operation::Route;
use crate::identity::CredentialKind;
use crate::policy::compile;
use crate::yaml::{Diagnostics, Source};

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const GPT: &str = "openai.gpt-oss-20b-1:0";

/// Native bodies, each with a temperature and a prompt, in every spelling.
fn native(temperature: f64, prompt: &str) -> Vec<(&'static str, Value)> {
    let user = json!([{ "role": "user", "content": [{ "text": prompt }] }]);
    vec![
        (
            "amazon.titan-text-express-v1",
            json!({ "inputText": prompt, "textGenerationConfig": { "temperature": temperature } }),
        ),
        (
            HAIKU,
            json!({
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 9,
                "temperature": temperature,
                "messages": [{ "role": "user", "content": prompt }],
            }),
        ),
        (
            "amazon.nova-lite-v1:0",
            json!({ "messages": user, "inferenceConfig": { "temperature": temperature } }),
        ),
        ("cohere.command-text-v14", json!({ "prompt": prompt, "temperature": temperature })),
        ("ai21.j2-mid-v1", json!({ "prompt": prompt, "temperature": temperature })),
    ]
}

/// Every operation whose request is one body. A session's events are held against policy where they are heard.
pub(super) fn doors() -> impl Iterator<Item = Operation> {
    Operation::granted().filter(|operation| !operation.is_bidirectional())
}

/// A request of each kind that `operation` takes: the model and the body. `None` where it calls no model.
fn requests(operation: Operation, temperature: f64, prompt: &str) -> Vec<(Option<&'static str>, Value)> {
    let messages = json!([{ "role": "user", "content": [{ "text": prompt }] }]);
    let native = native(temperature, prompt).into_iter();
    let additional = json!({ "temperature": temperature });
    match operation {
        Operation::InvokeModel | Operation::InvokeModelWithResponseStream => {
            native.map(|(model, body)| (Some(model), body)).collect()
        }
        Operation::Converse | Operation::ConverseStream => vec![
            (Some(HAIKU), json!({ "messages": messages, "inferenceConfig": { "temperature": temperature } })),
            (Some(HAIKU), json!({ "messages": messages, "additionalModelRequestFields": additional })),
        ],
        Operation::CountTokens => {
            let sealed = native.map(|(model, body)| {
                let body = BASE64_STANDARD.encode(body.to_string());
                (Some(model), json!({ "input": { "invokeModel": { "body": body } } }))
            });
            let open = json!({ "messages": messages, "additionalModelRequestFields": additional });
            sealed.chain([(Some(HAIKU), json!({ "input": { "converse": open } }))]).collect()
        }
        Operation::ChatCompletions => vec![(
            Some(GPT),
            json!({
                "model": GPT,
                "messages": [{ "role": "user", "content": prompt }],
                "temperature": temperature,
            }),
        )],
        Operation::Responses => vec![
            (Some(GPT), json!({ "model": GPT, "input": prompt, "temperature": temperature })),
            (
                Some(GPT),
                json!({
                    "model": GPT,
                    "stream": true,
                    "input": [{ "role": "user", "content": [{ "type": "input_text", "text": prompt }] }],
                    "temperature": temperature,
                }),
            ),
        ],
        Operation::Messages => vec![(
            Some(HAIKU),
            json!({
                "model": HAIKU,
                "max_tokens": 9,
                "temperature": temperature,
                "messages": [{ "role": "user", "content": prompt }],
            }),
        )],
        Operation::StartAsyncInvoke => native
            .map(|(model, body)| {
                let output = json!({ "s3OutputDataConfig": { "s3Uri": "s3://results/a/" } });
                (Some(model), json!({ "modelId": model, "modelInput": body, "outputDataConfig": output }))
            })
            .collect(),
        Operation::ApplyGuardrail => ["INPUT", "OUTPUT"]
            .map(|source| (None, json!({ "source": source, "content": [{ "text": { "text": prompt } }] })))
            .to_vec(),
        Operation::InvokeGuardrailChecks => {
            vec![(None, json!({ "messages": messages, "checks": { "promptAttack": { "categories": [] } } }))]
        }
        other => panic!("{other} has no request here"),
    }
}

/// A policy of the floor, and one of the team that grants everything.
pub(super) fn policies(org: &str) -> PolicySet {
    let all = "  - { id: named, actions: [ApplyGuardrail, InvokeGuardrailChecks] }\n  \
               - { id: async, models: \"*\", actions: [StartAsyncInvoke], outputs: [\"s3://results/*\"] }\n";
    let team = format!("version: 1\nscope: team/payments\nallow:\n  - models: \"*\"\n{all}");
    let org = format!("version: 1\nscope: org\nallow:\n{all}{org}");
    let sources = [Source::new("org.yaml", &*org), Source::new("teams/payments.yaml", &*team)];
    let mut diagnostics = Diagnostics::default();
    let set = compile(&sources, crate::clock::now(), &mut diagnostics);
    set.unwrap_or_else(|| panic!("{:#?}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// Judges a request as the pipeline does: the model of a body is read before anything is judged.
pub(super) fn judged(
    policies: &PolicySet,
    operation: Operation,
    model: Option<&str>,
    body: &Value,
) -> (Result<Sendable, Refusal>, Judgement) {
    let guardrail = (operation.guardrail() == GuardrailPlace::Path)
        .then(|| Guardrail { identifier: "gr1".to_owned(), version: Some("1".to_owned()) });
    let model = model.filter(|_| !operation.names_model_in_body());
    let route = Route {
        operation,
        model: model.map(|id| ModelReference::parse(id).unwrap()),
        guardrail,
        streams: operation.is_streaming(),
    };
    let body = Bytes::from(body.to_string());
    let route = route.complete(&body).unwrap();
    let principal = Principal {
        team: "payments".to_owned(),
        app: "checkout".to_owned(),
        credential: CredentialKind::SigV4,
        credential_id: String::new(),
    };
    let context = Context {
        environment: "prod".to_owned(),
        region: "us-east-1".to_owned(),
        source: "10.1.2.3".parse().unwrap(),
        now: "2026-11-20T10:30:00Z".parse().unwrap(),
        break_glass: None,
    };
    let subject = Subject {
        principal: &principal,
        operation,
        model: route.model.as_ref(),
        guardrail: route.guardrail.as_ref(),
        context: &context,
        headers: &HeaderMap::new(),
        body: &body,
        stamp: None,
    };
    let mut judgement = Judgement::default();
    let sendable = judge(policies, &SCANNER, &subject, &mut judgement);
    (sendable, judgement)
}

fn violated(judgement: &Judgement) -> Vec<String> {
    let violations = judgement.verdict.iter().flat_map(|verdict| &verdict.violations);
    violations.map(|violation| violation.rule.to_string()).collect()
}

#[test]
fn what_is_granted_passes_as_it_was_written() {
    let set = policies("  - models: \"*\"\n");
    for operation in doors() {
        for (model, body) in requests(operation, 0.5, "hello") {
            let (sendable, _) = judged(&set, operation, model, &body);
            let sendable = sendable.unwrap_or_else(|error| panic!("{operation} {body}: {error}"));
            assert_eq!(sendable.body, body.to_string(), "{operation}");
        }
    }
}

#[test]
fn a_forbidden_model_is_refused_wherever_it_is_named() {
    let set = policies("  - models: [meta.*]\n");
    let deny = policies("  - models: \"*\"\ndeny: { id: none, models: \"*\" }\n");
    for operation in doors().filter(|operation| operation.takes_model()) {
        for (model, body) in requests(operation, 0.5, "hello") {
            // StartAsyncInvoke has a grant of its own in these policies, so that only `deny` is about its model.
            if !operation.answers_elsewhere() {
                let (sendable, judgement) = judged(&set, operation, model, &body);
                assert!(matches!(sendable, Err(Refusal::Denied)), "{operation} {body}");
                assert_eq!(violated(&judgement), ["org/allow"]);
            }
            let (sendable, judgement) = judged(&deny, operation, model, &body);
            assert!(matches!(sendable, Err(Refusal::Denied)), "{operation} {body}");
            assert_eq!(violated(&judgement), ["org/deny/none"]);
        }
    }
}

#[test]
fn a_text_that_must_not_leave_is_refused_wherever_it_stands() {
    let set = policies("  - models: \"*\"\nsensitive: { id: no, detect: [email], prompt: deny }\n");
    for operation in doors() {
        for (model, body) in requests(operation, 0.5, "write to jane.doe@example.com") {
            let (sendable, judgement) = judged(&set, operation, model, &body);
            assert!(matches!(sendable, Err(Refusal::Denied)), "{operation} {body}");
            assert_eq!(violated(&judgement), ["org/sensitive/no"]);
        }
    }
}

#[test]
fn a_text_is_redacted_wherever_it_stands_and_nothing_else_changes() {
    let set = policies("  - models: \"*\"\nsensitive: { id: no, detect: [email], prompt: redact }\n");
    for operation in doors() {
        let before = requests(operation, 0.5, "write to jane.doe@example.com");
        let after = requests(operation, 0.5, "write to {EMAIL}");
        for ((model, body), (_, expected)) in before.into_iter().zip(after) {
            let (sendable, _) = judged(&set, operation, model, &body);
            let sendable = sendable.unwrap_or_else(|error| panic!("{operation} {body}: {error}"));
            assert_eq!(sendable.body, expected.to_string(), "{operation}");
        }
    }
}

#[test]
fn another_place_for_answers_and_another_guardrail_are_refused() {
    let set = policies("  - models: \"*\"\nguardrail: { oneOf: [\"gr2:1\"] }\n");
    let (_, body) = requests(Operation::ApplyGuardrail, 0.5, "hello").remove(0);
    let (sendable, judgement) = judged(&set, Operation::ApplyGuardrail, None, &body);
    assert!(sendable.is_err());
    assert_eq!(violated(&judgement), ["org/guardrail"]);
    let set = policies("  - models: \"*\"\n");
    let (model, mut body) = requests(Operation::StartAsyncInvoke, 0.5, "hello").remove(0);
    body["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"] = json!("s3://elsewhere/a");
    let (sendable, judgement) = judged(&set, Operation::StartAsyncInvoke, model, &body);
    assert!(sendable.is_err());
    assert_eq!(violated(&judgement), ["org/allow", "payments/allow"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_parameter_out_of_bounds_is_refused_wherever_it_is_set(over in 0.301..1.0_f64, within in 0.0..0.3_f64) {
        let set = policies("  - models: \"*\"\nlimits: { temperature: { max: 0.3 } }\n");
        for operation in doors().filter(|operation| operation.takes_model()) {
            for (model, body) in requests(operation, over, "hello") {
                let (sendable, judgement) = judged(&set, operation, model, &body);
                prop_assert!(matches!(sendable, Err(Refusal::Denied)), "{} {}", operation, body);
                prop_assert_eq!(violated(&judgement), ["org/limits"]);
            }
            for (model, body) in requests(operation, within, "hello") {
                prop_assert!(judged(&set, operation, model, &body).0.is_ok(), "{} {}", operation, body);
            }
        }
    }

    #[test]
    fn a_parameter_is_clamped_wherever_it_is_set(over in 0.301..1.0_f64) {
        let set = policies("  - models: \"*\"\nlimits: { temperature: { max: 0.3, over: clamp } }\n");
        for operation in doors().filter(|operation| operation.takes_model()) {
            let clamped = requests(operation, 0.3, "hello");
            for ((model, body), (_, expected)) in requests(operation, over, "hello").into_iter().zip(clamped) {
                let (sendable, _) = judged(&set, operation, model, &body);
                prop_assert_eq!(sendable.unwrap().body, expected.to_string());
            }
        }
    }
}
