//! How old somebody is.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "AGE",
    short: "age",
    aliases: &[],
    finds: "how old somebody is",
    check: None,
    triggers: &[
        Trigger::Literal("year"),
        Trigger::Literal("aged"),
        Trigger::Literal("age "),
        Trigger::Literal("age:"),
        Trigger::Literal("yo"),
        Trigger::Literal("y/o"),
    ],
    pattern: r"(?i-u:(?:aged|age(?: of|:|=| is)?) [0-9]{1,3}|[0-9]{1,3}(?:[ -]years?[ -]old| ?y/?o))",
    validate,
    words: &[],
    keys: &["age"],
    whole: false,
    examples: Examples {
        found: &[("a 16 year old man", "16"), ("at the age of 58", "58"), ("aged 7", "7")],
        passed: &["16 years of service", "age 300", "page of 12", "v1.16 year old"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let start = matched.find(|one: char| one.is_ascii_digit())?;
    let length = matched.get(start..)?.bytes().take_while(u8::is_ascii_digit).count();
    let age: u32 = matched.get(start..start + length)?.parse().ok()?;
    let range = candidate.range.start + start..candidate.range.start + start + length;
    let apart = candidate.is_word() && candidate.byte_before(candidate.range.start) != b'.';
    (apart && (1..=120).contains(&age)).then(|| Accepted::part(range))
}
