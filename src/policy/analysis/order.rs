//! The documented order of keys in every file of a policy folder, for the one layout that they all get.
//!
//! Returns the tables that the parser reads, so that no key can be without a place. Decides nothing about what a file says.

use super::description::NAMES;
use super::suite::{is_test, keys};
use crate::policy::document::{FILE_KEYS, FLOOR_KEYS};
use crate::policy::rule::Section;
use crate::policy::rules::{Kind, limits};
use crate::policy::{catalogue, condition, detectors, exceptions};
use crate::yaml::layout::Order;

/// Where in a policy folder a mapping stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Policy,
    Tests,
    Exceptions,
    Detectors,
    Catalogue,
    /// What an exception has instead of what it waives.
    Terms,
    Item(Section),
    Condition,
    Bound,
    Exception,
    Detector,
    Examples,
    Model,
    Prices,
    Case,
    Given,
    Request,
    Expect,
    /// Names that authors choose: they stay in their order.
    Own,
}

impl Place {
    /// The whole of a file.
    pub fn of_file(path: &str) -> Self {
        match path {
            exceptions::FILE => Self::Exceptions,
            detectors::FILE => Self::Detectors,
            catalogue::FILE => Self::Catalogue,
            test if is_test(test) => Self::Tests,
            _ => Self::Policy,
        }
    }

    fn section(key: &str) -> Option<Section> {
        Section::ALL.into_iter().find(|section| section.name() == key)
    }
}

impl Order for Place {
    fn keys(self) -> Vec<&'static str> {
        let sections = || Section::ALL.map(Section::name);
        match self {
            Self::Policy => FILE_KEYS.into_iter().chain(FLOOR_KEYS).chain(sections()).collect(),
            Self::Tests => keys::FILE.to_vec(),
            Self::Exceptions => exceptions::FILE_KEYS.to_vec(),
            Self::Detectors => detectors::FILE_KEYS.to_vec(),
            Self::Catalogue => catalogue::FILE_KEYS.to_vec(),
            Self::Terms => sections().to_vec(),
            Self::Item(section) => {
                let own = Kind::keys(section).iter().copied();
                ITEM_BEGINS.into_iter().chain(own).chain(ITEM_ENDS).collect()
            }
            Self::Condition => condition::KEYS.to_vec(),
            Self::Bound => limits::BOUND_KEYS.to_vec(),
            Self::Exception => exceptions::KEYS.to_vec(),
            Self::Detector => detectors::KEYS.to_vec(),
            Self::Examples => detectors::EXAMPLES.to_vec(),
            Self::Model => catalogue::MODEL_KEYS.into_iter().chain(catalogue::ALIAS_KEYS).collect(),
            Self::Prices => catalogue::PRICE_KEYS.to_vec(),
            // A case and an invariant, whose keys differ at the end only.
            Self::Case => keys::CASE.into_iter().chain(keys::INVARIANT).collect(),
            Self::Given => keys::GIVEN.to_vec(),
            Self::Request => keys::REQUEST.into_iter().chain(NAMES).collect(),
            Self::Expect => keys::EXPECT.to_vec(),
            Self::Own => Vec::new(),
        }
    }

    fn under(self, key: &str) -> Self {
        match (self, key) {
            (Self::Policy | Self::Terms, key) => Self::section(key).map_or(Self::Own, Self::Item),
            (Self::Item(_), "when" | "unless") | (Self::Case, "allowed") => Self::Condition,
            (Self::Item(Section::Limits), _) => Self::Bound,
            (Self::Exceptions, "exceptions") => Self::Exception,
            (Self::Exception, "instead") => Self::Terms,
            (Self::Detectors, "detectors") => Self::Detector,
            (Self::Detector, "examples") => Self::Examples,
            (Self::Catalogue, "models" | "aliases") => Self::Model,
            (Self::Model, "prices") => Self::Prices,
            (Self::Tests, "cases" | "never") => Self::Case,
            (Self::Exception, "for") | (Self::Tests | Self::Case, "given") => Self::Given,
            (Self::Case, "request") => Self::Request,
            (Self::Case, "expect") => Self::Expect,
            (
                Self::Exceptions
                | Self::Detectors
                | Self::Catalogue
                | Self::Item(_)
                | Self::Condition
                | Self::Bound
                | Self::Exception
                | Self::Detector
                | Self::Examples
                | Self::Model
                | Self::Prices
                | Self::Tests
                | Self::Case
                | Self::Given
                | Self::Request
                | Self::Expect
                | Self::Own,
                _,
            ) => Self::Own,
        }
    }
}

/// What an item begins with: what it is called, and what it concerns.
const ITEM_BEGINS: [&str; 4] = ["id", "mode", "when", "unless"];
/// What it ends with: what it is for.
const ITEM_ENDS: [&str; 3] = ["message", "controls", "locked"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::policy::rule::COMMON_KEYS;
    use crate::policy::{self, PolicySet};
    use crate::yaml::layout::formatted;
    use crate::yaml::{Diagnostics, Source};

    #[test]
    fn every_key_of_an_item_has_a_place() {
        let mut placed: Vec<&str> = ITEM_BEGINS.into_iter().chain(ITEM_ENDS).collect();
        let mut known = COMMON_KEYS.to_vec();
        placed.sort_unstable();
        known.sort_unstable();
        assert_eq!(placed, known);
    }

    fn shipped() -> Vec<Source> {
        let paths = [
            "org.yaml",
            "teams/payments.yaml",
            "teams/research.yaml",
            "tests/org.yaml",
            "tests/payments.yaml",
            "tests/research.yaml",
        ];
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/");
        paths
            .map(|path| Source::new(path, std::fs::read_to_string(format!("{folder}{path}")).unwrap()))
            .to_vec()
    }

    fn laid_out(source: &Source) -> String {
        formatted(source, Place::of_file(&source.path))
            .unwrap_or_else(|error| panic!("{}: {error}", source.path))
    }

    #[test]
    fn the_policies_that_ship_are_laid_out_already() {
        for source in shipped() {
            assert_eq!(laid_out(&source), *source.text, "{}", source.path);
        }
    }

    /// What a set says, without where it is written.
    fn rules(files: &[Source]) -> Vec<String> {
        let mut diagnostics = Diagnostics::default();
        let set: Option<PolicySet> = policy::compile(files, clock::now(), &mut diagnostics);
        let set = set.unwrap_or_else(|| panic!("{diagnostics}"));
        let told =
            |text: String| text.lines().filter(|line| !line.contains("@at(")).collect::<Vec<_>>().join("\n");
        set.in_cedar().into_iter().map(|statement| told(statement.text)).collect()
    }

    #[test]
    fn a_layout_changes_no_rule() {
        let shuffled = |source: &Source| {
            let team = "deny:\n- message: no\n  models: [ \"*preview*\" ]   # why\n  id: p\nlimits: {temperature: {default: 0.1,max: 1},  maxTokens: 5}\nallow:\n    models: \"*\"\nscope: team/payments\nversion: 1\n";
            let text = if &*source.path == "teams/payments.yaml" { team } else { &*source.text };
            Source::new(source.path.clone(), text)
        };
        let before: Vec<Source> = shipped().iter().map(shuffled).collect();
        let after: Vec<Source> =
            before.iter().map(|source| Source::new(source.path.clone(), laid_out(source))).collect();
        assert!(after[1].text.starts_with("version: 1\nscope: team/payments\nallow:\n"), "{}", after[1].text);
        assert!(
            after[1].text.contains("  - id: p\n    models: [\"*preview*\"]  # why\n    message: no\n"),
            "{}",
            after[1].text
        );
        assert_eq!(rules(&before), rules(&after));
    }
}
