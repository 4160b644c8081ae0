//! From a secret to a signature.
//!
//! Receives secrets as text and returns keys that are good for one day, region and service, and signatures made with
//! them. Keys and secrets are wiped when dropped; signatures are compared in constant time only.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};
use zeroize::Zeroizing;

use super::{ALGORITHM, Scope, TERMINATOR};

/// A key for one day, region and service.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    pub fn derive(secret: &str, scope: &Scope) -> Self {
        let seed = Zeroizing::new(format!("AWS4{secret}"));
        let key = [&scope.date, &scope.region, &scope.service, TERMINATOR].into_iter().fold(
            None,
            |key: Option<Zeroizing<[u8; 32]>>, part| {
                let from = key.as_ref().map_or(seed.as_bytes(), |key| key.as_slice());
                Some(Zeroizing::new(authenticate(from, part.as_bytes())))
            },
        );
        Self(key.unwrap_or_default())
    }

    pub fn sign(&self, string_to_sign: &str) -> Signature {
        Signature(authenticate(self.0.as_slice(), string_to_sign.as_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(..)")
    }
}

/// A signature. Equality takes the same time wherever two signatures differ.
#[derive(Clone, Copy)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads 64 lower-case hexadecimal digits; one signature has one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    pub const fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Signature {}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature(..)")
    }
}

/// The text that is signed: `amz_date` is `YYYYMMDDTHHMMSSZ`.
pub fn string_to_sign(amz_date: &str, scope: &Scope, canonical_request: &[u8]) -> String {
    let hash = hex::encode(digest::digest(&digest::SHA256, canonical_request));
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n{hash}")
}

/// The signature of `string_to_sign` under `secret`.
pub fn signature(secret: &str, scope: &Scope, string_to_sign: &str) -> Signature {
    SigningKey::derive(secret, scope).sign(string_to_sign)
}

fn authenticate(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut bytes = [0; 32];
    // INVARIANT: an HMAC-SHA256 tag has 32 bytes, so nothing of it is left out.
    bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}
