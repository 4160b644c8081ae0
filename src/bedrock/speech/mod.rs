//! Events of a speech session: what Nova Sonic is told and what it says, one JSON document each, within `chunk` frames of
//! InvokeModelWithBidirectionalStream.
//!
//! Receives documents, returns what policies speak about: one view per event of the caller's, the text per content of an
//! answer. An event, a member or an order of events that is not known is refused. Documents as public SDKs and samples
//! write them; the size of one as in the botocore model.

mod chunk;
mod input;
mod order;
mod output;

pub use chunk::{ChunkError, unwrap_chunk, wrap_chunk};
pub use input::{ContentKind, Event, Kind, Place};
pub use order::{Order, OrderError, Step};

pub(crate) use output::chunk as read_chunk;

use super::model::ModelReference;

/// Largest document, in bytes.
pub const MAX_DOCUMENT: usize = 1_000_000;

/// Largest payload of a signed frame: the largest document in base64, and the frame around it.
pub const MAX_ENVELOPE: usize = MAX_DOCUMENT / 3 * 4 + 8 * 1024;

/// Ids of the models that speak so begin with one of these.
const PREFIXES: &[&str] = &["amazon.nova-sonic-", "amazon.nova-2-sonic-"];

/// Whether every model behind a reference takes part in such sessions.
pub(crate) fn is_spoken_by(model: &ModelReference) -> bool {
    let speaks = |base: &str| PREFIXES.iter().any(|prefix| base.starts_with(prefix));
    model.origins().iter().all(|origin| origin.base().is_some_and(speaks))
}

/// Whether a name is a UUID, which SDK samples use for all names. Such a name says nothing, whatever number it resembles.
fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
