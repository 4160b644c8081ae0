//! Everything about one request: as a story for people, as evidence for programs.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::table::{plain, write_aligned};
use crate::audit::query::Evidence;

/// One block per record, its members sorted into what people ask first.
pub(super) fn write_story(records: &[Evidence], out: &mut dyn Write) -> io::Result<()> {
    for (index, evidence) in records.iter().enumerate() {
        if index == 0 {
            writeln!(out, "request {}", plain(text(&evidence.record, "request_id")))?;
        }
        let time = evidence.record.get("ts_us").and_then(Value::as_i64);
        let time = time.and_then(|us| Timestamp::from_microsecond(us).ok());
        let time = time.map_or_else(|| "-".to_owned(), |time| format!("{time:.6}"));
        writeln!(out, "\n{} at {time}, record {}", plain(text(&evidence.record, "kind")), evidence.seq)?;
        write_aligned(&lines(&evidence.record), out)?;
    }
    Ok(())
}

/// The records in one object, each with its exact bytes.
pub(super) fn write_json(records: &[Evidence], out: &mut dyn Write) -> io::Result<()> {
    let request_id = records.first().map(|evidence| text(&evidence.record, "request_id"));
    let records: Vec<Value> = records
        .iter()
        .map(|evidence| json!({ "seq": evidence.seq, "record": evidence.record, "bytes": evidence.text }))
        .collect();
    writeln!(out, "{:#}", json!({ "request_id": request_id, "records": records }))
}

/// The exact bytes, one record a line.
pub(super) fn write_evidence(records: &[Evidence], out: &mut dyn Write) -> io::Result<()> {
    for evidence in records {
        writeln!(out, "{}", evidence.text)?;
    }
    Ok(())
}

fn lines(record: &Value) -> Vec<[String; 2]> {
    let members = || record.as_object().into_iter().flatten();
    let first = FIRST.iter().filter_map(|key| Some((*key, record.get(*key)?)));
    let rest = members().map(|(key, value)| (key.as_str(), value));
    let rest = rest.filter(|(key, _)| !FIRST.contains(key) && !HEADING.contains(key));
    first.chain(rest).flat_map(|(key, value)| member(key, value)).collect()
}

/// A list takes one line per item, an object one per member.
fn member(key: &str, value: &Value) -> Vec<[String; 2]> {
    let label = format!("  {}", plain(key));
    match value {
        Value::Array(items) => {
            let labels = std::iter::once(label).chain(std::iter::repeat(String::new()));
            labels.zip(items).map(|(label, item)| [label, inline(item)]).collect()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| [format!("{label}.{}", plain(name)), inline(value)]).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![[label, inline(value)]],
    }
}

/// A value in one line: `payments/limits at limits.yaml:12 (value 4000, bound 1000)`.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        Value::Object(members) => {
            let parts = members.iter().map(|(name, value)| format!("{} {}", plain(name), inline(value)));
            parts.collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or("?")
}

/// What people ask first, in this order.
const FIRST: [&str; 25] = [
    "decision",
    "end_state",
    "message",
    "error_code",
    "http_status",
    "rules",
    "edits",
    "shadow",
    "exceptions",
    "granted_by",
    "findings",
    "team",
    "app",
    "cred_kind",
    "cred_id",
    "operation",
    "model_requested",
    "model_resolved",
    "params",
    "in_tokens",
    "out_tokens",
    "latency_ms",
    "ttft_ms",
    "upstream_ms",
    "overhead_us",
];
/// Already in the line above.
const HEADING: [&str; 3] = ["kind", "request_id", "ts_us"];
