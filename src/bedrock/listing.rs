//! Answers of reads, cut down to what a caller may use.
//!
//! Receives an operation, its parsed answer and a question to ask about each model. Returns the same bytes without the
//! entries that were declined, so that every member of the others, known or not, arrives as AWS wrote it. An answer that
//! is not what the operation answers is an error, because it cannot be cut down.

use thiserror::Error;

use super::json::{Document, Node, Value};
use super::model::resolution::{Found, Lookup};
use super::model::{ModelKind, ModelReference};
use super::operation::{AnswerShape, Operation};

/// Why an answer must not reach the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ListingError {
    #[error("answer of {0} is not an object")]
    NotAnObject(Operation),
    #[error("answer of {operation} has no array `{array}`")]
    NoEntries { operation: Operation, array: &'static str },
    /// The answer is about something that the caller may not use.
    #[error("answer of {0} is about a model that was declined")]
    Declined(Operation),
}

/// What `operation` answered, with only those entries that name a model which `keep` accepts.
pub fn filter(
    operation: Operation,
    document: &Document<'_>,
    keep: impl Fn(&ModelReference) -> bool,
) -> Result<String, ListingError> {
    if !document.root().is_object() {
        return Err(ListingError::NotAnObject(operation));
    }
    match operation.answer() {
        AnswerShape::Entries { array, names } => {
            let kept = |entry: &Node<'_>| names.iter().any(|name| accepts(entry, name, &keep));
            entries(document, array, kept).ok_or(ListingError::NoEntries { operation, array })
        }
        AnswerShape::One { model: Some(name) } if !accepts(document.root(), name, &keep) => {
            Err(ListingError::Declined(operation))
        }
        AnswerShape::One { .. } | AnswerShape::Words => Ok(document.source().to_owned()),
    }
}

/// The models that an answer of `operation` names without saying all that stands behind them, each once.
pub fn unresolved(operation: Operation, document: &Document<'_>) -> Vec<ModelReference> {
    let root = document.root();
    let (entries, names): (Vec<&Node<'_>>, Vec<&str>) = match operation.answer() {
        AnswerShape::Entries { array, names } => {
            let entries = root.get(array).map(Node::elements).unwrap_or_default();
            (entries.iter().collect(), names.to_vec())
        }
        AnswerShape::One { model } => (vec![root], model.into_iter().collect()),
        AnswerShape::Words => return Vec::new(),
    };
    let mut found: Vec<ModelReference> = Vec::new();
    for (entry, name) in entries.iter().flat_map(|entry| names.iter().map(move |name| (entry, name))) {
        let model =
            named(entry, name).filter(|model| model.kind() != ModelKind::Named && !model.is_resolved());
        found.extend(model.filter(|model| !found.contains(model)));
    }
    found
}

/// Keeps the entries of the member `array` that `keep` accepts. `None` when there is no such array.
fn entries(document: &Document<'_>, array: &str, keep: impl Fn(&Node<'_>) -> bool) -> Option<String> {
    let Value::Array(entries) = &document.root().get(array)?.value else { return None };
    let source = document.source();
    let text = |start: usize, end: usize| source.get(start..end).unwrap_or_default();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Some(source.to_owned()) };

    let mut filtered = String::with_capacity(source.len());
    filtered.push_str(text(0, first.span.start));
    let mut separator_start = None;
    let mut any_kept = false;
    for entry in entries {
        if keep(entry) {
            // An entry brings the comma before it along, unless it has become the first.
            let start = separator_start.filter(|_| any_kept).unwrap_or(entry.span.start);
            filtered.push_str(text(start, entry.span.end));
            any_kept = true;
        }
        separator_start = Some(entry.span.end);
    }
    filtered.push_str(text(last.span.end, source.len()));
    Some(filtered)
}

fn accepts(entry: &Node<'_>, name: &str, keep: impl Fn(&ModelReference) -> bool) -> bool {
    // FAIL-CLOSED: an entry whose model cannot be read cannot be judged.
    named(entry, name).is_some_and(|model| keep(&model))
}

/// The model that the member `name` of an entry names, with what the entry itself says stands behind it.
fn named(entry: &Node<'_>, name: &str) -> Option<ModelReference> {
    let model = ModelReference::parse(entry.get(name).and_then(Node::as_str)?).ok()?;
    Some(described(entry, model))
}

/// `model` with what the entry itself says stands behind it.
fn described(entry: &Node<'_>, model: ModelReference) -> ModelReference {
    let questions = Lookup::all(&model).unwrap_or_default();
    let answers = questions.iter().filter_map(|question| question.describe(entry).ok());
    match answers.reduce(Found::and) {
        Some(found) => model.with(found),
        None => model,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amazon_only(source: &str) -> Result<String, ListingError> {
        cut(Operation::ListFoundationModels, source)
    }

    fn cut(operation: Operation, source: &str) -> Result<String, ListingError> {
        let document = Document::parse(source.as_bytes()).unwrap();
        filter(operation, &document, |model| {
            model.provider() == Some("amazon") || model.raw().ends_with("/ours00000000")
        })
    }

    #[test]
    fn every_list_is_cut_down_by_the_names_of_its_entries() {
        let table: [(Operation, &str, &str, &str); 9] = [
            (
                Operation::ListInferenceProfiles,
                "inferenceProfileSummaries",
                r#"{"inferenceProfileId":"us.amazon.nova-lite-v1:0","type":"SYSTEM_DEFINED"}"#,
                r#"{"inferenceProfileId":"us.meta.llama3-1-8b-instruct-v1:0"}"#,
            ),
            (
                Operation::ListInferenceProfiles,
                "inferenceProfileSummaries",
                r#"{"inferenceProfileId":"ours00000000","inferenceProfileArn":"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/ours00000000"}"#,
                r#"{"inferenceProfileId":"other0000000","models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}]}"#,
            ),
            (
                Operation::ListProvisionedModelThroughputs,
                "provisionedModelSummaries",
                r#"{"provisionedModelArn":"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/ours00000000"}"#,
                r#"{"provisionedModelName":"other","foundationModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}"#,
            ),
            (
                Operation::ListCustomModels,
                "modelSummaries",
                r#"{"modelArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/ours00000000"}"#,
                r#"{"modelArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model/meta.llama3-1-8b-instruct-v1:0/other0000000"}"#,
            ),
            (
                Operation::ListCustomModelDeployments,
                "modelDeploymentSummaries",
                r#"{"customModelDeploymentArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/ours00000000"}"#,
                r#"{"customModelDeploymentName":"other"}"#,
            ),
            (
                Operation::ListImportedModels,
                "modelSummaries",
                r#"{"modelArn":"arn:aws:bedrock:us-east-1:111122223333:imported-model/ours00000000"}"#,
                r#"{"modelName":"other"}"#,
            ),
            (
                Operation::ListPromptRouters,
                "promptRouterSummaries",
                r#"{"promptRouterArn":"arn:aws:bedrock:us-east-1:111122223333:prompt-router/ours00000000"}"#,
                r#"{"promptRouterArn":"arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/amazon.nova:1"}"#,
            ),
            (
                Operation::ListMarketplaceModelEndpoints,
                "marketplaceModelEndpoints",
                r#"{"endpointArn":"arn:aws:sagemaker:us-east-1:111122223333:endpoint/ours00000000"}"#,
                r#"{"endpointArn":"arn:aws:sagemaker:us-east-1:111122223333:endpoint/other"}"#,
            ),
            (
                Operation::ListAsyncInvokes,
                "asyncInvokeSummaries",
                r#"{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:0"}"#,
                r#"{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/luma.ray-v2:0"}"#,
            ),
        ];
        for (operation, array, ours, other) in table {
            let source = format!("{{\"nextToken\":\"t\",\"{array}\":[{other},{ours},{{}}]}}");
            let expected = format!("{{\"nextToken\":\"t\",\"{array}\":[{ours}]}}");
            assert_eq!(cut(operation, &source), Ok(expected), "{operation}");
            assert_eq!(
                cut(operation, "{\"models\":[]}"),
                Err(ListingError::NoEntries { operation, array }),
                "{operation}"
            );
        }
    }

    #[test]
    fn what_an_answer_does_not_say_of_its_models_is_to_be_asked() {
        let arn = |resource: &str| format!("arn:aws:bedrock:us-east-1:111122223333:{resource}");
        let custom = arn("custom-model/amazon.nova-lite-v1:0/custom000001");
        let live = arn("custom-model-deployment/deployed0001");
        let entry = format!(
            r#"{{"customModelDeploymentName":"live","customModelDeploymentArn":"{live}","modelArn":"{custom}"}}"#
        );
        let source = format!(r#"{{"modelDeploymentSummaries":[{entry},{entry},{{}}]}}"#);
        let document = Document::parse(source.as_bytes()).unwrap();
        let asked = unresolved(Operation::ListCustomModelDeployments, &document);
        let asked: Vec<_> = asked.iter().map(|model| (model.raw(), model.behind().len())).collect();
        assert_eq!(asked, [(live.as_str(), 1)]);
        let models = r#"{"modelSummaries":[{"modelId":"amazon.nova-lite-v1:0"}]}"#;
        let document = Document::parse(models.as_bytes()).unwrap();
        assert!(unresolved(Operation::ListFoundationModels, &document).is_empty());
    }

    #[test]
    fn one_thing_is_shown_when_its_model_is_accepted() {
        let get = Operation::GetAsyncInvoke;
        let ours = r#"{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:0"}"#;
        assert_eq!(cut(get, ours), Ok(ours.to_owned()));
        for other in [
            "{}",
            r#"{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/luma.ray-v2:0"}"#,
            r#"{"modelArn":7}"#,
        ] {
            assert_eq!(cut(get, other), Err(ListingError::Declined(get)), "{other}");
        }
        let guardrails = r#"{"guardrails":[{"id":"gr1"}]}"#;
        assert_eq!(cut(Operation::ListGuardrails, guardrails), Ok(guardrails.to_owned()));
        assert_eq!(
            cut(Operation::GetGuardrail, "[]"),
            Err(ListingError::NotAnObject(Operation::GetGuardrail))
        );
    }

    #[test]
    fn declined_and_unreadable_entries_vanish_and_every_other_byte_stays() {
        let nova = r#"{"modelId":"amazon.nova-lite-v1:0","new":[1.50,{"x":"\u00e9"}]}"#;
        let titan = r#"{ "modelArn":"arn:aws:bedrock:us-east-1::foundation-model/x", "modelId" : "amazon.titan-embed-text-v1:2:8k" }"#;
        let llama = r#"{"modelId":"meta.llama3-1-8b-instruct-v1:0"}"#;
        let table = [
            (format!("[{nova},{titan}]"), format!("[{nova},{titan}]")),
            (format!("[{llama},{nova}]"), format!("[{nova}]")),
            (format!("[{nova},{llama}]"), format!("[{nova}]")),
            (format!("[ {nova} ,\n {llama} ,\t {titan} ]"), format!("[ {nova} ,\t {titan} ]")),
            (format!("[ {llama} , {llama} ]"), "[  ]".to_owned()),
            ("[]".to_owned(), "[]".to_owned()),
            ("[ ]".to_owned(), "[ ]".to_owned()),
            (format!("[{{}},{nova}]"), format!("[{nova}]")),
            (format!("[null,{nova},1,\"amazon.nova\",[{nova}]]"), format!("[{nova}]")),
            (r#"[{"modelId":null},{"modelId":7},{"modelId":""}]"#.to_owned(), "[]".to_owned()),
            (r#"[{"modelId":"amazon..nova"},{"modelid":"amazon.nova"}]"#.to_owned(), "[]".to_owned()),
        ];
        for (before, after) in table {
            let around = |array: &str| format!("\n{{ \"a\" :1e2, \"modelSummaries\": {array} ,\"z\":[] }} ");
            assert_eq!(amazon_only(&around(&before)).unwrap(), around(&after), "{before}");
        }
    }

    #[test]
    fn an_answer_without_an_array_of_models_fails_closed() {
        for source in ["{}", "[]", "null", r#"{"modelSummaries":null}"#, r#"{"modelSummaries":{"a":[]}}"#] {
            assert!(amazon_only(source).is_err(), "{source}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_strict_json_of_exactly_the_accepted_models(
            entries in prop::collection::vec((any::<bool>(), " {0,2}", " {0,2}"), 0..12),
        ) {
            let list: Vec<_> = entries
                .iter()
                .enumerate()
                .map(|(number, (amazon, before, after))| {
                    let provider = if *amazon { "amazon" } else { "meta" };
                    format!("{before}{{\"modelId\":\"{provider}.model-{number}\"}}{after}")
                })
                .collect();
            let filtered = amazon_only(&format!("{{\"modelSummaries\":[{}]}}", list.join(","))).unwrap();
            let document = Document::parse(filtered.as_bytes()).unwrap();
            let left: Vec<_> = document.root().get("modelSummaries").unwrap().elements().iter()
                .map(|entry| entry.get("modelId").unwrap().as_str().unwrap().to_owned())
                .collect();
            let expected: Vec<_> = entries.iter().enumerate().filter(|(_, (amazon, ..))| *amazon)
                .map(|(number, _)| format!("amazon.model-{number}"))
                .collect();
            prop_assert_eq!(left, expected);
        }
    }
}
