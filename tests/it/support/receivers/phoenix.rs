//! Arize Phoenix: a receiver of traces that knows what a call of a language model looks like.
//!
//! It reads the OpenTelemetry GenAI attributes by its own rules, which makes it a judge of ours.

use serde_json::Value;
use tempfile::TempDir;

use super::{Receiver, receiver_command};
use crate::support::obtain::{python, required};

const PINS: &str = include_str!("../../pins/phoenix.txt");

pub struct Phoenix {
    receiver: Receiver,
    _home: TempDir,
}

/// One span as Phoenix understood it.
#[derive(Debug, Clone)]
pub struct Span(pub Value);

impl Phoenix {
    /// `None` where it cannot be had, which has been said.
    pub fn start() -> Option<Self> {
        let environment = required(python::environment("phoenix", PINS, 11))?;
        let home = tempfile::tempdir().unwrap();
        let mut command = receiver_command(&environment.program("phoenix"), home.path());
        command
            .arg("serve")
            .env("PHOENIX_WORKING_DIR", home.path())
            .env("PHOENIX_HOST", "127.0.0.1")
            .env("PHOENIX_PORT", "0")
            .env("PHOENIX_GRPC_PORT", "0")
            .env("PHOENIX_TELEMETRY_ENABLED", "false")
            .env("PHOENIX_ALLOW_EXTERNAL_RESOURCES", "false")
            .env("PHOENIX_DISABLE_AGENT_ASSISTANT", "true");
        let receiver = Receiver::start("phoenix", &mut command, "Uvicorn running on http://");
        Some(Self { receiver, _home: home })
    }

    /// For `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
    pub fn traces_endpoint(&self) -> String {
        self.receiver.url("/v1/traces")
    }

    /// Everything received so far.
    pub fn spans(&self) -> Vec<Span> {
        let page = self.receiver.get("/v1/projects/default/spans?limit=1000");
        // The project comes into being with its first span.
        if page.status == 404 { Vec::new() } else { Span::all(&page.assert_ok().json()) }
    }
}

impl Span {
    fn all(page: &Value) -> Vec<Self> {
        assert!(page["next_cursor"].is_null(), "more spans than one page holds");
        page["data"].as_array().unwrap().iter().cloned().map(Self).collect()
    }

    pub fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    /// What Phoenix takes the span for: `LLM` is a call of a language model.
    pub fn kind(&self) -> &str {
        self.0["span_kind"].as_str().unwrap()
    }

    pub fn status(&self) -> &str {
        self.0["status_code"].as_str().unwrap()
    }

    pub fn trace_id(&self) -> &str {
        self.0["context"]["trace_id"].as_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.0["context"]["span_id"].as_str().unwrap()
    }

    pub fn parent(&self) -> Option<&str> {
        self.0["parent_id"].as_str()
    }

    pub fn attribute(&self, name: &str) -> &Value {
        &self.0["attributes"][name]
    }
}
