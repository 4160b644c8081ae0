//! Files and pictures in bodies of OpenAI's APIs.
//!
//! Receives the member that holds one, adds what of it can be read to the draft, and notes the rest as not looked into.
//! Data must stand in the body, or in S3, which counts as content that was not looked into; ids of uploaded files and
//! addresses are refused.

use super::{FETCHED, STORED};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::payload;
use crate::bedrock::json::Member;
use crate::bedrock::view::{Modality, OpaqueKind, TextRole};

/// Reads one member of a file: its data, its name, or where it is instead.
pub(crate) fn member<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    match member.name.as_ref() {
        "file_data" => data(draft, member),
        "filename" | "detail" => draft.string(member, TextRole::Document).map(drop),
        "file_id" => super::absent(member, STORED),
        "file_url" => super::absent(member, FETCHED),
        _ => Err(DecodeError::unknown(member, "a file")),
    }
}

/// Reads the address of a picture: data, or an object in S3.
pub(super) fn picture<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    if member.node.is_null() {
        return Ok(());
    }
    let text = draft::string(member)?;
    if text.starts_with("s3://") {
        draft.opaque(OpaqueKind::S3Reference, &member.node);
        draft.string(member, TextRole::Other)?;
    } else if payload::is_data_uri(text) {
        draft.opaque(OpaqueKind::Image, &member.node);
    } else {
        return Err(DecodeError::refused(member, FETCHED));
    }
    Ok(())
}

/// Reads `file_data`: base64 with its media type before it, or without.
fn data<'a>(draft: &mut Draft<'a>, member: &'a Member<'a>) -> Result<(), DecodeError> {
    let text = draft::string(member)?;
    if text.starts_with("s3://") {
        draft.opaque(OpaqueKind::S3Reference, &member.node);
        return draft.string(member, TextRole::Other).map(drop);
    }
    let addressed = text.split_once(";base64,").filter(|_| payload::is_data_uri(text));
    let Some((head, encoded)) = addressed else { return draft.bytes(member, Modality::Document, "") };
    draft.document(member, encoded, head.strip_prefix("data:").unwrap_or_default());
    Ok(())
}
