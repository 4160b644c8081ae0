//! Cohere Embed, version 3: a vector per text, which is echoed, or per image.
//!
//! Shapes as recorded from the service. Pure.

use serde_json::{Map, Value, json};

use super::{Exchange, Fields, Malformed, Prompt, Random, direction};

const DIMENSIONS: usize = 1024;
const MOST_TEXTS: usize = 96;
const INPUT_TYPES: &[&str] = &["search_document", "search_query", "classification", "clustering", "image"];

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&["texts", "images", "input_type", "truncate", "embedding_types"])?;
    if !INPUT_TYPES.contains(&body.text("input_type")?) {
        return Err(Malformed::new("#/input_type: value is not a valid enum value"));
    }
    if body.has("texts") == body.has("images") {
        return Err(body.complaint("exactly one of the keys [texts] and [images] is required"));
    }
    let texts = body.texts("texts")?;
    if texts.len() > MOST_TEXTS {
        let found = texts.len();
        return Err(Malformed::new(format!(
            "#/texts: expected maximum item count: {MOST_TEXTS}, found: {found}"
        )));
    }
    Ok(Prompt { texts, ..Prompt::default() })
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
    let texts = exchange.body.texts("texts")?;
    let images = exchange.body.texts("images")?;
    let inputs: Vec<&String> = texts.iter().chain(&images).collect();
    let types = exchange.body.texts("embedding_types")?;
    let model = exchange.model.id;

    let mut answer = Map::new();
    answer.insert("id".to_owned(), random.uuid().into());
    if types.is_empty() {
        let embeddings: Vec<_> = inputs.iter().map(|input| direction(model, input, DIMENSIONS)).collect();
        answer.insert("embeddings".to_owned(), json!(embeddings));
    } else {
        let mut by_type = Map::new();
        for name in types {
            let embeddings: Option<Vec<Value>> =
                inputs.iter().map(|input| embedding(&name, &direction(model, input, DIMENSIONS))).collect();
            let embeddings = embeddings
                .ok_or_else(|| Malformed::new("#/embedding_types: value is not a valid enum value"))?;
            by_type.insert(name, embeddings.into());
        }
        answer.insert("embeddings".to_owned(), by_type.into());
    }
    answer.insert("texts".to_owned(), json!(texts));
    let floats = !exchange.body.has("embedding_types");
    let kind = if floats { "embeddings_floats" } else { "embeddings_by_type" };
    answer.insert("response_type".to_owned(), kind.into());
    Ok(answer.into())
}

/// One vector in one of the offered precisions.
fn embedding(name: &str, direction: &[f64]) -> Option<Value> {
    let bytes = |shift: i16| direction.iter().map(|value| quantised(*value) + shift).collect();
    let bits = |shift: i16| {
        let eights = direction.chunks(8);
        eights
            .map(|eight| eight.iter().fold(0, |byte, value| byte << 1 | i16::from(*value > 0.0)) - shift)
            .collect()
    };
    match name {
        "float" => Some(json!(direction)),
        "int8" => Some(bytes(0)),
        "uint8" => Some(bytes(128)),
        "binary" => Some(bits(128)),
        "ubinary" => Some(bits(0)),
        _ => None,
    }
}

/// A component as a whole number from -127 to 127. In 1024 dimensions few are beyond an eighth.
#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
fn quantised(value: f64) -> i16 {
    ((value * 8.0).clamp(-1.0, 1.0) * 127.0) as i16
}
