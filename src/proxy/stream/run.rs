//! One run of text within a streamed answer: what a reader sees as one string, piece by piece.
//!
//! Receives pieces, returns what of them may be passed on by now, without what must go. What a tool is called with is
//! held until it is whole; words are held only as far as they could still become something that must go, or a placeholder
//! of which the value comes back.

use std::time::Instant;

use crate::bedrock::stream::Kind;
use crate::clock;
use crate::proxy::tool_input::{Redacted, ToolInput};
use crate::sensitive::{Findings, Progress, Redactor, Restorer, Spelling};

use super::filter::{Filter, Seen};

/// The longest input of a tool that is held until it is whole.
const TOOL_BYTES: usize = 1024 * 1024;

/// The text may not be passed on, and with it the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Denied;

/// One run that has begun and not ended.
#[derive(Debug)]
pub struct Run<'f> {
    filter: &'f Filter<'f>,
    text: Text<'f>,
    /// ORDER: behind whatever looks through the text: what the caller sent is no finding. `None` under a signature.
    restorer: Option<Restorer>,
    is_input: bool,
    /// Since when some of it is held.
    since: Option<Instant>,
}

#[derive(Debug)]
enum Text<'f> {
    Words(Redactor<'f>),
    /// Under a signature.
    Sealed(Redactor<'f>),
    Tool(Tool),
    /// Over: what was found is counted.
    Ended,
}

impl<'f> Run<'f> {
    /// `kind` is that of the pieces.
    pub fn new(filter: &'f Filter<'f>, kind: Kind) -> Self {
        let words = || Text::Words(Redactor::new(filter.scanner, &filter.plan, None));
        let text = match kind {
            Kind::Words(_)
            | Kind::Aside
            | Kind::Repeated
            | Kind::Input
            | Kind::RepeatedInput
            | Kind::Tokens => words(),
            Kind::Sealed(_) => Text::Sealed(Redactor::new(filter.scanner, filter.fixed(), None)),
            Kind::ToolInput(_) => Text::Tool(Tool::default()),
        };
        let is_sealed = matches!(text, Text::Sealed(_));
        let restorer = (filter.issued.is_some() && !is_sealed).then(Restorer::default);
        Self { filter, text, restorer, is_input: matches!(kind, Kind::ToolInput(_)), since: None }
    }

    /// Takes the next piece and appends to `out` what may be passed on by now.
    pub fn push(&mut self, piece: &str, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        if self.restorer.is_none() {
            return self.filter(piece, out, seen);
        }
        let mut clean = String::new();
        self.filter(piece, &mut clean, seen)?;
        self.restore(&clean, out);
        Ok(())
    }

    /// The text has ended: appends the rest.
    pub fn end(&mut self, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        let mut clean = String::new();
        self.filter_rest(&mut clean, seen)?;
        self.restore(&clean, out);
        if let Some(restorer) = &mut self.restorer {
            restorer.finish(out);
        }
        Ok(())
    }

    /// Appends what policy left of a piece, with the values in the place of their placeholders.
    fn restore(&mut self, clean: &str, out: &mut String) {
        let (Some(restorer), Some(issued)) = (&mut self.restorer, &self.filter.issued) else {
            out.push_str(clean);
            return;
        };
        let spelling = match &self.text {
            _ if !self.is_input => Spelling::Plain,
            // Outgrown, so that nobody has seen its end. Only JSON is that long.
            Text::Words(_) => Spelling::Json,
            Text::Sealed(_) | Text::Tool(_) | Text::Ended => Spelling::of_input(clean),
        };
        issued.with(|tokens| restorer.push(tokens, spelling, clean, out));
    }

    fn filter(&mut self, piece: &str, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        let before = out.len();
        match &mut self.text {
            Text::Words(redactor) | Text::Sealed(redactor) => {
                if redactor.push(piece, out) == Progress::Denied {
                    return Err(self.denied(seen));
                }
            }
            Text::Tool(tool) => {
                if tool.push(piece) {
                    let text = tool.take();
                    return self.settle(&text, out, seen);
                }
                if tool.text.len() > TOOL_BYTES {
                    return self.outgrown(out, seen);
                }
            }
            Text::Ended => return Err(Denied),
        }
        self.clock(out.len() > before, seen);
        Ok(())
    }

    fn filter_rest(&mut self, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        let denied = match &mut self.text {
            Text::Words(redactor) | Text::Sealed(redactor) => redactor.finish(out) == Progress::Denied,
            Text::Tool(tool) => {
                let text = tool.take();
                return self.settle(&text, out, seen);
            }
            Text::Ended => return Ok(()),
        };
        if denied {
            return Err(self.denied(seen));
        }
        if let Text::Words(redactor) | Text::Sealed(redactor) = &self.text {
            seen.add(redactor.findings());
        }
        self.text = Text::Ended;
        self.clock(true, seen);
        Ok(())
    }

    /// Passes on what a tool is called with, whole.
    fn settle(&mut self, json: &str, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        if json.is_empty() {
            return Ok(());
        }
        let Some(input) = ToolInput::read(self.filter.scanner, self.filter.all(), json) else {
            return self.settle_as_text(json, out, seen);
        };
        let (all, in_names) = input.findings();
        seen.add(&all);
        if !all.detectors().intersection(self.filter.plan.deny).is_empty() {
            return Err(Denied);
        }
        match input.redacted(json, self.filter.plan.redact) {
            Redacted::Unchanged => out.push_str(json),
            Redacted::Changed(clean) => out.push_str(&clean),
            Redacted::Impossible => {
                seen.add_fixed(&in_names);
                return Err(Denied);
            }
        }
        self.clock(true, seen);
        Ok(())
    }

    /// FAIL-CLOSED: input that is cut off or no JSON is a text like any other, but nobody can say what a change would
    /// make of it. What its escapes stand for is looked at, too.
    fn settle_as_text(&mut self, text: &str, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        let mut found = Findings::default();
        for spelling in [text, &unescaped(text)] {
            let matches = self.filter.scanner.scan(self.filter.all(), spelling, None);
            let mut these = Findings::default();
            for one in &matches {
                these.add(one.detector, 1);
            }
            if these.iter().count() >= found.iter().count() {
                found = these;
            }
        }
        seen.add(&found);
        if !found.detectors().intersection(self.filter.acting()).is_empty() {
            seen.add_fixed(&found);
            return Err(Denied);
        }
        out.push_str(text);
        self.clock(true, seen);
        Ok(())
    }

    /// A tool's input that is too long to be held. Where nothing would be changed anyway, it goes on as words.
    fn outgrown(&mut self, out: &mut String, seen: &mut Seen) -> Result<(), Denied> {
        if self.filter.acts() {
            seen.overlong = true;
            return Err(Denied);
        }
        let Text::Tool(tool) = &mut self.text else { return Ok(()) };
        let text = tool.take();
        self.text = Text::Words(Redactor::new(self.filter.scanner, &self.filter.plan, None));
        self.filter(&text, out, seen)
    }

    fn denied(&mut self, seen: &mut Seen) -> Denied {
        let text = std::mem::replace(&mut self.text, Text::Ended);
        if let Text::Words(redactor) | Text::Sealed(redactor) = &text {
            let found = redactor.findings();
            seen.add(found);
            // A redactor that denies without having found a thing has given up.
            seen.overlong |= found.detectors().intersection(self.filter.acting()).is_empty();
            if matches!(text, Text::Sealed(_)) {
                seen.add_fixed(found);
            }
        }
        Denied
    }

    /// Keeps the time for which text is held.
    fn clock(&mut self, moved: bool, seen: &mut Seen) {
        if moved && let Some(since) = self.since.take() {
            seen.held(clock::instant().saturating_duration_since(since));
        }
        let holds = match &self.text {
            Text::Words(redactor) | Text::Sealed(redactor) => redactor.is_holding(),
            Text::Tool(tool) => self.filter.changes() && !tool.text.is_empty(),
            Text::Ended => false,
        };
        if holds {
            self.since.get_or_insert_with(clock::instant);
        }
    }
}

/// JSON that arrives in pieces.
#[derive(Debug, Default)]
struct Tool {
    text: String,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Tool {
    /// Takes a piece. Whether the object or list that began it has ended with it.
    fn push(&mut self, piece: &str) -> bool {
        self.text.push_str(piece);
        let mut whole = false;
        for byte in piece.bytes() {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    whole = self.depth == 0;
                }
                _ => whole &= byte.is_ascii_whitespace(),
            }
        }
        whole && self.depth == 0 && !self.in_string
    }

    fn take(&mut self) -> String {
        std::mem::take(self).text
    }
}

/// The text with the escapes of JSON resolved, as far as they can be.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (character, length) = escape(after);
        plain.extend(character);
        rest = after.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// The character of the escape that `text` goes on with after a backslash, and how many bytes it takes.
fn escape(text: &str) -> (Option<char>, usize) {
    match text.chars().next() {
        Some('u') => {
            let digits = text.get(1..5).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            (digits.and_then(char::from_u32), if digits.is_some() { 5 } else { 1 })
        }
        Some('n' | 'r' | 't' | 'b' | 'f') => (Some(' '), 1),
        Some(other) => (Some(other), other.len_utf8()),
        None => (None, 0),
    }
}
