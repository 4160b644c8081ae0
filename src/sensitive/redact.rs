//! Texts without what was found in them.
//!
//! Receives a text and its matches and returns a copy in which each match that is to go reads `{EMAIL}`, as Bedrock
//! Guardrails prints it. Never touches a byte outside of a match.

use super::{DetectorId, DetectorSet, Match};

/// The text with every match of `which` replaced; `None` when nothing changes. `matches` are a scan's of this text; those of
/// `which` are sorted and do not overlap.
pub fn redact(text: &str, matches: &[Match], which: DetectorSet) -> Option<String> {
    let mut redacted: Option<String> = None;
    let mut copied = 0;
    for found in matches.iter().filter(|found| which.contains(found.detector)) {
        let between = text.get(copied..found.range.start)?;
        let redacted = redacted.get_or_insert_with(|| String::with_capacity(text.len()));
        redacted.push_str(between);
        push_placeholder(redacted, found.detector);
        copied = found.range.end;
    }
    let rest = text.get(copied..)?;
    redacted.map(|redacted| redacted + rest)
}

/// Appends what stands for something that `detector` found.
pub(super) fn push_placeholder(text: &mut String, detector: DetectorId) {
    text.push('{');
    text.push_str(detector.name());
    text.push('}');
}
