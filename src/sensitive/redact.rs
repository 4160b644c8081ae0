//! Texts without what was found in them.
//!
//! Receives a text and its matches and returns a copy in which each match that is to go reads `{EMAIL}`, as Bedrock
//! Guardrails prints it. Never touches a byte outside of a match.

use super::{DetectorId, DetectorSet, Match};

/// The text with every match of `which` replaced; `None` when nothing changes. `matches` are a scan's of this text:
/// sorted, not overlapping.
pub fn redact(text: &str, matches: &[Match], which: DetectorSet) -> Option<String> {
    let going = matches.iter().filter(|found| which.contains(found.detector));
    replaced(text, going, |clean, detector, _| push_placeholder(clean, detector))
}

/// The text with `matches` replaced by what `push` appends for a detector and what it found; `None` when there are none.
pub(super) fn replaced<'m>(
    text: &str,
    matches: impl Iterator<Item = &'m Match>,
    mut push: impl FnMut(&mut String, DetectorId, &str),
) -> Option<String> {
    let mut clean: Option<String> = None;
    let mut copied = 0;
    for found in matches {
        let (between, value) = (text.get(copied..found.range.start)?, text.get(found.range.clone())?);
        let clean = clean.get_or_insert_with(|| String::with_capacity(text.len()));
        clean.push_str(between);
        push(clean, found.detector, value);
        copied = found.range.end;
    }
    let rest = text.get(copied..)?;
    clean.map(|clean| clean + rest)
}

/// Appends what stands for something that `detector` found.
pub(super) fn push_placeholder(text: &mut String, detector: DetectorId) {
    text.push('{');
    text.push_str(detector.name());
    text.push('}');
}
