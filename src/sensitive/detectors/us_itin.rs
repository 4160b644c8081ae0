//! Individual taxpayer identification numbers of the United States.
//!
//! Nine digits that begin with a 9 and have a group that is issued. Nine digits alone need a word that says what they are.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER",
    short: "us_itin",
    aliases: &[],
    finds: "individual taxpayer identification numbers of the United States",
    check: Some("groups that are issued"),
    triggers: &[Trigger::Digits(9)],
    pattern: r"9[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{4}(?:[.-][0-9])?",
    validate,
    words: &[
        "itin",
        "itins",
        "tax id",
        "taxpayer id",
        "tax identification*",
        "taxpayer identification*",
        "individual taxpayer*",
        "tin",
        "tax number",
        "tax no",
        "tax",
    ],
    keys: &["itin", "taxid", "tin", "taxidentificationnumber"],
    whole: false,
    examples: Examples {
        found: &[
            ("tax id 959-81-5360 (ITIN)", "959-81-5360"),
            ("tax id 929806976", "929806976"),
            ("ITIN: 986 88 9665", "986 88 9665"),
            ("we have 919-96-5651 on file", "919-96-5651"),
        ],
        passed: &["929806976", "959-89-5360", "859-81-5360", "959-81-53601", "call 986 88 9665"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let end = candidate.digits_end(9)?;
    let number = candidate.until(end);
    let digits: Vec<u32> = digits(number).collect();
    let group = digits.iter().skip(3).take(2).fold(0, |number, digit| number * 10 + digit);
    let issued = digits.first() == Some(&9) && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    let written =
        || number.matches(['-', '.']).count() == 2 && !candidate.is_other() || candidate.has_context();
    (candidate.begins_apart() && !candidate.goes_on(end) && issued && written())
        .then(|| candidate.shape_until(end))
}
