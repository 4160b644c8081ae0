//! One look at all texts of a body, request or answer: what the detectors find, and how much of it.

use crate::bedrock::view::Text;
use crate::sensitive::{Findings, Match, Plan, Scanner};

/// Matches by the index of the text that holds them, in document order, and their counts.
pub fn scan(scanner: &Scanner, plan: &Plan, texts: &[Text<'_>]) -> (Vec<(usize, Vec<Match>)>, Findings) {
    let (mut matches, mut findings) = (Vec::new(), Findings::default());
    if plan.all().is_empty() {
        return (matches, findings);
    }
    for (index, text) in texts.iter().enumerate() {
        let found = scanner.look(plan, &text.text, text.key);
        findings.add_all(&Findings::of(&found));
        if !found.is_empty() {
            matches.push((index, found));
        }
    }
    (matches, findings)
}

#[cfg(test)]
mod tests;
