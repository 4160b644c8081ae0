//! The answer of `ListFoundationModels`, shortened to what a caller may use.
//!
//! Receives the parsed answer and a question to ask about each model. Returns the same bytes without the entries that
//! were declined, so that every member of the others, known or not, arrives as AWS wrote it.

use thiserror::Error;

use super::json::{Document, Node, Value};
use super::model::ModelReference;

/// Why an answer cannot be filtered; it must then not reach the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FilterError {
    #[error("answer of ListFoundationModels has no `modelSummaries` array")]
    NoSummaries,
}

/// Keeps the entries of `modelSummaries` whose model `keep` accepts.
pub fn filter(
    document: &Document<'_>,
    keep: impl Fn(&ModelReference) -> bool,
) -> Result<String, FilterError> {
    let summaries = document.root().get("modelSummaries").ok_or(FilterError::NoSummaries)?;
    let Value::Array(entries) = &summaries.value else { return Err(FilterError::NoSummaries) };
    let source = document.source();
    let text = |start: usize, end: usize| source.get(start..end).unwrap_or_default();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(source.to_owned()) };

    let mut filtered = String::with_capacity(source.len());
    filtered.push_str(text(0, first.span.start));
    let mut separator_start = None;
    let mut any_kept = false;
    for entry in entries {
        if is_kept(entry, &keep) {
            // An entry brings the comma before it along, unless it has become the first.
            let start = separator_start.filter(|_| any_kept).unwrap_or(entry.span.start);
            filtered.push_str(text(start, entry.span.end));
            any_kept = true;
        }
        separator_start = Some(entry.span.end);
    }
    filtered.push_str(text(last.span.end, source.len()));
    Ok(filtered)
}

fn is_kept(entry: &Node<'_>, keep: impl Fn(&ModelReference) -> bool) -> bool {
    // FAIL-CLOSED: an entry whose model cannot be read cannot be judged.
    let id = entry.get("modelId").and_then(Node::as_str);
    id.and_then(|id| ModelReference::parse(id).ok()).is_some_and(|model| keep(&model))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amazon_only(source: &str) -> Result<String, FilterError> {
        filter(&Document::parse(source.as_bytes()).unwrap(), |model| model.provider() == Some("amazon"))
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
            assert_eq!(amazon_only(source), Err(FilterError::NoSummaries), "{source}");
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
