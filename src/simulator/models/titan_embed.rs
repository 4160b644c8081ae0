//! Amazon Titan Embeddings, the text models: version 1 has 1536 dimensions, version 2 as many as are asked for.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Map, Value, json};

use super::{Exchange, Fields, Malformed, Prompt, direction};

const FIRST_VERSION_DIMENSIONS: usize = 1536;
const DIMENSIONS: &[usize] = &[256, 512, 1024];
const DEFAULT_DIMENSIONS: usize = 1024;

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    Ok(Prompt::of(body.text("inputText")?))
}

pub fn whole(exchange: &Exchange<'_>) -> Result<Value, Malformed> {
    let body = exchange.body;
    let text = body.text("inputText")?;
    let tokens = exchange.prompt.tokens();
    if !exchange.model.id.starts_with("amazon.titan-embed-text-v2") {
        body.only(&["inputText"])?;
        let embedding = direction(exchange.model.id, text, FIRST_VERSION_DIMENSIONS);
        return Ok(json!({"embedding": embedding, "inputTextTokenCount": tokens}));
    }
    body.only(&["inputText", "dimensions", "normalize", "embeddingTypes"])?;
    body.flag("normalize")?;
    let dimensions = body.count("dimensions", 1..=u64::MAX)?.unwrap_or(DEFAULT_DIMENSIONS);
    if !DIMENSIONS.contains(&dimensions) {
        return Err(Malformed::new("#/dimensions: value is not a valid enum value"));
    }
    let embedding = direction(exchange.model.id, text, dimensions);
    let types = body.texts("embeddingTypes")?;
    let mut by_type = Map::new();
    for name in if types.is_empty() { vec!["float".to_owned()] } else { types } {
        let values = match name.as_str() {
            "float" => json!(embedding),
            "binary" => embedding.iter().map(|value| u8::from(*value > 0.0)).collect(),
            _ => return Err(Malformed::new("#/embeddingTypes: value is not a valid enum value")),
        };
        by_type.insert(name, values);
    }
    let mut answer = Map::new();
    if by_type.contains_key("float") {
        answer.insert("embedding".to_owned(), json!(embedding));
    }
    answer.insert("embeddingsByType".to_owned(), by_type.into());
    answer.insert("inputTextTokenCount".to_owned(), tokens.into());
    Ok(answer.into())
}
