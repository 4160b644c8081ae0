//! International bank account numbers.
//!
//! A country of the registry, its length, and the remainder of 1 that all of them have modulo 97.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};
use crate::sensitive::checksums;

pub(super) static DETECTOR: Detector = Detector {
    name: "INTERNATIONAL_BANK_ACCOUNT_NUMBER",
    short: "iban",
    aliases: &[],
    finds: "international bank account numbers",
    check: Some("country, length, modulo 97"),
    triggers: &[Trigger::Digits(9)],
    pattern: r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}",
    validate,
    words: &["iban", "account", "bank", "pay into", "konto", "compte", "cuenta"],
    keys: &["iban", "accountnumber", "bankaccount"],
    whole: false,
    examples: Examples {
        found: &[
            ("DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
            ("iban GB82WEST12345698765432.", "GB82WEST12345698765432"),
            ("Pay into FR14 2004 1010 0505 0001 3M02 606 today.", "FR14 2004 1010 0505 0001 3M02 606"),
            ("NO93 8601 1117 947", "NO93 8601 1117 947"),
            ("nl91abna0417164300", "nl91abna0417164300"),
            ("DE89-3704-0044-0532-0130-00", "DE89-3704-0044-0532-0130-00"),
            ("ＤＥ８９ 3704 0044 0532 0130 00", "ＤＥ８９ 3704 0044 0532 0130 00"),
        ],
        passed: &[
            "DE89 3704 0044 0532 0130 01",
            "DE89370400440532013000123",
            "XX89 3704 0044 0532 0130 00",
            "XDE89370400440532013000",
            "as12 monkeys went home to sleep",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let country = matched.get(..2)?.to_ascii_uppercase();
    let &(_, length) = LENGTHS.iter().find(|(known, _)| *known == country)?;
    let is_letter_or_digit = |(_, byte): &(usize, u8)| byte.is_ascii_alphanumeric();
    let (last, _) = matched.bytes().enumerate().filter(is_letter_or_digit).nth(length - 1)?;
    let end = candidate.range.start + last + 1;
    let number = matched.get(..=last)?;
    let apart = candidate.begins_apart() && !candidate.byte(end).is_ascii_alphanumeric();
    (apart && checksums::mod_97(number)).then(|| candidate.checked_until(end))
}

/// Lengths by country, from the SWIFT registry.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];
