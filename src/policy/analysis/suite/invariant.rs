//! Looks for a request that an invariant forbids and the policies allow, over the whole finite grid.
//!
//! Exact for typed rules. What conditions in Cedar tell apart beyond the grid is not searched, and nothing here claims it.

use super::{Given, Invariant, Stopped};
use crate::bedrock::operation::Operation;
use crate::policy::PolicySet;
use crate::policy::analysis::grid::{Around, Caller, Class, Grid, Word};
use crate::policy::analysis::probe::Probe;
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
    let grid = Grid::with(&[set], &context.region, &[&invariant.allowed]);
    let mut asked = 0;
    for caller in grid.callers.iter().filter(|caller| given.admits_caller(caller)) {
        for class in &grid.classes {
            if is_late() {
                return Err(Stopped);
            }
            for around in grid.around.iter().filter(|around| given.admits_around(around)) {
                for operation in grid.operations(class) {
                    let seat = Seat { grid: &grid, caller, around, class, operation };
                    let found = seat.search(invariant, set, &mut asked);
                    if found.is_some() {
                        return Ok((asked, found));
                    }
                }
            }
        }
    }
    Ok((asked, None))
}

/// A place on the grid, up to what a request says.
struct Seat<'g> {
    grid: &'g Grid,
    caller: &'g Caller,
    around: &'g Around,
    class: &'g Class,
    operation: Operation,
}

impl Seat<'_> {
    fn search(&self, invariant: &Invariant, set: &PolicySet, asked: &mut u64) -> Option<Counterexample> {
        let mut probe = self.grid.probe(self.caller, self.around, self.class, self.operation);
        invariant.given.place(&mut probe);
        let tools = self.grid.tools.iter().map(|tool| vec![tool.clone()]);
        for tools in std::iter::once(Vec::new()).chain(tools) {
            probe.facts.tools = tools;
            if !invariant.allowed.restricts(&probe.inquiry()) {
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

fn allowed(probe: &Probe, facts: Facts, set: &PolicySet) -> Option<Counterexample> {
    let probe = Probe { facts, ..probe.clone() };
    let judged = probe.judge(set);
    judged.is_allowed().then(|| Counterexample {
        granted_by: judged.verdict.granted_by.iter().map(ToString::to_string).collect(),
        probe,
    })
}

impl Given {
    /// An app or environment that is given is asked about even when no rule names it.
    fn admits_caller(&self, caller: &Caller) -> bool {
        self.team.as_ref().is_none_or(|team| *team == caller.team) && admits(self.app.as_ref(), &caller.app)
    }

    fn admits_around(&self, around: &Around) -> bool {
        admits(self.environment.as_ref(), &around.environment)
    }

    fn place(&self, probe: &mut Probe) {
        if let Some(app) = &self.app {
            probe.principal.app.clone_from(app);
        }
        if let Some(environment) = &self.environment {
            probe.context.environment.clone_from(environment);
        }
        probe.context.source = self.source.unwrap_or(probe.context.source);
        probe.context.now = self.now.unwrap_or(probe.context.now);
    }
}

/// Whether a value of the grid stands for the given one: it is the same, or one that nothing mentions.
fn admits(given: Option<&String>, word: &Word) -> bool {
    given.is_none_or(|given| match word {
        Word::Named(name) => name == given,
        Word::Other => true,
    })
}
