//! Runs cases and invariants, and says which rules no case has touched.

use std::collections::{BTreeMap, BTreeSet};

use super::invariant::{self, Counterexample};
use super::{Case, Expect, Invariant, Suite};
use crate::policy::analysis::probe::Judged;
use crate::policy::{PolicySet, Repair, RuleId, Section, Violation, Written};
use crate::sensitive::DetectorId;

/// What came out of all tests.
#[derive(Debug)]
pub struct Results<'s> {
    pub cases: Vec<CaseResult<'s>>,
    pub invariants: Vec<InvariantResult<'s>>,
    /// Items of policy files that no case has triggered.
    pub untested: Vec<Written>,
    /// Items that some case has triggered.
    pub tested: usize,
}

/// What came out of one case.
#[derive(Debug)]
pub struct CaseResult<'s> {
    pub case: &'s Case,
    /// Empty when the case passed.
    pub mismatches: Vec<Mismatch>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key of `expect`.
    pub what: &'static str,
    pub expected: String,
    pub actual: String,
}

/// What came out of one invariant.
#[derive(Debug)]
pub struct InvariantResult<'s> {
    pub invariant: &'s Invariant,
    /// Requests that were asked about. Of those that are denied anyway, it was not looked at each whether it is meant.
    pub asked: u64,
    /// A request that is allowed and must not be.
    pub broken: Option<Counterexample>,
}

/// The tests took longer than whoever ran them would wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tests did not come to their end in time")]
pub struct Stopped;

impl Results<'_> {
    pub fn failed(&self) -> usize {
        let cases = self.cases.iter().filter(|result| !result.mismatches.is_empty()).count();
        cases + self.invariants.iter().filter(|result| !result.holds()).count()
    }

    pub fn passed(&self) -> usize {
        self.cases.len() + self.invariants.len() - self.failed()
    }
}

impl InvariantResult<'_> {
    /// Whether something was asked about and nothing of it is allowed: a sentence about no request proves nothing.
    pub const fn holds(&self) -> bool {
        self.broken.is_none() && self.asked > 0
    }
}

impl Suite {
    /// Runs all tests against `set`. `is_late` is asked now and then, and ends the run when it says so.
    pub fn run(&self, set: &PolicySet, is_late: &dyn Fn() -> bool) -> Result<Results<'_>, Stopped> {
        let mut results = self.run_cases(set, is_late)?;
        for invariant in &self.invariants {
            let (asked, broken) = invariant::check(invariant, set, is_late)?;
            results.invariants.push(InvariantResult { invariant, asked, broken });
        }
        Ok(results)
    }

    /// Runs the cases only, which takes microseconds for each. Invariants are searched over a whole grid.
    pub fn run_cases(&self, set: &PolicySet, is_late: &dyn Fn() -> bool) -> Result<Results<'_>, Stopped> {
        let mut touched = BTreeSet::new();
        let mut cases = Vec::with_capacity(self.cases.len());
        for case in &self.cases {
            if is_late() {
                return Err(Stopped);
            }
            let judged = case.probe.judge(set);
            touch(&mut touched, &judged);
            cases.push(CaseResult { case, mismatches: case.expect.mismatches(&judged) });
        }
        // How full a count is, no single request says.
        let testable = set.written().filter(|item| item.section != Section::Quotas);
        let (tested, untested): (Vec<_>, Vec<_>) = testable.partition(|item| touched.contains(&item.rule));
        Ok(Results { cases, invariants: Vec::new(), untested, tested: tested.len() })
    }
}

/// Notes the rules that had a part in a decision.
fn touch(touched: &mut BTreeSet<RuleId>, judged: &Judged) {
    let verdict = &judged.verdict;
    touched.extend(verdict.violations.iter().chain(&verdict.shadow).map(|violation| violation.rule.clone()));
    touched.extend(verdict.granted_by.iter().cloned());
    touched.extend(judged.repairs.iter().map(|repair| repair.rule().clone()));
}

impl Expect {
    fn mismatches(&self, judged: &Judged) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut compare = |what, expected: String, actual: String| {
            if expected != actual {
                found.push(Mismatch { what, expected, actual });
            }
        };
        let verdict = &judged.verdict;
        compare("decision", word(self.allowed), word(judged.is_allowed()));
        if let Some(fault) = self.fault {
            let actual = judged.denial.as_ref().map_or("none", |denial| denial.fault.name());
            compare("error", fault.name().to_owned(), actual.to_owned());
        }
        // What denies an allowed case says more than that it is denied.
        let rules = self.rules.clone().or_else(|| (!judged.is_allowed()).then(BTreeSet::new));
        if let Some(rules) = rules {
            compare("rules", list(&rules), list(&names(&verdict.violations)));
        }
        if let Some(shadow) = &self.shadow {
            compare("shadow", list(shadow), list(&names(&verdict.shadow)));
        }
        if let Some(exceptions) = &self.exceptions {
            let used = verdict.exceptions.iter().map(|exception| exception.id.to_string()).collect();
            compare("exceptions", list(exceptions), list(&used));
        }
        if let Some(modified) = &self.modified {
            compare("modified", pairs(modified), pairs(&changes(&judged.repairs)));
        }
        found
    }
}

fn word(allowed: bool) -> String {
    if allowed { "allow" } else { "deny" }.to_owned()
}

fn names(violations: &[Violation]) -> BTreeSet<String> {
    violations.iter().map(|violation| violation.rule.to_string()).collect()
}

fn list(words: &BTreeSet<String>) -> String {
    if words.is_empty() { "none".to_owned() } else { words.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// What repairs change, by field, as `modified` writes it.
pub fn changes(repairs: &[Repair]) -> BTreeMap<String, String> {
    let mut changes = BTreeMap::new();
    let mut removed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for repair in repairs {
        match repair {
            Repair::Set { parameter, value, .. } => {
                changes.insert(parameter.name().to_owned(), value.to_string());
            }
            Repair::Guardrail { reference, .. } => {
                changes.insert("guardrail".to_owned(), reference.to_string());
            }
            Repair::Redact { detectors, .. } => {
                removed.entry("redact").or_default().extend(detectors.iter().map(DetectorId::name));
            }
            Repair::Tokenize { detectors, .. } => {
                removed.entry("tokenize").or_default().extend(detectors.iter().map(DetectorId::name));
            }
        }
    }
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    changes.extend(removed.into_iter().map(|(field, names)| (field.to_owned(), list(names))));
    changes
}

fn pairs(changes: &BTreeMap<String, String>) -> String {
    if changes.is_empty() {
        return "nothing".to_owned();
    }
    changes.iter().map(|(field, value)| format!("{field}: {value}")).collect::<Vec<_>>().join(", ")
}
