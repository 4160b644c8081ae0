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
}
