//! What will be answered to one request, decided before anything is sent or waited for.

use serde_json::{Value, json};

use super::random::Random;
use super::stream::{Event, Framing};

/// One answer.
#[derive(Debug)]
pub struct Plan {
    /// What the model reads: a line in it may ask for a disturbance.
    pub texts: Vec<String>,
    /// `None` for models that do not count tokens.
    pub usage: Option<Usage>,
    pub reply: Reply,
}

/// Tokens of one call. Embeddings have no output to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: usize,
    pub output: Option<usize>,
}

#[derive(Debug)]
pub enum Reply {
    /// A family's own document; usage and latency travel in headers.
    Whole {
        document: Value,
    },
    /// A document without headers of its own. Converse's holds the latency, which is known when it is sent.
    Conversation {
        document: Value,
    },
    Stream {
        framing: Framing,
        events: Vec<Event>,
        random: Random,
    },
}

impl Reply {
    /// Says which model a prompt router chose, where an answer has a place for that. Service model.
    pub fn routed_to(&mut self, model: &str) {
        let document = match self {
            Self::Conversation { document } => Some(document),
            Self::Stream { framing: Framing::Member, events, .. } => {
                events.iter_mut().find(|event| event.name == "metadata").map(|event| &mut event.document)
            }
            Self::Whole { .. } | Self::Stream { framing: Framing::Chunk | Framing::ServerSent(_), .. } => {
                None
            }
        };
        if let Some(members) = document.and_then(Value::as_object_mut) {
            members.insert("trace".to_owned(), json!({"promptRouter": {"invokedModelId": model}}));
        }
    }
}
