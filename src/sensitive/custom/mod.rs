//! Detectors that policy authors write.
//!
//! Receives a definition as a file has it and returns a detector that can be run, or why not. The same limits hold as for
//! the built-in ones: bounded, no look-around, no backtracking, and examples that show what it does. A match counts only
//! where a word begins and ends, so that no candidate is taken out of the middle of another word.

use std::sync::Arc;

use regex_syntax::hir::{Hir, HirKind};
use thiserror::Error;

use super::candidate::{Accepted, Candidate, Validate};
use super::pattern::Pattern;
use super::words::Contribution;
use super::{DetectorId, Scanner, ScannerError, checksums, find};

/// The longest name, as Amazon Bedrock Guardrails allows for its own patterns.
pub const LONGEST_NAME: usize = 100;
/// The longest pattern, likewise, in characters.
pub const LONGEST_PATTERN: usize = 500;
/// The most bytes that a match may have: what is held back of a stream at most.
pub const LONGEST_MATCH: usize = 1024;
/// The most detectors that one policy folder may add.
pub const MOST_CUSTOM: usize = 50;
/// The most keywords of one detector.
pub const MOST_KEYWORDS: usize = 20;

/// The most memory that a compiled pattern may take, in bytes.
const PATTERN_LIMIT: usize = 256 * 1024;

/// What a file says about a detector.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    pub name: String,
    pub pattern: String,
    /// Words of which one must stand shortly before a match, or in the member's name. None: the pattern is enough.
    pub keywords: Vec<String>,
    pub validator: Option<Validator>,
    /// Texts in which it must find something.
    pub found: Vec<String>,
    /// Texts in which it must find nothing.
    pub passed: Vec<String>,
}

/// Arithmetic that a match must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    Luhn,
    Mod97,
    Aba,
    Nhs,
    Verhoeff,
    Vin,
}

impl Validator {
    /// As files write them.
    pub const WORDS: [(&str, Self); 6] = [
        ("luhn", Self::Luhn),
        ("iban-mod97", Self::Mod97),
        ("aba", Self::Aba),
        ("nhs-mod11", Self::Nhs),
        ("verhoeff", Self::Verhoeff),
        ("vin", Self::Vin),
    ];

    const fn validate(self) -> Validate {
        match self {
            Self::Luhn => |candidate| checked(candidate, checksums::luhn),
            Self::Mod97 => |candidate| checked(candidate, checksums::mod_97),
            Self::Aba => |candidate| checked(candidate, checksums::aba),
            Self::Nhs => |candidate| checked(candidate, checksums::nhs),
            Self::Verhoeff => |candidate| checked(candidate, checksums::verhoeff),
            Self::Vin => |candidate| checked(candidate, checksums::vin),
        }
    }
}

/// A custom detector that can be run.
#[derive(Debug, Clone)]
pub struct Custom {
    pub(super) id: DetectorId,
    pub(super) pattern: Pattern,
    pub(super) validate: Validate,
    pub(super) keywords: Vec<String>,
}

/// Why a definition is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CustomError {
    #[error("a name has 1 to {LONGEST_NAME} capitals, digits and `_`, and begins with a capital")]
    Name,
    #[error("`{0}` is the name of a built-in detector")]
    Taken(String),
    #[error("there were too many different names of custom detectors since the process started; restart it")]
    Names,
    #[error("the pattern has {0} characters; the most are {LONGEST_PATTERN}")]
    TooLong(usize),
    #[error("the pattern cannot be read: {0}")]
    Pattern(String),
    #[error(
        "the pattern matches text without a bound; write `{{0,20}}` instead of `*`, `{{1,20}}` instead of `+`"
    )]
    Unbounded,
    #[error("the pattern can match {0} bytes; the most are {LONGEST_MATCH}")]
    LongMatch(usize),
    #[error("the pattern matches the empty text")]
    Empty,
    #[error(
        "the pattern looks around with `^`, `$` or `\\b`; a match counts only where a word begins and ends anyway"
    )]
    LookAround,
    #[error("the pattern is too large once it is compiled; repeat less")]
    Size,
    #[error("a keyword has 2 to 40 letters, digits, spaces and signs")]
    Keyword,
    #[error("a detector needs an example of `match` and one of `no_match`")]
    NoExamples,
    #[error("nothing is found in the example of `match` number {0}")]
    NotFound(usize),
    #[error("something is found in the example of `no_match` number {0}")]
    Found(usize),
    #[error("{0}")]
    Scanner(String),
}

impl Custom {
    /// Compiles a definition and tries its examples.
    pub fn new(definition: &Definition) -> Result<Self, CustomError> {
        check_name(&definition.name)?;
        let length = definition.pattern.chars().count();
        if length > LONGEST_PATTERN {
            return Err(CustomError::TooLong(length));
        }
        check_pattern(&definition.pattern)?;
        let pattern = Pattern::new(&definition.pattern, PATTERN_LIMIT);
        let keywords: Vec<String> = definition.keywords.iter().map(|word| word.to_lowercase()).collect();
        if keywords.len() > MOST_KEYWORDS || keywords.iter().any(|word| !is_keyword(word)) {
            return Err(CustomError::Keyword);
        }
        if definition.found.is_empty() || definition.passed.is_empty() {
            return Err(CustomError::NoExamples);
        }
        let custom = Self {
            id: DetectorId::custom(&definition.name).ok_or(CustomError::Names)?,
            pattern: pattern.map_err(|_| CustomError::Size)?,
            validate: definition.validator.map_or(
                |candidate: &Candidate<'_>| candidate.is_word().then(|| candidate.by_shape()),
                Validator::validate,
            ),
            keywords,
        };
        custom.try_examples(definition)?;
        Ok(custom)
    }

    pub const fn id(&self) -> DetectorId {
        self.id
    }

    pub(super) fn contribution(&self) -> Contribution<'_> {
        Contribution {
            detector: self.id,
            words: self.keywords.iter().map(String::as_str).collect(),
            literals: Vec::new(),
            by_words: true,
        }
    }

    /// Names of members that speak for their value: the keywords, in letters only.
    pub(super) fn keys(&self) -> Arc<[String]> {
        let letters = |word: &String| word.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        self.keywords.iter().map(letters).filter(|key| !key.is_empty()).collect()
    }

    fn try_examples(&self, definition: &Definition) -> Result<(), CustomError> {
        let scanner = Scanner::with(std::slice::from_ref(self))
            .map_err(|error: ScannerError| CustomError::Scanner(error.to_string()))?;
        let only = [self.id].into_iter().collect();
        let finds = |text: &String| !scanner.scan(only, text, None).is_empty();
        if let Some(place) = definition.found.iter().position(|text| !finds(text)) {
            return Err(CustomError::NotFound(place + 1));
        }
        definition.passed.iter().position(finds).map_or(Ok(()), |place| Err(CustomError::Found(place + 1)))
    }
}

fn check_name(name: &str) -> Result<(), CustomError> {
    let of_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    if !starts || name.len() > LONGEST_NAME || !name.bytes().all(of_name) {
        return Err(CustomError::Name);
    }
    find(name).map_or(Ok(()), |_| Err(CustomError::Taken(name.to_owned())))
}

fn check_pattern(pattern: &str) -> Result<(), CustomError> {
    let hir = regex_syntax::parse(pattern).map_err(|error| CustomError::Pattern(reason(&error)))?;
    if looks_around(&hir) {
        return Err(CustomError::LookAround);
    }
    match (hir.properties().minimum_len(), hir.properties().maximum_len()) {
        (Some(0) | None, _) => Err(CustomError::Empty),
        (_, None) => Err(CustomError::Unbounded),
        (_, Some(longest)) if longest > LONGEST_MATCH => Err(CustomError::LongMatch(longest)),
        (Some(_), Some(_)) => Ok(()),
    }
}

/// The last line of the parser's message, which says what is wrong without drawing it.
fn reason(error: &regex_syntax::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn looks_around(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Look(_) => true,
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Repetition(repetition) => looks_around(&repetition.sub),
        HirKind::Capture(capture) => looks_around(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(looks_around),
    }
}

fn is_keyword(word: &str) -> bool {
    (2..=40).contains(&word.len()) && !word.chars().any(char::is_control) && word.trim() == word
}

/// The whole candidate, where a word begins and ends, if `check` is right about it.
fn checked(candidate: &Candidate<'_>, check: fn(&str) -> bool) -> Option<Accepted> {
    (candidate.is_word() && check(candidate.matched())).then(|| candidate.checked())
}

#[cfg(test)]
mod tests;
