//! Atoms: conditions of translated rules that Cedar cannot state, by the names that `context.atoms` would hold.
//!
//! Receives statements and finds the atoms in them; receives an inquiry and says natively which of them hold.

use std::collections::BTreeSet;

use crate::policy::PolicySet;
use crate::policy::asked::{Asked, Undecided};
use crate::policy::condition::{Hours, covered, covers, hits};
use crate::policy::facts::Inquiry;
use crate::policy::glob::Glob;
use crate::policy::rules::{allow, residency};

/// One atom, read from its name.
#[derive(Debug, Clone)]
pub(in crate::policy) enum Atom {
    Hours(Hours),
    /// One of the tools on offer matches.
    Tools(Glob),
    /// The model, or something behind it, is hit.
    Model(Glob),
    /// Everything behind the model is covered.
    Covered(Vec<Glob>),
    /// Models behind a name are granted one by one by these items.
    Granted(String),
    LeavesGeography,
}

impl Atom {
    /// `None` for what is not the name of an atom.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "leaves-geography" {
            return Some(Self::LeavesGeography);
        }
        let (kind, rest) = name.split_once(':')?;
        match kind {
            "hours" => rest.parse().ok().map(Self::Hours),
            "tools" => Glob::parse(rest).ok().map(Self::Tools),
            "model" => Glob::parse(rest).ok().map(Self::Model),
            "covered" => {
                rest.split(' ').map(|one| Glob::parse(one).ok()).collect::<Option<_>>().map(Self::Covered)
            }
            "granted" => Some(Self::Granted(rest.to_owned())),
            _ => None,
        }
    }

    pub fn holds(&self, set: &PolicySet, inquiry: &Inquiry<'_>) -> Result<bool, Undecided> {
        Ok(match self {
            Self::Hours(hours) => hours.contains(inquiry.context.now),
            Self::Tools(pattern) => inquiry.facts.tools.iter().any(|tool| pattern.matches(tool)),
            Self::Model(pattern) => inquiry.model.is_some_and(|model| hits(pattern, model)),
            Self::Covered(patterns) => inquiry.model.is_some_and(|model| {
                covered(model, &|one| patterns.iter().any(|pattern| covers(pattern, one)))
            }),
            Self::Granted(id) => granted(id, set, inquiry)?,
            Self::LeavesGeography => residency::unwritten(inquiry).is_some(),
        })
    }
}

/// Names of all atoms that texts speak of.
pub(in crate::policy) fn named<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeSet<&'t str> {
    let after = |text: &'t str| text.split("context.atoms.contains(\"").skip(1);
    texts.into_iter().flat_map(after).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name).collect()
}

fn granted(id: &str, set: &PolicySet, inquiry: &Inquiry<'_>) -> Result<bool, Undecided> {
    if !inquiry.model.is_some_and(|model| model.kind().is_alias()) {
        return Ok(false);
    }
    let levels = set.all_levels().flat_map(|level| &level.grants);
    let own = levels.filter(|grants| grants.id.as_str() == id).flat_map(|grants| &grants.items);
    let exceptions = set.teams.values().flat_map(|team| &team.exceptions);
    let terms = exceptions.filter(|exception| format!("{}/allow", exception.id) == id);
    let items: Vec<_> = own.chain(terms.flat_map(|exception| &exception.instead.grants)).cloned().collect();
    Ok(!allow::granting(&items, &Asked::new(inquiry))?.is_empty())
}
