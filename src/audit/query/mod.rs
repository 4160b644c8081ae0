//! Questions to a journal: which requests, and everything about one.
//!
//! Receives the path of a journal, also of one that a warden is writing at the moment, and returns what it holds. The
//! connection can only read; it must never hold a transaction open longer than one answer takes, because the WAL
//! grows meanwhile.

mod filter;
mod row;
mod tally;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row as _, SqliteConnection};
use thiserror::Error;

pub use filter::{Filter, Moment, State};
pub use row::Row;
pub use tally::{Tally, tallies};

/// One record as it is in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub seq: i64,
    /// The canonical bytes.
    pub text: String,
    pub record: Value,
}

#[derive(Debug, Error)]
pub enum QueryError {
    #[error("there is no journal at `{0}`")]
    Missing(PathBuf),
    #[error("the journal `{path}` cannot be read: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("record {seq} is not readable JSON: the journal was changed by something else")]
    Evidence { seq: i64 },
    #[error("`{0}` is not a request id (hint: a UUID, or at least its first {MIN_PREFIX} digits)")]
    InvalidId(String),
    #[error("no request `{0}` in the journal")]
    NotFound(String),
    #[error("more than one request begins with `{prefix}`: {}", .candidates.join(", "))]
    Ambiguous { prefix: String, candidates: Vec<String> },
}

/// The requests that match, newest first, at most `filter.limit`.
pub async fn run(journal: &Path, filter: &Filter) -> Result<Vec<Row>, QueryError> {
    if let Some(prefix) = &filter.request {
        valid_prefix(prefix)?;
    }
    let mut connection = open(journal).await?;
    let found = filter.select().build().fetch_all(&mut connection).await;
    let rows = found.map_err(|error| read_failed(journal, &error))?.into_iter().map(|row| {
        let seq: i64 = row.try_get(0).map_err(|error| read_failed(journal, &error))?;
        let opening: String = row.try_get(1).map_err(|error| read_failed(journal, &error))?;
        let ending: Option<String> = row.try_get(2).map_err(|error| read_failed(journal, &error))?;
        let ending = ending.map(|text| parse(seq, &text)).transpose()?;
        Ok(Row::new(seq, parse(seq, &opening)?, ending))
    });
    let rows = rows.collect();
    close(connection).await;
    rows
}

/// Intents and denials in the order in which they were written, a page at a time, for readers of everything.
#[derive(Debug)]
pub struct Openings {
    path: PathBuf,
    connection: SqliteConnection,
    since: Option<Timestamp>,
    next_seq: i64,
}

impl Openings {
    /// Those at or after `since`.
    pub async fn open(journal: &Path, since: Option<Timestamp>) -> Result<Self, QueryError> {
        Ok(Self { path: journal.to_owned(), connection: open(journal).await?, since, next_seq: 0 })
    }

    /// How many there are by now.
    pub async fn count(&mut self) -> Result<u64, QueryError> {
        let statement = "SELECT count(*) FROM record
             WHERE kind IN ('request.intent', 'request.denied') AND ts_us >= ?1";
        let count: i64 = sqlx::query_scalar(statement)
            .bind(self.since_us())
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| read_failed(&self.path, &error))?;
        Ok(count.unsigned_abs())
    }

    /// The next ones, at most `most`, as canonical bytes. Empty at the end.
    pub async fn page(&mut self, most: u32) -> Result<Vec<String>, QueryError> {
        let statement = "SELECT seq, record FROM record
             WHERE seq >= ?1 AND kind IN ('request.intent', 'request.denied') AND ts_us >= ?2
             ORDER BY seq LIMIT ?3";
        let failed = |error: &sqlx::Error| read_failed(&self.path, error);
        let rows: Vec<(i64, String)> = sqlx::query_as(statement)
            .bind(self.next_seq)
            .bind(self.since_us())
            .bind(i64::from(most))
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| failed(&error))?;
        if let Some((last, _)) = rows.last() {
            self.next_seq = last + 1;
        }
        Ok(rows.into_iter().map(|(_, record)| record).collect())
    }

    pub async fn close(self) {
        close(self.connection).await;
    }

    fn since_us(&self) -> i64 {
        self.since.map_or(i64::MIN, Timestamp::as_microsecond)
    }
}

/// Every record of one request, in order. The identifier may be cut short as long as it names one request.
pub async fn show(journal: &Path, id: &str) -> Result<Vec<Evidence>, QueryError> {
    let prefix = id.to_ascii_lowercase();
    valid_prefix(&prefix)?;
    let mut connection = open(journal).await?;
    let failed = |error: sqlx::Error| read_failed(journal, &error);
    // `g` sorts after every digit.
    let candidates: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT request_id FROM record
         WHERE request_id >= ?1 AND request_id < ?1 || 'g' ORDER BY request_id LIMIT 4",
    )
    .bind(&prefix)
    .fetch_all(&mut connection)
    .await
    .map_err(failed)?;
    let request_id = match candidates.as_slice() {
        [] => return Err(QueryError::NotFound(id.to_owned())),
        [only] => only,
        _ => return Err(QueryError::Ambiguous { prefix, candidates }),
    };
    let rows = sqlx::query("SELECT seq, record FROM record WHERE request_id = ?1 ORDER BY seq")
        .bind(request_id)
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    close(connection).await;
    rows.into_iter()
        .map(|row| {
            let seq = row.try_get(0).map_err(failed)?;
            let text: String = row.try_get(1).map_err(failed)?;
            Ok(Evidence { seq, record: parse(seq, &text)?, text })
        })
        .collect()
}

async fn open(journal: &Path) -> Result<SqliteConnection, QueryError> {
    if !journal.is_file() {
        return Err(QueryError::Missing(journal.into()));
    }
    SqliteConnectOptions::new()
        .filename(journal)
        .read_only(true)
        .pragma("query_only", "1")
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| read_failed(journal, &error))
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a reading connection was not closed cleanly");
    }
}

fn parse(seq: i64, text: &str) -> Result<Value, QueryError> {
    let value: Value = serde_json::from_str(text).map_err(|_| QueryError::Evidence { seq })?;
    if value.is_object() { Ok(value) } else { Err(QueryError::Evidence { seq }) }
}

fn valid_prefix(prefix: &str) -> Result<(), QueryError> {
    let digits = prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if digits && prefix.len() >= MIN_PREFIX { Ok(()) } else { Err(QueryError::InvalidId(prefix.to_owned())) }
}

fn read_failed(journal: &Path, error: &sqlx::Error) -> QueryError {
    QueryError::Read { path: journal.into(), reason: error.to_string() }
}

const MIN_PREFIX: usize = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
