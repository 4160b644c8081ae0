//! What of a request was looked into, and what was not.
//!
//! Receives the places that a reader could not look into and hands out counts, bytes and paths for policies and records.
//! Nothing is allocated for a request that was read whole. Never holds content.

use super::Modality;
use crate::bedrock::json::{Node, Span};

/// Kinds of content that no detector looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpaqueKind {
    Image,
    Audio,
    Video,
    /// A document whose format is not plain text.
    Document,
    /// Whatever stands in S3 and never passes here.
    S3Reference,
    /// Reasoning that only its provider can decrypt, signatures of reasoning included.
    EncryptedReasoning,
    /// A prompt kept by Bedrock, of which the request holds the variables only.
    StoredPrompt,
}

/// One place that was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opaque {
    pub kind: OpaqueKind,
    /// The JSON value that holds it, or stands for it.
    pub span: Span,
}

/// How much of a request was looked into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Bytes of UTF-8 in all texts that detectors see.
    pub inspected: u64,
    /// One entry per kind that occurs.
    pub uninspected: Vec<Uninspected>,
}

/// What was not looked into, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uninspected {
    pub kind: OpaqueKind,
    pub count: u32,
    /// Bytes of the body that hold it, or that refer to it.
    pub bytes: u64,
    /// JSON pointers to the first few. They name members of the wire only, never a key of the caller's choice.
    pub paths: Vec<String>,
}

impl OpaqueKind {
    pub const ALL: [Self; 7] = [
        Self::Image,
        Self::Audio,
        Self::Video,
        Self::Document,
        Self::S3Reference,
        Self::EncryptedReasoning,
        Self::StoredPrompt,
    ];

    /// The word used in policies and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::S3Reference => "s3",
            Self::EncryptedReasoning => "reasoning",
            Self::StoredPrompt => "stored-prompt",
        }
    }

    /// Whether the caller attached it.
    pub const fn is_attachment(self) -> bool {
        match self {
            Self::Image | Self::Audio | Self::Video | Self::Document | Self::S3Reference => true,
            Self::EncryptedReasoning | Self::StoredPrompt => false,
        }
    }

    /// The kind of an attachment that was sent in the body.
    pub(crate) const fn of(modality: Modality) -> Self {
        match modality {
            Modality::Image => Self::Image,
            Modality::Audio => Self::Audio,
            Modality::Video => Self::Video,
            Modality::Text | Modality::Document => Self::Document,
        }
    }
}

impl Coverage {
    /// Of a request and of what is stored for it. The paths of the latter are none of the request's, and left out.
    #[must_use]
    pub fn and(mut self, stored: Self) -> Self {
        self.inspected += stored.inspected;
        for more in stored.uninspected {
            match self.uninspected.iter_mut().find(|entry| entry.kind == more.kind) {
                Some(entry) => {
                    entry.count = entry.count.saturating_add(more.count);
                    entry.bytes += more.bytes;
                }
                None => self.uninspected.push(Uninspected { paths: Vec::new(), ..more }),
            }
        }
        self
    }

    pub(super) fn new(inspected: u64, opaque: &[Opaque], root: &Node<'_>) -> Self {
        let mut uninspected: Vec<Uninspected> = Vec::new();
        for one in opaque {
            let position = uninspected.iter().position(|entry| entry.kind == one.kind).unwrap_or_else(|| {
                uninspected.push(Uninspected { kind: one.kind, count: 0, bytes: 0, paths: Vec::new() });
                uninspected.len() - 1
            });
            let Some(entry) = uninspected.get_mut(position) else { continue };
            entry.count = entry.count.saturating_add(1);
            entry.bytes += one.span.end.saturating_sub(one.span.start) as u64;
            if entry.paths.len() < MOST_PATHS {
                entry.paths.push(pointer(root, one.span));
            }
        }
        Self { inspected, uninspected }
    }
}

/// Paths that are kept per kind.
const MOST_PATHS: usize = 8;

/// The JSON pointer of the value at `span`; empty for the document itself.
fn pointer(root: &Node<'_>, span: Span) -> String {
    let mut path = String::new();
    let mut node = root;
    while node.span != span {
        let within = |inner: &Node<'_>| inner.span.start <= span.start && span.end <= inner.span.end;
        if let Some(member) = node.members().iter().find(|member| within(&member.node)) {
            path.push('/');
            path.push_str(&member.name.replace('~', "~0").replace('/', "~1"));
            node = &member.node;
        } else if let Some((index, element)) =
            node.elements().iter().enumerate().find(|(_, element)| within(element))
        {
            path.push('/');
            path.push_str(&index.to_string());
            node = element;
        } else {
            break;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bedrock::json::Document;

    #[test]
    fn what_was_not_looked_into_is_counted_by_kind_with_its_paths() {
        let document = Document::parse(br#"{"a":{"b/c":["x","yy"]},"d":"zzz"}"#).unwrap();
        let at = |path: &[&str]| document.root().at(path).unwrap();
        let list = at(&["a", "b/c"]).elements();
        let opaque = [
            Opaque { kind: OpaqueKind::Image, span: list[1].span },
            Opaque { kind: OpaqueKind::StoredPrompt, span: document.root().span },
            Opaque { kind: OpaqueKind::Image, span: at(&["d"]).span },
        ];
        let coverage = Coverage::new(7, &opaque, document.root());
        assert_eq!(coverage.inspected, 7);
        let found: Vec<_> = coverage
            .uninspected
            .iter()
            .map(|entry| {
                (entry.kind, entry.count, entry.paths.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            found,
            [(OpaqueKind::Image, 2, vec!["/a/b~1c/1", "/d"]), (OpaqueKind::StoredPrompt, 1, vec![""])]
        );
        assert_eq!(coverage.uninspected[0].bytes, 9);
    }

    #[test]
    fn no_more_than_a_few_paths_are_kept() {
        let document = Document::parse(b"[1]").unwrap();
        let opaque = vec![Opaque { kind: OpaqueKind::Audio, span: document.root().elements()[0].span }; 40];
        let coverage = Coverage::new(0, &opaque, document.root());
        assert_eq!((coverage.uninspected[0].count, coverage.uninspected[0].paths.len()), (40, MOST_PATHS));
    }
}
