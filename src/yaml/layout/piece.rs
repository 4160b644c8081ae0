//! A file as it was written: entries with the comments that belong to them, and how each value was spelled.
//!
//! Receives a text and returns its outermost mapping or list, keys sorted, with the text of every comment for whoever wants
//! to know that none was lost. A comment on a line of its own belongs to what follows it, or, where it is indented like
//! the entries above it, to the end of those; one behind a value belongs to that value.

use std::iter::Peekable;
use std::ops::Range;
use std::vec::IntoIter;

use granit_parser::{Event, Options, Parser, ScalarStyle};

use super::Order;

/// A line between entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    Comment(String),
}

/// An element of a list, or an entry of a mapping.
#[derive(Debug)]
pub(super) struct Piece {
    /// What stands above it.
    pub lead: Vec<Line>,
    /// The key as it is spelled; `None` in a list.
    pub key: Option<String>,
    /// What the key says.
    name: String,
    pub value: Shape,
    /// The comment behind it.
    pub trail: Option<String>,
}

/// A value as it was spelled.
#[derive(Debug)]
pub(super) enum Shape {
    /// On one line.
    Inline(String),
    /// `|` or `>` with its lines, without their indentation.
    Block {
        header: String,
        lines: Vec<String>,
    },
    Mapping(Items),
    Sequence(Items),
}

/// What a mapping or a list holds.
#[derive(Debug)]
pub(super) struct Items {
    /// Whether it was written in flow style and has no comments.
    pub flow: bool,
    pub pieces: Vec<Piece>,
    /// What stands below the last of them.
    pub after: Vec<Line>,
}

/// The outermost value of a text, and the texts of all comments.
pub(super) fn read(text: &str, order: impl Order) -> Option<(Shape, Vec<String>)> {
    let mut options = Options::default();
    options.max_buffered_comment_events = text.len();
    let mut tokens = Vec::new();
    let mut comments = Vec::new();
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        let (event, span) = next.ok()?;
        let start = span.start.byte_offset()?;
        let span = start..span.end.byte_offset()?.max(start);
        match event {
            Event::Comment(..) => comments.push(Comment::at(text, span)?),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => tokens.push((event, span)),
        }
    }
    let all = comments.iter().map(|comment| comment.text.clone()).collect();
    let mut reader = Reader {
        text,
        tokens: tokens.into_iter().peekable(),
        comments: comments.into_iter().peekable(),
        end: 0,
    };
    let head = reader.head();
    let mut root = reader.value(order, 0)?;
    let rest = reader.lines_before(text.len());
    if let Shape::Mapping(items) | Shape::Sequence(items) = &mut root {
        items.flow = false;
        items.after.extend(rest);
        // Whatever key comes first, the head of the file stays where it is.
        if let Some(first) = items.pieces.first_mut() {
            first.lead.splice(0..0, head);
        }
    }
    Some((root, all))
}

struct Comment {
    start: usize,
    text: String,
    /// Characters before it, when nothing else stands on its line.
    column: Option<usize>,
}

impl Comment {
    fn at(text: &str, span: Range<usize>) -> Option<Self> {
        let before = line_before(text, span.start);
        let alone = before.trim().is_empty();
        Some(Self {
            start: span.start,
            text: text.get(span)?.trim_end().to_owned(),
            column: alone.then(|| before.chars().count()),
        })
    }
}

struct Reader<'t> {
    text: &'t str,
    tokens: Peekable<IntoIter<(Event<'t>, Range<usize>)>>,
    comments: Peekable<IntoIter<Comment>>,
    /// Where the last scalar or closing bracket ended.
    end: usize,
}

impl Reader<'_> {
    /// The comments above everything.
    fn head(&mut self) -> Vec<Line> {
        let start = self.tokens.peek().map_or(self.text.len(), |(_, span)| span.start);
        let mut lines = self.lines_before(start);
        if blank_above(self.text, start) && !lines.is_empty() {
            lines.push(Line::Blank);
        }
        lines
    }

    fn value(&mut self, place: impl Order, column: usize) -> Option<Shape> {
        let (event, span) = self.tokens.next()?;
        match event {
            Event::Scalar(value, style, ..) => Some(self.scalar(&value, style, span)),
            Event::MappingStart(..) => self.items(place, span.start, column, true).map(Shape::Mapping),
            Event::SequenceStart(..) => self.items(place, span.start, column, false).map(Shape::Sequence),
            _ => None,
        }
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, span: Range<usize>) -> Shape {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let shape = block(self.text, &span, raw, style).unwrap_or_else(|| Shape::Inline(quoted(value)));
            self.end = span.start + raw.trim_end().len();
            return shape;
        }
        self.end = span.end;
        Shape::Inline(if !raw.contains('\n') {
            raw.to_owned()
        } else if style == ScalarStyle::Plain && !value.contains('\n') {
            value.to_owned()
        } else {
            quoted(value)
        })
    }

    /// What stands between the start and the end of a mapping or a list. `column` is that of the mapping around it.
    fn items(&mut self, place: impl Order, start: usize, column: usize, is_mapping: bool) -> Option<Items> {
        let flow = self.text.get(start..).is_some_and(|rest| rest.starts_with(['{', '[']));
        let own = line_before(self.text, start).chars().count();
        // A list may stand as far left as the key above it. A comment there is about the next key.
        let inside = if is_mapping || own > column { own } else { column + 1 };
        let mut pieces: Vec<Piece> = Vec::new();
        let mut first_comment = self.comments.peek().map(|comment| comment.start);
        loop {
            let (event, span) = self.tokens.peek()?;
            let next = span.start;
            if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
                let span = span.clone();
                self.tokens.next();
                let mut after = Vec::new();
                if flow {
                    after = self.lines_before(span.start);
                    self.end = span.end;
                } else {
                    let next = self.tokens.peek().map_or(self.text.len(), |(_, span)| span.start);
                    while let Some(comment) = self.comments.peek()
                        && comment.start < next
                        && comment.column.is_some_and(|column| column >= inside)
                    {
                        after.extend(self.next_line());
                    }
                }
                let ended = if flow { span.end } else { start };
                first_comment = first_comment.filter(|at| (start..ended).contains(at));
                let flow = flow && first_comment.is_none();
                let keys = place.keys();
                if is_mapping {
                    pieces.sort_by_key(|piece| {
                        keys.iter().position(|known| *known == piece.name).unwrap_or(keys.len())
                    });
                }
                return Some(Items { flow, pieces, after });
            }
            pieces.push(self.piece(place, next, own, is_mapping)?);
        }
    }

    fn piece(&mut self, place: impl Order, start: usize, column: usize, is_mapping: bool) -> Option<Piece> {
        let mut lead = self.lines_before(start);
        let starts_line = line_before(self.text, start).trim() == if is_mapping { "" } else { "-" };
        if starts_line && blank_above(self.text, start) {
            lead.push(Line::Blank);
        }
        let mut trail = Vec::new();
        let (key, name, value) = if is_mapping {
            let (Event::Scalar(name, ..), span) = self.tokens.next()? else { return None };
            self.end = span.end;
            let key = self.text.get(span)?.to_owned();
            // Behind the key of a block.
            let next = self.tokens.peek()?.1.start;
            while let Some(comment) =
                self.comments.next_if(|comment| comment.start < next && comment.column.is_none())
            {
                trail.push(comment.text);
            }
            let value = self.value(place.under(&name), column)?;
            (Some(key), name.into_owned(), value)
        } else {
            let mut value = self.value(place, column)?;
            // Between the dash of a list in a list and its first element there is no line.
            if let Shape::Sequence(Items { flow: false, pieces, .. }) = &mut value
                && let Some(first) = pieces.first_mut()
            {
                lead.append(&mut first.lead);
                while lead.pop_if(|line| *line == Line::Blank).is_some() {}
            }
            (None, String::new(), value)
        };
        let gap = |comment: &Comment| self.text.get(self.end..comment.start);
        let gap = self.comments.peek().and_then(gap);
        if gap.is_some_and(|gap| gap.chars().all(|between| [' ', '\t', ','].contains(&between))) {
            trail.extend(self.comments.next().map(|comment| comment.text));
        }
        let mut trail = trail.into_iter();
        let behind = trail.next();
        lead.extend(trail.map(Line::Comment));
        Some(Piece { lead, key, name, value, trail: behind })
    }

    /// The comments before a byte, with the blank lines among them.
    fn lines_before(&mut self, end: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        while self.comments.peek().is_some_and(|comment| comment.start < end) {
            lines.extend(self.next_line());
        }
        lines
    }

    fn next_line(&mut self) -> Vec<Line> {
        let Some(comment) = self.comments.next() else { return Vec::new() };
        let blank = comment.column.is_some() && blank_above(self.text, comment.start);
        blank.then_some(Line::Blank).into_iter().chain([Line::Comment(comment.text)]).collect()
    }
}

/// A block scalar as it is written. `None` when its header says more than where it ends.
fn block(text: &str, span: &Range<usize>, raw: &str, style: ScalarStyle) -> Option<Shape> {
    let mark = if style == ScalarStyle::Literal { '|' } else { '>' };
    let above = text.get(..span.start)?.trim_end_matches([' ', '\n', '\r']);
    let header = above.lines().next_back()?;
    let header = header.split(" #").next()?.trim_end();
    let header = header.get(header.rfind(mark)?..)?;
    let plain = header.trim_end_matches('-').len() == 1;
    if !plain || raw.trim().is_empty() || line_before(text, span.start).trim() != "" {
        return None;
    }
    let indent = line_before(text, span.start).chars().count();
    let strip = |line: &str| line.get(indent..).unwrap_or_default().trim_end().to_owned();
    let mut lines: Vec<String> = raw
        .lines()
        .enumerate()
        .map(|(at, line)| if at == 0 { line.trim_end().to_owned() } else { strip(line) })
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Some(Shape::Block { header: header.to_owned(), lines })
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let escape = format!("\\u{:04x}", u32::from(control));
                quoted.push_str(&escape);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// What stands before a byte on its line.
fn line_before(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default()
}

/// Whether the line above the one of a byte is blank.
fn blank_above(text: &str, at: usize) -> bool {
    let line = at - line_before(text, at).len();
    let above = text.get(..line).unwrap_or_default();
    above.strip_suffix('\n').is_some_and(|above| {
        above.rsplit('\n').next().unwrap_or_default().trim().is_empty() && !above.is_empty()
    })
}
