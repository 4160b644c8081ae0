//! The journal as a reviewer reads it: through `bedrock-warden audit query`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::process::run;

/// One record.
#[derive(Debug, Clone)]
pub struct Record(pub Value);

/// All records, oldest first.
#[derive(Debug, Clone)]
pub struct Journal {
    pub records: Vec<Record>,
}

impl Journal {
    pub fn query(home: &Path, config: &Path) -> Self {
        let config = config.to_str().unwrap();
        let limit = ["--limit", "100000"];
        let queried =
            run(home, ["audit", "query", "--config", config, "--output", "json"].iter().chain(&limit));
        assert_eq!(queried.code, 0, "audit query failed: {}", queried.stderr);
        let rows: Vec<Value> = serde_json::from_str(&queried.stdout)
            .unwrap_or_else(|error| panic!("audit query printed no JSON ({error}): {}", queried.stdout));
        let records = rows.iter().rev().flat_map(|row| row["records"].as_array().unwrap().clone());
        Self { records: records.map(Record).collect() }
    }

    pub fn intents(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.is_intent())
    }

    /// The records of one request.
    pub fn of<'a>(&'a self, request_id: &str) -> impl Iterator<Item = &'a Record> + use<'a> {
        let request_id = request_id.to_owned();
        self.records.iter().filter(move |record| record.request_id() == Some(request_id.as_str()))
    }

    /// The one record that ends a request: its outcome, or its denial.
    #[track_caller]
    pub fn end_of(&self, request_id: &str) -> &Record {
        let ends: Vec<_> = self.of(request_id).filter(|record| !record.is_intent()).collect();
        assert_eq!(ends.len(), 1, "records of {request_id}: {:?}", self.of(request_id).collect::<Vec<_>>());
        ends[0]
    }

    /// INVARIANT: every intent has exactly one end, and no end stands without reason.
    pub fn assert_ends(&self) {
        let mut requests: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for record in &self.records {
            let Some(id) = record.request_id() else { continue };
            let (intents, ends, denials) = requests.entry(id).or_default();
            *intents += usize::from(record.is_intent());
            *ends += usize::from(record.is_outcome() || record.is_unknown());
            *denials += usize::from(record.is_denial());
        }
        for (id, counts) in requests {
            assert!(
                matches!(counts, (1, 1, 0) | (0, 0, 1)),
                "request {id} has (intents, ends, denials) = {counts:?}: {:?}",
                self.of(id).collect::<Vec<_>>()
            );
        }
    }
}

impl Record {
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().expect("every record has a kind")
    }

    pub fn request_id(&self) -> Option<&str> {
        self.0["request_id"].as_str()
    }

    pub fn invocation_id(&self) -> &str {
        self.text("client_invocation_id")
    }

    pub fn is_intent(&self) -> bool {
        self.kind() == "request.intent"
    }

    pub fn is_outcome(&self) -> bool {
        self.kind() == "request.outcome"
    }

    pub fn is_unknown(&self) -> bool {
        self.kind() == "request.unknown"
    }

    pub fn is_denial(&self) -> bool {
        self.kind() == "request.denied"
    }

    /// A member's text, empty when absent.
    pub fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_default()
    }

    pub fn number(&self, member: &str) -> Option<u64> {
        self.0[member].as_u64()
    }

    /// Whether the record mentions `text` anywhere.
    pub fn mentions(&self, text: &str) -> bool {
        self.0.to_string().contains(text)
    }
}
