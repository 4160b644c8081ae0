//! A request line that was recognised, or why it was not.

use http::Method;
use thiserror::Error;

use super::path::{decode_once, fits_with_bare_slash, labels};
use super::{Body, Guardrail, Operation, Refused, labels as label, query};
use crate::bedrock::catalogue;
use crate::bedrock::fault::Fault;
use crate::bedrock::json::{Document, JsonError, Node};
use crate::bedrock::model::resolution::Found;
use crate::bedrock::model::{ModelError, ModelReference};

/// A recognised request line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub operation: Operation,
    /// The model that the request names; `None` where it names none, or [not yet](Self::complete).
    pub model: Option<ModelReference>,
    /// The guardrail in the path.
    pub guardrail: Option<Guardrail>,
    /// Whether a successful answer is a stream. Where the body decides, `false` until it was [read](Self::complete).
    pub streams: bool,
}

impl Route {
    /// Recognises a request by its method and its target (path and query as on the wire).
    pub fn recognise(method: &Method, raw_target: &str) -> Result<Self, RouteError> {
        if !raw_target.starts_with('/') {
            return Err(RouteError::NotOriginForm);
        }
        let readable = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
        if let Some(at) = raw_target.bytes().position(|byte| !readable(byte)) {
            return Err(RouteError::Character(at));
        }
        let (path, query) = match raw_target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw_target, None),
        };
        let candidates = || {
            let rows = Operation::ALL.into_iter().map(|operation| (operation, operation.row()));
            rows.filter(|(_, row)| row.method == method.as_str())
        };
        for (operation, row) in candidates() {
            let mut spellings = std::iter::once(row.path).chain(row.also.iter().copied());
            if let Some(labels) = spellings.find_map(|spelling| labels(spelling, path)) {
                query.map_or(Ok(()), |query| query::check(operation, query))?;
                return Self::named(operation, labels);
            }
        }
        if let Some(refused) = Refused::recognise(method, path) {
            return Err(RouteError::Refused(refused));
        }
        if candidates().any(|(_, row)| fits_with_bare_slash(row.path, path)) {
            return Err(RouteError::BareSlash);
        }
        // FAIL-CLOSED: inference hides behind many paths, some of them with the model in the body.
        Err(RouteError::UnknownOperation)
    }

    /// The route, with the model that only the body names.
    pub fn complete(self, body: &[u8]) -> Result<Self, RouteError> {
        if !self.operation.names_model_in_body() {
            return Ok(self);
        }
        let member = match self.operation.body() {
            Body::Chat(_) => "model",
            Body::None
            | Body::Invoke
            | Body::Converse
            | Body::Session
            | Body::CountTokens
            | Body::AsyncInvoke
            | Body::Guardrail
            | Body::GuardrailChecks => "modelId",
        };
        let document = Document::parse(body)?;
        let id = document.root().get(member).and_then(Node::as_str).ok_or(RouteError::NoModel(member))?;
        // What is no boolean is refused when the body is decoded.
        let asked = document.root().get("stream").and_then(Node::as_bool).unwrap_or_default();
        let streams = self.streams || (self.operation.may_stream() && asked);
        Ok(Self { model: Some(versioned(ModelReference::parse(id)?)), streams, ..self })
    }

    fn named(operation: Operation, labels: Vec<(&'static str, &str)>) -> Result<Self, RouteError> {
        let mut route = Self { operation, model: None, guardrail: None, streams: operation.is_streaming() };
        for (name, raw) in labels {
            let written = decode_once(raw)?;
            match name {
                "modelId" => {
                    let model = ModelReference::parse(&written)?;
                    route.model = Some(match operation.row().named {
                        Some(kind) => model.sought_as(kind),
                        None => model,
                    });
                }
                "guardrailIdentifier" if label::is_guardrail(&written) => {
                    route.guardrail = Some(Guardrail { identifier: written, version: None });
                }
                "guardrailVersion" if label::is_guardrail_version(&written) => {
                    if let Some(guardrail) = &mut route.guardrail {
                        guardrail.version = Some(written);
                    }
                }
                "invocationArn" if label::is_invocation(&written) => {}
                _ => return Err(RouteError::Label),
            }
        }
        Ok(route)
    }
}

/// A model that was named without its version, as is usual in bodies of chat operations, with the versions that are known
/// of it behind it. FAIL-CLOSED: a rule against one of them would else be gone round by leaving the version out.
fn versioned(model: ModelReference) -> ModelReference {
    if model.kind().needs_lookup() {
        return model;
    }
    let around = model.raw().strip_suffix(model.canonical()).unwrap_or_default();
    let versions: Vec<_> = catalogue::versions(model.canonical())
        .filter_map(|id| ModelReference::parse(&format!("{around}{id}")).ok())
        .collect();
    if versions.is_empty() { model } else { model.with(Found::stated(versions)) }
}

/// Why a request line is not passed on. Texts hold no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RouteError {
    #[error(
        "not an operation that is passed on; bedrock-warden passes on the operations it knows and no other"
    )]
    UnknownOperation,
    #[error("the path does not begin with the base path that bedrock-warden is configured with")]
    OutsideBase,
    #[error("{} is refused: {}", .0.name, .0.why())]
    Refused(&'static Refused),
    #[error("request target must be a path; absolute addresses and `*` are not passed on")]
    NotOriginForm,
    #[error("request target holds a character that must be percent-encoded, at byte {0}")]
    Character(usize),
    #[error("this operation takes no query string")]
    NoQuery,
    #[error("{} takes the query members {}, each at most once and with a plain value", .0, query::members(*.0))]
    Query(Operation),
    #[error("path has more than one segment for one label; encode `/` in it as `%2F`")]
    BareSlash,
    #[error("label in the path has an invalid percent escape")]
    Escape,
    #[error("path does not name a guardrail, its version or an invocation as Bedrock writes them")]
    Label,
    #[error("body lacks `{0}`, or it is no text")]
    NoModel(&'static str),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl RouteError {
    /// How the refusal is answered.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::UnknownOperation | Self::OutsideBase | Self::Refused(_) => Fault::AccessDenied,
            Self::NotOriginForm
            | Self::Character(_)
            | Self::NoQuery
            | Self::Query(_)
            | Self::BareSlash
            | Self::Escape
            | Self::Label
            | Self::NoModel(_)
            | Self::Model(_)
            | Self::Json(_) => Fault::Validation,
        }
    }
}
