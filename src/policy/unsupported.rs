//! What the language has and this version does not enforce.
//!
//! Every such thing is refused when files are read, in one place and with what to do instead: a rule that somebody
//! wrote and nobody enforces is worse than no rule. A feature that arrives loses its line here.

use crate::yaml::{Mapping, Reader};

/// Top-level keys that are known and refused.
pub(super) const KEYS: [(&str, &str); 1] =
    [("who", "callers are bound to teams and apps in the callers file, with `bedrock-warden caller add`")];

/// Refuses the top-level keys of [`KEYS`].
pub(super) fn check_keys(reader: &mut Reader<'_>, mapping: &Mapping<'_>) {
    for (name, hint) in KEYS {
        if let Some((key, _)) = mapping.entry(name) {
            let message = format!("`{name}` is not enforced by this version");
            reader.push(reader.source.error(key.span.clone(), message).help(hint));
        }
    }
}
