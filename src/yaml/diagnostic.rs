//! Mistakes in files, shown the way a compiler shows them.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Source;

/// How much a diagnostic matters: an error keeps a file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One mistake, where it is, and how to fix it when we know.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub source: Source,
    pub span: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(severity: Severity, source: Source, span: Range<usize>, message: String) -> Self {
        Self { severity, source, span, message, help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line of the first byte, counted from 1.
    pub fn line(&self) -> usize {
        self.source.line(self.span.start)
    }

    /// Column of the first byte in characters, counted from 1.
    pub fn column(&self) -> usize {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        1 + before.chars().rev().take_while(|&character| character != '\n').count()
    }

    /// The diagnostic with its source line, as a compiler prints it.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let length = self.source.text.len();
        let span = self.span.start.min(length)..self.first_line_end().min(length);
        let snippet = Snippet::source(&*self.source.text)
            .path(&*self.source.path)
            .annotation(AnnotationKind::Primary.span(span));
        let group = level.primary_title(&*self.message).element(snippet);
        let group = match &self.help {
            Some(help) => group.element(Level::HELP.message(&**help)),
            None => group,
        };
        let report: &[Group<'_>] = &[group];
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(report)
    }

    /// End of the span, cut at its first line: a whole section underlined says less than its heading.
    fn first_line_end(&self) -> usize {
        let covered = self.source.text.get(self.span.clone()).unwrap_or_default();
        self.span.start + covered.find('\n').unwrap_or(covered.len())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.name();
        write!(
            formatter,
            "{severity}: {}:{}:{}: {}",
            self.source.path,
            self.line(),
            self.column(),
            self.message
        )?;
        match &self.help {
            Some(help) => write!(formatter, " ({help})"),
            None => Ok(()),
        }
    }
}

/// All that was found in a set of files, in the order found.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn errors(&self) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    pub fn warnings(&self) -> usize {
        self.list.len() - self.errors()
    }

    /// All of them, rendered one after the other.
    pub fn render(&self, color: bool) -> String {
        self.list.iter().map(|diagnostic| diagnostic.render(color) + "\n").collect()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{diagnostic}")?;
        }
        Ok(())
    }
}
