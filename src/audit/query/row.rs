//! One request as a reviewer sees it: its opening and its ending in one flat object.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::State;

/// A request: its intent or denial, and its outcome if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of the opening record.
    pub seq: i64,
    opening: Value,
    ending: Option<Value>,
}

impl Row {
    pub(super) const fn new(seq: i64, opening: Value, ending: Option<Value>) -> Self {
        Self { seq, opening, ending }
    }

    /// A text member, of the opening or else of the ending; empty when neither has it.
    pub fn text(&self, key: &str) -> &str {
        self.member(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number member, of the opening or else of the ending.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.member(key).and_then(Value::as_u64)
    }

    /// The members of a list in the opening, then of the same list in the ending.
    pub fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.records().filter_map(move |record| record.get(key).and_then(Value::as_array)).flatten()
    }

    /// When the request was admitted or refused.
    pub fn time(&self) -> Option<Timestamp> {
        self.opening.get("ts_us").and_then(Value::as_i64).and_then(|us| Timestamp::from_microsecond(us).ok())
    }

    /// How it ended; `open` while it has not.
    pub fn state(&self) -> &str {
        self.member("end_state").and_then(Value::as_str).unwrap_or(State::Open.name())
    }

    /// The request in one object: what is asked for most, then the records themselves.
    pub fn flat(&self) -> Value {
        let mut flat = Map::new();
        flat.insert("seq".to_owned(), Value::from(self.seq));
        flat.insert("request_id".to_owned(), Value::from(self.text("request_id")));
        flat.insert("time".to_owned(), self.time().map_or(Value::Null, |time| Value::from(time.to_string())));
        flat.insert("state".to_owned(), Value::from(self.state()));
        for key in MEMBERS {
            flat.insert(key.to_owned(), self.member(key).cloned().unwrap_or(Value::Null));
        }
        for key in LISTS {
            flat.insert(key.to_owned(), self.list(key).cloned().collect());
        }
        flat.insert("records".to_owned(), self.records().cloned().collect());
        Value::Object(flat)
    }

    fn records(&self) -> impl Iterator<Item = &Value> {
        [Some(&self.opening), self.ending.as_ref()].into_iter().flatten()
    }

    fn member(&self, key: &str) -> Option<&Value> {
        self.opening.get(key).or_else(|| self.ending.as_ref()?.get(key))
    }
}

/// Always present, in this order; null when not known.
const MEMBERS: [&str; 13] = [
    "team",
    "app",
    "operation",
    "model_requested",
    "model_resolved",
    "decision",
    "http_status",
    "error_code",
    "message",
    "in_tokens",
    "out_tokens",
    "latency_ms",
    "policy_digest",
];
const LISTS: [&str; 6] = ["rules", "shadow", "exceptions", "granted_by", "edits", "findings"];
