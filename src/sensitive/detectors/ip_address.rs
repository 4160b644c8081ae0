//! Internet addresses, with a network prefix when they have one.
//!
//! What the standard library parses as an address. Loopback and unspecified addresses tell nothing about anyone and
//! pass; so do version numbers and names such as `abc::def`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "IP_ADDRESS",
    short: "ip_address",
    aliases: &[],
    finds: "internet addresses of either version, with a network prefix when they have one",
    check: None,
    triggers: &[Trigger::Digits(4), Trigger::Literal("::")],
    pattern: concat!(
        r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3}(?:%[0-9A-Za-z]{1,16})?(?:/[0-9]{1,3})?(?:\.[0-9])?",
        r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2})?(?:\.[0-9])?",
    ),
    validate,
    words: &[
        "ip", "host", "addr", "address", "client", "remote", "src", "dst", "subnet", "route", "server",
        "http:", "https:", "via", "dev", "gateway", "dns", "ping",
    ],
    keys: &["ip", "ipaddress", "clientip", "remote", "remoteaddr", "sourceip"],
    whole: false,
    examples: Examples {
        found: &[
            ("client 52.98.176.142 denied", "52.98.176.142"),
            ("https://91.26.207.147:18390/", "91.26.207.147"),
            ("build 7 on host 10.2.3.4", "10.2.3.4"),
            ("subnet 34.218.18.84/29.", "34.218.18.84/29"),
            ("via fe80::e8ea:333d:5422:c24b%eth0 dev", "fe80::e8ea:333d:5422:c24b%eth0"),
            ("2001:db8::acbb:ad4c", "2001:db8::acbb:ad4c"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("c721:1523:fbaa:488e:e463:bd30:7df9:f271", "c721:1523:fbaa:488e:e463:bd30:7df9:f271"),
            ("::ffff:52.98.176.142", "::ffff:52.98.176.142"),
            ("a1b2:c3d4::e5f6:1", "a1b2:c3d4::e5f6:1"),
            ("2001:db8::/32 is for examples", "2001:db8::/32"),
            ("５２.９８.１７６.１４２", "５２.９８.１７６.１４２"),
        ],
        passed: &[
            "v20.5.96.1",
            "version 1.2.3.4",
            "1.2.3.4.5",
            "256.1.1.1",
            "127.0.0.1",
            "::1",
            "0.0.0.0",
            "abc::def",
            "std::vec::Vec",
            "at 10:30:45",
            "BE:08:1F:13:52:1B",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let before = candidate.byte_before(candidate.range.start);
    if !candidate.begins_apart() || before == b':' {
        return None;
    }
    // `address:` in front of a port or at the end of a clause is no part of it, but `address::` is.
    let matched = candidate.matched();
    let text = if matched.ends_with("::") { matched } else { matched.trim_end_matches(':') };
    let end = candidate.range.start + text.len();
    let next = candidate.byte(end);
    if next.is_ascii_alphanumeric() {
        return None;
    }
    let address = text.split(['%', '/']).next()?.parse().ok()?;
    let telling = match address {
        IpAddr::V4(address) => is_telling_v4(address) && !candidate.follows(VERSIONS),
        IpAddr::V6(address) => is_telling_v6(address, text),
    };
    telling.then(|| candidate.shape_until(end))
}

fn is_telling_v4(address: Ipv4Addr) -> bool {
    !address.is_loopback() && !address.is_unspecified()
}

/// Two or three groups are a name in source code as easily as an address, unless they lie in a range that is in use.
fn is_telling_v6(address: Ipv6Addr, text: &str) -> bool {
    let [first, ..] = address.segments();
    let in_use =
        matches!(first, 0x2000..=0x3FFF | 0x64 | 0xFC00..=0xFDFF | 0xFE80..=0xFEBF | 0xFF00..=0xFFFF);
    let mapped = address.to_ipv4_mapped().is_some_and(is_telling_v4);
    let groups = text.split(':').filter(|group| !group.is_empty()).count();
    in_use || mapped || groups >= 4
}

/// Words after which four numbers are a version.
const VERSIONS: &[&str] = &["version", "versions", "release", "ver", "build"];
