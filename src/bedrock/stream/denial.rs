//! How a stream of Converse ends when a guardrail of Bedrock's steps in: applications that handle those handle this.
//!
//! Receives what the caller has seen so far, returns the events that complete the message: open blocks are closed, a
//! notice takes the place of what is missing, and the stop reason says why. Members from the botocore model.

use std::collections::BTreeSet;

use crate::bedrock::json::{Document, Node, Span, quoted};

/// What the caller of a stream of Converse has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Whether anything was shown at all.
    pub started: bool,
    /// Blocks that have begun and not ended.
    pub open: BTreeSet<u32>,
    /// A block that has not begun.
    pub next: u32,
}

impl Shown {
    /// The events that end the message, by name. `notice` is for people. `metadata` is the payload of Bedrock's own last
    /// event, of which the counts and the times are passed on; without it the answer ends without counts.
    pub fn intervened(&self, notice: &str, metadata: Option<&[u8]>) -> Vec<(&'static str, String)> {
        let mut events = Vec::new();
        if !self.started {
            events.push(("messageStart", r#"{"role":"assistant"}"#.to_owned()));
        }
        events.extend(self.open.iter().map(|block| stop(*block)));
        let (block, notice) = (self.next, quoted(notice));
        events.push((
            "contentBlockDelta",
            format!(r#"{{"contentBlockIndex":{block},"delta":{{"text":{notice}}}}}"#),
        ));
        events.push(stop(block));
        events.push(("messageStop", r#"{"stopReason":"guardrail_intervened"}"#.to_owned()));
        events.extend(metadata.and_then(counts).map(|counts| ("metadata", counts)));
        events
    }
}

fn stop(block: u32) -> (&'static str, String) {
    ("contentBlockStop", format!(r#"{{"contentBlockIndex":{block}}}"#))
}

/// The event without what repeats the model's words.
fn counts(metadata: &[u8]) -> Option<String> {
    let document = Document::parse(metadata).ok()?;
    let member = |name: &str| {
        let Node { span: Span { start, end }, .. } = document.root().get(name)?;
        Some(format!("{}:{}", quoted(name), document.source().get(*start..*end)?))
    };
    Some(format!("{{{},{}}}", member("usage")?, member("metrics")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_cut_is_completed() {
        let shown = Shown { started: true, open: BTreeSet::from([0, 2]), next: 3 };
        let metadata =
            br#"{"usage":{"inputTokens":1},"metrics":{"latencyMs":2},"trace":{"words":"secret"},"p":"abc"}"#;
        let events = shown.intervened("Not \"this\".", Some(metadata));
        let expected = [
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":3,"delta":{"text":"Not \"this\"."}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
            ("messageStop", r#"{"stopReason":"guardrail_intervened"}"#),
            ("metadata", r#"{"usage":{"inputTokens":1},"metrics":{"latencyMs":2}}"#),
        ];
        assert_eq!(events, expected.map(|(name, payload)| (name, payload.to_owned())));
    }

    #[test]
    fn a_message_of_which_nothing_was_shown_is_begun_and_counts_are_never_made_up() {
        for metadata in [None, Some(&b"{"[..]), Some(br#"{"usage":{}}"#)] {
            let events = Shown::default().intervened("No.", metadata);
            let names: Vec<_> = events.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["messageStart", "contentBlockDelta", "contentBlockStop", "messageStop"]);
        }
    }
}
