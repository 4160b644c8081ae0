//! What another policy set allows more, and what it allows less.
//!
//! Receives two sets and returns every change of reach on their common grid, as looser or tighter. A change that says
//! nothing is no proof that nothing changed where a rule hangs on more than the grid has: such rules are for
//! [`super::items`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::grid::{self, Class, Grid, Word};
use super::reach::{Range, Reach, Seat};
use crate::policy::PolicySet;

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Looser,
    Tighter,
}

impl Direction {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Looser => "looser",
            Self::Tighter => "tighter",
        }
    }
}

/// One change, with everybody and every model that it concerns.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub direction: Direction,
    pub team: String,
    /// Empty when it concerns every app.
    pub apps: Vec<Word>,
    /// Empty when it concerns every environment.
    pub environments: Vec<Word>,
    /// Whether it holds at some hours or from some addresses only.
    pub sometimes: bool,
    /// What changes: `access`, `maxTokens`, `tool`, …
    pub facet: &'static str,
    pub before: String,
    pub after: String,
    /// As callers name them.
    pub models: Vec<String>,
}

/// What changes from `before` to `after` for requests to `region`, on the day of `now`.
pub fn changes(before: &PolicySet, after: &PolicySet, region: &str, now: Timestamp) -> Vec<Change> {
    let teams = grid::teams(&[before, after]);
    let mut changes: Vec<Change> =
        teams.iter().flat_map(|team| of_team(before, after, team, region, now)).collect();
    changes.sort_by(|left, right| {
        (left.direction, &left.team, left.facet).cmp(&(right.direction, &right.team, right.facet))
    });
    changes
}

/// A change of one facet, wherever it happens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    direction: Direction,
    facet: &'static str,
    before: String,
    after: String,
}

/// Positions in the lists of apps and circumstances.
type Seats = BTreeSet<(usize, usize)>;

fn of_team(before: &PolicySet, after: &PolicySet, team: &str, region: &str, now: Timestamp) -> Vec<Change> {
    let grid = Grid::of(&[before, after], team, region, now);
    let mut steps: BTreeMap<(Step, usize), Seats> = BTreeMap::new();
    for (class_at, class) in grid.classes.iter().enumerate() {
        for (app_at, app) in grid.apps.iter().enumerate() {
            for (around_at, around) in grid.around.iter().enumerate() {
                let reach = |set| Seat { grid: &grid, set, app, around, class }.reach();
                for step in compare(reach(before).as_ref(), reach(after).as_ref()) {
                    steps.entry((step, class_at)).or_default().insert((app_at, around_at));
                }
            }
        }
    }
    // Models that change alike, for the same callers, are one line.
    let mut lines: BTreeMap<(Step, Seats), Vec<&Class>> = BTreeMap::new();
    for ((step, class), seats) in steps {
        lines.entry((step, seats)).or_default().extend(grid.classes.get(class));
    }
    lines.into_iter().map(|((step, seats), classes)| described(&grid, step, &seats, &classes)).collect()
}

fn described(grid: &Grid, step: Step, seats: &Seats, classes: &[&Class]) -> Change {
    let apps: BTreeSet<usize> = seats.iter().map(|(app, _)| *app).collect();
    let environment = |at: &usize| grid.around.get(*at).map(|around| &around.environment);
    let environments: BTreeSet<&Word> = seats.iter().filter_map(|(_, at)| environment(at)).collect();
    let all: BTreeSet<&Word> = grid.around.iter().map(|around| &around.environment).collect();
    let here = grid.around.iter().filter(|around| environments.contains(&around.environment)).count();
    let mut models: Vec<String> = classes.iter().flat_map(|class| class.labels()).collect();
    models.sort();
    let everywhere = |some: usize, every: usize| some == every;
    Change {
        direction: step.direction,
        team: grid.team.clone(),
        apps: if everywhere(apps.len(), grid.apps.len()) {
            Vec::new()
        } else {
            apps.iter().filter_map(|&at| grid.apps.get(at).cloned()).collect()
        },
        sometimes: seats.len() < apps.len() * here,
        environments: if everywhere(environments.len(), all.len()) {
            Vec::new()
        } else {
            environments.into_iter().cloned().collect()
        },
        facet: step.facet,
        before: step.before,
        after: step.after,
        models,
    }
}

fn compare(before: Option<&Reach>, after: Option<&Reach>) -> Vec<Step> {
    let access = |direction, before: &str, after: &str| {
        vec![Step { direction, facet: "access", before: before.to_owned(), after: after.to_owned() }]
    };
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(_)) => access(Direction::Looser, "denied", "allowed"),
        (Some(_), None) => access(Direction::Tighter, "allowed", "denied"),
        (Some(before), Some(after)) => {
            let mut steps = Vec::new();
            for (facet, now) in &after.numbers {
                let then = before.numbers.get(facet).copied();
                steps.extend(compare_numbers(facet, then, Some(*now)));
            }
            for (facet, then) in
                before.numbers.iter().filter(|(facet, _)| !after.numbers.contains_key(*facet))
            {
                steps.extend(compare_numbers(facet, Some(*then), None));
            }
            for (facet, now) in &after.words {
                let nothing = BTreeSet::new();
                let then = before.words.get(facet).unwrap_or(&nothing);
                steps.extend(compare_words(facet, then, now));
            }
            steps
        }
    }
}

fn compare_numbers(facet: &'static str, before: Option<Range>, after: Option<Range>) -> Vec<Step> {
    let (mut looser, mut tighter) = (false, false);
    match (before, after) {
        (None, None) => {}
        (None, Some(_)) => looser = true,
        (Some(_), None) => tighter = true,
        (Some(before), Some(after)) => {
            looser = after.most > before.most || after.least < before.least;
            tighter = after.most < before.most || after.least > before.least;
        }
    }
    let directions = [(looser, Direction::Looser), (tighter, Direction::Tighter)];
    let directions = directions.into_iter().filter(|(changed, _)| *changed);
    directions
        .map(|(_, direction)| Step { direction, facet, before: span(before), after: span(after) })
        .collect()
}

fn compare_words(facet: &'static str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<Step> {
    let more: Vec<&str> = after.difference(before).map(String::as_str).collect();
    let less: Vec<&str> = before.difference(after).map(String::as_str).collect();
    let changed =
        [(Direction::Looser, more, "denied", "allowed"), (Direction::Tighter, less, "allowed", "denied")];
    let changed = changed.into_iter().filter(|(_, words, ..)| !words.is_empty());
    changed
        .map(|(direction, words, before, after)| {
            let words = words.join(", ");
            Step { direction, facet, before: format!("{words} {before}"), after: after.to_owned() }
        })
        .collect()
}

/// `at most 4096`, `0.2 to 1`, `any`.
fn span(range: Option<Range>) -> String {
    match range {
        None => "nothing".to_owned(),
        Some(Range { least, most }) if least <= 0.0 && most.is_infinite() => "any".to_owned(),
        Some(Range { least, most }) if least <= 0.0 => format!("{most}"),
        Some(Range { least, most }) if most.is_infinite() => format!("{least} or more"),
        Some(Range { least, most }) => format!("{least} to {most}"),
    }
}
