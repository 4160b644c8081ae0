//! Writes `callers.yaml`.
//!
//! Receives a register and returns the text that reads back as the same register. Every value in it was checked to
//! need no quotes when it was read or made, except names, which are quoted where YAML could take them for another
//! type.

use std::fmt::Write;

use super::{Caller, Key, KeyKind, Register};

const HEADER: &str = "\
# Applications that may call, and the public halves of their keys. No secret can be read from this file.
# Maintained by `bedrock-warden caller` (add, list, rotate, revoke), which writes it anew: comments are not kept.
";

/// The file's text. `master_key_id` is the master key's fingerprint.
pub(super) fn emit(register: &Register, master_key_id: &str) -> String {
    let mut text = format!("{HEADER}version: 1\nmasterKeyId: \"{master_key_id}\"\n");
    text.push_str(if register.callers.is_empty() { "callers: []\n" } else { "callers:\n" });
    for caller in &register.callers {
        emit_caller(&mut text, caller);
    }
    text
}

fn emit_caller(text: &mut String, caller: &Caller) {
    line(text, "  - team", &quoted(&caller.team));
    line(text, "    app", &quoted(&caller.app));
    text.push_str(if caller.keys.is_empty() { "    keys: []\n" } else { "    keys:\n" });
    for key in &caller.keys {
        emit_key(text, key);
    }
}

fn emit_key(text: &mut String, key: &Key) {
    line(text, "      - id", &key.id);
    line(text, "        kind", key.kind.name());
    if let KeyKind::Bearer { hash } = &key.kind {
        line(text, "        hash", &format!("\"{}\"", hash.to_hex()));
    }
    line(text, "        created", &key.created.to_string());
    let times = [("notBefore", key.not_before), ("notAfter", key.not_after), ("revoked", key.revoked)];
    for (name, time) in times {
        if let Some(time) = time {
            line(text, &format!("        {name}"), &time.to_string());
        }
    }
    if let Some(id) = &key.replaced_by {
        line(text, "        replacedBy", id);
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string does not fail.
    writeln!(text, "{key}: {value}").unwrap_or_default();
}

/// Names hold letters, digits, `-`, `_` and `.` only, so quotes need no escapes.
fn quoted(name: &str) -> String {
    let word = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = word && !reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}
