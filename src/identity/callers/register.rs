//! What `callers.yaml` says, as values.
//!
//! Receives names, times and key ids, and returns who holds which key and whether it may be used. Holds no secret
//! that could be used without the master key.

use jiff::Timestamp;

use crate::identity::CredentialKind;
use crate::identity::keys::BearerHash;

/// All callers, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Register {
    pub callers: Vec<Caller>,
}

/// One application of one team, and its keys. A register names each at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub team: String,
    pub app: String,
    pub keys: Vec<Key>,
}

/// One key that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    pub kind: KeyKind,
    pub created: Timestamp,
    /// First moment at which the key may be used.
    pub not_before: Option<Timestamp>,
    /// First moment at which the key may no longer be used.
    pub not_after: Option<Timestamp>,
    /// When the key was revoked. It is revoked at once, whatever moment this names.
    pub revoked: Option<Timestamp>,
    /// Id of the key that was issued in its place.
    pub replaced_by: Option<String>,
}

/// What a key is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A key pair. Its secret is derived from the id.
    Pair,
    Bearer {
        hash: BearerHash,
    },
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Active,
    /// Active, but replaced and about to end.
    Replaced,
    NotYetValid,
    Expired,
    Revoked,
}

impl KeyState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether the key opens the door.
    pub const fn is_usable(self) -> bool {
        match self {
            Self::Active | Self::Replaced => true,
            Self::NotYetValid | Self::Expired | Self::Revoked => false,
        }
    }
}

impl KeyKind {
    pub const fn credential(&self) -> CredentialKind {
        match self {
            Self::Pair => CredentialKind::SigV4,
            Self::Bearer { .. } => CredentialKind::Bearer,
        }
    }

    /// The word used in the file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Bearer { .. } => "bearer",
        }
    }
}

impl Key {
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked.is_some() {
            KeyState::Revoked
        } else if self.not_after.is_some_and(|end| now >= end) {
            KeyState::Expired
        } else if self.not_before.is_some_and(|start| now < start) {
            KeyState::NotYetValid
        } else if self.replaced_by.is_some() {
            KeyState::Replaced
        } else {
            KeyState::Active
        }
    }
}

impl Register {
    /// Adds a key to the caller of that name, who is added when new.
    pub fn add(&mut self, team: &str, app: &str, key: Key) {
        match self.callers.iter_mut().find(|caller| caller.team == team && caller.app == app) {
            Some(caller) => caller.keys.push(key),
            None => {
                self.callers.push(Caller { team: team.to_owned(), app: app.to_owned(), keys: vec![key] });
            }
        }
    }

    pub fn key_mut(&mut self, id: &str) -> Option<&mut Key> {
        self.callers.iter_mut().flat_map(|caller| &mut caller.keys).find(|key| key.id == id)
    }

    /// Every key with the caller it belongs to.
    pub fn keys(&self) -> impl Iterator<Item = (&Caller, &Key)> {
        self.callers.iter().flat_map(|caller| caller.keys.iter().map(move |key| (caller, key)))
    }
}

/// Whether `name` can name a team or an application. Names become parts of policy paths, so they hold no `/` and do
/// not start with a dot.
pub fn valid_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
}
