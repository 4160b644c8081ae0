//! API keys of Amazon Bedrock, long-lived and short-lived.
//!
//! Either is base64 of what begins alike in all of them.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "BEDROCK_API_KEY",
    short: "bedrock_api_key",
    aliases: &[],
    finds: "API keys of Amazon Bedrock, long-lived and short-lived",
    check: Some("a prefix that only Bedrock uses"),
    triggers: &[Trigger::Literal("ABSK"), Trigger::Literal("bedrock-api-key-")],
    pattern: r"ABSK[A-Za-z0-9+/]{80,269}={0,2}|bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/_-]{0,3072}={0,2}",
    validate,
    words: &["bedrock*", "bearer"],
    keys: &["awsbearertokenbedrock"],
    whole: false,
    examples: Examples {
        found: &[
            (
                "AWS_BEARER_TOKEN_BEDROCK=bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbA==",
                "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbA==",
            ),
            (
                "x ABSKQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleS=",
                "ABSKQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleS=",
            ),
        ],
        passed: &[
            "ABSKshort",
            "bedrock-api-key-rotation is due",
            "xABSKQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleSQmVkcm9ja0FQSUtleS",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let begins = !candidate.byte_before(candidate.range.start).is_ascii_alphanumeric();
    let ends = !candidate.byte(candidate.range.end).is_ascii_alphanumeric();
    (begins && ends).then(|| candidate.checked())
}
