//! Bearer keys, for clients that cannot sign.
//!
//! `bwk_`, 16 characters of public id, 43 of secret (256 bits), 6 of checksum. The checksum lets a typo, or a scanner
//! that looks for leaked keys, be answered without the master key. Receives what callers present and returns whether
//! its keyed hash is the stored one. The secret part is wiped when dropped and never shown.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use zeroize::Zeroizing;

use super::{MasterKey, RandomError, Secret, random_text};

const PREFIX: &str = "bwk_";
const ID: usize = 16;
const SECRET: usize = 43;
const CHECKSUM: usize = 6;
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A bearer key that is well formed, which says nothing about whether it was ever issued.
pub struct BearerKey(Zeroizing<String>);

/// The keyed hash of a bearer key: useless without the master key. Compared in constant time.
#[derive(Clone)]
pub struct BearerHash(Zeroizing<[u8; 32]>);

impl BearerKey {
    /// A new key.
    pub fn generate() -> Result<Self, RandomError> {
        let id = random_text(ID_ALPHABET, ID)?;
        let secret = random_text(BASE62, SECRET)?;
        let body = Zeroizing::new(format!("{PREFIX}{}{}", *id, *secret));
        let checksum = checksum(&body);
        Ok(Self(Zeroizing::new(format!("{}{checksum}", *body))))
    }

    /// Reads what a caller presents. `None` when it cannot be a key of ours, whoever made it.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, stated) = text.split_at_checked(PREFIX.len() + ID + SECRET)?;
        let id = body.get(..PREFIX.len() + ID)?;
        let secret = body.get(PREFIX.len() + ID..)?;
        let valid = valid_id(id)
            && secret.bytes().all(|byte| BASE62.contains(&byte))
            && stated.len() == CHECKSUM
            && stated == checksum(body);
        valid.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The public part, which names the key in files and records.
    pub fn id(&self) -> &str {
        self.0.get(..PREFIX.len() + ID).unwrap_or_default()
    }

    pub fn hash(&self, master: &MasterKey) -> BearerHash {
        BearerHash(master.authenticate("bearer", self.0.as_bytes()))
    }

    /// The whole key, to print it once for its owner.
    pub fn into_secret(self) -> Secret {
        Secret::new(self.0)
    }
}

impl fmt::Debug for BearerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BearerKey({}..)", self.id())
    }
}

impl BearerHash {
    /// A hash that no key has.
    pub fn of_nothing(master: &MasterKey) -> Self {
        Self(master.authenticate("nobody", b""))
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        (lower && hex::decode_to_slice(text, bytes.as_mut_slice()).is_ok()).then_some(Self(bytes))
    }

    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_slice())
    }
}

impl PartialEq for BearerHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_slice(), other.0.as_slice()).is_ok()
    }
}

impl Eq for BearerHash {}

impl fmt::Debug for BearerHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerHash(..)")
    }
}

/// Whether `id` can name a bearer key.
pub fn valid_id(id: &str) -> bool {
    id.strip_prefix(PREFIX)
        .is_some_and(|id| id.len() == ID && id.bytes().all(|byte| ID_ALPHABET.contains(&byte)))
}

/// Six base62 digits over the first 32 bits of the body's SHA-256.
fn checksum(body: &str) -> String {
    let hash = digest::digest(&digest::SHA256, body.as_bytes());
    let mut rest = hash.as_ref().iter().take(4).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let mut digits = Vec::with_capacity(CHECKSUM);
    for _ in 0..CHECKSUM {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        digits.extend(BASE62.get(digit).map(|&byte| char::from(byte)));
        rest /= 62;
    }
    digits.into_iter().rev().collect()
}
