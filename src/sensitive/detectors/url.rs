//! Web addresses.
//!
//! With a scheme, or with `www.` in front, or of a well-known top-level domain with a path. File names and the names of
//! modules look like bare domains, so those pass.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "URL",
    short: "url",
    aliases: &[],
    finds: "web addresses, with a scheme or plainly without one",
    check: None,
    triggers: &[
        Trigger::Literal("://"),
        Trigger::Literal("www."),
        Trigger::Literal(".com"),
        Trigger::Literal(".org"),
        Trigger::Literal(".net"),
        Trigger::Literal(".info"),
        Trigger::Literal(".biz"),
        Trigger::Literal(".edu"),
        Trigger::Literal(".gov"),
        Trigger::Literal(".co."),
    ],
    pattern: concat!(
        r"(?i-u:(?:https?|ftps?|sftp|wss?|ssh|git|s3|mongodb(?:\+srv)?|postgres(?:ql)?|mysql|redis|amqps?|ldaps?)://[!#-;=?-\[\]_a-z~|%]{3,2048}",
        r"|www\.[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?::[0-9]{1,5})?(?:[/?#][!#-;=?-\[\]_a-z~|%]{0,2048})?",
        r"|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,3}\.(?:com|org|net|info|biz|edu|gov|co\.[a-z]{2})(?::[0-9]{1,5})?/[!#-;=?-\[\]_a-z~|%]{0,2048})",
    ),
    validate,
    words: &["url", "website", "link", "site", "webpage", "homepage"],
    keys: &["url", "uri", "website", "link", "homepage", "href"],
    whole: false,
    examples: Examples {
        found: &[
            ("see https://www.example.org/a/b.htm?q=1&b=%20c.", "https://www.example.org/a/b.htm?q=1&b=%20c"),
            ("(http://example.com/x)", "http://example.com/x"),
            ("go to www.example.net/cat now", "www.example.net/cat"),
            ("example.co.uk/shop is closed", "example.co.uk/shop"),
            ("db is postgres://app:pw@db.internal:5432/main", "postgres://app:pw@db.internal:5432/main"),
            ("https://en.example.org/wiki/A_(b)", "https://en.example.org/wiki/A_(b)"),
        ],
        passed: &[
            "os.system(\"ls\")",
            "see conf.d/site.pl:24934",
            "import java.net.URL",
            "bob@example.com",
            "numpy.linalg.norm",
            "http://",
            "com.example.app.Main",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let before = candidate.byte_before(candidate.range.start);
    if before.is_ascii_alphanumeric() || b"@.-_/".contains(&before) {
        return None;
    }
    let address = trim(candidate.matched());
    let end = candidate.range.start + address.len();
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let named = host.contains('.') || host.starts_with('[') || host.contains(':') || host == "localhost";
    (named && !host.ends_with('.')).then(|| candidate.shape_until(end))
}

/// Without the signs that end a sentence or close what was opened before the address.
fn trim(mut address: &str) -> &str {
    loop {
        let open = |one: char, other: char| address.matches(one).count() < address.matches(other).count();
        let cut = match address.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_') => true,
            Some(')') => open('(', ')'),
            Some(']') => open('[', ']'),
            _ => false,
        };
        if !cut {
            return address;
        }
        address = address.get(..address.len() - 1).unwrap_or_default();
    }
}
