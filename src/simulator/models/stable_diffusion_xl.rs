//! Stable Diffusion XL: texts in, pictures out. Every picture is the same grey dot; its seed is the caller's.
//!
//! Shapes as documented by the provider. Pure.

use serde_json::{Value, json};

use super::{Exchange, Fields, Malformed, Prompt, Random};

/// A PNG of one grey pixel.
pub const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";

pub fn read(body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&[
        "cfg_scale",
        "clip_guidance_preset",
        "extras",
        "height",
        "image_strength",
        "init_image",
        "init_image_mode",
        "mask_image",
        "mask_source",
        "sampler",
        "samples",
        "seed",
        "step_schedule_end",
        "step_schedule_start",
        "steps",
        "style_preset",
        "text_prompts",
        "width",
    ])?;
    body.number("cfg_scale", 0.0..=35.0)?;
    body.count("steps", 10..=150)?;
    body.count("seed", 0..=u64::from(u32::MAX))?;
    body.count("samples", 1..=10)?;
    body.number("image_strength", 0.0..=1.0)?;
    let mut prompt = Prompt::default();
    for text in body.objects("text_prompts")? {
        text.number("weight", -10.0..=10.0)?;
        prompt.texts.push(text.text("text")?.to_owned());
    }
    Ok(prompt)
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Result<Value, Malformed> {
    let first = exchange.body.count("seed", 0..=u64::from(u32::MAX))?.filter(|&seed| seed > 0);
    let first = first.unwrap_or_else(|| random.below(1 << 31));
    let samples = exchange.body.count("samples", 1..=10)?.unwrap_or(1);
    let picture = |sample| json!({"seed": first + sample, "base64": PICTURE, "finishReason": "SUCCESS"});
    Ok(json!({"result": "success", "artifacts": (0..samples).map(picture).collect::<Vec<_>>()}))
}
