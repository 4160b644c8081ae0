//! Embeddings of more than text: Titan Multimodal, Nova, Marengo. Vectors follow from the body.
//!
//! Shapes as public clients read them. Pure.

use serde_json::{Value, json};

use super::{Exchange, Family, Fields, Malformed, Prompt, direction};

const TITAN_DIMENSIONS: &[usize] = &[256, 384, 1024];
const NOVA_DIMENSIONS: &[usize] = &[256, 384, 1024, 3072];
const MARENGO_DIMENSIONS: usize = 512;

pub fn read(family: Family, body: &Fields<'_>) -> Result<Prompt, Malformed> {
    let text = match family {
        Family::TitanMultimodalEmbed => {
            body.only(&["inputText", "inputImage", "embeddingConfig"])?;
            if !body.has("inputText") && !body.has("inputImage") {
                return Err(body.complaint("one of the keys [inputText] and [inputImage] is required"));
            }
            body.optional_text("inputText")?
        }
        Family::NovaEmbed => {
            body.only(&["schemaVersion", "taskType", "singleEmbeddingParams", "segmentedEmbeddingParams"])?;
            body.text("taskType")?;
            let task = task(body)?;
            match task.object("text")? {
                Some(text) => text.optional_text("value")?,
                None => None,
            }
        }
        _ => {
            if body.text("inputType").is_ok_and(|kind| kind == "text") {
                match body.object("text")? {
                    Some(nested) => Some(nested.text("inputText")?),
                    None => Some(body.text("inputText")?),
                }
            } else {
                body.optional_text("inputText")?
            }
        }
    };
    Ok(Prompt { texts: text.map(str::to_owned).into_iter().collect(), ..Prompt::default() })
}

pub fn whole(family: Family, exchange: &Exchange<'_>) -> Result<Value, Malformed> {
    let (model, seed) = (exchange.model.id, exchange.body.to_text());
    match family {
        Family::TitanMultimodalEmbed => {
            let config = exchange.body.object("embeddingConfig")?;
            let dimensions = dimensions(config.as_ref(), "outputEmbeddingLength", TITAN_DIMENSIONS)?;
            Ok(json!({
                "embedding": direction(model, &seed, dimensions),
                "inputTextTokenCount": exchange.prompt.tokens(),
                "message": null,
            }))
        }
        Family::NovaEmbed => {
            let task = task(exchange.body)?;
            let dimensions = dimensions(Some(&task), "embeddingDimension", NOVA_DIMENSIONS)?;
            let kinds = ["text", "image", "audio", "video"];
            let kind = kinds.into_iter().find(|kind| task.has(kind)).unwrap_or("text");
            Ok(json!({"embeddings": [{
                "embedding": direction(model, &seed, dimensions),
                "embeddingType": kind.to_uppercase(),
            }]}))
        }
        _ => Ok(json!({"data": [{"embedding": direction(model, &seed, MARENGO_DIMENSIONS)}]})),
    }
}

fn task<'a>(body: &Fields<'a>) -> Result<Fields<'a>, Malformed> {
    let task = match body.object("singleEmbeddingParams")? {
        Some(task) => Some(task),
        None => body.object("segmentedEmbeddingParams")?,
    };
    task.ok_or_else(|| body.complaint("required key [singleEmbeddingParams] not found"))
}

/// The dimensions that were asked for, of those offered; otherwise the greatest.
fn dimensions(config: Option<&Fields<'_>>, name: &str, offered: &[usize]) -> Result<usize, Malformed> {
    let asked = config.map(|config| config.count(name, 1..=u64::MAX)).transpose()?.flatten();
    let asked = asked.or(offered.last().copied()).unwrap_or_default();
    if offered.contains(&asked) {
        return Ok(asked);
    }
    Err(Malformed::new(format!("#/{name}: value is not a valid enum value")))
}
