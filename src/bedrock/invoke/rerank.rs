//! Rerankers of Cohere and Amazon.
//!
//! Receives a query and documents, as strings or as objects of the caller's choice; answers hold positions and scores.
//! No tokens, no sampling, no streaming. Shapes from the providers' documentation.

use super::{Dialect, beyond};
use crate::bedrock::format::draft::{self, Draft};
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::format::texts::{Part, Texts};
use crate::bedrock::json::Node;
use crate::bedrock::view::{Answer, TextRole, Usage};

pub(super) struct Rerank;

impl Dialect for Rerank {
    fn decode<'a>(&self, body: &'a Node<'a>, draft: &mut Draft<'a>) -> Result<(), DecodeError> {
        draft.turn();
        for member in body.members() {
            match member.name.as_ref() {
                "query" => {
                    draft.string(member, TextRole::User)?;
                }
                "documents" => {
                    for node in draft::array(member)? {
                        if node.as_str().is_none() {
                            draft::element(node)?;
                        }
                    }
                    draft.free(member, TextRole::Document);
                }
                "top_n" | "api_version" | "max_tokens_per_doc" => draft::plain_number(member)?,
                _ => beyond(draft, member, "a rerank body")?,
            }
        }
        draft::require(body.members(), "body", "query")?;
        draft::require(body.members(), "body", "documents")
    }

    fn answer<'a>(&self, body: &'a Node<'a>) -> Answer<'a> {
        let mut texts = Texts::default();
        texts.answer(body, |_| Part::Words(TextRole::Other));
        Answer { texts: texts.0, usage: Usage::default(), stop_reason: None }
    }
}
