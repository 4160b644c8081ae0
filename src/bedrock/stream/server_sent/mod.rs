//! Server-sent events as the APIs of OpenAI and Anthropic use them.
//!
//! Receives an event and the API whose clients read it, says what it announces: its name, where it has one; a failure,
//! which every API writes as an `error`; or the `[DONE]` after which clients of OpenAI read no further. An event is written
//! again under the same name.

use bytes::Bytes;

use super::Announced;
use crate::bedrock::chat::Api;
use crate::bedrock::fault::Fault;
use crate::bedrock::json::{Document, Node};
use crate::bedrock::sse::{self, Event};

/// The data that ends a stream of chat completions.
const DONE: &str = "[DONE]";

/// An event of a stream of `api`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSent {
    api: Api,
    event: Event,
    /// What the failure is called that the event tells of.
    failure: Option<String>,
}

impl ServerSent {
    pub(super) fn new(api: Api, event: Event) -> Self {
        let failure = failure(api, &event);
        Self { api, event, failure }
    }

    pub(super) const fn raw(&self) -> &Bytes {
        &self.event.raw
    }

    pub(super) fn data(&self) -> &str {
        self.event.data.as_deref().unwrap_or_default()
    }

    pub(super) fn announced(&self) -> Announced<'_> {
        match (&self.failure, self.event.data.as_deref()) {
            (Some(failure), _) => Announced::Exception(failure),
            (None, None) => Announced::Comment,
            (None, Some(DONE)) if self.api == Api::Completions && self.event.name.is_none() => {
                Announced::Done
            }
            (None, Some(_)) => Announced::Event(self.event.name.as_deref().unwrap_or_default()),
        }
    }

    pub(super) fn with_data(&self, data: &str) -> Bytes {
        sse::encode(self.event.name.as_deref(), data)
    }
}

/// The code or the type of the error in an event that is called so, or that has no name and holds nothing but one.
fn failure(api: Api, event: &Event) -> Option<String> {
    let data = event.data.as_deref()?;
    let named = event.name.as_deref() == Some("error");
    // Most events are no errors and need not be read twice.
    let may_be = event.name.is_none() && api != Api::Messages && data.contains("\"error\"");
    if !named && !may_be {
        return None;
    }
    let document = Document::parse(data.as_bytes()).ok();
    let root = document.as_ref().map(Document::root);
    let error = root.and_then(|root| root.get("error")).filter(|error| !error.is_null());
    let says_more =
        root.is_some_and(|root| ["choices", "response"].iter().any(|name| root.get(name).is_some()));
    if !named && (error.is_none() || says_more) {
        return None;
    }
    let word = |node: Option<&Node<'_>>, name: &str| {
        node.and_then(|node| node.get(name)?.as_str().map(str::to_owned))
    };
    let code = word(error, "code")
        .or_else(|| word(error, "type"))
        .or_else(|| word(root, "code"))
        .unwrap_or_default();
    Some(Fault::of_kind(&code).map_or(code, |fault| fault.name().to_owned()))
}

#[cfg(test)]
mod tests;
