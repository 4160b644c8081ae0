//! Hardware addresses of network interfaces.
//!
//! Six pairs joined by the same sign, or three groups of four joined by dots.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "MAC_ADDRESS",
    short: "mac_address",
    aliases: &[],
    finds: "hardware addresses of network interfaces",
    check: None,
    triggers: &[Trigger::Digits(1), Trigger::Context],
    pattern: r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}",
    validate,
    words: &["mac", "hwaddr", "ether", "bssid"],
    keys: &["mac", "macaddress", "hwaddr"],
    whole: false,
    examples: Examples {
        found: &[
            ("MAC=7A-4C-26-84-7B-D2 SRC", "7A-4C-26-84-7B-D2"),
            ("at 52:2f:83:2f:9a:5d.", "52:2f:83:2f:9a:5d"),
            ("arp 0011.22aa.bb33", "0011.22aa.bb33"),
        ],
        passed: &[
            "52:2f:83-2f:9a:5d",
            "52:2f:83:2f:9a:5d:00",
            "00:00:00:00:00:00",
            "at 10:30:45",
            "550e8400-e29b-41d4-a716-446655440000",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let joints = || matched.bytes().filter(|byte| !byte.is_ascii_hexdigit());
    let same = joints().next() == joints().next_back() && joints().all(|sign| Some(sign) == joints().next());
    let joint = joints().next().unwrap_or_default();
    let alone = candidate.is_word()
        && candidate.byte_before(candidate.range.start) != joint
        && candidate.byte(candidate.range.end) != joint;
    let telling = matched.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0');
    (same && alone && telling && !matched.to_ascii_lowercase().starts_with("ff:ff:ff:ff"))
        .then(|| candidate.by_shape())
}
