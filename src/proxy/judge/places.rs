//! A value that a policy forbids is refused under every name and in every place that a request has for it.
//!
//! Walks the tables of operations and families, so that a door that is added is walked through as well: the sample bodies
//! of every family, wrapped as every operation takes them, with a parameter put into one of their objects.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::doors::{doors, judged, policies};
use super::*;
use crate::bedrock::catalogue::MODELS;
use crate::bedrock::chat::Api;
use crate::bedrock::format::Wire;
use crate::bedrock::format::samples::{any_alias, samples};
use crate::bedrock::invoke::Family;
use crate::bedrock::operation::Body;
use crate::bedrock::view::Parameter;

/// Out of every bound of [`BOUNDS`].
const FORBIDDEN: u32 = 1_000_000;

const BOUNDS: &str = "  - models: \"*\"\nlimits: { maxTokens: { max: 100000 }, temperature: { max: 1 }, topP: { max: 1 }, \
                      topK: { max: 100000 }, thinkingTokens: { max: 100000 } }\n";

/// Members below which stands what a caller or a tool made up. A number there is data whatever it is called.
const DATA: &[&str] = &[
    "input",
    "json",
    "parameters",
    "properties",
    "inputSchema",
    "input_schema",
    "parameter_definitions",
    "documents",
    "outputs",
    "requestMetadata",
    "logit_bias",
    "tags",
    "promptVariables",
    "json_schema",
    "citations",
    "caller",
    "action",
    "operation",
    "arguments",
    "annotations",
    "format",
    "pending_safety_checks",
    "acknowledged_safety_checks",
];

/// In JSON whose members the wire does not define, only limits on tokens are looked for.
const SCHEMAS: &[&str] = &["textFormat", "responseFormat", "output_config", "tools"];

/// A request, and the body before it was put into base64, where that is the way of the operation.
struct Request {
    model: Option<&'static str>,
    body: Value,
    sealed: Option<Value>,
}

fn requests(operation: Operation) -> Vec<Request> {
    let plain = |model, body| Request { model: Some(model), body, sealed: None };
    let natives = || {
        samples().into_iter().filter_map(|(format, body)| match format.wire() {
            Wire::Invoke(family) => Some((family, body)),
            _ => None,
        })
    };
    let converse = || samples().into_iter().filter(|(format, _)| format.is_converse()).map(|(_, body)| body);
    match operation.body() {
        Body::Invoke => natives()
            .filter(|(family, _)| !family.is_asynchronous())
            .map(|(family, body)| plain(model_of(family), body))
            .collect(),
        Body::Converse => converse().map(|body| plain(model_of(Family::ClaudeMessages), body)).collect(),
        Body::CountTokens => {
            let sealed = natives().filter(|(family, _)| !family.is_asynchronous()).map(|(family, native)| {
                Request { model: Some(model_of(family)), body: seal(&native), sealed: Some(native) }
            });
            let open = converse().map(|body| {
                let parts = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
                let parts: serde_json::Map<_, _> =
                    parts.iter().map(|part| ((*part).to_owned(), body[part].clone())).collect();
                plain(model_of(Family::ClaudeMessages), json!({ "input": { "converse": parts } }))
            });
            sealed.chain(open).collect()
        }
        Body::AsyncInvoke => natives()
            .map(|(family, native)| {
                let output = json!({ "s3OutputDataConfig": { "s3Uri": "s3://results/a/" } });
                let model = model_of(family);
                plain(model, json!({ "modelId": model, "modelInput": native, "outputDataConfig": output }))
            })
            .collect(),
        Body::Chat(api) => {
            let of_api = samples().into_iter().filter(|(format, _)| format.wire() == Wire::Chat(api));
            let model = if api == Api::Messages { Family::ClaudeMessages } else { Family::OpenAi };
            of_api
                .map(|(_, mut body)| {
                    body["model"] = model_of(model).into();
                    plain(model_of(model), body)
                })
                .collect()
        }
        other => panic!("{other:?} has no request here"),
    }
}

fn seal(native: &Value) -> Value {
    json!({ "input": { "invokeModel": { "body": BASE64_STANDARD.encode(native.to_string()) } } })
}

/// Any model of a family.
fn model_of(family: Family) -> &'static str {
    let known = MODELS.iter().map(|model| model.id);
    let model = known.chain(["luma.ray-v2:0"]).find(|id| Family::of_model(id) == Some(family));
    model.unwrap_or_else(|| panic!("no model of {} is known", family.name()))
}

/// Every object of a body, by its path.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(path.to_owned());
            for (name, inner) in members {
                objects(inner, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) => {
            for (index, inner) in elements.iter().enumerate() {
                objects(inner, &format!("{path}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether what stands at `path` is no parameter of the request.
fn is_data(path: &str, parameter: Parameter) -> bool {
    let below = |names: &[&str]| path.split('/').any(|member| names.contains(&member));
    let counts_tokens = matches!(parameter, Parameter::MaxTokens | Parameter::ThinkingTokens);
    // `input` is CountTokens' own as well.
    let path_is_data = |path: &str| path.split('/').any(|member| DATA.contains(&member));
    path_is_data(path.strip_prefix("/input").unwrap_or(path)) || (below(SCHEMAS) && !counts_tokens)
}

/// `request` with `name` set in each of its objects, and where.
fn with(request: &Request, name: &str, parameter: Parameter) -> Vec<(Value, String)> {
    let inner = request.sealed.as_ref().unwrap_or(&request.body);
    let mut places = Vec::new();
    objects(inner, "", &mut places);
    places.retain(|path| !is_data(path, parameter));
    let set = |place: String| {
        let mut body = inner.clone();
        let object = body.pointer_mut(&place).and_then(Value::as_object_mut).unwrap();
        object.insert(name.to_owned(), FORBIDDEN.into());
        (if request.sealed.is_some() { seal(&body) } else { body }, place)
    };
    places.into_iter().map(set).collect()
}

#[test]
fn every_family_has_a_request_that_its_bounds_admit() {
    let set = policies(BOUNDS);
    for operation in doors().filter(|operation| operation.takes_model()) {
        let requests = requests(operation);
        assert!(!requests.is_empty(), "{operation}");
        for Request { model, body, .. } in requests {
            let (sendable, _) = judged(&set, operation, model, &body);
            assert!(sendable.is_ok(), "{operation} {body}: {:?}", sendable.err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_forbidden_value_is_refused_under_every_name_in_every_place(
        (name, parameter) in any_alias(),
    ) {
        let bounded = [
            Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP, Parameter::TopK, Parameter::ThinkingTokens,
        ];
        prop_assume!(bounded.contains(&parameter));
        let set = policies(BOUNDS);
        for operation in doors().filter(|operation| operation.takes_model()) {
            for request in requests(operation) {
                for (body, place) in with(&request, &name, parameter) {
                    let (sendable, _) = judged(&set, operation, request.model, &body);
                    prop_assert!(sendable.is_err(), "{} {:?}: `{}` at `{}`", operation, request.model, name, place);
                }
            }
        }
    }
}
