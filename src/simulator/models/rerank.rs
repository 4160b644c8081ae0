//! Rerankers: documents come back as positions and scores, the best first.
//!
//! Shapes as documented by the providers. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, Malformed, Prompt, Random};

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&["query", "documents", "top_n", "api_version", "max_tokens_per_doc"])?;
    let mut texts = vec![body.text("query")?.to_owned()];
    let documents = body.array("documents")?.unwrap_or_default();
    if documents.is_empty() {
        return Err(Malformed::new("#/documents: expected minimum item count: 1, found: 0"));
    }
    texts.extend(documents.iter().map(document));
    Ok(Prompt { texts, ..Prompt::default() })
}

pub fn whole(exchange: &Exchange<'_>) -> Result<Value, Malformed> {
    let query = exchange.body.text("query")?;
    let documents = exchange.body.array("documents")?.unwrap_or_default();
    let score = |text: &str| {
        let mut random = Random::of(&[exchange.model.id, query, text]);
        f64::midpoint(random.signed_unit(), 1.0)
    };
    let mut ranked: Vec<(usize, f64)> =
        documents.iter().map(|one| score(&document(one))).enumerate().collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
    let most = exchange.body.count("top_n", 1..=u64::MAX)?.unwrap_or(ranked.len());
    let results: Vec<Value> = ranked
        .into_iter()
        .take(most)
        .map(|(index, score)| json!({"index": index, "relevance_score": score}))
        .collect();
    Ok(json!({"results": results}))
}

fn document(document: &Value) -> String {
    document.as_str().map_or_else(|| document.to_string(), str::to_owned)
}
