//! United States social security numbers.
//!
//! Nine digits with areas, groups and serials that are issued. Dashes or dots speak for themselves; nine digits alone,
//! or with spaces, need a word that says what they are.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "US_SOCIAL_SECURITY_NUMBER",
    short: "us_ssn",
    aliases: &[],
    finds: "social security numbers of the United States",
    check: Some("areas, groups and serials that are issued"),
    triggers: &[Trigger::Digits(9)],
    pattern: r"[0-9](?:[ \t]?[0-9]){2}[ \t.-]{0,3}[0-9][ \t]?[0-9][ \t.-]{0,3}[0-9](?:[ \t]?[0-9]){3}(?:[.-][0-9])?",
    validate,
    words: &[
        "ssn",
        "social security",
        "social security number",
        "social",
        "soc sec",
        "soc. sec",
        "ss#",
        "ss #",
        "ss no",
    ],
    keys: &["ssn", "socialsecurity", "socialsecuritynumber", "socsec"],
    whole: false,
    examples: Examples {
        found: &[
            ("my ssn is 123-45-6789.", "123-45-6789"),
            ("a;219-09-9999", "219-09-9999"),
            ("_219-09-9999_", "219-09-9999"),
            ("ssn 219099999", "219099999"),
            ("my social security is 246 18 2510", "246 18 2510"),
            ("123 -45- 6789", "123 -45- 6789"),
            ("123-45-\t6789", "123-45-\t6789"),
            ("1 2 3 - 4 5 - 6 7 8 9", "1 2 3 - 4 5 - 6 7 8 9"),
            ("123.45.6789", "123.45.6789"),
            ("123\u{200b}-45-6789", "123\u{200b}-45-6789"),
            ("12\u{ad}3-45-6789", "12\u{ad}3-45-6789"),
            ("123–45—6789", "123–45—6789"),
            ("①②③-④⑤-⑥⑦⑧⑨", "①②③-④⑤-⑥⑦⑧⑨"),
            ("123\u{20e3}-45-6789", "123\u{20e3}-45-6789"),
            ("\u{2066}123-45-6789\u{2069}", "123-45-6789"),
        ],
        passed: &[
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "123-00-4567",
            "123-45-0000",
            "123456789",
            "123 45 6789",
            "lot number 456284031",
            "123-45-67890",
            "1-123-45-6789",
            "123-45-6789-1",
            "tax id 959-81-5360",
            "1\u{300}3-45-6789",
            "version 1.2.3-45",
            "part no. 123-45-6789",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(9)?;
    let apart = candidate.begins_apart() && !candidate.goes_on(end);
    let number = candidate.until(end);
    let digits: Vec<u32> = digits(number).collect();
    let written = || candidate.has_context() || is_punctuated(number) && !candidate.follows(NUMBERED);
    (apart && is_issued(&digits) && written()).then(|| candidate.shape_until(end))
}

/// Things that have numbers of their own.
const NUMBERED: &[&str] = &[
    "order", "part", "sku", "lot", "batch", "ticket", "invoice", "tracking", "serial", "version", "isbn",
    "case", "model",
];

/// Whether the same sign, a dash or a dot, stands after the third and the fifth digit.
fn is_punctuated(matched: &str) -> bool {
    ['-', '.'].into_iter().any(|sign| {
        let parts: Vec<usize> = matched.split(sign).map(|part| digits(part).count()).collect();
        parts == [3, 2, 4]
    })
}

fn is_issued(digits: &[u32]) -> bool {
    let number = |from: usize, to: usize| {
        digits.iter().take(to).skip(from).fold(0, |number, digit| number * 10 + digit)
    };
    let area = number(0, 3);
    (1..900).contains(&area) && area != 666 && number(3, 5) != 0 && number(5, 9) != 0
}
