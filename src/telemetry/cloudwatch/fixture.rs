//! Finished exchanges for the tests of this folder.

use std::time::Duration;

use http::StatusCode;
use uuid::Uuid;

use crate::audit::{Decision, Direction, EndState, Finding, Tokens};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::config::{CloudWatch, CloudWatchWay};
use crate::telemetry::{Caller, Finished, Timings, Upstream};

/// What Bedrock answered.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    Status(u16),
    Nothing,
}

impl Answer {
    pub fn status(self) -> Option<StatusCode> {
        match self {
            Self::Status(code) => StatusCode::from_u16(code).ok(),
            Self::Nothing => None,
        }
    }
}

/// A request that nothing is known of.
pub fn event() -> Finished {
    Finished {
        end: EndState::Refused,
        status: Some(StatusCode::BAD_REQUEST),
        ..Finished::new(Uuid::nil(), "")
    }
}

/// A request of `team` that Bedrock answered: 100 tokens in, 20 out, 800 ms of Bedrock's and 2 ms of ours.
pub fn served(model: &str, team: &str, operation: Operation) -> Finished {
    Finished {
        caller: Some(Caller { team: team.to_owned(), app: "app".to_owned() }),
        operation: Some(operation),
        model: Some(ModelReference::parse(model).unwrap()),
        decision: Decision::Allow,
        end: EndState::Complete,
        status: Some(StatusCode::OK),
        upstream: Some(Upstream { status: Some(StatusCode::OK), request_id: None }),
        tokens: Tokens { input: Some(100), output: Some(20), cache_read: Some(0), cache_write: None },
        cost_micros: None,
        timings: Timings {
            total: Duration::from_millis(802),
            upstream: Some(Duration::from_millis(800)),
            first_byte: Some(Duration::from_millis(120)),
            held: None,
        },
        ..event()
    }
}

pub fn finding(detector: &str, count: u32) -> Finding {
    Finding { direction: Direction::In, detector: detector.to_owned(), count }
}

pub fn config(way: CloudWatchWay) -> CloudWatch {
    CloudWatch {
        namespace: "BedrockWarden".to_owned(),
        deployment: "prod".to_owned(),
        interval: Duration::from_mins(1),
        series: 500,
        way,
    }
}
