//! Calendar dates, in figures and with the names of months.
//!
//! Version numbers are written like dates, so figures joined by dots need a whole year, or two places each.

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger};

pub(super) static DETECTOR: Detector = Detector {
    name: "DATE",
    short: "date",
    aliases: &["DATE_TIME"],
    finds: "calendar dates, with the time of day when it is attached",
    check: Some("days and months that exist"),
    triggers: &[Trigger::Digits(3)],
    pattern: concat!(
        r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?)?(?:[./-][0-9])?",
        r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}(?:[./-][0-9])?",
        r"|(?i-u:[0-9]{1,2}(?:st|nd|rd|th|\.)?(?:[ -]| of | de )(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?",
        r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|mai|juni|juli|oktober|dezember|janvier",
        r"|avril|juin|juillet|septembre|octobre|novembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre",
        r"|noviembre|diciembre)\.?(?:,? |-| de )(?:1[89][0-9]{2}|2[01][0-9]{2}))",
        r"|(?i-u:(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?",
        r"|nov(?:ember)?|dec(?:ember)?)\.? [0-9]{1,2}(?:st|nd|rd|th)?,? (?:1[89][0-9]{2}|2[01][0-9]{2}))",
    ),
    validate,
    words: &["date", "born", "dob", "birth*", "deadline", "appointment", "arrival"],
    keys: &["date", "dob", "dateofbirth", "birthday", "birthdate"],
    whole: false,
    examples: Examples {
        found: &[
            ("Arrival March 15, 1955", "March 15, 1955"),
            ("on 22 September 2018.", "22 September 2018"),
            ("Deadline: 1968-11-08", "1968-11-08"),
            ("is 10/15/59.", "10/15/59"),
            ("valid to 28-Sep-1996", "28-Sep-1996"),
            ("and 20.07.2016", "20.07.2016"),
            ("born on 04.05.89", "04.05.89"),
            ("at 2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
            ("el 3 de mayo de 2021", "3 de mayo de 2021"),
        ],
        passed: &[
            "Bump to v20.5.96 (was 5.11.37)",
            "4.12.19",
            "2024-13-15",
            "at 10:30",
            "1/2/3",
            "10/15/59/7",
            "room 4.12",
            "in 1995",
            "192.168.10.12",
            "15/15/2020",
        ],
    },
};

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    let last = candidate.matched().trim_end_matches(|last: char| !last.is_ascii_alphanumeric());
    let end = candidate.range.start + last.len();
    let next = candidate.byte(end);
    let goes_on =
        next.is_ascii_alphanumeric() || (b"./-".contains(&next) && candidate.byte(end + 1).is_ascii_digit());
    if !candidate.begins_alone() || goes_on {
        return None;
    }
    let date = last.split(['T', ',']).next().filter(|_| last.contains(':')).unwrap_or(last);
    (date.bytes().any(|byte| byte.is_ascii_alphabetic()) || is_in_figures(date, candidate))
        .then(|| candidate.shape_until(end))
}

/// Whether three numbers are a date in one of the usual orders.
fn is_in_figures(date: &str, candidate: &Candidate<'_>) -> bool {
    let date = date.split(' ').next().unwrap_or_default();
    let parts: Vec<&str> = date.split(['/', '.', '-']).collect();
    let joints: Vec<char> = date.chars().filter(|sign| !sign.is_ascii_digit()).collect();
    let ([first, second, third], [one, other]) = (parts.as_slice(), joints.as_slice()) else { return false };
    let value = |part: &str| part.parse::<u32>().unwrap_or(u32::MAX);
    let day = |part: &str| (1..=31).contains(&value(part));
    let month = |part: &str| (1..=12).contains(&value(part));
    let year = |part: &str| (1850..=2150).contains(&value(part));
    let ordered = |one: &str, other: &str| day(one) && day(other) && (month(one) || month(other));
    let short = || match one {
        '/' => true,
        _ => first.len() == 2 && second.len() == 2 && candidate.follows(DATES),
    };
    one == other
        && match (first.len(), third.len()) {
            (4, _) => year(first) && month(second) && day(third),
            (_, 4) => year(third) && ordered(first, second),
            (_, 2) => ordered(first, second) && short(),
            _ => false,
        }
}

/// Words after which a short date is one.
const DATES: &[&str] = &[
    "date", "dated", "born", "birth", "birthday", "dob", "on", "from", "until", "since", "due", "deadline",
    "am", "vom", "le",
];
