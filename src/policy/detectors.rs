//! `detectors.yaml`: detectors that a policy folder adds to the built-in ones.
//!
//! Receives the file, if there is one, and returns a scanner that knows both kinds and the names that `sensitive` may
//! use. A definition that is not bounded, or does not do what its examples say, is refused with its line.

use super::condition::check_blank;
use super::document::check_version;
use crate::sensitive::{Custom, CustomError, Definition, DetectorId, MOST_CUSTOM, Scanner, Validator};
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source};

pub(super) const FILE: &str = "detectors.yaml";
pub(super) const FILE_KEYS: [&str; 2] = ["version", "detectors"];
pub(super) const KEYS: [&str; 5] = ["name", "pattern", "keywords", "validator", "examples"];
pub(super) const EXAMPLES: [&str; 2] = ["match", "no_match"];

/// All detectors of a policy folder.
#[derive(Debug, Clone)]
pub(super) struct Detectors {
    scanner: Scanner,
}

impl Detectors {
    /// Reads the file; without one there are the built-in detectors. `None` after a reported mistake.
    pub fn read(file: Option<&Source>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let nowhere = Source::new(FILE, "");
        let custom = file.map_or(Some(Vec::new()), |file| read_file(file, diagnostics))?;
        match Scanner::with(&custom) {
            Ok(scanner) => Some(Self { scanner }),
            Err(error) => {
                diagnostics.push(file.unwrap_or(&nowhere).error(0..0, error.to_string()));
                None
            }
        }
    }

    pub const fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    /// The detector that a rule calls `name`, in any spelling and any case.
    pub fn find(&self, name: &str) -> Option<DetectorId> {
        self.scanner.find(name)
    }

    /// What rules may name, in the spelling that is preferred.
    pub fn names(&self) -> Vec<&'static str> {
        self.scanner.detectors().iter().map(DetectorId::short).collect()
    }
}

fn read_file(source: &Source, diagnostics: &mut Diagnostics) -> Option<Vec<Custom>> {
    let errors = diagnostics.errors();
    let document = source.parse(diagnostics)?;
    let mut reader = Reader { source, diagnostics };
    let mapping = reader.mapping(&document, FILE, &FILE_KEYS)?;
    check_blank(&mut reader, &mapping);
    check_version(&mut reader, &mapping);
    let list = reader.required(&mapping, "detectors.yaml", "detectors")?;
    let nodes = reader.list(list);
    if nodes.len() > MOST_CUSTOM {
        reader.error(&list.span, format!("a folder can add {MOST_CUSTOM} detectors, not {}", nodes.len()));
    }
    let mut custom: Vec<Custom> = Vec::new();
    for node in nodes.iter().take(MOST_CUSTOM) {
        let Some(one) = read_one(&mut reader, node) else { continue };
        if custom.iter().any(|other| other.id() == one.id()) {
            reader.error(&node.span, format!("two detectors are called `{}`", one.id()));
        }
        custom.push(one);
    }
    (diagnostics.errors() == errors).then_some(custom)
}

const PLACE: &str = "an item of `detectors`";

fn read_one(reader: &mut Reader<'_>, node: &Node) -> Option<Custom> {
    let item = reader.mapping(node, PLACE, &KEYS)?;
    check_blank(reader, &item);
    let name = reader.required(&item, PLACE, "name");
    let pattern = reader.required(&item, PLACE, "pattern");
    let examples = reader.required(&item, PLACE, "examples");
    let (name, pattern, examples) = (name?, pattern?, examples?);
    let keywords = item.get("keywords").map_or(Some(Vec::new()), |node| reader.strings(node, "keywords"));
    let validator = match item.get("validator") {
        Some(node) => Some(reader.one_of(node, "validator", &Validator::WORDS)?),
        None => None,
    };
    let read = reader.mapping(examples, "`examples`", &EXAMPLES)?;
    let definition = Definition {
        name: reader.string(name, "name")?,
        pattern: reader.string(pattern, "pattern")?,
        keywords: keywords?,
        validator,
        found: read_examples(reader, &read, "match")?,
        passed: read_examples(reader, &read, "no_match")?,
    };
    match Custom::new(&definition) {
        Ok(custom) => Some(custom),
        Err(error) => {
            let place = place_of(&error, &item, name, pattern, examples);
            reader.error(&place.span, error.to_string());
            None
        }
    }
}

fn read_examples(reader: &mut Reader<'_>, examples: &Mapping<'_>, key: &str) -> Option<Vec<String>> {
    let node = reader.required(examples, "`examples`", key)?;
    reader.strings(node, key)
}

/// The part of a definition that an error is about.
fn place_of<'n>(
    error: &CustomError,
    item: &Mapping<'n>,
    name: &'n Node,
    pattern: &'n Node,
    examples: &'n Node,
) -> &'n Node {
    match error {
        CustomError::Name | CustomError::Taken(_) | CustomError::Names => name,
        CustomError::TooLong(_)
        | CustomError::Pattern(_)
        | CustomError::Unbounded
        | CustomError::LongMatch(_)
        | CustomError::Empty
        | CustomError::LookAround
        | CustomError::Size
        | CustomError::Scanner(_) => pattern,
        CustomError::Keyword => item.get("keywords").unwrap_or(name),
        CustomError::NoExamples | CustomError::NotFound(_) | CustomError::Found(_) => examples,
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::fixture::compiled;
    use crate::sensitive::redact;

    const ORG: &str = "version: 1\nscope: org\nallow: { models: \"*\" }\n";
    const TICKET: &str = "version: 1\ndetectors:\n  - name: SECURITY_TICKET\n    pattern: 'SEC-[0-9]{4,6}'\n    \
                          examples: { match: [see SEC-12345.], no_match: [SEC-123] }\n";

    fn with(detectors: &str) -> Vec<String> {
        compiled(&[("detectors.yaml", detectors), ("org.yaml", ORG)]).1
    }

    #[test]
    fn rules_name_the_detectors_of_the_folder_beside_the_built_in_ones() {
        let rule = "sensitive: { id: t, detect: [security_ticket, email], prompt: redact, unread: report }\n";
        let org = format!("{ORG}{rule}");
        let (set, reported) = compiled(&[("detectors.yaml", TICKET), ("org.yaml", &org)]);
        let set = set.unwrap_or_else(|| panic!("{reported:#?}"));
        let (without, reported) = compiled(&[("org.yaml", &org)]);
        assert!(without.is_none() && reported.iter().any(|line| line.contains("`security_ticket`")));
        let scanner = set.scanner();
        let text = "SEC-12345 of bob@example.com";
        let matches = scanner.scan(scanner.detectors(), text, None);
        let redacted = redact(text, &matches, scanner.detectors()).unwrap();
        assert_eq!(redacted, "{SECURITY_TICKET} of {EMAIL}");
    }

    #[test]
    fn the_file_is_part_of_the_digest() {
        let digest = |detectors: &str| {
            let (set, reported) = compiled(&[("detectors.yaml", detectors), ("org.yaml", ORG)]);
            set.unwrap_or_else(|| panic!("{reported:#?}")).digest().to_owned()
        };
        assert_ne!(digest(TICKET), digest(&TICKET.replace("12345", "12346")));
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        let cases = [
            (TICKET.replace("{4,6}", "+"), "detectors.yaml:4", "without a bound"),
            (TICKET.replace("'SEC-", "'\\bSEC-"), "detectors.yaml:4", "looks around"),
            (TICKET.replace("SECURITY_TICKET", "EMAIL"), "detectors.yaml:3", "built-in"),
            (TICKET.replace("no_match: [SEC-123]", "no_match: [SEC-1234]"), "detectors.yaml:5", "number 1"),
            (
                TICKET.replace("match: [see SEC-12345.]", "match: [see SEC-1]"),
                "detectors.yaml:5",
                "nothing is found",
            ),
            (
                TICKET.replace("    pattern", "    validator: md5\n    pattern"),
                "detectors.yaml:4",
                "validator",
            ),
            (
                format!("{TICKET}{}", TICKET.replace("version: 1\ndetectors:\n", "")),
                "detectors.yaml:6",
                "two detectors",
            ),
            (TICKET.replace("version: 1", "version: 2"), "detectors.yaml:1", "version 1"),
        ];
        for (file, place, reason) in cases {
            let reported = with(&file);
            let said = reported.iter().any(|line| line.contains(place) && line.contains(reason));
            assert!(said, "{reason}: {reported:#?}");
        }
    }
}
