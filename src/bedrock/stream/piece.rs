//! What one event of a streamed answer says, piece by piece, with the place in the event where each piece stands.
//!
//! Values only. A piece that has a place can be replaced there; one that has none can only be kept from the caller with
//! its whole answer.

use std::ops::RangeInclusive;

use crate::bedrock::json::Span;

/// What one event holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Everything that the caller reads, in the order of the document.
    pub pieces: Vec<Piece>,
    /// The blocks that end with this event, its own pieces included. Nothing of them may follow.
    pub ended: Vec<RangeInclusive<u32>>,
    /// The block that the event begins or goes on with, where blocks have events of their own (Converse).
    pub block: Option<u32>,
    /// Whether the event belongs to the end of the answer. An exception never does.
    pub terminal: bool,
    /// Whether the event says nothing beside its pieces of blocks, so that it may be left out when they are empty.
    pub only_words: bool,
    /// The document that the pieces stand in, where it is wrapped in another one (`chunk`). Otherwise they stand in the
    /// event's payload.
    pub inner: Option<Vec<u8>>,
}

/// A text, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub kind: Kind,
    /// The JSON value that holds the text. `None` where nothing can be put in its place: names of members, texts of an
    /// exception, what stands beside a wrapped document.
    pub place: Option<Span>,
    /// Name of the nearest enclosing object member, for asides.
    pub key: Option<String>,
}

/// How a piece is read by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Goes on with the words of a block.
    Words(u32),
    /// Goes on with JSON that is complete when the block is: what a tool is called with.
    ToolInput(u32),
    /// Goes on with words under a signature, which holds for all of them together. They may be cut anew, not changed.
    Sealed(u32),
    /// A text of its own outside of blocks: a tool's name, a citation, a trace, an echo.
    Aside,
    /// The whole text of a block, which was streamed already.
    Repeated,
    /// JSON in a string, whole: what a tool is called with.
    Input,
    /// The whole JSON of a block, which was streamed already.
    RepeatedInput,
    /// A list of tokens that repeats a text in pieces. `null` can stand in its place.
    Tokens,
}

impl Kind {
    /// The block that a piece goes on with.
    pub const fn block(self) -> Option<u32> {
        match self {
            Self::Words(block) | Self::ToolInput(block) | Self::Sealed(block) => Some(block),
            Self::Aside | Self::Repeated | Self::Input | Self::RepeatedInput | Self::Tokens => None,
        }
    }
}
