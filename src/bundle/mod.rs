//! Policies that travel: files, a manifest that names them all, and a signature of it.
//!
//! Receives the three and the public key of whoever may sign; returns the manifest of files that are exactly those that
//! were signed. Never returns anything of a bundle whose signature does not hold, and never accepts an older revision than
//! the one it has accepted before.

mod folder;
mod keys;
mod manifest;
mod packed;
mod revisions;

use aws_lc_rs::digest;
use thiserror::Error;

use crate::yaml::Source;

pub use folder::{MANIFEST, SIGNATURE, read_seal};
pub use keys::{KeyError, PublicKey, SigningKey};
pub use manifest::Manifest;
pub use packed::{LARGEST, pack, unpack};
pub use revisions::Revisions;

/// What proves a bundle's files: the text of its manifest, and the signature of that text in base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub manifest: String,
    pub signature: String,
}

/// Why a bundle is not used.
#[derive(Debug, Error)]
pub enum BundleError {
    #[error(
        "there is no `{MANIFEST}` with a `{SIGNATURE}`; make them with `bedrock-warden policy bundle sign`"
    )]
    Unsigned,
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error(
        "the signature is not one of the configured key, or the manifest was changed after it was signed"
    )]
    Signature,
    #[error("the manifest cannot be read: {0}")]
    Manifest(String),
    #[error("`{0}` is not the file that was signed")]
    Changed(String),
    #[error("`{0}` was signed and is missing")]
    Missing(String),
    #[error("`{0}` is not in the manifest")]
    Additional(String),
    #[error("revision {found} is older than revision {accepted}, which was accepted before")]
    Rollback { found: u64, accepted: u64 },
    #[error("revision {0} was accepted before with other contents; a new bundle needs a higher revision")]
    Replaced(u64),
    #[error("the bundle's time was over at {0}")]
    Over(jiff::Timestamp),
    #[error("the highest accepted revision cannot be read from or kept in `{path}`: {reason}")]
    Revisions { path: String, reason: String },
    #[error("the bundle cannot be read: {0}")]
    Packed(String),
    #[error("the bundle is larger than {LARGEST} bytes")]
    TooLarge,
}

impl Seal {
    /// Signs a manifest.
    pub fn of(manifest: &Manifest, key: &SigningKey) -> Self {
        let manifest = manifest.to_text();
        let signature = key.sign(manifest.as_bytes());
        Self { manifest, signature }
    }

    /// The manifest, where the signature is `key`'s and `files` are exactly those that were signed. ORDER: nothing of the
    /// manifest is read before its signature holds.
    pub fn verify(&self, files: &[Source], key: &PublicKey) -> Result<Manifest, BundleError> {
        if !key.has_signed(self.manifest.as_bytes(), &self.signature) {
            return Err(BundleError::Signature);
        }
        let manifest = Manifest::parse(&self.manifest)?;
        manifest.describes(files)?;
        Ok(manifest)
    }

    /// SHA-256 of the manifest in hexadecimal: two bundles of one revision are told apart by it.
    fn fingerprint(&self) -> String {
        sha256(self.manifest.as_bytes())
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

#[cfg(test)]
mod tests;
