//! What spans and metrics say of an exchange, in the words of the conventions.
//!
//! Receives the one event of an exchange that is over, returns attributes. Text that callers or models choose is cut to a
//! bound; text of prompts, answers and matches is not in the event and so cannot get here.

use std::sync::Arc;

use opentelemetry::{KeyValue, StringValue, Value};

use crate::audit::EndState;
use crate::bedrock::format::{Format, Wire};
use crate::bedrock::invoke::Family;
use crate::bedrock::operation::{Body, Operation};
use crate::config;
use crate::telemetry::Finished;
use crate::telemetry::names::otel::{PROVIDER, key};

/// Bytes of a text that somebody else chose, such as a model's name.
const LONGEST: usize = 256;

/// Where Bedrock is, as the spans of calls name it.
#[derive(Debug, Clone)]
pub struct Servers {
    runtime: Server,
    control: Server,
}

#[derive(Debug, Clone)]
struct Server {
    address: Arc<str>,
    port: u16,
}

impl Servers {
    pub fn of(upstream: &config::Upstream) -> Self {
        Self {
            runtime: Server::of(&upstream.endpoint),
            control: Server::of(&upstream.control_plane_endpoint),
        }
    }

    /// Address and port of the host that serves `operation`.
    pub fn serving(&self, operation: Operation) -> [KeyValue; 2] {
        let server = if operation.is_control_plane() { &self.control } else { &self.runtime };
        [
            KeyValue::new(key::SERVER_ADDRESS, Arc::clone(&server.address)),
            KeyValue::new(key::SERVER_PORT, i64::from(server.port)),
        ]
    }
}

impl Server {
    fn of(endpoint: &config::Endpoint) -> Self {
        let authority = endpoint.authority();
        let default = if endpoint.scheme() == &http::uri::Scheme::HTTP { 80 } else { 443 };
        Self {
            address: authority.host().trim_matches(['[', ']']).into(),
            port: authority.port_u16().unwrap_or(default),
        }
    }
}

/// `gen_ai.operation.name`; `None` for what is no generation, or none whose end is seen.
pub fn generation(event: &Finished) -> Option<&'static str> {
    match event.operation?.body() {
        Body::Converse | Body::Session | Body::Chat(_) => Some("chat"),
        Body::Invoke => event.format.and_then(of_format),
        Body::None | Body::CountTokens | Body::AsyncInvoke | Body::Guardrail | Body::GuardrailChecks => None,
    }
}

fn of_format(format: Format) -> Option<&'static str> {
    match format.wire() {
        Wire::Converse | Wire::Speech | Wire::Chat(_) => Some("chat"),
        Wire::Invoke(family) => Some(match family {
            Family::ClaudeMessages
            | Family::Nova
            | Family::Jamba
            | Family::CohereCommandR
            // Chat since their newer models, and text completions before.
            | Family::Mistral
            | Family::DeepSeek
            | Family::OpenAi
            | Family::OpenAiChat => "chat",
            Family::TitanText
            | Family::Jurassic2
            | Family::ClaudeText
            | Family::CohereCommand
            | Family::Llama => "text_completion",
            Family::TitanEmbed
            | Family::TitanMultimodalEmbed
            | Family::NovaEmbed
            | Family::CohereEmbed
            | Family::Marengo => "embeddings",
            Family::AmazonImage
            | Family::NovaReel
            | Family::StableDiffusionXl
            | Family::StabilityImage
            | Family::LumaRay
            | Family::Pegasus => "generate_content",
            // The conventions have no word for it and allow one's own.
            Family::Rerank => "rerank",
        }),
        Wire::AsyncInvoke(_)
        | Wire::CountConverse
        | Wire::CountInvoke(_)
        | Wire::Guardrail
        | Wire::GuardrailChecks => None,
    }
}

/// Why the call to Bedrock failed, as a class; `None` when it did not. A caller that left changes nothing for Bedrock.
pub fn call_error(event: &Finished) -> Option<String> {
    let status = event.upstream.as_ref().and_then(|upstream| upstream.status);
    let failed = match event.end {
        EndState::UpstreamAbort | EndState::Abandoned | EndState::CrashUnknown => true,
        EndState::Complete
        | EndState::ClientAbort
        | EndState::PolicyAbort
        | EndState::Refused
        | EndState::Drained
        | EndState::NotForwarded => {
            status.is_none_or(|status| status.is_client_error() || status.is_server_error())
        }
    };
    let class = || match (&event.error, status) {
        (Some(error), _) => cut(error),
        (None, Some(status)) if !status.is_success() => status.as_u16().to_string(),
        (None, _) => event.end.name().to_owned(),
    };
    failed.then(class)
}

/// Why the exchange failed for the caller by no doing of its own; `None` when it did not.
pub fn exchange_error(event: &Finished) -> Option<String> {
    let failed = match event.end {
        EndState::UpstreamAbort | EndState::Abandoned | EndState::CrashUnknown | EndState::Drained => true,
        EndState::Complete
        | EndState::ClientAbort
        | EndState::PolicyAbort
        | EndState::Refused
        | EndState::NotForwarded => event.status.is_some_and(|status| status.is_server_error()),
    };
    failed.then(|| event.error.as_deref().map_or_else(|| event.end.name().to_owned(), cut))
}

/// Of the span around the whole exchange.
pub fn of_exchange(event: &Finished) -> Vec<KeyValue> {
    let mut list = Attributes::default();
    if let Some(operation) = event.operation {
        // Templates: paths hold what callers write.
        list.add(key::HTTP_ROUTE, operation.path());
        list.add(key::URL_PATH, operation.path());
        list.add(key::WARDEN_OPERATION, operation.name());
    }
    list.maybe(key::HTTP_STATUS, event.status.map(|status| i64::from(status.as_u16())));
    list.add(key::DECISION, event.decision.name());
    list.add(key::END, event.end.name());
    list.add(key::AUDIT_ID, event.request_id.to_string());
    list.add(key::POLICY_DIGEST, event.policy_digest.clone());
    if let Some(caller) = &event.caller {
        list.add(key::TEAM, caller.team.clone());
        list.add(key::APP, caller.app.clone());
        // Strangers may write anything into a path.
        list.maybe(key::ASKED_MODEL, event.model.as_ref().map(|model| cut(model.raw())));
    }
    let rules = if event.violated.is_empty() { &event.edited } else { &event.violated };
    list.texts(key::RULES, rules);
    list.texts(key::SHADOW_RULES, &event.shadow);
    list.maybe(key::CALLER_ERROR, event.error.as_deref().map(cut));
    list.maybe(key::ERROR, exchange_error(event));
    list.0
}

/// Of the span around the call to Bedrock.
pub fn of_call(event: &Finished, servers: &Servers) -> Vec<KeyValue> {
    let mut list = Attributes::default();
    list.maybe(key::OPERATION, generation(event));
    list.add(key::PROVIDER, PROVIDER);
    if let Some(model) = &event.model {
        list.add(key::REQUEST_MODEL, cut(model.raw()));
    }
    if let Some(operation) = event.operation {
        list.add(key::WARDEN_OPERATION, operation.name());
        list.0.extend(servers.serving(operation));
    }
    list.parameters(event);
    let guardrail = event.guardrail.as_deref().map(|text| text.rsplit_once(':').map_or(text, |(id, _)| id));
    list.maybe(key::GUARDRAIL, guardrail.map(cut));
    if let Some(upstream) = &event.upstream {
        list.maybe(key::HTTP_STATUS, upstream.status.map(|status| i64::from(status.as_u16())));
        list.maybe(key::AWS_REQUEST_ID, upstream.request_id.as_deref().map(cut));
        if upstream.status.is_some_and(|status| status.is_success()) {
            list.answer(event);
        }
    }
    list.maybe(key::ERROR, call_error(event));
    list.0
}

/// All tokens that were read, those from and for the cache among them, as the conventions count. Bedrock tells them apart.
pub fn input_tokens(event: &Finished) -> Option<u64> {
    let tokens = &event.tokens;
    let cached = tokens.cache_read.unwrap_or(0).saturating_add(tokens.cache_write.unwrap_or(0));
    tokens.input.map(|input| input.saturating_add(cached))
}

/// At most `LONGEST` bytes of `text`.
pub fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default().to_owned()
}

#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(key, value));
    }

    fn maybe(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    fn count(&mut self, key: &'static str, count: Option<u64>) {
        self.maybe(key, count.and_then(|count| i64::try_from(count).ok()));
    }

    fn texts(&mut self, key: &'static str, texts: &[String]) {
        if !texts.is_empty() {
            let texts: Vec<StringValue> = texts.iter().map(|text| text.clone().into()).collect();
            self.add(key, Value::Array(texts.into()));
        }
    }

    fn parameters(&mut self, event: &Finished) {
        let parameters = &event.parameters;
        // A whole number by its meaning; what is no whole number was never accepted.
        #[expect(clippy::cast_possible_truncation, reason = "a float is cut to the range of integers")]
        self.maybe(key::MAX_TOKENS, parameters.max_tokens.map(|count| count as i64));
        self.maybe(key::TEMPERATURE, parameters.temperature);
        self.maybe(key::TOP_P, parameters.top_p);
        self.maybe(key::TOP_K, parameters.top_k);
        if generation(event).is_some() {
            self.add(key::STREAM, event.streams());
        }
    }

    fn answer(&mut self, event: &Finished) {
        self.maybe(key::RESPONSE_MODEL, event.model.as_ref().map(|model| cut(model.canonical())));
        self.texts(key::FINISH_REASONS, event.stop_reason.as_deref().map(cut).as_slice());
        if event.streams() {
            self.maybe(key::FIRST_CHUNK, event.timings.first_byte.map(|time| time.as_secs_f64()));
        }
        self.count(key::INPUT_TOKENS, input_tokens(event));
        self.count(key::OUTPUT_TOKENS, event.tokens.output);
        self.count(key::CACHE_READ_TOKENS, event.tokens.cache_read);
        self.count(key::CACHE_WRITE_TOKENS, event.tokens.cache_write);
    }
}
