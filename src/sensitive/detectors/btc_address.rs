//! Bitcoin addresses, of all kinds.
//!
//! Base58 with its double hash, or Bech32 with its checksum.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "BTC_ADDRESS",
    short: "btc_address",
    aliases: &[],
    finds: "Bitcoin addresses",
    check: Some("double SHA-256 or Bech32"),
    triggers: &[Trigger::Digits(1)],
    pattern: r"[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|BC1[02-9AC-HJ-NP-Z]{11,71}",
    validate,
    words: &["btc", "bitcoin", "wallet", "donate", "xbt"],
    keys: &["btc", "bitcoin", "wallet"],
    whole: false,
    examples: Examples {
        found: &[
            ("to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
            (
                "Donate: bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            ),
        ],
        passed: &[
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
            "btc 1A1zP1eP5QGefi2DMPTfTL5SL",
            "43a044aaaac5d2d10085fa9942f861ff75cc219d",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let checked = if matched.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("bc1")) {
        checksums::bech32(matched)
    } else {
        checksums::base58(matched)
    };
    (candidate.is_word() && checked).then(|| candidate.checked())
}
