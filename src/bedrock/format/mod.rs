//! What a body means: from the bytes of a request, an answer or a chunk to what policies speak about.
//!
//! Receives an operation and a model, returns the [`Format`] that reads their bodies. Converse has one format for all
//! models; InvokeModel has one per family (see [`super::invoke`]). A model of a family that is not known has no format,
//! and without a format nothing is forwarded.

pub(crate) mod aliases;
pub(crate) mod draft;
pub mod error;
pub(crate) mod payload;
pub(crate) mod texts;

use thiserror::Error;

use super::chat::Api;
use super::invoke::guardrail::intervention;
use super::invoke::{Dialect, Family};
use super::json::{Document, Node};
use super::model::{ModelKind, ModelReference};
use super::operation::{Body, Operation};
use super::stream::StreamReader;
use super::view::{Answer, OpaqueKind, TextRole, View};
use super::{async_invoke, converse, count_tokens, guardrail, speech};
use draft::Draft;
pub use error::DecodeError;
use texts::{Part, Texts};

/// No reader exists for the model's bodies on that operation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownFamily {
    #[error("the body format of model `{model}` is not known; Converse reads bodies of every model")]
    Unknown { model: String },
    #[error("`{model}` is a stored prompt, which Converse and ConverseStream call")]
    Prompt { model: String },
    #[error("model `{model}` answers asynchronously only; start it with StartAsyncInvoke")]
    Asynchronous { model: String },
}

/// How bodies of one operation and one family of models are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    wire: Wire,
    /// Whether Bedrock adds a prompt of its own, which never passes here.
    stored_prompt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Converse,
    Invoke(Family),
    /// Events of a speech session, one document each.
    Speech,
    AsyncInvoke(Family),
    /// A Converse body that is counted.
    CountConverse,
    /// A native body that is counted.
    CountInvoke(Family),
    Guardrail,
    GuardrailChecks,
    Chat(Api),
}

impl Format {
    /// The format of an operation with a body, on `model` where it takes one. A count of a native body has
    /// another, which only the body tells.
    // FAIL-CLOSED: a family that is not known is an error, also for models whose family only a lookup could tell.
    pub fn of(operation: Operation, model: Option<&ModelReference>) -> Result<Self, UnknownFamily> {
        // FAIL-CLOSED: what a stored prompt means is known for Converse only.
        if let Some(prompt) = model.filter(|model| is_prompt(model) && operation.body() != Body::Converse) {
            return Err(UnknownFamily::Prompt { model: prompt.raw().to_owned() });
        }
        let wire = match operation.body() {
            Body::Converse => {
                let stored_prompt =
                    model.is_some_and(|model| is_prompt(model) && model.stored_prompt().is_none());
                return Ok(Self { wire: Wire::Converse, stored_prompt });
            }
            Body::Invoke => Wire::Invoke(synchronous(model)?),
            Body::Session if model.is_some_and(speech::is_spoken_by) => Wire::Speech,
            Body::AsyncInvoke => Wire::AsyncInvoke(family(model)?),
            Body::CountTokens => Wire::CountConverse,
            Body::Guardrail => Wire::Guardrail,
            Body::GuardrailChecks => Wire::GuardrailChecks,
            Body::Chat(api) => Wire::Chat(api),
            Body::Session | Body::None => return Err(unknown(model)),
        };
        Ok(Self { wire, stored_prompt: false })
    }

    /// The format of a native body that is counted.
    pub(crate) fn counted(model: Option<&ModelReference>) -> Result<Self, UnknownFamily> {
        if let Some(prompt) = model.filter(|model| is_prompt(model)) {
            return Err(UnknownFamily::Prompt { model: prompt.raw().to_owned() });
        }
        Ok(Self { wire: Wire::CountInvoke(synchronous(model)?), stored_prompt: false })
    }

    /// The format of InvokeModel's bodies of a family. For models whose
    /// family stands in no id: imported models, and whatever else only a lookup tells.
    pub const fn of_family(family: Family) -> Self {
        Self { wire: Wire::Invoke(family), stored_prompt: false }
    }

    /// The name used in records.
    pub fn name(self) -> &'static str {
        match self.wire {
            Wire::Converse | Wire::CountConverse => "converse",
            Wire::Invoke(family) | Wire::AsyncInvoke(family) | Wire::CountInvoke(family) => family.name(),
            Wire::Guardrail => "guardrail",
            Wire::GuardrailChecks => "guardrail-checks",
            Wire::Chat(api) => api.name(),
            Wire::Speech => "nova-sonic",
        }
    }

    /// Reads a request body. Either everything in it is understood, or it is refused.
    pub fn decode<'a>(self, document: &'a Document<'a>) -> Result<View<'a>, DecodeError> {
        self.decode_node(document.root())
    }

    /// Reads a request body that stands inside another document, as `modelInput` does.
    pub fn decode_node<'a>(self, body: &'a Node<'a>) -> Result<View<'a>, DecodeError> {
        if !body.is_object() {
            return Err(DecodeError::NotAnObject);
        }
        let mut draft = Draft::default();
        if self.stored_prompt {
            draft.opaque(OpaqueKind::StoredPrompt, body);
        }
        match self.wire {
            Wire::Converse => converse::decode(body, &mut draft)?,
            Wire::Invoke(family) | Wire::CountInvoke(family) => family.dialect().decode(body, &mut draft)?,
            Wire::Chat(api) => api.dialect().decode(body, &mut draft)?,
            Wire::AsyncInvoke(family) => async_invoke::decode(family, body, &mut draft)?,
            Wire::CountConverse => count_tokens::decode(body, &mut draft)?,
            Wire::Guardrail => guardrail::decode(body, &mut draft)?,
            Wire::GuardrailChecks => guardrail::decode_checks(body, &mut draft)?,
            Wire::Speech => return Ok(speech::Event::of(body)?.view),
        }
        Ok(draft.into_view())
    }

    /// Reads a unary answer. Every string in it is reported, known or not.
    pub fn answer<'a>(self, document: &'a Document<'a>) -> Answer<'a> {
        match self.wire {
            Wire::Converse => converse::answer(document.root()),
            Wire::Invoke(family) => native_answer(family.dialect(), document),
            Wire::Chat(api) => native_answer(api.dialect(), document),
            // Sessions have no unary answers.
            Wire::Speech => {
                let mut texts = Texts::default();
                texts.answer(document.root(), |_| Part::Words(TextRole::Other));
                Answer { texts: texts.0, ..Answer::default() }
            }
            Wire::AsyncInvoke(_) => async_invoke::answer(document.root()),
            Wire::CountConverse | Wire::CountInvoke(_) => count_tokens::answer(document.root()),
            Wire::Guardrail | Wire::GuardrailChecks => guardrail::answer(document.root()),
        }
    }

    /// Id of the model that a prompt router chose to make the answer.
    pub fn routed_to(self, document: &Document<'_>) -> Option<String> {
        self.is_converse().then(|| converse::routed_to(document.root())).flatten()
    }

    /// A reader for the frames of one streamed answer.
    pub fn stream(self) -> StreamReader {
        StreamReader::new(self)
    }

    /// The same, for the body that a stored prompt stands for.
    #[must_use]
    pub const fn of_stored(self) -> Self {
        Self { stored_prompt: false, ..self }
    }

    /// Whether answers have Converse's form.
    pub const fn is_converse(self) -> bool {
        matches!(self.wire, Wire::Converse)
    }

    pub(crate) const fn wire(self) -> Wire {
        self.wire
    }

    #[cfg(test)]
    pub(crate) const fn of_api(api: Api) -> Self {
        Self { wire: Wire::Chat(api), stored_prompt: false }
    }

    #[cfg(test)]
    pub(crate) const fn converse() -> Self {
        Self { wire: Wire::Converse, stored_prompt: false }
    }
}

fn is_prompt(model: &ModelReference) -> bool {
    model.kind() == ModelKind::Prompt
}

/// Reads an answer in which Bedrock says what a guardrail did.
fn native_answer<'a>(dialect: &dyn Dialect, document: &'a Document<'a>) -> Answer<'a> {
    let mut answer = dialect.answer(document.root());
    if let Some(reason) = intervention(document.root()) {
        answer.stop_reason = Some(reason.to_owned());
    }
    answer
}

fn family(model: Option<&ModelReference>) -> Result<Family, UnknownFamily> {
    model.and_then(|model| Family::shared_by(&model.origins())).ok_or_else(|| unknown(model))
}

fn unknown(model: Option<&ModelReference>) -> UnknownFamily {
    UnknownFamily::Unknown { model: name(model) }
}

/// The family, when it answers the caller.
fn synchronous(model: Option<&ModelReference>) -> Result<Family, UnknownFamily> {
    let family = family(model)?;
    if family.is_asynchronous() {
        return Err(UnknownFamily::Asynchronous { model: name(model) });
    }
    Ok(family)
}

fn name(model: Option<&ModelReference>) -> String {
    model.map(|model| model.raw().to_owned()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
