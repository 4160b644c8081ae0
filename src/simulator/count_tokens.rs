//! `CountTokens`: how many tokens an `InvokeModel` or `Converse` request would take. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bedrock::fault::Fault;

use super::catalogue::Model;
use super::fields::Fields;
use super::plan::{Plan, Reply};
use super::reply::Refusal;
use super::{converse, invoke};

/// The answer to `CountTokens`.
pub fn count(model: &Model, body: &[u8]) -> Result<Plan, Refusal> {
    let malformed = || {
        Refusal::new(Fault::Validation, "Malformed input request, please reformat your input and try again.")
    };
    let document: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
    let body = Fields::of(&document)?;
    let input = body.object("input")?.ok_or_else(malformed)?;
    let prompt = match (input.object("invokeModel")?, input.value("converse")) {
        (Some(wrapped), None) => {
            let native = STANDARD.decode(wrapped.text("body")?).map_err(|_| malformed())?;
            let native: Value = serde_json::from_slice(&native).map_err(|_| malformed())?;
            invoke::prompt(model, &native)?
        }
        (None, Some(conversation)) => converse::prompt(model, conversation)?,
        (None, None) | (Some(_), Some(_)) => return Err(malformed()),
    };
    let document = json!({"inputTokens": prompt.tokens()});
    Ok(Plan { texts: prompt.texts, usage: None, reply: Reply::Conversation { document } })
}
