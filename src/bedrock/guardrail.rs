//! Requests to guardrails themselves: ApplyGuardrail and InvokeGuardrailChecks.
//!
//! Receives bodies that hold texts to be checked, which are prompts or answers of a model that may run anywhere. All of
//! them leave the machine, so all of them are in the view. Members are those of the botocore model; any other is refused.

use super::format::draft::{self, Draft};
use super::format::error::DecodeError;
use super::format::texts::{Part, Texts};
use super::json::{Member, Node};
use super::view::{Answer, Modality, TextRole};

const APPLY: &str = "an ApplyGuardrail body";
const CHECKS: &str = "an InvokeGuardrailChecks body";

/// Reads the body of ApplyGuardrail.
pub(crate) fn decode<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    for name in ["source", "content"] {
        draft::require(body.members(), APPLY, name)?;
    }
    let role = match body.get("source").and_then(Node::as_str) {
        Some("INPUT") => TextRole::User,
        Some("OUTPUT") => TextRole::Assistant,
        Some(_) | None => return Err(DecodeError::Source(body.span.start)),
    };
    draft.turn();
    for member in body.members() {
        match member.name.as_ref() {
            "source" => {}
            "content" => {
                for block in draft::array(member)? {
                    content(draft, block, role)?;
                }
            }
            "outputScope" => {
                draft.string(member, TextRole::Other)?;
            }
            _ => return Err(DecodeError::unknown(member, APPLY)),
        }
    }
    Ok(())
}

fn content<'a>(draft: &mut Draft<'a>, block: &'a Node<'a>, role: TextRole) -> Result<(), DecodeError> {
    const PLACE: &str = "a content block";
    let [kind] = draft::element(block)? else {
        return Err(DecodeError::Union { place: PLACE, at: block.span.start });
    };
    match kind.name.as_ref() {
        "text" => {
            draft::require(draft::object(kind)?, "a text block", "text")?;
            for member in draft::object(kind)? {
                match member.name.as_ref() {
                    "text" => {
                        draft.string(member, role)?;
                    }
                    "qualifiers" => draft.strings(member, TextRole::Other)?,
                    _ => return Err(DecodeError::unknown(member, "a text block")),
                }
            }
            Ok(())
        }
        "image" => image(draft, kind),
        _ => Err(DecodeError::unknown(kind, PLACE)),
    }
}

fn image<'a>(draft: &mut Draft<'a>, image: &'a Member<'a>) -> Result<(), DecodeError> {
    draft.attach(Modality::Image);
    for member in draft::object(image)? {
        match member.name.as_ref() {
            "format" => {
                draft.string(member, TextRole::Other)?;
            }
            "source" => {
                for bytes in draft::object(member)? {
                    if bytes.name != "bytes" {
                        return Err(DecodeError::unknown(bytes, "the source of an image"));
                    }
                    draft.bytes(bytes, Modality::Image, "")?;
                }
            }
            _ => return Err(DecodeError::unknown(member, "an image block")),
        }
    }
    Ok(())
}

/// Reads the body of InvokeGuardrailChecks.
pub(crate) fn decode_checks<'a>(body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
    for name in ["messages", "checks"] {
        draft::require(body.members(), CHECKS, name)?;
    }
    for member in body.members() {
        match member.name.as_ref() {
            "messages" => {
                for message in draft::array(member)? {
                    self::message(draft, message)?;
                }
            }
            "checks" => {
                draft::object(member)?;
                draft.free(member, TextRole::Other);
            }
            _ => return Err(DecodeError::unknown(member, CHECKS)),
        }
    }
    Ok(())
}

fn message<'a>(draft: &mut Draft<'a>, message: &'a Node<'a>) -> Result<(), DecodeError> {
    let members = draft::element(message)?;
    for name in ["role", "content"] {
        draft::require(members, "a message", name)?;
    }
    let role = super::converse::content::speaker(draft, message)?;
    draft.turn();
    for member in members {
        match member.name.as_ref() {
            "role" => {}
            "content" => {
                for block in draft::array(member)? {
                    let [text] = draft::element(block)? else {
                        return Err(DecodeError::Union { place: "a content block", at: block.span.start });
                    };
                    if text.name != "text" {
                        return Err(DecodeError::unknown(text, "a content block"));
                    }
                    draft.string(text, role)?;
                }
            }
            _ => return Err(DecodeError::unknown(member, "a message")),
        }
    }
    Ok(())
}

/// Reads an answer of either. What a guardrail did is its reason to stop.
pub(crate) fn answer<'a>(body: &'a Node<'a>) -> Answer<'a> {
    let mut texts = Texts::default();
    texts.answer(body, |member| match member {
        "text" => Part::Words(TextRole::Assistant),
        _ => Part::Words(TextRole::Other),
    });
    let action = body.get("action").and_then(Node::as_str);
    Answer { texts: texts.0, stop_reason: action.map(str::to_owned), ..Answer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bedrock::fault::Fault;
    use crate::bedrock::format::Format;
    use crate::bedrock::json::Document;
    use crate::bedrock::operation::Operation;

    fn read<T>(
        operation: Operation,
        body: &str,
        inspect: impl FnOnce(&Draft<'_>) -> T,
    ) -> Result<T, DecodeError> {
        let document = Document::parse(body.as_bytes()).unwrap();
        let mut draft = Draft::default();
        match operation {
            Operation::ApplyGuardrail => decode(document.root(), &mut draft)?,
            _ => decode_checks(document.root(), &mut draft)?,
        }
        Ok(inspect(&draft))
    }

    #[test]
    fn every_text_is_seen_as_the_prompt_or_the_answer_that_it_is() {
        let body = r#"{"source":"OUTPUT","content":[{"text":{"text":"one","qualifiers":["query"]}},
            {"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}},{"text":{"text":"two"}}],"outputScope":"FULL"}"#;
        let texts = |draft: &Draft<'_>| {
            draft.texts.0.iter().map(|text| (text.text.to_string(), text.role)).collect::<Vec<_>>()
        };
        let other = |text: &str| (text.to_owned(), TextRole::Other);
        let said = |text: &str| (text.to_owned(), TextRole::Assistant);
        assert_eq!(
            read(Operation::ApplyGuardrail, body, texts).unwrap(),
            [said("one"), other("query"), other("png"), said("two"), other("FULL")]
        );
        let checks = r#"{"messages":[{"role":"system","content":[{"text":"one"}]},{"role":"user","content":[{"text":"two"}]}],
            "checks":{"promptAttack":{"categories":[{"category":"JAILBREAK"}]}}}"#;
        let roles = read(Operation::InvokeGuardrailChecks, checks, |draft| {
            let words = draft.texts.0.iter().filter(|text| text.role != TextRole::Other);
            words.map(|text| text.role).collect::<Vec<_>>()
        });
        assert_eq!(roles.unwrap(), [TextRole::System, TextRole::User]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let apply = Operation::ApplyGuardrail;
        let check = Operation::InvokeGuardrailChecks;
        let table = [
            (apply, "{}", Fault::Validation),
            (apply, r#"{"source":"INPUT"}"#, Fault::Validation),
            (apply, r#"{"source":"input","content":[]}"#, Fault::Validation),
            (apply, r#"{"source":"INPUT","content":{}}"#, Fault::Validation),
            (apply, r#"{"source":"INPUT","content":[{}]}"#, Fault::AccessDenied),
            (
                apply,
                r#"{"source":"INPUT","content":[{"text":{"text":"a"},"image":{}}]}"#,
                Fault::AccessDenied,
            ),
            (apply, r#"{"source":"INPUT","content":[{"text":{"text":"a","new":"b"}}]}"#, Fault::AccessDenied),
            (apply, r#"{"source":"INPUT","content":[{"text":{}}]}"#, Fault::Validation),
            (apply, r#"{"source":"INPUT","content":[{"video":{}}]}"#, Fault::AccessDenied),
            (
                apply,
                r#"{"source":"INPUT","content":[{"image":{"source":{"s3Location":{}}}}]}"#,
                Fault::AccessDenied,
            ),
            (apply, r#"{"source":"INPUT","content":[],"guardrailIdentifier":"gr2"}"#, Fault::AccessDenied),
            (check, r#"{"messages":[]}"#, Fault::Validation),
            (check, r#"{"messages":[{"role":"user"}],"checks":{}}"#, Fault::Validation),
            (check, r#"{"messages":[{"role":"tool","content":[]}],"checks":{}}"#, Fault::AccessDenied),
            (
                check,
                r#"{"messages":[{"role":"user","content":[{"image":{}}]}],"checks":{}}"#,
                Fault::AccessDenied,
            ),
            (check, r#"{"messages":[],"checks":[]}"#, Fault::Validation),
            (check, r#"{"messages":[],"checks":{},"model":"x"}"#, Fault::AccessDenied),
        ];
        for (operation, body, fault) in table {
            let refused = read(operation, body, |_| ()).expect_err(body);
            assert_eq!(refused.fault(), fault, "{body}: {refused}");
        }
    }

    #[test]
    fn an_answer_gives_its_words_and_what_the_guardrail_did() {
        let body = r#"{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"no"}],
            "assessments":[{"sensitiveInformationPolicy":{"piiEntities":[{"match":"jane","type":"NAME"}]}}]}"#;
        let document = Document::parse(body.as_bytes()).unwrap();
        let answer = Format::of(Operation::ApplyGuardrail, None).unwrap().answer(&document);
        assert_eq!(answer.stop_reason.as_deref(), Some("GUARDRAIL_INTERVENED"));
        let words: Vec<_> = answer.texts.iter().map(|text| &*text.text).collect();
        assert_eq!(words, ["GUARDRAIL_INTERVENED", "no", "jane", "NAME"]);
        assert!(answer.texts.iter().all(|text| text.editable));
    }
}
