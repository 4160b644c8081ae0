//! StartAsyncInvoke: a family's own body inside another, and where its answer will be put.
//!
//! Receives the body (botocore model): the model's id, which the route has read, `modelInput` for the family's reader,
//! and a place in S3. The answer to the prompt goes there and never crosses the warden, which is why the place is part of
//! the view. The answer to the call is the ARN of the invocation.

use super::format::draft::{self, Draft};
use super::format::error::DecodeError;
use super::format::texts::{Part, Texts};
use super::invoke::Family;
use super::json::{Member, Node};
use super::operation::is_invocation;
use super::view::{Answer, TextRole};

const PLACE: &str = "a StartAsyncInvoke body";

/// Reads a request body.
pub(crate) fn decode<'a>(
    family: Family,
    body: &'a Node<'a>,
    draft: &mut Draft<'a>,
) -> Result<(), DecodeError> {
    for name in ["modelId", "modelInput", "outputDataConfig"] {
        draft::require(body.members(), PLACE, name)?;
    }
    for member in body.members() {
        match member.name.as_ref() {
            "modelId" => {
                draft::string(member)?;
            }
            "modelInput" => {
                draft::object(member)?;
                family.dialect().decode(&member.node, draft)?;
                if draft.guardrail.is_some() {
                    return Err(DecodeError::refused(
                        member,
                        "no guardrail watches an asynchronous invocation",
                    ));
                }
            }
            "outputDataConfig" => output(draft, member)?,
            "clientRequestToken" => draft.sealed(member)?,
            "tags" => {
                draft::array(member)?;
                draft.free(member, TextRole::Other);
            }
            _ => return Err(DecodeError::unknown(member, PLACE)),
        }
    }
    Ok(())
}

/// Where the answer goes. Searched like any text and never edited: another place would be another request.
fn output<'a>(draft: &mut Draft<'a>, config: &'a Member<'a>) -> Result<(), DecodeError> {
    for place in draft::object(config)? {
        if place.name != "s3OutputDataConfig" {
            return Err(DecodeError::unknown(place, "`outputDataConfig`"));
        }
        for member in draft::object(place)? {
            match member.name.as_ref() {
                "s3Uri" => {
                    let uri = draft::string(member)?;
                    if !is_s3_uri(uri) {
                        return Err(DecodeError::wrong_type(
                            member,
                            "an S3 URI such as `s3://bucket/prefix/`",
                        ));
                    }
                    draft.sealed(member)?;
                    draft.output = Some(uri);
                }
                "kmsKeyId" | "bucketOwner" => draft.sealed(member)?,
                _ => return Err(DecodeError::unknown(member, "`s3OutputDataConfig`")),
            }
        }
    }
    if draft.output.is_some() {
        return Ok(());
    }
    Err(DecodeError::Missing { place: "`outputDataConfig`", member: "s3Uri" })
}

/// `s3://{bucket}[/{key}]` of printable characters. FAIL-CLOSED: `..`, wildcards and escapes are refused, so that a
/// pattern over places cannot be walked around.
fn is_s3_uri(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("s3://") else { return false };
    let bucket = rest.split('/').next().unwrap_or_default();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| inner(byte) && !matches!(byte, b'.' | b'-'));
    let key = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.=+@:,".contains(&byte);
    uri.len() <= 1024
        && (3..=63).contains(&bucket.len())
        && bucket.bytes().all(inner)
        && edge(bucket.bytes().next())
        && edge(bucket.bytes().last())
        && rest.bytes().all(key)
        && !rest.contains("..")
}

/// Reads the answer: the ARN of an invocation. What is not one is words like any other.
pub(crate) fn answer<'a>(body: &'a Node<'a>) -> Answer<'a> {
    let mut texts = Texts::default();
    let expected = body
        .members()
        .iter()
        .all(|member| member.name == "invocationArn" && member.node.as_str().is_some_and(is_invocation));
    if !expected {
        texts.answer(body, |_| Part::Words(TextRole::Other));
    }
    Answer { texts: texts.0, ..Answer::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bedrock::json::Document;

    #[test]
    fn places_are_those_that_one_bucket_can_have() {
        for uri in [
            "s3://acme-results",
            "s3://acme-results/",
            "s3://a.b.c/x/y=1/",
            "s3://a1b/2026-11-24T10:00:00+01/x",
        ] {
            assert!(is_s3_uri(uri), "{uri}");
        }
        for uri in [
            "",
            "s3://",
            "s3:///x",
            "s3://ab",
            "s3://Acme-Results/",
            "https://acme-results/",
            "s3://-acme/x",
            "s3://acme-/x",
            "s3://acme/../other",
            "s3://acme/a b",
            "s3://acme/%2e%2e",
            "s3://acme/*",
            "s3://acme\\x",
            "s3://acme/é",
            "S3://acme/",
        ] {
            assert!(!is_s3_uri(uri), "{uri}");
        }
    }

    fn read<T>(body: &str, inspect: impl FnOnce(&Draft<'_>) -> T) -> Result<T, DecodeError> {
        let document = Document::parse(body.as_bytes()).unwrap();
        let mut draft = Draft::default();
        decode(Family::TitanText, document.root(), &mut draft)?;
        Ok(inspect(&draft))
    }

    const OUTPUT: &str = r#""outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://results/a"}}"#;

    #[test]
    fn the_prompt_and_the_place_are_seen() {
        let body = format!(
            r#"{{"modelId":"m","modelInput":{{"inputText":"hi"}},{OUTPUT},"clientRequestToken":"t","tags":[{{"key":"k","value":"v"}}]}}"#
        );
        let (texts, output) = read(&body, |draft| {
            let texts: Vec<_> =
                draft.texts.0.iter().map(|text| (text.text.to_string(), text.editable)).collect();
            (texts, draft.output.map(str::to_owned))
        })
        .unwrap();
        let text = |text: &str, editable| (text.to_owned(), editable);
        assert_eq!(
            texts,
            [
                text("hi", true),
                text("s3://results/a", false),
                text("t", false),
                text("key", false),
                text("k", true),
                text("value", false),
                text("v", true),
            ]
        );
        assert_eq!(output.as_deref(), Some("s3://results/a"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let input = r#""modelId":"m","modelInput":{"inputText":"hi"}"#;
        for body in [
            "{}".to_owned(),
            format!("{{{input}}}"),
            format!("{{{OUTPUT}}}"),
            format!(r#"{{"modelId":"m","modelInput":"hi",{OUTPUT}}}"#),
            format!(r#"{{"modelId":"m","modelInput":{{"prompt":"hi"}},{OUTPUT}}}"#),
            format!(r#"{{{input},"outputDataConfig":{{}}}}"#),
            format!(r#"{{{input},"outputDataConfig":{{"other":{{}}}}}}"#),
            format!(
                r#"{{{input},"outputDataConfig":{{"s3OutputDataConfig":{{"bucketOwner":"111122223333"}}}}}}"#
            ),
            format!(
                r#"{{{input},"outputDataConfig":{{"s3OutputDataConfig":{{"s3Uri":"s3://results/../other"}}}}}}"#
            ),
            format!(r#"{{{input},{OUTPUT},"roleArn":"x"}}"#),
            format!(r#"{{{input},{OUTPUT},"tags":{{}}}}"#),
        ] {
            assert!(read(&body, |_| ()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_answer_is_an_arn_or_words() {
        let words = |body: &str| answer(Document::parse(body.as_bytes()).unwrap().root()).texts.len();
        assert_eq!(
            words(r#"{"invocationArn":"arn:aws:bedrock:us-east-1:111122223333:async-invoke/abcdef123456"}"#),
            0
        );
        assert_eq!(words(r#"{"invocationArn":"jane.doe@example.com"}"#), 1);
        assert_eq!(words(r#"{"message":"hi"}"#), 1);
    }
}
