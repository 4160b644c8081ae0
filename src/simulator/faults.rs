//! Ways in which Bedrock fails, on demand: a prompt line `simulate: NAME` asks for one.
//!
//! | NAME | What happens |
//! |---|---|
//! | `throttle` | 429 `ThrottlingException` |
//! | `error-500` | 500 `InternalServerException` |
//! | `model-error` | 424 `ModelErrorException` |
//! | `stall` | no answer, until the caller gives up |
//! | `slow=MS` | every wait is MS milliseconds longer: before the answer, and between two events of a stream |
//! | `reset` | the connection breaks in the middle of the answer |
//! | `stall-mid-stream` | the stream falls silent halfway |
//! | `truncate-frame` | the stream ends cleanly, inside a frame |
//! | `bad-crc` | a frame in the middle of the stream carries a wrong checksum |
//! | `exception-mid-stream` | the stream ends with a modelled exception |
//!
//! The last four need a streaming operation. Pure.

use std::time::Duration;

use thiserror::Error;

use crate::bedrock::fault::Fault;

use super::commands;
use super::reply::Refusal;

/// What a request asks to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    Refuse(Refused),
    Stall,
    Slow(Duration),
    Reset,
    /// Something that only a stream can do.
    Stream(Interruption),
}

/// Failures before anything is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Throttle,
    Internal,
    Model,
}

/// Failures within a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    Stall,
    Reset,
    TruncateFrame,
    BadChecksum,
    Exception,
}

/// A `simulate:` line that means nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the prompt asks to simulate what this simulator does not know; it knows {}", DISTURBANCES.join(", "))]
pub struct UnknownDisturbance;

/// Every NAME, as it is shown to people.
pub const DISTURBANCES: &[&str] = &[
    "throttle",
    "error-500",
    "model-error",
    "stall",
    "slow=MS",
    "reset",
    "stall-mid-stream",
    "truncate-frame",
    "bad-crc",
    "exception-mid-stream",
];

impl Disturbance {
    /// What the prompt asks for, if it asks.
    pub fn asked(texts: &[String]) -> Result<Option<Self>, UnknownDisturbance> {
        let Some(name) = commands::last(texts, "simulate") else { return Ok(None) };
        let name = name.trim();
        let found = match name {
            "throttle" => Self::Refuse(Refused::Throttle),
            "error-500" => Self::Refuse(Refused::Internal),
            "model-error" => Self::Refuse(Refused::Model),
            "stall" => Self::Stall,
            "reset" => Self::Reset,
            "stall-mid-stream" => Self::Stream(Interruption::Stall),
            "truncate-frame" => Self::Stream(Interruption::TruncateFrame),
            "bad-crc" => Self::Stream(Interruption::BadChecksum),
            "exception-mid-stream" => Self::Stream(Interruption::Exception),
            _ => {
                let milliseconds =
                    name.strip_prefix("slow=").and_then(|milliseconds| milliseconds.parse().ok());
                Self::Slow(Duration::from_millis(milliseconds.ok_or(UnknownDisturbance)?))
            }
        };
        Ok(Some(found))
    }

    /// How a stream is interrupted, when it is.
    pub const fn interruption(self) -> Option<Interruption> {
        match self {
            Self::Reset => Some(Interruption::Reset),
            Self::Stream(interruption) => Some(interruption),
            Self::Refuse(_) | Self::Stall | Self::Slow(_) => None,
        }
    }

    pub const fn delay(self) -> Duration {
        match self {
            Self::Slow(delay) => delay,
            Self::Refuse(_) | Self::Stall | Self::Reset | Self::Stream(_) => Duration::ZERO,
        }
    }
}

impl Refused {
    /// The service's own answer. `model` is the identifier that was called.
    pub fn refusal(self, model: &str) -> Refusal {
        match self {
            Self::Throttle => {
                Refusal::new(Fault::Throttling, "Too many requests, please wait before trying again.")
            }
            Self::Internal => Refusal::new(
                Fault::InternalServer,
                "The system encountered an unexpected error during processing. Try your request again.",
            ),
            Self::Model => Refusal::new(
                Fault::ModelError,
                "The model returned the following errors: the request could not be completed.",
            )
            .member("originalStatusCode", 500)
            .member("resourceName", model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_line_asks_for_a_disturbance() {
        let asked = |text: &str| Disturbance::asked(&[text.to_owned()]);
        assert_eq!(asked("Hello"), Ok(None));
        assert_eq!(asked("please simulate: stall"), Ok(None), "not at the beginning of a line");
        assert_eq!(asked("Hello\nsimulate: stall "), Ok(Some(Disturbance::Stall)));
        assert_eq!(asked("simulate: slow=250"), Ok(Some(Disturbance::Slow(Duration::from_millis(250)))));
        assert_eq!(asked("simulate: slow=x"), Err(UnknownDisturbance));
        assert_eq!(asked("simulate: rain"), Err(UnknownDisturbance));
    }

    #[test]
    fn every_name_that_is_shown_is_known() {
        for name in DISTURBANCES {
            let line = format!("simulate: {}", name.replace("MS", "1"));
            assert!(matches!(Disturbance::asked(&[line]), Ok(Some(_))), "{name}");
        }
    }
}
