//! Guardrails on InvokeModel: what a native body says of one, and what a native answer says that one did.
//!
//! Receives `amazon-bedrock-guardrailConfig`, which every family's body may hold beside its own members. It never names a
//! guardrail, which headers do; it says which parts of the prompt the guardrail looks at, and whether a stream waits for
//! it. Members as AWS documents them for InvokeModel; any other is refused, so that a guardrail cannot be named twice.

use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::json::{Member, Node};
use crate::bedrock::view::{BodyGuardrail, INTERVENED, Leak, TextRole};

/// The member of a request.
pub(crate) const CONFIG: &str = "amazon-bedrock-guardrailConfig";

/// The member of an answer or of a chunk that says what the guardrail did (seen in recorded answers).
const ACTION: &str = "amazon-bedrock-guardrailAction";

/// Reads the member of a request.
pub(crate) fn config<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    const PLACE: &str = "`amazon-bedrock-guardrailConfig`";
    for member in draft::object(config)? {
        match member.name.as_ref() {
            "tagSuffix" => {
                draft.string(member, TextRole::Other)?;
                draft.leaks.insert(Leak::Narrowed);
            }
            "streamProcessingMode" => {
                // FAIL-CLOSED: only the one harmless word is known to be harmless.
                if draft.string(member, TextRole::Other)? != "SYNCHRONOUS" {
                    draft.leaks.insert(Leak::Unchecked);
                }
            }
            "guardrailIdentifier" | "guardrailVersion" | "trace" => {
                return Err(DecodeError::refused(
                    member,
                    "on this operation headers say it, and nothing else",
                ));
            }
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    draft.guardrail = Some(BodyGuardrail { identifier: None, version: None, span: config.node.span });
    Ok(())
}

/// The reason to stop of an answer in which a guardrail intervened, in the word that Converse has for it. `None` where it
/// did not. FAIL-CLOSED: any action but `NONE` is an intervention.
pub(crate) fn intervention(answer: &Node<'_>) -> Option<&'static str> {
    let action = answer.get(ACTION)?;
    (action.as_str() != Some("NONE")).then_some(INTERVENED)
}

/// Whether a chunk holds what Bedrock adds for a guardrail and nothing of the model's.
pub(crate) fn is_apart(chunk: &Node<'_>) -> bool {
    chunk.get(ACTION).is_some()
        && chunk.members().iter().all(|member| member.name.starts_with("amazon-bedrock-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bedrock::format::Format;
    use crate::bedrock::invoke::Family;
    use crate::bedrock::json::Document;

    fn leaks(config: &str) -> Result<Vec<Leak>, DecodeError> {
        let body = format!(r#"{{"inputText":"hi","{CONFIG}":{config}}}"#);
        let document = Document::parse(body.as_bytes()).unwrap();
        let view = Format::of_family(Family::TitanText).decode(&document)?;
        assert!(view.guardrail.is_some_and(|guardrail| guardrail.identifier.is_none()));
        Ok(view.leaks.into_iter().collect())
    }

    #[test]
    fn a_body_says_how_a_guardrail_looks_and_never_which() {
        let table: [(&str, &[Leak]); 6] = [
            ("{}", &[]),
            (r#"{"streamProcessingMode":"SYNCHRONOUS"}"#, &[]),
            (r#"{"streamProcessingMode":"ASYNCHRONOUS"}"#, &[Leak::Unchecked]),
            (r#"{"streamProcessingMode":"synchronous"}"#, &[Leak::Unchecked]),
            (r#"{"tagSuffix":"x1"}"#, &[Leak::Narrowed]),
            (r#"{"tagSuffix":"","streamProcessingMode":"ASYNCHRONOUS"}"#, &[Leak::Unchecked, Leak::Narrowed]),
        ];
        for (config, expected) in table {
            assert_eq!(leaks(config).as_deref(), Ok(expected), "{config}");
        }
        for config in [
            r#""gr1""#,
            "[]",
            "null",
            r#"{"tagSuffix":1}"#,
            r#"{"guardrailIdentifier":"gr1"}"#,
            r#"{"guardrailVersion":"1"}"#,
            r#"{"trace":"ENABLED"}"#,
            r#"{"TagSuffix":"x"}"#,
        ] {
            assert!(leaks(config).is_err(), "{config}");
        }
    }

    #[test]
    fn an_answer_says_whether_a_guardrail_intervened() {
        for (answer, expected) in [
            ("{}", None),
            (r#"{"amazon-bedrock-guardrailAction":"NONE"}"#, None),
            (r#"{"amazon-bedrock-guardrailAction":"INTERVENED"}"#, Some(INTERVENED)),
            (r#"{"amazon-bedrock-guardrailAction":null}"#, Some(INTERVENED)),
        ] {
            let document = Document::parse(answer.as_bytes()).unwrap();
            assert_eq!(intervention(document.root()), expected, "{answer}");
        }
    }
}
