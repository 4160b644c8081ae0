//! Numbers of driving licences.
//!
//! Every state has another form, so the word decides: the first thing after it that holds enough digits.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "DRIVER_ID",
    short: "driver_id",
    aliases: &[],
    finds: "numbers of driving licences, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[A-Za-z0-9]{1,16}(?:[-*][A-Za-z0-9]{1,8}){0,4}",
    validate,
    words: &[
        "driver's license*",
        "driver's licence*",
        "driver’s license*",
        "driver’s licence*",
        "drivers license*",
        "drivers licence*",
        "driver license*",
        "driver licence*",
        "driving license*",
        "driving licence*",
        "license number",
        "licence number",
        "license no",
        "licence no",
        "license #",
        "driver id",
        "driver number",
        "drivers id",
        "dl",
        "dln",
        "cdl",
        "dl number",
        "dl no",
        "d.l.",
        "license",
        "licence",
        "licenses",
        "licences",
        "permis de conduire",
        "führerschein*",
        "licencia de conducir",
        "driving permit",
        "learner permit",
        "operator license",
    ],
    keys: &[
        "driverlicense",
        "driverslicense",
        "drivinglicence",
        "drivinglicense",
        "driverlicence",
        "licensenumber",
        "licencenumber",
        "driverid",
    ],
    whole: false,
    examples: Examples {
        found: &[
            ("Driver's license number H96785178", "H96785178"),
            ("my driver's license number is 55771747.", "55771747"),
            ("driving licence MORGA657054SM9IJ", "MORGA657054SM9IJ"),
            ("DL: D1234-56789-01234", "D1234-56789-01234"),
        ],
        passed: &[
            "H96785178",
            "my driver's license expired in 2019",
            "license plate, order H96785178",
            "software licence for 4 users",
            "MIT license 2019",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let number = digits(matched).count();
    let letters = matched.bytes().filter(u8::is_ascii_alphabetic).count();
    let formed = number >= 4 && (5..=19).contains(&(number + letters)) && (letters <= 4 || number >= 6);
    let year = letters == 0 && matched.len() < 6;
    (candidate.is_word() && formed && !year && candidate.is_linked(40)).then(|| candidate.by_shape())
}
