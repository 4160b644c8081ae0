//! Pieces of Cedar text, put together so that they mean what they say whatever stands around them.

use crate::policy::glob::Glob;

/// A text as a Cedar string, or as the pattern of a `like`, where `*` is the only special character.
pub(in crate::policy) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A set of strings. Cedar's type checker knows no empty one, so there must be elements.
pub(in crate::policy) fn set<'t>(elements: impl IntoIterator<Item = &'t str>) -> String {
    let elements: Vec<String> = elements.into_iter().map(quoted).collect();
    format!("[{}]", elements.join(", "))
}

/// Holds when all parts do; `true` when there are none.
pub(in crate::policy) fn all(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " && ", TRUE, FALSE)
}

/// Holds when one of the parts does; `false` when there are none.
pub(in crate::policy) fn any(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " || ", FALSE, TRUE)
}

pub(in crate::policy) fn not(part: &str) -> String {
    match part {
        TRUE => FALSE.to_owned(),
        FALSE => TRUE.to_owned(),
        part => format!("!({part})"),
    }
}

/// A condition that the warden computes because Cedar cannot state it.
pub(in crate::policy) fn atom(name: &str) -> String {
    format!("context.atoms.contains({})", quoted(name))
}

/// Whether a text of the context matches a pattern.
pub(in crate::policy) fn matches(text: &str, pattern: &Glob) -> String {
    any(pattern.alternatives().map(|one| {
        let word = quoted(&one.to_string());
        if is_literal(&one) { format!("{text} == {word}") } else { format!("{text} like {word}") }
    }))
}

/// Whether a pattern without alternatives names one thing only.
pub(in crate::policy) fn is_literal(pattern: &Glob) -> bool {
    pattern.literals().next().is_some()
}

pub(in crate::policy) const TRUE: &str = "true";
pub(in crate::policy) const FALSE: &str = "false";

/// `neutral` changes nothing, and `decisive` decides everything.
fn joined(parts: impl IntoIterator<Item = String>, by: &str, neutral: &str, decisive: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    for part in parts {
        if part == decisive {
            return part;
        }
        if part != neutral && !kept.contains(&part) {
            kept.push(part);
        }
    }
    match kept.as_slice() {
        [] => neutral.to_owned(),
        [one] => one.clone(),
        _ => format!("({})", kept.join(by)),
    }
}
