//! Conditions in Cedar. Each text holds for exactly the requests that its condition holds for.

use super::{Clause, Clauses, Condition, Matching, Test};
use crate::policy::cedar::{all, any, atom, is_literal, matches, not, quoted, set};
use crate::policy::glob::Glob;

impl Condition {
    /// Whether a restriction under this condition concerns the request.
    pub fn restricts_in_cedar(&self) -> String {
        self.in_cedar(Matching::Broad, Matching::Strict)
    }

    /// Whether a grant under this condition holds for the request.
    pub fn grants_in_cedar(&self) -> String {
        self.in_cedar(Matching::Strict, Matching::Broad)
    }

    fn in_cedar(&self, when: Matching, unless: Matching) -> String {
        let when = self.when.iter().map(|test| test.in_cedar(when));
        let unless = self.unless.iter().map(|test| not(&test.in_cedar(unless)));
        all(when.chain(unless))
    }
}

impl Test {
    fn in_cedar(&self, matching: Matching) -> String {
        match self {
            Self::Clauses(Clauses(clauses)) => all(clauses.iter().map(|clause| clause.in_cedar(matching))),
            Self::Cedar(predicate) => format!("({})", predicate.text()),
        }
    }
}

impl Clause {
    fn in_cedar(&self, matching: Matching) -> String {
        let one_of =
            |text: &str, patterns: &[Glob]| any(patterns.iter().map(|pattern| matches(text, pattern)));
        match self {
            Self::Environment(patterns) => one_of("context.env", patterns),
            Self::App(patterns) => one_of("context.app", patterns),
            Self::Region(patterns) => one_of("context.region", patterns),
            Self::Model(patterns) => match matching {
                Matching::Broad => hits_in_cedar(patterns),
                Matching::Strict => covered_in_cedar(patterns),
            },
            Self::Kind(kinds) => {
                let kinds = set(kinds.iter().map(|kind| kind.name()));
                match matching {
                    Matching::Broad => format!("context.model.kinds.containsAny({kinds})"),
                    Matching::Strict => format!("{kinds}.contains(context.model.kind)"),
                }
            }
            Self::Action(operations) => {
                let actions = operations.iter().map(|one| format!("Warden::Action::{}", quoted(one.name())));
                format!("action in [{}]", actions.collect::<Vec<_>>().join(", "))
            }
            Self::Source(networks) => any(networks
                .iter()
                .map(|network| format!("context.source.isInRange(ip({}))", quoted(&network.to_string())))),
            Self::Tools(patterns) => any(patterns.iter().flat_map(Glob::alternatives).map(|pattern| {
                if is_literal(&pattern) {
                    format!("context.content.tools.contains({})", quoted(&pattern.to_string()))
                } else {
                    atom(&format!("tools:{pattern}"))
                }
            })),
            Self::Stream(true) => "context.params.stream".to_owned(),
            Self::Stream(false) => "!context.params.stream".to_owned(),
            Self::Hours(hours) => any(hours.iter().map(|hours| atom(&format!("hours:{hours}")))),
        }
    }
}

/// Where a match restricts: the name, anything behind it, or what any of those was trained from.
pub(in crate::policy) fn hits_in_cedar(patterns: &[Glob]) -> String {
    let hits = any(patterns.iter().flat_map(Glob::alternatives).map(|pattern| {
        let word = quoted(&pattern.to_string());
        if is_literal(&pattern) {
            return format!("context.model.names.contains({word})");
        }
        any([
            format!("context.model.id like {word}"),
            format!("context.model.base like {word}"),
            atom(&format!("model:{pattern}")),
        ])
    }));
    all(["context.model.kind != \"none\"".to_owned(), hits])
}

/// Where a match loosens, for the model as it is named.
pub(in crate::policy) fn covers_in_cedar(patterns: &[Glob]) -> String {
    any(patterns.iter().flat_map(Glob::alternatives).map(|pattern| {
        let word = quoted(&pattern.to_string());
        if is_literal(&pattern) {
            any([
                format!("context.model.id == {word}"),
                format!("(context.model.plain && context.model.base == {word})"),
            ])
        } else {
            format!("(!context.model.own && context.model.base like {word})")
        }
    }))
}

/// Where a match loosens: the name, or everything behind it.
fn covered_in_cedar(patterns: &[Glob]) -> String {
    let names: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let covered = any([covers_in_cedar(patterns), atom(&format!("covered:{}", names.join(" ")))]);
    all(["context.model.kind != \"none\"".to_owned(), covered])
}
