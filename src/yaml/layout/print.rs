//! Pieces as text.
//!
//! Receives what was read and sorted, returns lines. Decides where flow style ends: where a line would be too long.

use super::WIDTH;
use super::piece::{Items, Line, Piece, Shape};

/// The whole text, which ends with a line break.
pub(super) fn document(root: &Shape) -> String {
    let mut printer = Printer::default();
    match root {
        Shape::Mapping(items) | Shape::Sequence(items) => printer.items(items, 0),
        Shape::Inline(_) | Shape::Block { .. } => printer.value(root, 0, "", None),
    }
    printer.text
}

#[derive(Default)]
struct Printer {
    text: String,
}

impl Printer {
    fn line(&mut self, indent: usize, line: &str) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', indent));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    fn lines(&mut self, indent: usize, lines: &[Line]) {
        for line in lines {
            match line {
                // One blank line says as much as two, and none is needed at the top.
                Line::Blank if self.text.is_empty() || self.text.ends_with("\n\n") => {}
                Line::Blank => self.text.push('\n'),
                Line::Comment(comment) => self.line(indent, comment),
            }
        }
    }

    fn items(&mut self, items: &Items, indent: usize) {
        for (at, piece) in items.pieces.iter().enumerate() {
            self.lines(indent, lead(piece, at == 0 && indent > 0));
            self.piece(piece, indent, "");
        }
        self.lines(indent, &items.after);
    }

    /// A piece behind `before`, which is the dash of the list that it stands in, or nothing.
    fn piece(&mut self, piece: &Piece, indent: usize, before: &str) {
        let trail = piece.trail.as_deref();
        match &piece.key {
            Some(key) => self.value(&piece.value, indent, &format!("{before}{key}:"), trail),
            None => self.element(&piece.value, indent, trail),
        }
    }

    /// An element of a list. A mapping starts on the line of the dash.
    fn element(&mut self, value: &Shape, indent: usize, trail: Option<&str>) {
        let Shape::Mapping(items) = value else { return self.value(value, indent, "-", trail) };
        let Some((first, rest)) = items.pieces.split_first().filter(|_| inline(value, indent + 2).is_none())
        else {
            return self.value(value, indent, "-", trail);
        };
        self.lines(indent, lead(first, true));
        if let Some(trail) = trail {
            self.line(indent, trail);
        }
        self.first(first, indent);
        for piece in rest {
            self.lines(indent + 2, &piece.lead);
            self.piece(piece, indent + 2, "");
        }
        self.lines(indent + 2, &items.after);
    }

    /// The first entry of a mapping in a list, behind the dash.
    fn first(&mut self, piece: &Piece, indent: usize) {
        let start = self.text.len() + indent;
        self.piece(piece, indent + 2, "");
        // INVARIANT: a piece begins with the indentation that it was given.
        self.text.replace_range(start..start + 2, "- ");
    }

    fn value(&mut self, value: &Shape, indent: usize, before: &str, trail: Option<&str>) {
        let behind = trail.map(|trail| format!("  {trail}")).unwrap_or_default();
        let start = if before.is_empty() { String::new() } else { format!("{before} ") };
        let room = indent + start.chars().count();
        match value {
            Shape::Block { header, lines } => {
                self.line(indent, &format!("{start}{header}{behind}"));
                for line in lines {
                    self.line(indent + 2, line);
                }
            }
            Shape::Inline(_) | Shape::Mapping(_) | Shape::Sequence(_) => match (inline(value, room), value) {
                (Some(text), _) => self.line(indent, format!("{start}{text}{behind}").trim_end()),
                (None, Shape::Mapping(items) | Shape::Sequence(items)) => {
                    // Behind a dash alone, a comment would be taken for one about the first element.
                    if let Some(trail) = trail.filter(|_| before == "-") {
                        self.line(indent, trail);
                        self.line(indent, before);
                    } else {
                        self.line(indent, &format!("{before}{behind}"));
                    }
                    self.items(items, indent + 2);
                }
                (None, Shape::Inline(_) | Shape::Block { .. }) => {}
            },
        }
    }
}

/// What stands above a piece; a blank line above the first says nothing.
fn lead(piece: &Piece, is_first: bool) -> &[Line] {
    match piece.lead.as_slice() {
        [Line::Blank, rest @ ..] if is_first => rest,
        lines => lines,
    }
}

/// A value that stands on one line behind `room` columns; `None` for one that does not.
fn inline(value: &Shape, room: usize) -> Option<String> {
    match value {
        Shape::Inline(text) => Some(text.clone()),
        Shape::Block { .. } => None,
        Shape::Mapping(items) | Shape::Sequence(items) => {
            let empty = items.pieces.is_empty() && items.after.is_empty();
            let text = flow(value).filter(|_| items.flow || empty)?;
            (empty || room + text.chars().count() <= WIDTH).then_some(text)
        }
    }
}

fn flow(value: &Shape) -> Option<String> {
    let (items, [open, close], space) = match value {
        Shape::Inline(text) => return Some(text.clone()),
        Shape::Block { .. } => return None,
        Shape::Mapping(items) => (items, ["{", "}"], " "),
        Shape::Sequence(items) => (items, ["[", "]"], ""),
    };
    if items.pieces.is_empty() {
        return Some(format!("{open}{close}"));
    }
    let piece = |piece: &Piece| {
        let value = flow(&piece.value)?;
        Some(match &piece.key {
            Some(key) => format!("{key}: {value}").trim_end().to_owned(),
            None => value,
        })
    };
    let pieces: Option<Vec<String>> = items.pieces.iter().map(piece).collect();
    Some(format!("{open}{space}{}{space}{close}", pieces?.join(", ")))
}
