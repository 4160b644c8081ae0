//! What is known about an operation before any request asks for it.
//!
//! One row each; `mod.rs` holds them. A row says what the wire looks like and what it takes to be let through, so that an
//! operation is added in one place.

use super::query::Queries;
use crate::bedrock::chat::Api;
use crate::bedrock::model::ModelKind;

/// What one operation is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub method: &'static str,
    /// Literal segments, and labels in braces.
    pub path: &'static str,
    /// Other spellings of the path, without labels.
    pub also: &'static [&'static str],
    pub query: Queries,
    pub control: bool,
    pub body: Body,
    pub access: Access,
    pub streaming: Streaming,
    pub answer: AnswerShape,
    /// What a bare name in the path is of.
    pub named: Option<ModelKind>,
}

/// What it takes to be granted an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Granted along with the model.
    Model,
    /// Granted only by an item of `allow` that names it.
    Named,
    /// Open to every team with a policy, and cut down to what the caller may use.
    Read,
}

/// Whether a successful answer comes piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streaming {
    Never,
    Always,
    /// Where the body says so, in its member `stream`.
    Asked,
}

/// How a request's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    /// The native body of the model's family.
    Invoke,
    Converse,
    /// Events, one after the other.
    Session,
    /// A native or a Converse body inside `input`.
    CountTokens,
    /// A native body inside `modelInput`, and the model beside it.
    AsyncInvoke,
    Guardrail,
    GuardrailChecks,
    /// As OpenAI or Anthropic write it, with the model in it.
    Chat(Api),
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerShape {
    /// Words of a model, or about a prompt: filtered like any answer.
    Words,
    /// A list in the member `array`. Each entry names itself by one or more of `names`.
    Entries { array: &'static str, names: &'static [&'static str] },
    /// One thing. `model` is the member that names a model which the request did not name.
    One { model: Option<&'static str> },
}

/// Where a request says which guardrail is to watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardrailPlace {
    Headers,
    Body,
    /// The request is for the guardrail itself.
    Path,
    /// A model answers, and no guardrail can watch it.
    Nowhere,
    /// No model answers.
    Unneeded,
}

impl Row {
    /// An operation that is granted along with the model in its path.
    pub(super) const fn model(path: &'static str, body: Body) -> Self {
        Self {
            method: "POST",
            path,
            also: &[],
            query: &[],
            control: false,
            body,
            access: Access::Model,
            streaming: Streaming::Never,
            answer: AnswerShape::Words,
            named: None,
        }
    }

    /// An operation that must be granted by its name.
    pub(super) const fn named(path: &'static str, body: Body) -> Self {
        Self { access: Access::Named, ..Self::model(path, body) }
    }

    pub(super) const fn read(path: &'static str) -> Self {
        let answer = AnswerShape::One { model: None };
        Self { method: "GET", access: Access::Read, answer, ..Self::model(path, Body::None) }
    }

    /// A read of the control plane.
    pub(super) const fn control(path: &'static str) -> Self {
        Self { control: true, ..Self::read(path) }
    }

    pub(super) const fn streaming(self) -> Self {
        Self { streaming: Streaming::Always, ..self }
    }

    /// An operation whose body has the model, and says whether the answer is streamed.
    pub(super) const fn chat(path: &'static str, api: Api) -> Self {
        Self { streaming: Streaming::Asked, ..Self::model(path, Body::Chat(api)) }
    }

    /// With another spelling of its path.
    pub(super) const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    pub(super) const fn query(self, query: Queries) -> Self {
        Self { query, ..self }
    }

    /// With an answer that lists things.
    pub(super) const fn entries(self, array: &'static str, names: &'static [&'static str]) -> Self {
        Self { answer: AnswerShape::Entries { array, names }, ..self }
    }

    /// With a path in which a bare name is of one kind.
    pub(super) const fn naming(self, kind: ModelKind) -> Self {
        Self { named: Some(kind), ..self }
    }

    /// With an answer about a model that the request does not name.
    pub(super) const fn about(self, model: &'static str) -> Self {
        Self { answer: AnswerShape::One { model: Some(model) }, ..self }
    }
}
