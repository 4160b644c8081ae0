//! The credentials that the warden issues: AWS-shaped key pairs, and bearer keys.
//!
//! Receives the master key and returns secrets to hand out once, and ways to check what callers present. No secret
//! that was handed out is stored: a pair's secret is derived again when it is needed, a bearer key is kept as a keyed
//! hash. Whoever has the master key can impersonate every caller; nobody else can impersonate one.

mod bearer;
mod master;
mod pair;
mod record;

pub use bearer::{BearerHash, BearerKey, valid_id as valid_bearer_id};
pub(in crate::identity) use master::sync_folder;
pub use master::{MasterKey, MasterKeyError};
pub use pair::{Secret, derive_secret, new_access_key_id, valid_access_key_id};
pub use record::RecordKey;

use aws_lc_rs::rand;
use thiserror::Error;
use zeroize::Zeroizing;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operating system's random number generator failed")]
pub struct RandomError;

/// `length` characters of `alphabet`, each equally likely.
fn random_text(alphabet: &[u8], length: usize) -> Result<Zeroizing<String>, RandomError> {
    // Bytes at or above the largest multiple of the alphabet's size would make its first characters more likely.
    let fair = 256 / alphabet.len() * alphabet.len();
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        rand::fill(bytes.as_mut_slice()).map_err(|_| RandomError)?;
        let characters = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
        let characters = characters.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        let missing = length - text.len();
        text.extend(characters.take(missing).map(|&byte| char::from(byte)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
