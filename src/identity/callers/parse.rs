//! Reads `callers.yaml`.
//!
//! ```yaml
//! version: 1
//! masterKeyId: 0f1e2d3c4b5a6978     # which master key the secrets follow from; another one is refused
//! callers:
//!   - team: payments                # team and app are what policies speak about
//!     app: checkout
//!     keys:
//!       - id: AKIAWRDNABCDEFGH2345  # public; the secret follows from it and the master key
//!         kind: pair
//!         created: 2026-11-24T15:00:00Z
//!         notBefore: …              # optional, like notAfter: when the key may be used
//!         notAfter: …
//!         revoked: …                # when it was; a key with this entry is refused at once
//!         replacedBy: …             # the key that a rotation issued in its place
//!       - id: bwk_abcdefghijklmnop
//!         kind: bearer
//!         hash: …                   # 64 hexadecimal digits, keyed with the master key
//!         created: 2026-11-24T15:00:00Z
//! ```
//!
//! Receives the file's source and returns a register, or reports every mistake and returns nothing: a register that
//! is half read could let in a key that its other half revokes.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::{Caller, Key, KeyKind, Register, valid_name};
use crate::identity::keys::{BearerHash, MasterKey, valid_access_key_id, valid_bearer_id};
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source};

const FILE: [&str; 3] = ["version", "masterKeyId", "callers"];
const CALLER: [&str; 3] = ["team", "app", "keys"];
const KEY: [&str; 8] = ["id", "kind", "hash", "created", "notBefore", "notAfter", "revoked", "replacedBy"];

impl Register {
    /// `None` when the file has any mistake; `diagnostics` then says which.
    pub fn parse(source: &Source, master: &MasterKey, diagnostics: &mut Diagnostics) -> Option<Self> {
        let errors = diagnostics.errors();
        let document = source.parse(diagnostics)?;
        let reader = Reader { source, diagnostics };
        let mut file = File { reader, ids: BTreeSet::new(), names: BTreeSet::new() };
        let register = file.register(&document, master);
        // FAIL-CLOSED: one mistake anywhere, and the file is not used.
        register.filter(|_| diagnostics.errors() == errors)
    }
}

/// The file while it is read, and what must not be repeated in it.
struct File<'a> {
    reader: Reader<'a>,
    ids: BTreeSet<String>,
    names: BTreeSet<(String, String)>,
}

impl File<'_> {
    fn register(&mut self, document: &Node, master: &MasterKey) -> Option<Register> {
        let file = self.reader.mapping(document, "the callers file", &FILE)?;
        if let Some(version) = self.reader.required(&file, "the callers file", "version") {
            self.reader.one_of(version, "version", &[("1", ())]);
        }
        if let Some(node) = file.get("masterKeyId") {
            let stated = self.reader.string(node, "masterKeyId");
            if stated.is_some_and(|stated| stated != master.fingerprint()) {
                let message = "these callers were issued with another master key";
                let help = "restore the master key that belongs to this file; without it every caller needs new keys";
                self.refuse(&node.span, message, help);
            }
        }
        let nodes = file.get("callers").map(|node| self.list(node, "callers")).unwrap_or_default();
        Some(Register { callers: nodes.iter().filter_map(|node| self.caller(node)).collect() })
    }

    fn caller(&mut self, node: &Node) -> Option<Caller> {
        let caller = self.reader.mapping(node, "a caller", &CALLER)?;
        let team = self.name(&caller, "team");
        let app = self.name(&caller, "app");
        let nodes = caller.get("keys").map(|node| self.list(node, "keys")).unwrap_or_default();
        let keys = nodes.iter().filter_map(|node| self.key(node)).collect();
        let (team, app) = (team?, app?);
        if !self.names.insert((team.clone(), app.clone())) {
            let help = "put all keys of one application under one caller";
            self.refuse(&node.span, &format!("application `{app}` of team `{team}` is repeated"), help);
        }
        Some(Caller { team, app, keys })
    }

    fn key(&mut self, node: &Node) -> Option<Key> {
        let key = self.reader.mapping(node, "a key", &KEY)?;
        let id = self.id(&key);
        let kind = self.kind(&key, id.as_ref().map(|(id, _)| id.as_str()));
        let created =
            self.reader.required(&key, "a key", "created").and_then(|node| self.time(node, "created"));
        let [not_before, not_after, revoked] = ["notBefore", "notAfter", "revoked"]
            .map(|name| key.get(name).and_then(|node| self.time(node, name)));
        if let (Some(start), Some(end)) = (not_before.or(created), not_after)
            && end <= start
        {
            let span = key.get("notAfter").map_or(key.span, |node| &node.span);
            self.refuse(
                span,
                "the key ends before it begins",
                "notAfter must be later than created and notBefore",
            );
        }
        let replaced_by = key.get("replacedBy").and_then(|node| self.replacement(node));
        Some(Key { id: id?.0, kind: kind?, created: created?, not_before, not_after, revoked, replaced_by })
    }

    fn id(&mut self, key: &Mapping<'_>) -> Option<(String, Range<usize>)> {
        let node = self.reader.required(key, "a key", "id")?;
        let id = self.reader.string(node, "id")?;
        if !self.ids.insert(id.clone()) {
            self.refuse(&node.span, &format!("key `{id}` is repeated"), "each key belongs to one caller");
        }
        Some((id, node.span.clone()))
    }

    fn kind(&mut self, key: &Mapping<'_>, id: Option<&str>) -> Option<KeyKind> {
        let node = self.reader.required(key, "a key", "kind")?;
        let bearer = self.reader.one_of(node, "kind", &[("pair", false), ("bearer", true)])?;
        let valid = if bearer { valid_bearer_id } else { valid_access_key_id };
        if id.is_some_and(|id| !valid(id)) {
            let span = key.get("id").map_or(key.span, |node| &node.span);
            let kind = if bearer { "bearer key" } else { "key pair" };
            self.refuse(span, &format!("this is not the id of a {kind}"), "let `caller add` issue keys");
        }
        match (bearer, key.get("hash")) {
            (false, None) => Some(KeyKind::Pair),
            (false, Some(node)) => {
                self.refuse(&node.span, "a key pair has no `hash`", "remove it, or write `kind: bearer`");
                None
            }
            (true, _) => {
                let node = self.reader.required(key, "a bearer key", "hash")?;
                let hash = self.reader.string(node, "hash")?;
                let hash = BearerHash::parse(&hash);
                if hash.is_none() {
                    self.reader.error(&node.span, "hash must be 64 lower-case hexadecimal digits");
                }
                Some(KeyKind::Bearer { hash: hash? })
            }
        }
    }

    fn replacement(&mut self, node: &Node) -> Option<String> {
        let id = self.reader.string(node, "replacedBy")?;
        if valid_access_key_id(&id) || valid_bearer_id(&id) {
            return Some(id);
        }
        self.refuse(&node.span, "replacedBy must be the id of a key", "let `caller rotate` replace keys");
        None
    }

    fn name(&mut self, caller: &Mapping<'_>, what: &str) -> Option<String> {
        let node = self.reader.required(caller, "a caller", what)?;
        let name = self.reader.string(node, what)?;
        if valid_name(&name) {
            return Some(name);
        }
        let help = "use up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit";
        self.refuse(&node.span, &format!("`{name}` cannot name a {what}"), help);
        None
    }

    fn time(&mut self, node: &Node, name: &str) -> Option<Timestamp> {
        self.reader.parsed(node, name, "a time like `2026-11-24T15:00:00Z`")
    }

    fn list<'n>(&mut self, node: &'n Node, name: &str) -> &'n [Node] {
        if let crate::yaml::Value::Sequence(elements) = &node.value {
            return elements;
        }
        self.reader.error(&node.span, format!("{name} must be a list (`- …`)"));
        &[]
    }

    fn refuse(&mut self, span: &Range<usize>, message: &str, help: &str) {
        self.reader.push(self.reader.source.error(span.clone(), message).help(help));
    }
}
