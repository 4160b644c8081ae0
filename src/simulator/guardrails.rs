//! `ApplyGuardrail` and `InvokeGuardrailChecks`, and what the control plane says of guardrails.
//!
//! A guardrail that is applied lets everything pass, unless a text says `say: TEXT`: then it intervenes and its output is
//! TEXT. One that watches a model does so at a line `intervene: TEXT`. Shapes from the service model. Pure.

use serde_json::{Map, Value, json};

use crate::bedrock::fault::Fault;
use crate::bedrock::operation::Guardrail;

use super::commands;
use super::fields::Fields;
use super::plan::{Plan, Reply};
use super::reply::Refusal;
use super::speech::{Completion, Prompt, Stop, tokens};

/// Characters in a text unit, which guardrails are paid by.
const TEXT_UNIT: usize = 1000;

/// The one guardrail that lists show. Every other identifier is taken as well.
const LISTED: &str = "gr1a2b3c4d5e";

/// What a guardrail that watches a model answers in the model's place, when it intervenes.
pub fn intervention(prompt: &Prompt) -> Option<Completion> {
    let text = commands::last(&prompt.texts, "intervene")?.to_owned();
    Some(Completion { tokens: tokens(&text), text, stop: Stop::End })
}

/// The trace of a guardrail that intervened, as Converse and InvokeModel hold it below `guardrail`.
pub fn trace(identifier: &str) -> Value {
    let topic = json!({"name": "forbidden", "type": "DENY", "action": "BLOCKED", "detected": true});
    json!({"inputAssessment": {identifier: {"topicPolicy": {"topics": [topic]}}}, "actionReason": "Guardrail blocked."})
}

/// The answer to `ApplyGuardrail`.
pub fn apply(body: &[u8]) -> Result<Plan, Refusal> {
    let document = parsed(body)?;
    let body = Fields::of(&document)?;
    if !["INPUT", "OUTPUT"].contains(&body.text("source")?) {
        return Err(body.complaint("source is not a valid enum value").into());
    }
    let mut prompt = Prompt::default();
    for block in body.objects("content")? {
        match block.object("text")? {
            Some(text) => prompt.texts.push(text.text("text")?.to_owned()),
            None => drop(block.required("image")?),
        }
    }
    let units = units(&prompt);
    let said = prompt.dictated();
    let action = if said.is_some() { "GUARDRAIL_INTERVENED" } else { "NONE" };
    let document = json!({
        "usage": {
            "topicPolicyUnits": units,
            "contentPolicyUnits": units,
            "wordPolicyUnits": units,
            "sensitiveInformationPolicyUnits": units,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        },
        "action": action,
        "outputs": said.map(|text| json!({"text": text})).into_iter().collect::<Vec<_>>(),
        "assessments": [],
    });
    Ok(Plan { texts: prompt.texts, usage: None, reply: Reply::Conversation { document } })
}

/// The answer to `InvokeGuardrailChecks`: every check that is asked for finds nothing.
pub fn check(body: &[u8]) -> Result<Plan, Refusal> {
    let document = parsed(body)?;
    let body = Fields::of(&document)?;
    let mut prompt = Prompt::default();
    for message in body.objects("messages")? {
        message.text("role")?;
        for block in message.objects("content")? {
            prompt.texts.push(block.text("text")?.to_owned());
        }
    }
    let units = units(&prompt);
    let checks = body.object("checks")?.ok_or_else(|| body.complaint("required key [checks] not found"))?;
    let (mut results, mut usage) = (Map::new(), Map::new());
    for name in ["contentFilter", "promptAttack", "sensitiveInformation"] {
        let Some(check) = checks.object(name)? else { continue };
        let scores: Vec<Value> = if check.has("categories") {
            let categories = check.objects("categories")?;
            categories
                .iter()
                .map(|category| Ok(json!({"category": category.text("category")?, "severityScore": 0.0})))
                .collect::<Result<_, Refusal>>()?
        } else {
            Vec::new()
        };
        results.insert(name.to_owned(), json!({"results": scores}));
        usage.insert(name.to_owned(), json!({"textUnits": units}));
    }
    let document = json!({"results": results, "usage": usage});
    Ok(Plan { texts: prompt.texts, usage: None, reply: Reply::Conversation { document } })
}

/// The answer to `ListGuardrails`.
pub fn list(region: &str, account: &str) -> Value {
    json!({"guardrails": [{
        "id": LISTED,
        "arn": arn(LISTED, region, account),
        "status": "READY",
        "name": "corporate",
        "version": "DRAFT",
        "createdAt": super::resources::CREATED,
        "updatedAt": super::resources::CREATED,
    }]})
}

/// The answer to `GetGuardrail`.
pub fn get(guardrail: &Guardrail, version: &str, region: &str, account: &str) -> Value {
    let id = guardrail.identifier.rsplit('/').next().unwrap_or_default();
    json!({
        "name": "corporate",
        "guardrailId": id,
        "guardrailArn": arn(id, region, account),
        "version": version,
        "status": "READY",
        "blockedInputMessaging": "The guardrail blocked the prompt.",
        "blockedOutputsMessaging": "The guardrail blocked the answer.",
        "createdAt": super::resources::CREATED,
        "updatedAt": super::resources::CREATED,
    })
}

fn arn(id: &str, region: &str, account: &str) -> String {
    format!("arn:aws:bedrock:{region}:{account}:guardrail/{id}")
}

fn parsed(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| Refusal::new(Fault::Validation, "The request body is not valid JSON."))
}

fn units(prompt: &Prompt) -> usize {
    prompt.texts.iter().map(|text| text.chars().count().div_ceil(TEXT_UNIT)).sum()
}
