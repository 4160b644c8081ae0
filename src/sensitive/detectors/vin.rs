//! Vehicle identification numbers.
//!
//! Seventeen characters without I, O and Q. The ninth checks the others in North America; elsewhere the word must stand by.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "VEHICLE_IDENTIFICATION_NUMBER",
    short: "vin",
    aliases: &[],
    finds: "vehicle identification numbers",
    check: Some("weights modulo 11"),
    triggers: &[Trigger::Digits(2)],
    pattern: r"[A-HJ-NPR-Za-hj-npr-z0-9]{17}",
    validate,
    words: &["vin", "vins", "vehicle identification*", "vehicle id*", "chassis*", "vehicle number"],
    keys: &["vin", "vehicleidentification", "chassis"],
    whole: false,
    examples: Examples {
        found: &[
            ("VIN: NATLKPK26K45X69P0", "NATLKPK26K45X69P0"),
            ("it is a 1M8GDM9AXKP042788.", "1M8GDM9AXKP042788"),
        ],
        passed: &["NATLKPK26K45X69P1", "1M8GDM9AXKP0427889", "parcel 1M8GDM9AXKP042788", "12345678901234567"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let number = digits(matched).count();
    let mixed = (2..17).contains(&number);
    let capitals = matched.bytes().all(|byte| !byte.is_ascii_lowercase());
    if !candidate.is_word() || !mixed {
        return None;
    }
    let checked = checksums::vin(matched);
    if candidate.has_context() {
        return Some(if checked { candidate.checked() } else { candidate.by_shape() });
    }
    (checked && capitals && number >= 4 && !candidate.is_other()).then(|| candidate.checked())
}
