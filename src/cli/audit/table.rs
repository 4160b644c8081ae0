//! Requests as an aligned table, one line each.

use std::io::{self, Write};

use serde_json::Value;

use crate::audit::query::Row;

/// Writes the rows under a heading, newest first as they come.
pub fn write_table(rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![HEADING.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    write_aligned(&lines, out)
}

/// Left-aligned columns as wide as their widest cell; the last one is not padded.
pub(super) fn write_aligned<const COLUMNS: usize>(
    lines: &[[String; COLUMNS]],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = [0; COLUMNS];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in lines {
        let mut text = String::new();
        for (width, cell) in widths.iter().zip(line) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + GAP));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// A value as it may be shown on a terminal.
///
/// SECRET: callers choose some of these texts. A control character would let them rewrite what a reviewer sees.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|character| if is_unsafe(character) { '\u{fffd}' } else { character }).collect()
}

/// Control characters, and those that reorder the text around them.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cells(row: &Row) -> [String; 11] {
    let number = |key| row.number(key).map_or_else(|| "-".to_owned(), |number| number.to_string());
    let time = row.time().map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
    let caller = match (row.text("team"), row.text("app")) {
        ("", "") => "-".to_owned(),
        (team, app) => plain(&format!("{team}/{app}")),
    };
    let model = [row.text("model_resolved"), row.text("model_requested"), "-"];
    let model = model.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let operation = if row.text("operation").is_empty() { "-" } else { row.text("operation") };
    [
        time,
        plain(row.text("request_id")),
        caller,
        plain(operation),
        short(&plain(model)),
        plain(row.text("decision")),
        plain(row.state()),
        number("http_status"),
        format!("{}/{}", number("in_tokens"), number("out_tokens")),
        number("latency_ms"),
        why(row),
    ]
}

/// Violated rules, then edits, shadow rules and findings; the error when there is nothing else to say.
fn why(row: &Row) -> String {
    let named = |value: &Value, key: &str| plain(value.get(key).and_then(Value::as_str).unwrap_or("?"));
    let rules = row.list("rules").map(|hit| named(hit, "rule"));
    let edits = row.list("edits").map(|edit| format!("{}:{}", named(edit, "rule"), named(edit, "field")));
    let shadow = row.list("shadow").map(|hit| format!("shadow:{}", named(hit, "rule")));
    let findings = row.list("findings").map(|finding| {
        let count = finding.get("count").and_then(Value::as_u64).unwrap_or(0);
        format!("{}:{}x{count}", named(finding, "direction"), named(finding, "type"))
    });
    let reasons: Vec<String> = rules.chain(edits).chain(shadow).chain(findings).collect();
    if reasons.is_empty() { plain(row.text("error_code")) } else { reasons.join(", ") }
}

fn short(text: &str) -> String {
    if text.chars().count() <= MODEL_WIDTH {
        return text.to_owned();
    }
    text.chars().take(MODEL_WIDTH - 1).chain(['…']).collect()
}

const HEADING: [&str; 11] =
    ["TIME", "REQUEST", "CALLER", "OPERATION", "MODEL", "DECISION", "STATE", "HTTP", "TOKENS", "MS", "WHY"];
const GAP: usize = 2;
const MODEL_WIDTH: usize = 48;
