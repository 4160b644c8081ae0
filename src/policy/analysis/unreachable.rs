//! Rules that no request can ever meet, found on the finite grid.
//!
//! Receives a policy set, returns items whose condition never holds, and denials of what is not granted to begin with. A
//! condition in Cedar hangs on more than the grid has, so such an item is never called unreachable.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::grid::{self, Grid};
use super::probe::Probe;
use crate::policy::{Facts, PolicySet, RuleId, Section, Written};
use crate::yaml::Diagnostic;

/// A warning for every item that changes nothing, as far as the grid tells for requests to `region` on the day of `now`.
pub fn warnings(set: &PolicySet, region: &str, now: Timestamp) -> Vec<Diagnostic> {
    let mut met = Met::default();
    for team in grid::teams(&[set]) {
        met.search(set, &Grid::of(&[set], &team, region, now));
    }
    let cedar: BTreeSet<RuleId> = set.cedar_items().collect();
    let mut warnings = Vec::new();
    for item in set.written().filter(|item| !cedar.contains(&item.rule)) {
        warnings.extend(met.warning(&item));
    }
    warnings
}

/// What was met so far.
#[derive(Debug, Default)]
struct Met {
    /// Whether anybody has a policy at all.
    asked: bool,
    /// Rules that concerned some request, and items that granted something.
    concerned: BTreeSet<RuleId>,
    /// Items of `deny` that denied something that was granted.
    needed: BTreeSet<RuleId>,
}

impl Met {
    fn search(&mut self, set: &PolicySet, grid: &Grid) {
        for class in grid.classes.iter().filter(|class| grid.could_be_granted(set, class)) {
            for app in &grid.apps {
                for around in &grid.around {
                    for operation in grid.named_operations(class) {
                        self.look(set, grid, &grid.probe(app, around, class, operation));
                    }
                }
            }
        }
    }

    fn look(&mut self, set: &PolicySet, grid: &Grid, plain: &Probe) {
        self.asked = true;
        let tools = grid.tools.iter().map(|tool| vec![tool.clone()]);
        for tools in std::iter::once(Vec::new()).chain(tools) {
            let probe = Probe { facts: Facts { tools, ..plain.facts.clone() }, ..plain.clone() };
            let checks = set.checks(&probe.inquiry());
            let granted = checks
                .iter()
                .filter(|check| check.section == Section::Allow)
                .all(|check| check.violations.is_empty());
            for check in checks {
                self.concerned.extend(check.granted_by);
                if !check.applies || check.section == Section::Allow {
                    continue;
                }
                if granted && !check.violations.is_empty() {
                    self.needed.insert(check.rule.clone());
                }
                self.concerned.insert(check.rule);
            }
        }
    }

    fn warning(&self, item: &Written) -> Option<Diagnostic> {
        if !self.asked {
            return None;
        }
        match item.section {
            // A grant of nothing is told of by the pattern that makes it so.
            Section::Allow => None,
            Section::Deny if !self.needed.contains(&item.rule) => {
                let message =
                    format!("{}: nothing that is granted meets it, so it denies nothing", item.rule);
                Some(
                    item.warning(message).help(
                        "look for a misspelt name; remove it, or keep it for what may be granted later",
                    ),
                )
            }
            Section::Deny
            | Section::Residency
            | Section::Limits
            | Section::Content
            | Section::Guardrail
            | Section::Sensitive
            | Section::Quotas => {
                if self.concerned.contains(&item.rule) {
                    return None;
                }
                let message = format!("{}: nothing that is granted meets its condition", item.rule);
                Some(
                    item.warning(message)
                        .help("look for keys that exclude each other, or for a misspelt name"),
                )
            }
        }
    }
}
