//! Pictures and videos from words: Titan Image and Nova Canvas, Stability's models, Nova Reel, Luma Ray.
//!
//! Every picture is the same grey dot. Videos are made asynchronously: their requests are read, and never answered
//! here. Shapes as documented by the providers. Pure.

use serde_json::{Value, json};

use super::stable_diffusion_xl::PICTURE;
use super::{Exchange, Family, Fields, Malformed, Prompt, Random};

/// Members of a task that the model reads as words.
const WORDS: &[&str] =
    &["text", "negativeText", "maskPrompt", "prompt", "negative_prompt", "search_prompt", "select_prompt"];

pub fn read(family: Family, body: &Fields<'_>) -> Result<Prompt, Malformed> {
    match family {
        Family::AmazonImage => {
            body.text("taskType")?;
            if let Some(config) = body.object("imageGenerationConfig")? {
                config.only(&["numberOfImages", "cfgScale", "seed", "width", "height", "quality"])?;
                config.count("numberOfImages", 1..=5)?;
            }
        }
        Family::NovaReel => drop(body.text("taskType")?),
        Family::LumaRay => drop(body.text("prompt")?),
        _ => {
            if !body.has("image") && !body.has("init_image") {
                body.text("prompt")?;
            }
            body.count("seed", 0..=u64::from(u32::MAX))?;
        }
    }
    let mut prompt = Prompt::default();
    words(body.members(), &mut prompt.texts);
    Ok(prompt)
}

pub fn whole(family: Family, exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
    match family {
        Family::AmazonImage => {
            let config = exchange.body.object("imageGenerationConfig")?;
            let count = config.map(|config| config.count("numberOfImages", 1..=5)).transpose()?.flatten();
            Ok(json!({"images": vec![PICTURE; count.unwrap_or(1)]}))
        }
        Family::NovaReel | Family::LumaRay => {
            Err(Malformed::new("the model can be invoked asynchronously only"))
        }
        _ => {
            let seed = exchange.body.count("seed", 0..=u64::from(u32::MAX))?.filter(|&seed| seed > 0);
            let seed = seed.unwrap_or_else(|| random.below(1 << 31));
            Ok(json!({"seeds": [seed], "finish_reasons": [null], "images": [PICTURE]}))
        }
    }
}

fn words<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>, texts: &mut Vec<String>) {
    for (name, value) in members {
        match value {
            Value::String(text) if WORDS.contains(&name.as_str()) => texts.push(text.clone()),
            Value::Object(inner) => words(inner.iter(), texts),
            Value::Array(elements) => {
                elements.iter().filter_map(Value::as_object).for_each(|inner| words(inner.iter(), texts));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
