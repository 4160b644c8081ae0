//! An event for tests: a Converse request of a known caller that Bedrock answered.

use std::time::Duration;

use http::StatusCode;
use uuid::Uuid;

use super::{Caller, Finished, Parameters, Timings, Upstream};
use crate::audit::{Decision, EndState, Tokens};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;

pub fn finished() -> Finished {
    Finished {
        request_id: Uuid::from_u128(7),
        caller: Some(Caller { team: "payments".to_owned(), app: "checkout".to_owned() }),
        operation: Some(Operation::Converse),
        model: ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0").ok(),
        format: None,
        decision: Decision::Allow,
        end: EndState::Complete,
        status: Some(StatusCode::OK),
        error: None,
        upstream: Some(Upstream { status: Some(StatusCode::OK), request_id: Some("aws-1".to_owned()) }),
        violated: Vec::new(),
        shadow: Vec::new(),
        exceptions: Vec::new(),
        edited: Vec::new(),
        findings: Vec::new(),
        guardrail: None,
        parameters: Parameters::default(),
        stop_reason: Some("end_turn".to_owned()),
        tokens: Tokens { input: Some(12), output: Some(5), cache_read: None, cache_write: None },
        cost_micros: Some(1_250),
        timings: Timings {
            total: Duration::from_millis(120),
            upstream: Some(Duration::from_millis(100)),
            first_byte: Some(Duration::from_millis(20)),
            held: Some(Duration::from_millis(3)),
        },
        policy_digest: "sha256:abc".to_owned(),
    }
}

/// The same request, refused by policy before it was forwarded.
pub fn refused() -> Finished {
    Finished {
        decision: Decision::Deny,
        end: EndState::Refused,
        status: Some(StatusCode::FORBIDDEN),
        error: Some("AccessDeniedException".to_owned()),
        upstream: None,
        violated: vec!["org/deny/no-opus".to_owned()],
        stop_reason: None,
        tokens: Tokens::default(),
        cost_micros: None,
        timings: Timings { total: Duration::from_millis(2), upstream: None, first_byte: None, held: None },
        ..finished()
    }
}
