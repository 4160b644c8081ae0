//! Chance that repeats: numbers that look random and follow from the request alone.
//!
//! Receives whatever identifies a request and returns the same sequence for it each time, so that a test can expect
//! an answer and a run can be repeated. Never a source of secrets.

use aws_lc_rs::digest::{Context, SHA256};

/// A splitmix64 sequence.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to these texts, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            // The length keeps `ab`, `c` apart from `a`, `bc`.
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let digest = context.finish();
        Self(digest.as_ref().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.next().checked_rem(bound).unwrap_or(0)).unwrap_or(0)
    }

    /// A number from -1 to 1.
    pub fn signed_unit(&mut self) -> f64 {
        let whole = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(whole) / f64::from(u32::MAX) * 2.0 - 1.0
    }

    /// `digits` lower-case letters and digits, for identifiers.
    pub fn identifier(&mut self, digits: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..digits)
            .filter_map(|_| ALPHABET.get(self.below(ALPHABET.len())))
            .map(|&byte| char::from(byte))
            .collect()
    }

    /// 32 hexadecimal digits in the grouping of a UUID.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        uuid::Builder::from_u128(u128::from(high) << 64 | u128::from(low))
            .with_version(uuid::Version::Random)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid()
            .to_string()
    }
}
