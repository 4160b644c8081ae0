//! Codes of banks in the SWIFT network (BIC).
//!
//! Eight or eleven characters with a country in the middle. Words of capitals look alike, so a word must stand by.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "SWIFT_CODE",
    short: "swift_code",
    aliases: &["BIC"],
    finds: "codes of banks in the SWIFT network",
    check: Some("a country of ISO 3166"),
    triggers: &[Trigger::Context],
    pattern: r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?",
    validate,
    words: &[
        "swift*",
        "bic",
        "bics",
        "bank identifier*",
        "bank code",
        "iban",
        "beneficiary bank",
        "correspondent*",
        "intermediary bank",
    ],
    keys: &["bic", "swift"],
    whole: false,
    examples: Examples {
        found: &[("\"bic\":\"TWABGBY4\"", "TWABGBY4"), ("SWIFT code DEUTDEFF500.", "DEUTDEFF500")],
        passed: &["DEUTDEFF", "swift DEUTXXFF", "BIC DEUTDEFF5", "A SWIFT RESPONSES TEAM"],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let country = candidate.matched().get(4..6)?.to_ascii_uppercase();
    let known = COUNTRIES.as_bytes().chunks(2).any(|code| code == country.as_bytes());
    (candidate.is_word() && known && candidate.has_context()).then(|| candidate.by_shape())
}

/// Codes of countries (ISO 3166), and of Kosovo.
const COUNTRIES: &str = concat!(
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ",
    "DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJP",
    "KEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOM",
    "PAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZ",
    "UAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW",
);
