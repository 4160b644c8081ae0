//! Takes out of the texts of a request what repairs say must go, and remembers what comes back in the answer.
//!
//! Receives texts and what was found in them, returns edits. What cannot be edited stays, and is refused when the request
//! is verified.

use crate::bedrock::json::Edits;
use crate::bedrock::view::{Text, TextRole};
use crate::policy::Repair;
use crate::proxy::tool_input::{Redacted, ToolInput};
use crate::sensitive::{DetectorSet, Match, Scanner, Tokens};

/// What must go, and what stands for it.
#[derive(Debug)]
pub struct Removal<'s> {
    scanner: &'s Scanner,
    detectors: DetectorSet,
    /// Replaced by the names of what they find.
    pub redact: DetectorSet,
    /// Replaced by placeholders.
    pub tokenize: DetectorSet,
    pub tokens: Tokens,
}

impl<'s> Removal<'s> {
    /// `detectors` are those that the texts were looked through with.
    pub fn new(scanner: &'s Scanner, detectors: DetectorSet, repairs: &[Repair]) -> Self {
        let (redact, tokenize) = removed(repairs);
        Self { scanner, detectors, redact, tokenize, tokens: Tokens::default() }
    }

    /// Adds to `edits` what makes the texts clean. `matches` are by the index of the text.
    pub fn edit(&mut self, texts: &[Text<'_>], matches: &[(usize, Vec<Match>)], edits: &mut Edits) {
        if self.redact.union(self.tokenize).is_empty() {
            return;
        }
        if !self.tokenize.is_empty() {
            let foreign = texts.iter().filter(|text| !may_repeat_ours(text));
            foreign.for_each(|text| self.tokens.avoid(&text.text));
        }
        let mut order: Vec<(usize, &Text<'_>)> =
            texts.iter().enumerate().filter(|(_, text)| text.editable).collect();
        order.sort_by_key(|(_, text)| rank(text.role));
        for (index, text) in order {
            let found = matches.binary_search_by_key(&index, |(index, _)| *index).ok();
            let found = found.and_then(|place| matches.get(place)).map(|(_, found)| found.as_slice());
            let clean = match text.role {
                TextRole::ToolInput => self.clean_input(&text.text, text.key),
                TextRole::System
                | TextRole::User
                | TextRole::Assistant
                | TextRole::ToolResult
                | TextRole::ToolDefinition
                | TextRole::Document
                | TextRole::Reasoning
                | TextRole::Other => self.clean(&text.text, found.unwrap_or_default()),
            };
            if let Some(clean) = clean {
                edits.replace_with_string(text.span, &clean);
            }
        }
    }

    fn clean(&mut self, text: &str, matches: &[Match]) -> Option<String> {
        self.tokens.clean(text, matches, self.redact, self.tokenize)
    }

    /// What a tool was called with may be JSON in a string, where a number must not become a bare placeholder and a value
    /// may be spelt with escapes. What is found in the string as such goes, too.
    fn clean_input(&mut self, text: &str, key: Option<&str>) -> Option<String> {
        let input = ToolInput::read(self.scanner, self.detectors, text);
        let rewritten = input.map(|input| input.rewritten(text, |text, matches| self.clean(text, matches)));
        let rewritten = match rewritten {
            Some(Redacted::Changed(clean)) => Some(clean),
            Some(Redacted::Unchanged | Redacted::Impossible) | None => None,
        };
        let left = rewritten.as_deref().unwrap_or(text);
        let matches = self.scanner.scan(self.detectors, left, key);
        self.clean(left, &matches).or(rewritten)
    }
}

/// The detectors whose findings are replaced by names, and by placeholders.
pub fn removed(repairs: &[Repair]) -> (DetectorSet, DetectorSet) {
    let (mut redact, mut tokenize) = (DetectorSet::EMPTY, DetectorSet::EMPTY);
    for repair in repairs {
        match repair {
            Repair::Redact { detectors, .. } => redact = redact.union(*detectors),
            Repair::Tokenize { detectors, .. } => tokenize = tokenize.union(*detectors),
            Repair::Set { .. } | Repair::Guardrail { .. } => {}
        }
    }
    (redact, tokenize)
}

/// What is said before a conversation counts first and what is said beside it last, wherever clients write them, so that a
/// turn that is added leaves the numbers of all others alone.
const fn rank(role: TextRole) -> u8 {
    match role {
        TextRole::System | TextRole::ToolDefinition => 0,
        TextRole::User
        | TextRole::Assistant
        | TextRole::ToolInput
        | TextRole::ToolResult
        | TextRole::Document
        | TextRole::Reasoning => 1,
        TextRole::Other => 2,
    }
}

/// Reasoning under a signature reaches the caller as the model wrote it, placeholders and all, and comes back so in the
/// next turn. Those are ours.
fn may_repeat_ours(text: &Text<'_>) -> bool {
    text.role == TextRole::Reasoning && !text.editable
}
