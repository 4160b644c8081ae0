//! What the language has and this version does not enforce.
//!
//! Every such thing is refused when files are read, in one place and with what to do instead: a rule that somebody
//! wrote and nobody enforces is worse than no rule. A feature that arrives loses its line here.

use crate::yaml::{Mapping, Node, Reader};

/// Top-level keys that are known and refused.
pub(super) const KEYS: [(&str, &str); 2] = [
    ("who", "callers are bound to teams and apps in the callers file, with `bedrock-warden caller add`"),
    ("quotas", "remove the section; bound single requests with `limits`"),
];

/// Why a file that the language knows is refused; `None` when the path is none of those.
pub(super) fn file(path: &str) -> Option<&'static str> {
    match path {
        _ if path.starts_with("tests/") => Some("keep policy tests outside the policy folder"),
        _ => None,
    }
}

/// Refuses the top-level keys of [`KEYS`].
pub(super) fn check_keys(reader: &mut Reader<'_>, mapping: &Mapping<'_>) {
    for (name, hint) in KEYS {
        if let Some((key, _)) = mapping.entry(name) {
            let message = format!("`{name}` is not enforced by this version");
            reader.push(reader.source.error(key.span.clone(), message).help(hint));
        }
    }
}

/// Refuses `tokenize` as an action of `sensitive`.
pub(super) fn refuse_tokenize(reader: &mut Reader<'_>, node: &Node) {
    let diagnostic = reader.source.error(node.span.clone(), "`tokenize` is not enforced by this version");
    reader.push(diagnostic.help("use `redact`, which replaces the text for good, or `deny`"));
}
