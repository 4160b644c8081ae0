//! `sensitive scan`: texts in, places or redacted texts out.
//!
//! Reads a whole text, or one JSON object from each line, and prints what the detectors make of it. A line that cannot
//! be read costs no other line its answer.

use std::io::{BufRead, BufWriter, Write};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Choice;
use crate::cli::{Exit, Failure, Terminal};
use crate::sensitive::{DetectorSet, Findings, Match, Scanner, redact};

#[derive(Debug, Args)]
pub struct ScanArgs {
    /// What stdin holds
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    choice: Choice,
    /// Exit with 1 when something is found
    #[arg(long)]
    exit_code: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One text, which is printed redacted
    #[default]
    Text,
    /// An object with an id and a text on each line
    Jsonl,
}

/// One line of JSON lines.
#[derive(Debug, Deserialize)]
struct Line {
    id: Value,
    text: String,
    /// The name of the JSON member that holds the text.
    key: Option<String>,
}

pub(super) fn run(
    args: &ScanArgs,
    stdin: &mut dyn BufRead,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let (scanner, detectors) = args.choice.load(terminal)?;
    let (findings, bad) = match args.format {
        Format::Text => (scan_text(&scanner, detectors, stdin, terminal)?, 0),
        Format::Jsonl => scan_lines(&scanner, detectors, stdin, terminal)?,
    };
    if bad > 0 {
        let noun = if bad == 1 { "line" } else { "lines" };
        return Err(Failure::usage(format!("{bad} {noun} could not be read")));
    }
    let found = args.exit_code && !findings.is_empty();
    Ok(if found { Exit::Findings } else { Exit::Success })
}

fn scan_text(
    scanner: &Scanner,
    detectors: DetectorSet,
    stdin: &mut dyn BufRead,
    terminal: &mut Terminal,
) -> Result<Findings, Failure> {
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("the text is not UTF-8 from byte {at} on"))
            .hint("convert it first, with iconv")
    })?;
    let matches = scanner.scan(detectors, &text, None);
    let redacted = redact(&text, &matches, detectors);
    terminal.stdout.write_all(redacted.as_deref().unwrap_or(&text).as_bytes())?;
    terminal.stdout.flush()?;
    let findings = counted(&matches);
    let counts: Vec<String> =
        findings.iter().map(|(detector, count)| format!("{detector} ({count})")).collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    writeln!(terminal.stderr, "found {counts}")?;
    Ok(findings)
}

/// Findings of all lines, and how many lines could not be read.
fn scan_lines(
    scanner: &Scanner,
    detectors: DetectorSet,
    stdin: &mut dyn BufRead,
    terminal: &mut Terminal,
) -> Result<(Findings, u32), Failure> {
    let mut output = BufWriter::new(&mut terminal.stdout);
    let (mut findings, mut bad) = (Findings::default(), 0);
    let mut bytes = Vec::new();
    let mut number: u64 = 0;
    while stdin.read_until(b'\n', &mut bytes)? > 0 {
        number += 1;
        let line = bytes.trim_ascii();
        if !line.is_empty() {
            match serde_json::from_slice::<Line>(line) {
                Ok(Line { id, text, key }) => {
                    let matches = scanner.scan(detectors, &text, key.as_deref());
                    for (detector, count) in counted(&matches).iter() {
                        findings.add(detector, count);
                    }
                    writeln!(output, "{}", json!({ "id": id, "spans": spans(&text, &matches) }))?;
                }
                // SECRET: where and what is wrong with it, never what it says.
                Err(error) => {
                    bad += 1;
                    let reason = reason(&error);
                    writeln!(terminal.stderr, "line {number}, column {}: {reason}", error.column())?;
                }
            }
        }
        bytes.clear();
    }
    output.flush()?;
    Ok((findings, bad))
}

fn reason(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "no JSON",
        serde_json::error::Category::Data => "no object with `id` and a string `text`",
        serde_json::error::Category::Io => "no text in UTF-8",
    }
}

fn counted(matches: &[Match]) -> Findings {
    let mut findings = Findings::default();
    for found in matches {
        findings.add(found.detector, 1);
    }
    findings
}

/// Places in code points, as people and other languages count.
fn spans(text: &str, matches: &[Match]) -> Vec<Value> {
    let (mut at, mut points) = (0, 0);
    let mut count_to = |offset: usize| {
        points += text.get(at..offset).unwrap_or_default().chars().count();
        at = offset;
        points
    };
    let span = |found: &Match| {
        let (start, end) = (count_to(found.range.start), count_to(found.range.end));
        json!({ "start": start, "end": end, "type": found.detector.name() })
    };
    matches.iter().map(span).collect()
}
