//! The unary answer of Converse. Nova's native answer has the same form.
//!
//! Receives a parsed answer, adds every string the caller will read, the token counts and the stop reason. Never refuses:
//! members that are not known are words like any other.

use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::model::ModelReference;
use crate::bedrock::usage;
use crate::bedrock::view::{Answer, TextRole};

/// Reads an answer.
pub(crate) fn answer<'a>(body: &'a Node<'a>) -> Answer<'a> {
    let mut texts = Texts::default();
    texts.answer(body, part);
    Answer {
        texts: texts.0,
        usage: body.get("usage").map(usage::of_converse).unwrap_or_default(),
        stop_reason: body.get("stopReason").and_then(Node::as_str).map(str::to_owned),
    }
}

/// The model that a prompt router chose, as an answer or the last event of a stream says (botocore model). `None` for
/// what is no model id.
pub(crate) fn routed_to(answer: &Node<'_>) -> Option<String> {
    let id = answer.at(&["trace", "promptRouter", "invokedModelId"]).and_then(Node::as_str)?;
    ModelReference::parse(id).is_ok().then(|| id.to_owned())
}

fn part(member: &str) -> Part {
    match member {
        "text" => Part::Words(TextRole::Assistant),
        "input" => Part::Free(TextRole::ToolInput),
        "json" => Part::Free(TextRole::ToolResult),
        "additionalModelResponseFields" => Part::Free(TextRole::Other),
        "reasoningText" => Part::Sealed(TextRole::Reasoning),
        "bytes" | "signature" | "redactedContent" => Part::Payload,
        _ => Part::Words(TextRole::Other),
    }
}
