//! `policy matrix`: effective permissions as a table, an object, or CSV.

use std::collections::BTreeMap;
use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::Folder;
use super::text::csv;
use crate::cli::{Exit, Failure, Terminal};
use crate::clock;
use crate::policy::analysis::grid::Word;
use crate::policy::analysis::matrix::{Cell, Column, Matrix, Row};

/// What to show, and how.
#[derive(Debug, Args)]
pub struct MatrixArgs {
    #[command(flatten)]
    folder: Folder,
    /// Region that requests are sent to
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Show models that nobody may use, and apps and environments that differ from no other
    #[arg(long)]
    all: bool,
    /// The same as --output csv
    #[arg(long)]
    csv: bool,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// How permissions are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON object
    Json,
    /// One line per cell, safe to open in a spreadsheet
    Csv,
}

pub(super) fn run(args: &MatrixArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let set = args.folder.loaded(terminal.color)?;
    let mut matrix = Matrix::of(&set, &args.region, clock::now());
    if !args.all {
        matrix = matrix.folded();
        matrix.rows.retain(|row| row.cells.iter().any(Option::is_some));
    }
    match args.output {
        Format::Csv => write_csv(&matrix, terminal)?,
        Format::Table if args.csv => write_csv(&matrix, terminal)?,
        Format::Table => write_table(&matrix, terminal)?,
        Format::Json => {
            let report = json!({
                "digest": set.digest(),
                "region": args.region,
                "cells": matrix.rows.iter().flat_map(|row| cells(&matrix, row)).collect::<Vec<_>>(),
            });
            writeln!(terminal.stdout, "{report:#}")?;
        }
    }
    Ok(Exit::Success)
}

fn write_table(matrix: &Matrix, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut notes = Notes::default();
    let mut heading = vec!["model (max output tokens)".to_owned()];
    heading.extend(matrix.columns.iter().map(|column| title(matrix, column)));
    let mut lines = vec![heading];
    for row in &matrix.rows {
        let cells = row
            .cells
            .iter()
            .map(|cell| cell.as_ref().map_or_else(|| "–".to_owned(), |cell| shown(cell, &mut notes)));
        lines.push(std::iter::once(row.model.clone()).chain(cells).collect());
    }
    let width = |at: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..=matrix.columns.len()).map(width).collect();
    for line in &lines {
        let padded: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(terminal.stdout, "{}", padded.join("  ").trim_end())?;
    }
    for (rules, number) in &notes.numbers {
        writeln!(terminal.stdout, "{}[{number}] depends on {rules}", if *number == 1 { "\n" } else { "" })?;
    }
    Ok(())
}

/// What cells hang on, numbered in the order in which it is met.
#[derive(Default)]
struct Notes {
    numbers: BTreeMap<String, usize>,
}

impl Notes {
    fn number(&mut self, rules: String) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(rules).or_insert(next)
    }
}

/// `payments`, `payments/checkout`, `payments/checkout prod`: no more than tells the column from the others.
fn title(matrix: &Matrix, column: &Column) -> String {
    let of_team = || matrix.columns.iter().filter(|other| other.team == column.team);
    let mut title = column.team.clone();
    if of_team().any(|other| other.app != Word::Other) {
        title = format!("{title}/{}", column.app.shown());
    }
    if of_team().any(|other| other.environment != Word::Other) {
        title = format!("{title} {}", column.environment.shown());
    }
    title
}

fn shown(cell: &Cell, notes: &mut Notes) -> String {
    let mut text = cell.places.iter().cloned().collect::<Vec<_>>().join(",");
    match cell.max_tokens {
        None => {}
        Some(most) if most.is_infinite() => text.push_str(" any"),
        Some(most) => text = format!("{text} {most}"),
    }
    if !cell.depends.is_empty() {
        let rules = cell.depends.iter().cloned().collect::<Vec<_>>().join(", ");
        text = format!("{text} [{}]", notes.number(rules));
    }
    text
}

fn write_csv(matrix: &Matrix, terminal: &mut Terminal) -> Result<(), Failure> {
    writeln!(terminal.stdout, "team,app,environment,model,allowed,places,max_tokens,depends_on")?;
    for row in &matrix.rows {
        for (column, cell) in matrix.columns.iter().zip(&row.cells) {
            let places = cell.as_ref().map(|cell| cell.places.iter().cloned().collect::<Vec<_>>().join(" "));
            let most = cell.as_ref().and_then(|cell| cell.max_tokens);
            let depends =
                cell.as_ref().map(|cell| cell.depends.iter().cloned().collect::<Vec<_>>().join(" "));
            let fields = [
                column.team.clone(),
                column.app.shown().to_owned(),
                column.environment.shown().to_owned(),
                row.model.clone(),
                cell.is_some().to_string(),
                places.unwrap_or_default(),
                most.filter(|most| most.is_finite()).map(|most| most.to_string()).unwrap_or_default(),
                depends.unwrap_or_default(),
            ];
            let fields: Vec<String> = fields.iter().map(|field| csv(field)).collect();
            writeln!(terminal.stdout, "{}", fields.join(","))?;
        }
    }
    Ok(())
}

fn cells<'m>(matrix: &'m Matrix, row: &'m Row) -> impl Iterator<Item = Value> + 'm {
    matrix.columns.iter().zip(&row.cells).map(|(column, cell)| {
        json!({
            "team": column.team,
            "app": column.app.shown(),
            "environment": column.environment.shown(),
            "model": row.model,
            "allowed": cell.is_some(),
            "places": cell.as_ref().map(|cell| &cell.places),
            "max_tokens": cell.as_ref().and_then(|cell| cell.max_tokens).filter(|most| most.is_finite()),
            "depends_on": cell.as_ref().map(|cell| &cell.depends),
        })
    })
}
