//! Whose rules a file holds, and where such a file lies.
//!
//! Receives a path relative to the policy folder and returns its scope. A path that is not a policy file's is an
//! error: a misplaced file that is quietly left out would be a rule that quietly does not hold.

use std::fmt;

use super::rule::Section;

/// The levels of the language. Their order is the order in which they are evaluated and reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The floor and ceiling for everybody.
    Org,
    Team(String),
    App(String, String),
}

impl Scope {
    /// The scope that a file at `path` must have: `org.yaml`, `teams/<team>.yaml` or `apps/<team>/<app>.yaml`.
    pub fn of_path(path: &str) -> Option<Self> {
        let stem = path.strip_suffix(".yaml")?;
        let parts: Vec<&str> = stem.split('/').collect();
        match parts.as_slice() {
            ["org"] => Some(Self::Org),
            ["teams", team] if is_name(team) && *team != "org" => Some(Self::Team((*team).to_owned())),
            // An app called `limits` would have the rule ids of its team's section.
            ["apps", team, app] if is_name(team) && is_name(app) && *team != "org" && !is_section(app) => {
                Some(Self::App((*team).to_owned(), (*app).to_owned()))
            }
            _ => None,
        }
    }

    /// As the `scope` key writes it.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Org => "org".to_owned(),
            Self::Team(team) => format!("team/{team}"),
            Self::App(team, app) => format!("app/{team}/{app}"),
        }
    }
}

/// As rule ids begin: `org`, `payments`, `payments/checkout`.
impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org => formatter.write_str("org"),
            Self::Team(team) => formatter.write_str(team),
            Self::App(team, app) => write!(formatter, "{team}/{app}"),
        }
    }
}

fn is_section(word: &str) -> bool {
    Section::ALL.iter().any(|section| section.name() == word)
}

/// Whether a word can name a team, an app or a rule: letters, digits, `-`, `_` and `.`, starting with a letter or digit.
pub(super) fn is_name(word: &str) -> bool {
    let first = word.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first
        && word.len() <= 64
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_places_hold_policies() {
        let table = [
            ("org.yaml", Some("org")),
            ("teams/payments.yaml", Some("team/payments")),
            ("apps/payments/checkout.yaml", Some("app/payments/checkout")),
            ("apps/payments/limits.yaml", None),
            ("payments.yaml", None),
            ("org.yml", None),
            ("teams/org.yaml", None),
            ("teams/.hidden.yaml", None),
            ("teams/pay ments.yaml", None),
            ("teams/eu/payments.yaml", None),
            ("apps/checkout.yaml", None),
            ("nested/org.yaml", None),
        ];
        for (path, expected) in table {
            assert_eq!(Scope::of_path(path).map(|scope| scope.key()).as_deref(), expected, "{path}");
        }
    }
}
