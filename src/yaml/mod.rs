//! The YAML that people write for the warden, read so that every mistake can be pointed at.
//!
//! Receives the text of one file and returns a tree whose nodes know their bytes. A subset: no anchors, aliases,
//! merge keys, tags, repeated keys or second documents, because each lets a reviewer read another file than we do.
//! Scalars stay text; what a key expects decides how it is read, so that `no` is never a boolean by accident.

mod diagnostic;
pub mod layout;
mod read;

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle};

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use read::{Mapping, Reader, closest};

/// A file: the path as diagnostics show it, and its text.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: Arc<str>,
    pub text: Arc<str>,
}

/// One value and its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

/// A YAML value. `plain` says that a scalar was written without quotes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Scalar { text: String, plain: bool },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// The name of a mapping entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub name: String,
    pub span: Range<usize>,
}

impl Node {
    /// Whether nothing was written: `key:`, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

impl Source {
    pub fn new(path: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The file's one document. `None` when it has no readable one; `diagnostics` then says why.
    pub fn parse(&self, diagnostics: &mut Diagnostics) -> Option<Node> {
        let mut options = Options::default();
        options.set_emit_comments(false);
        let events = Parser::new_from_str_with_options(&self.text, options);
        Tree { source: self, events, diagnostics }.document()
    }

    pub fn error(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, self.clone(), span, message.into())
    }

    pub fn warning(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, self.clone(), span, message.into())
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        1 + self.text.get(..byte).unwrap_or(&self.text).matches('\n').count()
    }
}

/// Builds the tree from parser events. Reports what the subset leaves out and goes on where it can.
struct Tree<'a> {
    source: &'a Source,
    events: Parser<'a, granit_parser::StrInput<'a>>,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Tree<'a> {
    fn document(mut self) -> Option<Node> {
        let mut document = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if document.is_some() => {
                    self.refuse(span, "a second document", "keep one document in a file");
                    return None;
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => document = Some(self.node(event, span)?),
            }
        }
        if document.is_none() {
            self.diagnostics.push(self.source.error(0..0, "the file is empty"));
        }
        document
    }

    /// The next event, `Some(None)` at the end; `None` after a syntax error, which is reported.
    #[expect(clippy::option_option, reason = "the outer level is for `?`, as everywhere in this builder")]
    fn next(&mut self) -> Option<Option<(Event<'a>, Range<usize>)>> {
        match self.events.next_event() {
            None => Some(None),
            Some(Ok((event, span))) => {
                let start = span.start.byte_offset().unwrap_or_default();
                let end = span.end.byte_offset().unwrap_or(start).max(start);
                Some(Some((event, start..end)))
            }
            Some(Err(error)) => {
                let at = error.marker().byte_offset().unwrap_or_default().min(self.source.text.len());
                self.diagnostics.push(self.source.error(at..at, format!("invalid YAML: {}", error.info())));
                None
            }
        }
    }

    fn refuse(&mut self, span: Range<usize>, what: &str, help: &str) {
        let diagnostic = self.source.error(span, format!("{what} is not supported")).help(help);
        self.diagnostics.push(diagnostic);
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>) -> Option<Node> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_properties(&span, anchor, tag.is_some());
                let plain = style == ScalarStyle::Plain;
                Some(Node { span, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_properties(&span, anchor, tag.is_some());
                self.sequence(span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_properties(&span, anchor, tag.is_some());
                self.mapping(span)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let help = "write the value out; a pattern that starts with `*` needs quotes";
                self.refuse(span.clone(), "an alias (`*name`)", help);
                Some(Node { span, value: Value::Scalar { text: String::new(), plain: true } })
            }
            _ => None,
        }
    }

    fn check_properties(&mut self, span: &Range<usize>, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.refuse(span.clone(), "an anchor (`&name`)", "write the value out where it is used");
        }
        if tagged {
            self.refuse(span.clone(), "a tag (`!name`)", "remove the tag, or put the value in quotes");
        }
    }

    fn sequence(&mut self, span: Range<usize>) -> Option<Node> {
        let mut elements = Vec::new();
        loop {
            match self.next()?? {
                (Event::SequenceEnd, end) => {
                    let span = span.start..end.end.max(span.start);
                    return Some(Node { span, value: Value::Sequence(elements) });
                }
                (event, span) => elements.push(self.node(event, span)?),
            }
        }
    }

    fn mapping(&mut self, span: Range<usize>) -> Option<Node> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, key_span) = self.next()??;
            if event == Event::MappingEnd {
                let span = span.start..key_span.end.max(span.start);
                return Some(Node { span, value: Value::Mapping(entries) });
            }
            let key = self.node(event, key_span)?;
            let (event, value_span) = self.next()??;
            let value = self.node(event, value_span)?;
            let Value::Scalar { text, .. } = key.value else {
                self.refuse(key.span, "a list or mapping as a key", "use a word as the key");
                continue;
            };
            if text == "<<" {
                self.refuse(key.span, "a merge key (`<<`)", "write the entries out");
            } else if entries.iter().any(|(known, _)| known.name == text) {
                let diagnostic = self.source.error(key.span, format!("key `{text}` is repeated"));
                self.diagnostics.push(diagnostic.help("keep one; several values of one key are a list"));
            } else {
                entries.push((Key { name: text, span: key.span }, value));
            }
        }
    }
}

#[cfg(test)]
mod tests;
