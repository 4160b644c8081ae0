//! Licence plates of vehicles.
//!
//! Four to nine capitals and digits; the word must stand close by.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "LICENSE_PLATE",
    short: "license_plate",
    aliases: &[],
    finds: "licence plates, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[A-Z0-9]{1,7}(?:[ -][A-Z0-9]{1,5}){0,2}",
    validate,
    words: &[
        "license plate*",
        "licence plate*",
        "number plate*",
        "plate",
        "plates",
        "plate number",
        "registration plate",
        "registration number",
        "vehicle registration*",
        "car registration",
        "numberplate",
        "kennzeichen",
        "matrícula",
        "immatriculation",
        "tag number",
    ],
    keys: &["licenseplate", "licenceplate", "numberplate", "plate", "platenumber", "vehicleregistration"],
    whole: false,
    examples: Examples {
        found: &[
            ("license plate 7ABC123", "7ABC123"),
            ("number plate: AB12 CDE.", "AB12 CDE"),
            ("the plate was B-MW 1234", "B-MW 1234"),
        ],
        passed: &["7ABC123", "a plate of 12 oysters", "license plate reader", "plate number 1234"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let number = digits(matched).count();
    let letters = matched.bytes().filter(u8::is_ascii_uppercase).count();
    let formed = number >= 1 && letters >= 1 && (4..=9).contains(&(number + letters));
    (candidate.is_word() && formed && candidate.is_linked(28)).then(|| candidate.by_shape())
}
