//! `additionalModelRequestFields`: JSON that Converse merges into the native body of whichever model runs.
//!
//! Receives the member, adds every parameter of every family and every word in it to the draft. Names must be known and
//! written as providers write them; what has a place of its own in Converse (messages, system, guardrails) is refused here,
//! because it would arrive at the model beside what was judged.

use crate::bedrock::format::aliases::{self, fold, is_conventional};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::invoke::claude_tools;
use crate::bedrock::json::{Member, Node, Value};
use crate::bedrock::view::{Parameter, TextRole};

const PLACE: &str = "`additionalModelRequestFields`";

/// Folded names of what Converse carries elsewhere or what leaves the request path.
const ELSEWHERE: &[&str] = &[
    "messages",
    "message",
    "prompt",
    "system",
    "preamble",
    "chathistory",
    "documents",
    "inputtext",
    "inputprompt",
    "input",
    "query",
    "toolresults",
    "connectors",
    "images",
    "mediasource",
    "toolconfig",
    "promptvariables",
    "extrabody",
    "model",
    "modelid",
    "guardrailconfig",
    "amazonbedrockguardrailconfig",
    "mcpservers",
    "container",
    "contextmanagement",
    "servicetier",
    "store",
    "background",
    "previousresponseid",
];

/// Folded names that some family knows and no policy bounds.
const KNOWN: &[&str] = &[
    "anthropicbeta",
    "anthropicversion",
    "thinking",
    "type",
    "display",
    "reasoning",
    "reasoningconfig",
    "reasoningeffort",
    "maxreasoningeffort",
    "effort",
    "enablethinking",
    "includethoughts",
    "chattemplatekwargs",
    "outputconfig",
    "outputformat",
    "responseformat",
    "format",
    "name",
    "description",
    "strict",
    "toolchoice",
    "disableparalleltooluse",
    "paralleltoolcalls",
    "inferenceconfig",
    "textgenerationconfig",
    "generationconfig",
    "truncate",
    "rawprompting",
    "returnprompt",
    "searchqueriesonly",
    "forcesinglestep",
    "citationquality",
    "prompttruncation",
    "promptmode",
    "safeprompt",
    "verbosity",
    "streamoptions",
    "includeusage",
    "user",
    "safetymode",
    "metadata",
    "userid",
    "cachecontrol",
    "ttl",
];

/// Folded names of numbers that neither cost nor steer what a policy bounds.
const KNOWN_NUMBERS: &[&str] = &[
    "logprobs",
    "toplogprobs",
    "topkreturn",
    "mintokens",
    "maxinputtokens",
    "repetitionpenalty",
    "lengthpenalty",
    "typicalp",
];

/// Folded names below which a JSON schema stands.
const SCHEMAS: &[&str] = &["schema", "jsonschema", "inputschema"];

/// Reads the whole member.
pub(crate) fn fields<'a>(draft: &mut Draft<'a>, fields: &'a Member<'a>) -> Result<(), DecodeError> {
    for member in draft::object(fields)? {
        if ELSEWHERE.contains(&fold(&member.name).as_str()) {
            return Err(DecodeError::refused(member, "it has its own place in a Converse body, or none"));
        }
        if member.name == "tools" {
            claude_tools::list(draft, member)?;
        } else {
            field(draft, member)?;
        }
    }
    Ok(())
}

fn field<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    // FAIL-CLOSED: a spelling that no provider documents can still be understood by a decoder that folds case.
    if !is_conventional(&member.name) {
        return Err(DecodeError::unknown(member, PLACE));
    }
    if let Some(parameter) = aliases::parameter(&member.name) {
        return setting(draft, parameter, member);
    }
    let folded = fold(&member.name);
    if KNOWN_NUMBERS.contains(&folded.as_str()) {
        return match member.node.value {
            Value::Bool(_) => Ok(()),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                draft::plain_number(member)
            }
        };
    }
    if SCHEMAS.contains(&folded.as_str()) {
        draft.free(member, TextRole::ToolDefinition);
        return Ok(());
    }
    if !KNOWN.contains(&folded.as_str()) {
        return Err(DecodeError::unknown(member, PLACE));
    }
    value(draft, member, &member.node)
}

fn value<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>, node: &'a Node<'a>) -> Result<(), DecodeError> {
    match &node.value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(_) => Err(DecodeError::refused(member, "a number is not known under this name")),
        Value::String(_) => {
            draft.texts.string(node, TextRole::Other, Some(&member.name));
            Ok(())
        }
        Value::Array(elements) => elements.iter().try_for_each(|element| value(draft, member, element)),
        Value::Object(members) => members.iter().try_for_each(|inner| field(draft, inner)),
    }
}

// What is malformed here may still be well formed for the model that runs, so it is a denial and no validation error.
fn setting<'a>(
    draft: &mut Draft<'a>,
    parameter: Parameter,
    member: &'a Member<'a>,
) -> Result<(), DecodeError> {
    draft
        .setting(parameter, member)
        .map_err(|_| DecodeError::refused(member, "as a parameter it must be a plain number of its kind"))
}
