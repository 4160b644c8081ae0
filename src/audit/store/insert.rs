//! Multi-row inserts of records and of their projections.
//!
//! Receives a connection and sealed rows, and opens a transaction that holds them; the caller commits it. Everything
//! is one statement text, because each text is a round trip between two threads, which costs more than the rows.
//! Within it a batch is cut into powers of two, so that small batches find their text in the statement cache.

use std::sync::Arc;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::audit::record::{Counted, Finding};
use crate::audit::seal::{RuleRow, Sealed};

/// The texts of the inserts, by table and by rows per insert.
pub(super) struct Statements {
    records: Vec<String>,
    rules: Vec<String>,
    findings: Vec<String>,
    counted: Vec<String>,
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            records: texts(
                "record (seq, kind, ts_us, request_id, team, app, operation, model, decision, end_state, record)",
                11,
            ),
            rules: texts("rule_hit (seq, ord, rule, at, role)", 5),
            findings: texts("finding (seq, ord, direction, type, count)", 5),
            counted: texts("quota_count (rule, measure, window, subject, starts, amount)", 6)
                .into_iter()
                .map(|insert| insert + COUNTED)
                .collect(),
        }
    }

    /// Begins a transaction and inserts the rows with consecutive `seq` from `first` on.
    pub(super) async fn begin_with(
        &self,
        connection: &mut SqliteConnection,
        first: i64,
        rows: &[Sealed],
    ) -> Result<(), sqlx::Error> {
        let rules: usize = rows.iter().map(|row| row.rules.len()).sum();
        let findings: usize = rows.iter().map(|row| row.findings.len()).sum();
        let counted: usize = rows.iter().map(|row| row.counted.len()).sum();
        let mut text = "BEGIN IMMEDIATE".to_owned();
        push_inserts(&mut text, &self.records, rows.len());
        push_inserts(&mut text, &self.rules, rules);
        push_inserts(&mut text, &self.findings, findings);
        push_inserts(&mut text, &self.counted, counted);

        let mut query = sqlx::query(AssertSqlSafe(text)).persistent(rows.len() <= CACHED_ROWS);
        for (seq, row) in (first..).zip(rows) {
            query = bind_record(query, seq, row);
        }
        for (seq, row) in (first..).zip(rows) {
            for (ord, rule) in (0..).zip(&row.rules) {
                query = bind_rule(query, seq, ord, rule);
            }
        }
        for (seq, row) in (first..).zip(rows) {
            for (ord, finding) in (0..).zip(&row.findings) {
                query = bind_finding(query, seq, ord, finding);
            }
        }
        for counted in rows.iter().flat_map(|row| &row.counted) {
            query = bind_counted(query, counted);
        }
        query.execute(connection).await?;
        Ok(())
    }
}

type Insert = Query<'static, Sqlite, SqliteArguments>;

/// Appends inserts that together take `rows` rows.
fn push_inserts(text: &mut String, inserts: &[String], rows: usize) {
    let mut left = rows;
    while left > 0 {
        let power = left.ilog2().min(LARGEST_POWER);
        let Some(insert) = inserts.get(power as usize) else { break };
        text.push_str("; ");
        text.push_str(insert);
        left -= 1 << power;
    }
}

fn bind_record(query: Insert, seq: i64, row: &Sealed) -> Insert {
    query
        .bind(seq)
        .bind(row.kind)
        .bind(row.ts_us)
        .bind(row.request_id.clone())
        .bind(row.team.clone())
        .bind(row.app.clone())
        .bind(row.operation.clone())
        .bind(row.model.clone())
        .bind(row.decision)
        .bind(row.end_state)
        .bind(Arc::clone(&row.text))
}

fn bind_rule(query: Insert, seq: i64, ord: i64, rule: &RuleRow) -> Insert {
    query.bind(seq).bind(ord).bind(rule.rule.clone()).bind(rule.at.clone()).bind(rule.role)
}

fn bind_finding(query: Insert, seq: i64, ord: i64, finding: &Finding) -> Insert {
    query
        .bind(seq)
        .bind(ord)
        .bind(finding.direction.name())
        .bind(finding.detector.clone())
        .bind(i64::from(finding.count))
}

fn bind_counted(query: Insert, counted: &Counted) -> Insert {
    query
        .bind(counted.rule.clone())
        .bind(counted.measure)
        .bind(counted.window)
        .bind(counted.subject.clone())
        .bind(counted.starts)
        .bind(counted.amount)
}

/// Adds to a count. INVARIANT: `starts` only ever grows.
const COUNTED: &str = " ON CONFLICT (rule, measure, window, subject) DO UPDATE SET
    amount = CASE WHEN excluded.starts > starts THEN excluded.amount
                  WHEN excluded.starts = starts THEN amount + excluded.amount
                  ELSE amount END,
    starts = max(starts, excluded.starts)";

/// One statement per power of two.
fn texts(table: &str, columns: usize) -> Vec<String> {
    let row = format!("({})", vec!["?"; columns].join(", "));
    (0..=LARGEST_POWER)
        .map(|power| format!("INSERT INTO {table} VALUES {}", vec![row.as_str(); 1 << power].join(", ")))
        .collect()
}

/// 128 rows of 11 columns: far below SQLite's limit of 32,766 bound values.
const LARGEST_POWER: u32 = 7;
/// Batches of one request or two are what an idle warden writes; larger ones differ too much to be found again.
const CACHED_ROWS: usize = 4;
