//! AWS-shaped key pairs, which unmodified SDKs sign with.
//!
//! Receives access key ids and returns the secrets that belong to them, derived from the master key each time. The
//! ids look like AWS's own and carry a mark that tells them apart. Secrets are wiped when dropped and never shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{MasterKey, RandomError, random_text};

/// AWS's prefix for long-lived keys, then our mark.
const PREFIX: &str = "AKIAWRDN";
const LENGTH: usize = 20;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret that is handed out or derived. Shown only through [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The secret itself: to print it once for its owner, or to derive keys from it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: this is a caller's credential.
        formatter.write_str("Secret(..)")
    }
}

/// A new access key id: 20 characters, 60 of its bits random, so that it is never issued twice.
pub fn new_access_key_id() -> Result<String, RandomError> {
    Ok(format!("{PREFIX}{}", *random_text(ALPHABET, LENGTH - PREFIX.len())?))
}

pub fn valid_access_key_id(id: &str) -> bool {
    id.len() == LENGTH && id.starts_with(PREFIX) && id.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The secret access key of `access_key_id`: 40 characters of base64, as AWS's are.
pub fn derive_secret(master: &MasterKey, access_key_id: &str) -> Secret {
    let tag = master.authenticate("sigv4", access_key_id.as_bytes());
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(tag.iter().take(30).copied().collect());
    Secret::new(Zeroizing::new(STANDARD.encode(bytes.as_slice())))
}
