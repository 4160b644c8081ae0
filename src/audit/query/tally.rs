//! What the counts of quotas stand at, as the journal has summed them up.
//!
//! Read once, at a start. A request that was admitted and has no end counts with all that was reserved for it.

use std::path::Path;

use sqlx::Row as _;

use super::{QueryError, close, open, read_failed};

/// One count, in the window that was counted last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub rule: String,
    pub measure: String,
    pub window: String,
    pub subject: String,
    /// First second of the window, since 1970.
    pub starts: i64,
    pub amount: i64,
}

/// Every count there is.
pub async fn tallies(journal: &Path) -> Result<Vec<Tally>, QueryError> {
    let mut connection = open(journal).await?;
    let failed = |error: sqlx::Error| read_failed(journal, &error);
    let question = "SELECT rule, measure, window, subject, starts, amount FROM quota_count";
    let rows = sqlx::query(question).fetch_all(&mut connection).await.map_err(failed)?;
    close(connection).await;
    let tally = |row: &sqlx::sqlite::SqliteRow| {
        Ok(Tally {
            rule: row.try_get(0)?,
            measure: row.try_get(1)?,
            window: row.try_get(2)?,
            subject: row.try_get(3)?,
            starts: row.try_get(4)?,
            amount: row.try_get(5)?,
        })
    };
    rows.iter().map(tally).collect::<Result<_, sqlx::Error>>().map_err(failed)
}
