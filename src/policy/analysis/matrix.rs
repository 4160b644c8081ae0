//! Who may use which model, where it may run, and how long answers may be: the table that auditors ask for.
//!
//! Receives a policy set, returns one row per model and one column per app and environment that rules tell apart. A cell is
//! the most that some plain request gets; what hangs on the hour, the address or a Cedar condition names the rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::grid::{self, Around, Class, Grid, Word};
use super::reach::{Range, Seat};
use crate::bedrock::model::ModelReference;
use crate::bedrock::view::Parameter;
use crate::policy::PolicySet;
use crate::policy::rules::limits::Quantity;

/// Effective permissions.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// An app in an environment; `*` stands for every other one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    pub team: String,
    pub app: Word,
    pub environment: Word,
}

/// A model, with a cell for every column.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub model: String,
    pub cells: Vec<Option<Cell>>,
}

/// What can be done with a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Geographies and regions in which it may run.
    pub places: BTreeSet<String>,
    /// The longest answer that can be asked for; `None` where requests cannot say, infinite where nothing bounds it.
    pub max_tokens: Option<f64>,
    /// Rules that allow it at some hours or from some addresses only, and those with a condition in Cedar.
    pub depends: BTreeSet<String>,
}

impl Matrix {
    /// The effective permissions for requests to `region`, on the day of `now`.
    pub fn of(set: &PolicySet, region: &str, now: Timestamp) -> Self {
        let mut columns = Vec::new();
        let mut cells: BTreeMap<String, Vec<Option<Cell>>> = BTreeMap::new();
        for team in grid::teams(&[set]) {
            let grid = Grid::of(&[set], &team, region, now);
            let environments: BTreeSet<&Word> =
                grid.around.iter().map(|around| &around.environment).collect();
            for app in &grid.apps {
                for environment in &environments {
                    let column = columns.len();
                    columns.push(Column {
                        team: team.clone(),
                        app: app.clone(),
                        environment: (*environment).clone(),
                    });
                    for (model, cell) in column_of(set, &grid, app, environment) {
                        let row = cells.entry(model).or_default();
                        row.resize(column, None);
                        row.push(cell);
                    }
                }
            }
        }
        let rows = cells.into_iter().map(|(model, mut cells)| {
            cells.resize(columns.len(), None);
            Row { model, cells }
        });
        Self { rows: rows.collect(), columns }
    }

    /// The same without what repeats: apps that may what every other app of their team may, and environments in which that
    /// is as in every other one.
    #[must_use]
    pub fn folded(&self) -> Self {
        let of = |wanted: &Column| {
            let at = self.columns.iter().position(|column| column == wanted)?;
            Some(self.rows.iter().map(|row| row.cells.get(at).cloned().flatten()).collect::<Vec<_>>())
        };
        let repeats =
            |column: &Column, general: &dyn Fn(&Column) -> Column, same: &dyn Fn(&Column) -> bool| {
                let peers = self.columns.iter().filter(|other| other.team == column.team && same(other));
                let mut peers = peers.map(|other| (of(other), of(&general(other))));
                *column != general(column) && peers.all(|(own, other)| own == other)
            };
        let app_repeats = |column: &Column| {
            let general = |one: &Column| Column { app: Word::Other, ..one.clone() };
            repeats(column, &general, &|other| other.app == column.app)
        };
        let environment_repeats = |column: &Column| {
            let general = |one: &Column| Column { environment: Word::Other, ..one.clone() };
            repeats(column, &general, &|other| other.environment == column.environment)
        };
        let kept: Vec<usize> = (0..)
            .zip(&self.columns)
            .filter(|(_, column)| !app_repeats(column) && !environment_repeats(column))
            .map(|(at, _)| at)
            .collect();
        let pick = |cells: &[Option<Cell>]| kept.iter().map(|&at| cells.get(at).cloned().flatten()).collect();
        Self {
            columns: kept.iter().filter_map(|&at| self.columns.get(at).cloned()).collect(),
            rows: self
                .rows
                .iter()
                .map(|row| Row { model: row.model.clone(), cells: pick(&row.cells) })
                .collect(),
        }
    }
}

fn column_of(set: &PolicySet, grid: &Grid, app: &Word, environment: &Word) -> BTreeMap<String, Option<Cell>> {
    let mut column: BTreeMap<String, Option<Cell>> = BTreeMap::new();
    // What only an invoked exception opens is no permission.
    let usual = |around: &&Around| around.environment == *environment && around.break_glass.is_none();
    let around: Vec<&Around> = grid.around.iter().filter(usual).collect();
    for class in grid.classes.iter().filter(|class| !class.is_invented()) {
        let found = cell(set, grid, app, &around, class);
        for member in &class.members {
            let cell = column.entry(name(member)).or_default();
            match (cell, &found) {
                (Some(cell), Some(found)) => cell.add(found),
                (cell @ None, Some(found)) => *cell = Some(found.clone()),
                (_, None) => {}
            }
        }
    }
    column
}

/// Profiles stand in the row of their model; what hides its model has a row of its own.
fn name(model: &ModelReference) -> String {
    model.canonical().to_owned()
}

fn cell(set: &PolicySet, grid: &Grid, app: &Word, around: &[&Around], class: &Class) -> Option<Cell> {
    let mut denied = BTreeSet::new();
    let mut ranges: Vec<Option<Range>> = Vec::new();
    for around in around {
        let seat = Seat { grid, set, app, around, class };
        match seat.base() {
            Err(rules) => denied.extend(rules.into_iter().map(|rule| rule.to_string())),
            Ok(base) => {
                let range = seat.range(&base, Quantity::Parameter(Parameter::MaxTokens));
                ranges.push(range.filter(|_| seat.takes_max_tokens(&base)));
            }
        }
    }
    if ranges.is_empty() {
        return None;
    }
    denied.extend(set.cedar_rules(&grid.team, app).map(|rule| rule.to_string()));
    let most = ranges.iter().flatten().map(|range| range.most).reduce(f64::max);
    Some(Cell { places: BTreeSet::from([class.place.clone()]), max_tokens: most, depends: denied })
}

impl Cell {
    /// Adds another place of the same model.
    fn add(&mut self, other: &Self) {
        self.places.extend(other.places.iter().cloned());
        self.max_tokens = [self.max_tokens, other.max_tokens].into_iter().flatten().reduce(f64::max);
        self.depends.extend(other.depends.iter().cloned());
    }
}
