//! The caller as policies and records know it.
//!
//! On the request path it comes from a proved claim only. Carries names and the id of the credential, never the
//! credential.

use std::fmt;

/// An application of a team, and the credential that proved it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    pub team: String,
    pub app: String,
    pub credential: CredentialKind,
    /// Public id of the key: an access key id, or the id part of a bearer key.
    pub credential_id: String,
}

/// How a caller authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CredentialKind {
    /// The request was signed with a key pair that the warden issued.
    SigV4,
    /// The request carried a bearer key that the warden issued.
    Bearer,
}

impl CredentialKind {
    /// The word used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SigV4 => "sigv4",
            Self::Bearer => "bearer",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
