//! The key under which the record names bodies without holding them.

use std::fmt;

use aws_lc_rs::hmac;

use super::MasterKey;

/// Derived from the master key, so that a record can be compared with a known text by whoever holds that, and a short
/// prompt cannot be guessed from the record by whoever does not.
pub struct RecordKey(hmac::Key);

impl RecordKey {
    pub fn of(master: &MasterKey) -> Self {
        let bytes = master.authenticate("record", b"body");
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice()))
    }

    /// HMAC-SHA256 of `bytes`.
    pub fn hmac(&self, bytes: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.0, bytes).as_ref());
        tag
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: whoever holds it can test guesses of prompts against the record.
        formatter.write_str("RecordKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_body_has_the_same_name_only_under_the_same_master_key() {
        let (one, other) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let key = RecordKey::of(&one);
        assert_eq!(key.hmac(b"prompt"), RecordKey::of(&one).hmac(b"prompt"));
        assert_ne!(key.hmac(b"prompt"), key.hmac(b"prompt "));
        assert_ne!(key.hmac(b"prompt"), RecordKey::of(&other).hmac(b"prompt"));
    }
}
