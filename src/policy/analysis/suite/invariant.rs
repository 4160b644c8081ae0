//! Looks for a request that an invariant forbids and the policies allow, over the whole finite grid.
//!
//! Exact for typed rules. What conditions in Cedar tell apart beyond the grid is not searched, and nothing here claims it.

use super::{Given, Invariant, Stopped};
use crate::bedrock::operation::Operation;
use crate::policy::PolicySet;
use crate::policy::analysis::grid::{self, Around, Class, Grid, Word};
use crate::policy::analysis::probe::Probe;
use crate::policy::asked::Asked;
use crate::policy::facts::Facts;

/// A request that is allowed and must not be.
#[derive(Debug, Clone)]
pub struct Counterexample {
    pub probe: Probe,
    /// Items of `allow` that cover it.
    pub granted_by: Vec<String>,
}

/// Requests that were asked about, and the first that breaks the invariant.
pub(super) fn check(
    invariant: &Invariant,
    set: &PolicySet,
    is_late: &dyn Fn() -> bool,
) -> Result<(u64, Option<Counterexample>), Stopped> {
    let given = &invariant.given;
    let context = given.context();
    let mut asked = 0;
    for team in grid::teams(&[set]).iter().filter(|team| given.team.as_ref().is_none_or(|only| only == *team))
    {
        let grid = Grid::with(&[set], team, &context.region, context.now, &[&invariant.allowed]);
        for class in &grid.classes {
            if is_late() {
                return Err(Stopped);
            }
            // What is not granted is not allowed; the others are asked about one by one.
            if !grid.could_be_granted(set, class) {
                let mut meant = seats(&grid, given, class).take(SAMPLE).map(|seat| seat.is_meant(invariant));
                asked += u64::from(meant.any(|meant| meant));
                continue;
            }
            let found = seats(&grid, given, class).find_map(|seat| seat.search(invariant, set, &mut asked));
            if found.is_some() {
                return Ok((asked, found));
            }
        }
    }
    Ok((asked, None))
}

fn seats<'g>(grid: &'g Grid, given: &'g Given, class: &'g Class) -> impl Iterator<Item = Seat<'g>> {
    let apps = grid.apps.iter().filter(|app| admits(given.app.as_ref(), app));
    let around =
        || grid.around.iter().filter(|around| admits(given.environment.as_ref(), &around.environment));
    let operations = grid.operations(class);
    apps.flat_map(move |app| around().map(move |around| (app, around))).flat_map(move |(app, around)| {
        operations.clone().into_iter().map(move |operation| Seat { grid, app, around, class, operation })
    })
}

/// Places that are looked at to see whether an invariant is about models that nobody is granted.
const SAMPLE: usize = 64;

/// A place on the grid, up to what a request says.
struct Seat<'g> {
    grid: &'g Grid,
    app: &'g Word,
    around: &'g Around,
    class: &'g Class,
    operation: Operation,
}

impl Seat<'_> {
    fn is_meant(&self, invariant: &Invariant) -> bool {
        self.probes(invariant).any(|probe| is_meant(&probe, invariant))
    }

    /// Requests from here, up to their guardrails.
    fn probes(&self, invariant: &Invariant) -> impl Iterator<Item = Probe> {
        let mut plain = self.grid.probe(self.app, self.around, self.class, self.operation);
        invariant.given.place(&mut plain);
        let tools = self.grid.tools.iter().map(|tool| vec![tool.clone()]);
        std::iter::once(Vec::new())
            .chain(tools)
            .map(move |tools| Probe { facts: Facts { tools, ..plain.facts.clone() }, ..plain.clone() })
    }

    fn search(&self, invariant: &Invariant, set: &PolicySet, asked: &mut u64) -> Option<Counterexample> {
        // What is denied anyway breaks no sentence, so that Cedar is asked about the rest only. One request that is meant
        // shows that the sentence is about something.
        let costs = invariant.allowed.is_cedar();
        for probe in self.probes(invariant) {
            if !costs && !is_meant(&probe, invariant) {
                continue;
            }
            if set.denies_plainly(&probe.inquiry()) {
                *asked += u64::from(!costs || *asked > 0 || is_meant(&probe, invariant));
                continue;
            }
            if costs && !is_meant(&probe, invariant) {
                continue;
            }
            for facts in self.grid.choices(&probe.facts) {
                *asked += 1;
                if let Some(found) = allowed(&probe, facts, set) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// FAIL-CLOSED: a request of which it cannot be said whether it is meant is asked about.
fn is_meant(probe: &Probe, invariant: &Invariant) -> bool {
    invariant.allowed.restricts(&Asked::new(&probe.inquiry())) != Ok(false)
}

fn allowed(probe: &Probe, facts: Facts, set: &PolicySet) -> Option<Counterexample> {
    let probe = Probe { facts, ..probe.clone() };
    let judged = probe.judge(set);
    judged.is_allowed().then(|| Counterexample {
        granted_by: judged.verdict.granted_by.iter().map(ToString::to_string).collect(),
        probe,
    })
}

impl Given {
    fn place(&self, probe: &mut Probe) {
        if let Some(app) = &self.app {
            probe.principal.app.clone_from(app);
        }
        if let Some(environment) = &self.environment {
            probe.context.environment.clone_from(environment);
        }
        if self.break_glass.is_some() {
            probe.context.break_glass.clone_from(&self.break_glass);
        }
        probe.context.source = self.source.unwrap_or(probe.context.source);
        probe.context.now = self.now.unwrap_or(probe.context.now);
    }
}

/// Whether a value of the grid stands for the given one: it is the same, or one that nothing mentions. An app or
/// environment that is given is asked about even when no rule names it.
fn admits(given: Option<&String>, word: &Word) -> bool {
    given.is_none_or(|given| match word {
        Word::Named(name) => name == given,
        Word::Other => true,
    })
}
