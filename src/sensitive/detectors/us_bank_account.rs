//! Account numbers of American banks.
//!
//! They have no form of their own; the word must stand close by.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "US_BANK_ACCOUNT_NUMBER",
    short: "us_bank_account",
    aliases: &["BANK_ACCOUNT_NUMBER"],
    finds: "bank account numbers, where the word stands by them",
    check: None,
    triggers: &[Trigger::Context],
    pattern: r"[0-9](?:[ -]?[0-9]){5,17}(?:[.-][0-9])?",
    validate,
    words: &[
        "account",
        "accounts",
        "acct",
        "acc",
        "a/c",
        "acct.",
        "account number",
        "account no",
        "bank account",
        "checking*",
        "savings*",
        "account #",
        "konto*",
        "kontonummer",
        "direct deposit",
    ],
    keys: &["accountnumber", "accountno", "bankaccount", "acctnumber", "acctno"],
    whole: false,
    examples: Examples {
        found: &[
            ("ABA 221487745, a/c 274515249", "274515249"),
            ("account number: 8342 1178 44", "8342 1178 44"),
            ("my checking account is 17140796", "17140796"),
        ],
        passed: &[
            "274515249",
            "my account has 12 items",
            "account holder since 2019, phone 2125550123",
            "account 12345",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let matched = candidate.matched();
    let count = digits(matched).count();
    let end = matched.bytes().rposition(|byte| byte.is_ascii_digit())? + 1 + candidate.range.start;
    let apart = candidate.begins_apart()
        && !candidate.goes_on(end)
        && !b"/$".contains(&candidate.byte_before(candidate.range.start));
    let spread = matched.matches([' ', '-']).count() * 3 <= count;
    (apart && (6..=17).contains(&count) && spread && candidate.is_linked(32))
        .then(|| candidate.shape_until(end))
}
