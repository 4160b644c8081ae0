//! AWS access key ids, long-lived and temporary.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "AWS_ACCESS_KEY",
    short: "aws_access_key",
    aliases: &[],
    finds: "access key ids of AWS, long-lived and temporary",
    check: Some("a prefix that only AWS uses"),
    triggers: &[
        Trigger::Literal("AKIA"),
        Trigger::Literal("ASIA"),
        Trigger::Literal("ABIA"),
        Trigger::Literal("ACCA"),
    ],
    pattern: "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    validate,
    words: &["access key", "access key id"],
    keys: &["accesskey", "accesskeyid", "awsaccesskeyid"],
    whole: false,
    examples: Examples {
        found: &[
            ("AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE\n", "AKIAIOSFODNN7EXAMPLE"),
            ("\"ASIAIOSFODNN7EXAMPLE\"", "ASIAIOSFODNN7EXAMPLE"),
            ("key=AKIAWRDNABCDEFGH2345&x", "AKIAWRDNABCDEFGH2345"),
            ("АKІAIOSFODNN7EXAMPLE", "АKІAIOSFODNN7EXAMPLE"),
            ("AKIA\u{200b}IOSFODNN7EXAMPLE", "AKIA\u{200b}IOSFODNN7EXAMPLE"),
        ],
        passed: &[
            "AKIAIOSFODNN7EXAMPL",
            "AKIAIOSFODNN7EXAMPLE1",
            "XAKIAIOSFODNN7EXAMPLE",
            "akiaiosfodnn7example",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let before = candidate.byte_before(candidate.range.start);
    let after = candidate.byte(candidate.range.end);
    let apart = !before.is_ascii_alphanumeric() && !after.is_ascii_alphanumeric();
    apart.then(|| candidate.checked())
}
