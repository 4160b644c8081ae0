//! Telephone numbers: international, North American, and national ones with a leading zero.
//!
//! The pattern takes any run of digits that is written like a number to dial. What the run may be follows from its
//! length and grouping; where that leaves doubt, a word such as `tel` must stand by it.

use std::cell::OnceCell;
use std::ops::Range;

use crate::sensitive::candidate::{Accepted, Candidate, Detector, Examples, Trigger, digits};

pub(super) static DETECTOR: Detector = Detector {
    name: "PHONE",
    short: "phone",
    aliases: &[],
    finds: "telephone numbers: international, North American, and national ones",
    check: None,
    triggers: &[Trigger::Digits(7)],
    // What follows may be an extension, say that it was a number to dial, or that it was none.
    pattern: concat!(
        r"(?:\+ ?|\(\+?)?[0-9](?:[ ./()-]{0,3}[0-9]){6,16}",
        r"(?: ?(?:ext\.? ?|x ?)[0-9]{1,6}| \(?(?:office|fax|mobile|cell|home)|[.-][0-9])?",
    ),
    validate,
    words: &[
        "tel*",
        "phone*",
        "ph",
        "mobile*",
        "cell",
        "cellphone",
        "cellular",
        "call*",
        "dial*",
        "fax",
        "ring",
        "sms",
        "text me",
        "whatsapp",
        "contact",
        "reach",
        "landline",
        "hotline",
        "mobil*",
        "handy",
        "tél*",
        "portable",
        "móvil*",
        "celular*",
        "@",
        "电话",
        "手机",
        "電話",
        "携帯",
        "тел*",
    ],
    keys: &["phone", "mobile", "tel", "fax", "cell", "telephone", "msisdn", "whatsapp"],
    whole: false,
    examples: Examples {
        found: &[
            ("call +44 121 234 5899?", "+44 121 234 5899"),
            ("ring +1 662-237-5048 tomorrow", "+1 662-237-5048"),
            ("+49 30 123581; next", "+49 30 123581"),
            ("+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
            ("+918123456789", "+918123456789"),
            ("(212) 555-0123 x977 office", "(212) 555-0123 x977"),
            ("212-555-0123", "212-555-0123"),
            ("212.555.0123", "212.555.0123"),
            ("1-800-555-0123", "1-800-555-0123"),
            ("phone 2125550123", "2125550123"),
            ("phone: 555-0123.", "555-0123"),
            ("tel. 07400 123969 / 01512 3456604", "07400 123969"),
            ("06 12 34 56 78", "06 12 34 56 78"),
            ("030 113993 office", "030 113993"),
            ("tel 0049 30 123581", "0049 30 123581"),
            ("001-212-555-0123x12", "001-212-555-0123x12"),
            ("0121 496 0123", "0121 496 0123"),
            ("Sincerely, Vince Casey\n212-555-0123", "212-555-0123"),
            ("fon +81 3-1248-0164", "+81 3-1248-0164"),
            ("＋４４ １２１ ２３４ ５８９９", "＋４４ １２１ ２３４ ５８９９"),
        ],
        passed: &[
            "case id 6128897174",
            "Her NHS no. is 856-565-9194",
            "ISBN-13: 978-8-1426-8821-6",
            "call on 01.02.2023 12:30",
            "+5 points",
            "account 030113993",
            "2024-01-15 and 2024-12-31",
            "x = 12345678.12345678",
            "tel 219-09-9999",
            "host 52.98.176.142",
            "550e8400-e29b-41d4-a716-446655440000",
        ],
    },
};

/// Nobody writes a number in more groups: `+49 (0) 30 12 34 56 78`.
const MOST_GROUPS: usize = 8;

fn validate(candidate: &Candidate<'_>) -> Option<Accepted> {
    if !candidate.begins_apart() {
        return None;
    }
    let tail = Tail::of(candidate.matched());
    let start = candidate.range.start;
    let run = candidate.range.end - tail.length();
    let groups = groups(candidate.until(run), start);
    let told = OnceCell::new();
    // The run may have taken in the number that follows: give its groups back, but only at spaces.
    (1..=groups.len().min(MOST_GROUPS)).rev().find_map(|count| {
        let end = groups.get(count - 1)?.end;
        let at_space = candidate.byte(end) == b' ';
        let last = count == groups.len();
        let dialled_end = if last { tail.dialled_end(run).unwrap_or(end) } else { end };
        let whole = last && (dialled_end > end || !candidate.goes_on(end));
        if !(whole || at_space) {
            return None;
        }
        let labelled = last && matches!(tail, Tail::Label(_));
        let number = Number::new(candidate, groups.get(..count)?, &told, labelled)?;
        number.is_dialled().then(|| candidate.shape_until(dialled_end))
    })
}

/// What the pattern has matched behind the digits of the number itself.
enum Tail {
    /// ` x977`, with its length.
    Extension(usize),
    /// ` office`, likewise.
    Label(usize),
    Nothing,
}

impl Tail {
    fn of(matched: &str) -> Self {
        let digits = matched.len() - matched.trim_end_matches(|last: char| last.is_ascii_digit()).len();
        let before = matched.get(..matched.len() - digits).unwrap_or_default();
        let words = |text: &str| {
            text.trim_end_matches(|last: char| {
                last.is_ascii_alphabetic() || b" .(".iter().any(|sign| char::from(*sign) == last)
            })
            .len()
        };
        let is_word = |text: &str| text.ends_with(|last: char| last.is_ascii_alphabetic());
        if digits == 0 && is_word(matched) {
            return Self::Label(matched.len() - words(matched));
        }
        if is_word(before.trim_end_matches([' ', '.'])) {
            return Self::Extension(matched.len() - words(before));
        }
        Self::Nothing
    }

    const fn length(&self) -> usize {
        match self {
            Self::Extension(length) | Self::Label(length) => *length,
            Self::Nothing => 0,
        }
    }

    /// Where the number ends with its extension, given where its digits end.
    const fn dialled_end(&self, run: usize) -> Option<usize> {
        match self {
            Self::Extension(length) => Some(run + *length),
            Self::Label(_) | Self::Nothing => None,
        }
    }
}

/// The runs of digits in the candidate, as ranges of the text.
fn groups(matched: &str, offset: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, _) in matched.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        let at = offset + at;
        match groups.last_mut() {
            Some(group) if group.end == at => group.end += 1,
            _ => groups.push(at..at + 1),
        }
    }
    groups
}

/// What the words around a number say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Phone,
    Other,
    Nothing,
}

impl Told {
    fn about(candidate: &Candidate<'_>) -> Self {
        if candidate.has_context() {
            Self::Phone
        } else if candidate.is_any_other() {
            Self::Other
        } else {
            Self::Nothing
        }
    }
}

/// A run of digit groups that may be a number to dial.
struct Number<'c> {
    text: &'c str,
    digits: Vec<u32>,
    lengths: Vec<usize>,
    candidate: &'c Candidate<'c>,
    told: &'c OnceCell<Told>,
    /// Whether a word behind it says that it is one.
    labelled: bool,
}

impl<'c> Number<'c> {
    fn new(
        candidate: &'c Candidate<'c>,
        groups: &[Range<usize>],
        told: &'c OnceCell<Told>,
        labelled: bool,
    ) -> Option<Self> {
        let text = candidate.until(groups.last()?.end);
        let digits: Vec<u32> = digits(text).collect();
        let lengths = groups.iter().map(ExactSizeIterator::len).collect();
        (digits.len() >= 7).then_some(Self { text, digits, lengths, candidate, told, labelled })
    }

    fn told(&self) -> Told {
        if self.labelled { Told::Phone } else { *self.told.get_or_init(|| Told::about(self.candidate)) }
    }

    fn is_dialled(&self) -> bool {
        if self.text.trim_start_matches('(').starts_with('+') {
            return self.is_international(&self.digits);
        }
        if self.is_date() || self.is_decimal() || self.is_social_security_number() {
            return false;
        }
        let length = self.digits.len();
        let told = || self.told() == Told::Phone;
        match self.digits.as_slice() {
            [0, 0, rest @ ..] => self.is_international(rest) && (self.is_punctuated() || told()),
            [0, ..] => self.is_french() || self.is_british() || ((9..=12).contains(&length) && told()),
            [1, rest @ ..] if length == 11 => is_american(rest) && (self.is_punctuated() || told()),
            [_, ..] if length == 10 => (is_american(&self.digits) && self.is_punctuated()) || told(),
            [..] if self.lengths == [3, 4] => told(),
            [..] => (9..=11).contains(&length) && self.lengths.len() > 1 && told(),
        }
    }

    /// Whether digits after a `+` are a country code and as many digits as numbers there have.
    fn is_international(&self, digits: &[u32]) -> bool {
        let known = COUNTRIES.iter().find(|(code, ..)| {
            code.bytes().map(|byte| u32::from(byte - b'0')).eq(digits.iter().take(code.len()).copied())
        });
        let (code, shortest, longest) = known.copied().unwrap_or(("000", 5, 12));
        let trunk = usize::from(self.text.contains("(0)"));
        let national = digits.len().saturating_sub(code.len() + trunk);
        let american = code != "1" || is_american(digits.get(1..).unwrap_or_default());
        digits.first().is_some_and(|&first| first != 0)
            && (shortest..=longest).contains(&national)
            && american
    }

    /// Five pairs, as France writes numbers and hardly anyone writes anything else.
    fn is_french(&self) -> bool {
        self.lengths == [2, 2, 2, 2, 2] && self.digits.get(1).is_some_and(|&second| second != 0)
    }

    /// Eleven digits, grouped behind an area or mobile prefix of Britain.
    fn is_british(&self) -> bool {
        let grouped = matches!(self.lengths.as_slice(), [5, 6] | [4, 3, 4] | [3, 4, 4] | [5, 3, 3]);
        let prefix = matches!(self.digits.get(1), Some(1 | 2 | 3 | 7 | 8));
        grouped && prefix && self.told() != Told::Other
    }

    /// Grouped 3-3-4 with something other than spaces, as North America writes numbers.
    fn is_punctuated(&self) -> bool {
        let grouped = self.lengths.ends_with(&[3, 3, 4]) && self.lengths.len() <= 4;
        grouped && self.text.contains(['-', '.', ')']) && self.told() != Told::Other
    }

    fn is_date(&self) -> bool {
        matches!(self.lengths.as_slice(), [1 | 2, 2, 4, ..] | [2, 1, 4, ..] | [4, 2, 2, ..])
            && self.text.contains(['.', '/', '-'])
    }

    fn is_social_security_number(&self) -> bool {
        self.lengths == [3, 2, 4]
    }

    /// A decimal number, or an internet address.
    fn is_decimal(&self) -> bool {
        let dots = self.text.matches('.').count();
        (dots == 1 && self.lengths.len() == 2 && !self.text.starts_with(['+', '0', '('])) || dots == 3
    }
}

/// The North American plan: neither an area nor an exchange begins with 0 or 1.
fn is_american(digits: &[u32]) -> bool {
    digits.len() == 10 && [0, 3].iter().all(|&at| digits.get(at).is_some_and(|&digit| digit >= 2))
}

/// Country codes, and the fewest and most digits that follow them (national numbering plans, ITU-T E.164).
const COUNTRIES: &[(&str, usize, usize)] = &[
    ("1", 10, 10),
    ("20", 8, 10),
    ("27", 9, 9),
    ("30", 10, 10),
    ("31", 9, 9),
    ("32", 8, 9),
    ("33", 9, 9),
    ("34", 9, 9),
    ("36", 8, 9),
    ("39", 6, 11),
    ("40", 9, 9),
    ("41", 9, 9),
    ("43", 5, 13),
    ("44", 9, 10),
    ("45", 8, 8),
    ("46", 7, 10),
    ("47", 8, 8),
    ("48", 9, 9),
    ("49", 5, 11),
    ("52", 10, 11),
    ("54", 10, 11),
    ("55", 10, 11),
    ("61", 9, 9),
    ("62", 8, 12),
    ("64", 8, 10),
    ("65", 8, 8),
    ("7", 10, 10),
    ("81", 9, 10),
    ("82", 8, 10),
    ("86", 10, 11),
    ("90", 10, 10),
    ("91", 10, 10),
    ("353", 7, 9),
    ("358", 5, 12),
    ("420", 9, 9),
    ("852", 8, 8),
    ("971", 8, 9),
    ("972", 8, 9),
];
