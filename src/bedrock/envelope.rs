//! A body and the document in it that is judged.
//!
//! Receives the bytes of a request. Most bodies are the document themselves; `CountTokens` can carry one in base64, which
//! is decoded once and strictly, so that a prompt is as visible there as anywhere else. What is changed in the document
//! is put back where it came from, and nothing around it moves.

use std::borrow::Cow;

use thiserror::Error;

use super::count_tokens;
use super::format::{DecodeError, Format, UnknownFamily};
use super::json::{JsonError, Span};
use super::model::ModelReference;
use super::operation::{Body, Operation};

/// A body that was opened.
#[derive(Debug)]
pub struct Envelope<'b> {
    format: Format,
    document: Cow<'b, [u8]>,
    /// The whole body, and where in it the document's base64 stands.
    around: Option<(&'b str, Span)>,
}

/// Why a body could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    UnknownFamily(#[from] UnknownFamily),
}

impl<'b> Envelope<'b> {
    /// Opens the body of a request for `operation`, on `model` where it takes one.
    pub fn open(
        operation: Operation,
        model: Option<&ModelReference>,
        body: &'b [u8],
    ) -> Result<Self, OpenError> {
        if operation.body() == Body::CountTokens
            && let Some(sealed) = count_tokens::sealed(body)?
        {
            let format = Format::counted(model)?;
            return Ok(Self { format, document: sealed.document.into(), around: Some(sealed.around) });
        }
        Ok(Self { format: Format::of(operation, model)?, document: body.into(), around: None })
    }

    /// How the document, and the answer to the request, are read.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The bytes of the document.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The body with `document` in the place of its own.
    pub fn seal(&self, document: String) -> Vec<u8> {
        match self.around {
            None => document.into_bytes(),
            Some((body, span)) => count_tokens::seal(body, span, &document).into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::bedrock::json::Document;

    fn titan() -> ModelReference {
        ModelReference::parse("amazon.titan-text-express-v1").unwrap()
    }

    fn count(document: &str) -> String {
        format!(r#" {{"input":{{"invokeModel":{{"body":"{}"}}}}}} "#, BASE64_STANDARD.encode(document))
    }

    #[test]
    fn a_document_in_base64_is_opened_and_sealed_again() {
        let body = count(r#"{"inputText":"é"}"#);
        let model = titan();
        let envelope = Envelope::open(Operation::CountTokens, Some(&model), body.as_bytes()).unwrap();
        assert_eq!(envelope.document(), r#"{"inputText":"é"}"#.as_bytes());
        assert_eq!(envelope.format().name(), "titan-text");
        assert_eq!(envelope.seal(r#"{"inputText":"é"}"#.to_owned()), body.as_bytes());
        assert_eq!(envelope.seal("{}".to_owned()), count("{}").as_bytes());
        let document = Document::parse(envelope.document()).unwrap();
        assert_eq!(envelope.format().decode(&document).unwrap().texts[0].text, "é");
    }

    #[test]
    fn every_other_body_is_its_own_document() {
        let model = titan();
        let body = br#"{"inputText":"x"}"#;
        let envelope = Envelope::open(Operation::InvokeModel, Some(&model), body).unwrap();
        assert_eq!(envelope.document(), body);
        assert_eq!(envelope.seal("{}".to_owned()), b"{}");
    }

    #[test]
    fn what_could_be_opened_in_two_ways_is_refused() {
        let inner = BASE64_STANDARD.encode(r#"{"inputText":"x"}"#);
        let url = "eyJpbnB1dFRleHQiOiI-Pj4ifQ==";
        for body in [
            "{}".to_owned(),
            r#"{"input":[]}"#.to_owned(),
            r#"{"input":{}}"#.to_owned(),
            r#"{"input":{"invokeModel":{}}}"#.to_owned(),
            r#"{"input":{"other":{}}}"#.to_owned(),
            r#"{"input":{"invokeModel":{"body":{"inputText":"x"}}}}"#.to_owned(),
            format!(r#"{{"input":{{"invokeModel":{{"body":"{inner}","x":1}}}}}}"#),
            format!(r#"{{"input":{{"invokeModel":{{"body":"{inner}"}},"converse":{{}}}}}}"#),
            format!(r#"{{"input":{{"invokeModel":{{"body":"{inner}"}}}},"modelId":"x"}}"#),
            format!(
                r#"{{"input":{{"invokeModel":{{"body":"{}"}}}}}}"#,
                inner.trim_end_matches('=').to_owned() + "\\n"
            ),
            format!(r#"{{"input":{{"invokeModel":{{"body":"{url}"}}}}}}"#),
            format!(r#"{{"input":{{"invokeModel":{{"body":" {inner}"}}}}}}"#),
            r#"{"input":{"invokeModel":{"body":"eyJh"}},"input":{}}"#.to_owned(),
        ] {
            let model = titan();
            let opened = Envelope::open(Operation::CountTokens, Some(&model), body.as_bytes());
            let read = opened.and_then(|envelope| {
                let document = Document::parse(envelope.document())?;
                Ok(envelope.format().decode(&document).map(|_| ())?)
            });
            assert!(read.is_err(), "{body}");
        }
    }

    #[test]
    fn a_native_body_of_an_unknown_family_is_not_counted() {
        let model = ModelReference::parse("acme.future-model-v1:0").unwrap();
        let body = count("{}");
        let opened = Envelope::open(Operation::CountTokens, Some(&model), body.as_bytes());
        assert!(matches!(opened, Err(OpenError::UnknownFamily(_))), "{opened:?}");
        let converse = br#"{"input":{"converse":{"messages":[]}}}"#;
        assert!(Envelope::open(Operation::CountTokens, Some(&model), converse).is_ok());
    }
}
