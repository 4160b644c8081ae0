//! One look at all texts of a body, request or answer: what the detectors find, and how much of it.

use crate::bedrock::view::Text;
use crate::sensitive::{DetectorSet, Findings, Match, Scanner};

/// Matches by the index of the text that holds them, in document order, and their counts.
pub fn scan(
    scanner: &Scanner,
    detectors: DetectorSet,
    texts: &[Text<'_>],
) -> (Vec<(usize, Vec<Match>)>, Findings) {
    let (mut matches, mut findings) = (Vec::new(), Findings::default());
    if detectors.is_empty() {
        return (matches, findings);
    }
    for (index, text) in texts.iter().enumerate() {
        let found = scanner.scan(detectors, &text.text, text.key);
        for one in &found {
            findings.add(one.detector, 1);
        }
        if !found.is_empty() {
            matches.push((index, found));
        }
    }
    (matches, findings)
}
