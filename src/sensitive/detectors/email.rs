//! E-mail addresses.
//!
//! ASCII and Latin letters, so that neighbours in other scripts stay outside. Quoted local parts, bare host names and
//! address literals pass: they are not what people write.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "EMAIL",
    short: "email",
    aliases: &[],
    finds: "e-mail addresses",
    check: None,
    triggers: &[Trigger::Literal("@")],
    pattern: concat!(
        r"[A-Za-z0-9\x{C0}-\x{24F}_%+-](?:[A-Za-z0-9\x{C0}-\x{24F}._%+-]|'[A-Za-z]){0,63}",
        r"@(?:[A-Za-z0-9\x{C0}-\x{24F}-]{1,63}\.){1,5}(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24})",
    ),
    validate,
    words: &["mail", "e-mail", "email", "correo"],
    keys: &["mail", "email", "recipient", "sender"],
    whole: false,
    examples: Examples {
        found: &[
            ("write to bob@example.com.", "bob@example.com"),
            ("bob+tag@sub.example.co.uk", "bob+tag@sub.example.co.uk"),
            ("<ANNE-MARIE_O'BRIEN@EXAMPLE.ORG>", "ANNE-MARIE_O'BRIEN@EXAMPLE.ORG"),
            ("'bob@example.com'", "bob@example.com"),
            ("_bob@example.com_", "_bob@example.com"),
            ("user%relay@mail.example.photography;", "user%relay@mail.example.photography"),
            ("邮箱:bob@example.com请", "bob@example.com"),
            ("josé@müller.de", "josé@müller.de"),
            ("bob@xn--bcher-kva.xn--p1ai", "bob@xn--bcher-kva.xn--p1ai"),
            ("ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
            ("b\u{200b}ob@exam\u{ad}ple.com", "b\u{200b}ob@exam\u{ad}ple.com"),
        ],
        passed: &[
            "user@localhost",
            "ssh admin@34.66.193.84",
            "logo@2x.png",
            "a@a@a@a@a",
            "@example.com",
            "git@",
            "git clone git@git.example.com:team/app.git",
            "mention @bob.smith today",
        ],
    },
};

/// `name@2x.png` is an image for dense screens, `git@host:path` a repository.
fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let (local, domain) = candidate.matched().split_once('@')?;
    let scale =
        domain.strip_prefix(|first: char| first.is_ascii_digit()).is_some_and(|rest| rest.starts_with("x."));
    let repository = local == "git" && candidate.byte(candidate.range.end) == b':';
    (!scale && !repository).then(|| candidate.by_shape())
}
