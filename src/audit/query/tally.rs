//! What the counts of quotas stand at, summed up from what requests have added to them.
//!
//! Read once, at a start. A request that was admitted and has no end counts with all that was reserved for it.

use std::path::Path;

use sqlx::Row as _;

use super::{QueryError, close, open, read_failed};

/// The sum of one count in a window that is still running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub rule: String,
    pub measure: String,
    pub window: String,
    pub subject: String,
    pub amount: i64,
    /// When something was counted last, in seconds since 1970.
    pub newest: i64,
}

/// Sums for each kind of window, by its name, from the moment at which it began. What was counted later than now, because
/// the clock was ahead, counts as well.
pub async fn tallies<const N: usize>(
    journal: &Path,
    windows: [(&'static str, i64); N],
) -> Result<Vec<Tally>, QueryError> {
    let mut connection = open(journal).await?;
    let failed = |error: sqlx::Error| read_failed(journal, &error);
    let mut tallies = Vec::new();
    for (window, start) in windows {
        let rows = sqlx::query(
            "SELECT rule, measure, subject, sum(amount), max(at_s) FROM quota_use
             WHERE at_s >= ?1 AND window = ?2 GROUP BY rule, measure, subject",
        )
        .bind(start)
        .bind(window)
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
        for row in rows {
            tallies.push(Tally {
                rule: row.try_get(0).map_err(failed)?,
                measure: row.try_get(1).map_err(failed)?,
                window: window.to_owned(),
                subject: row.try_get(2).map_err(failed)?,
                amount: row.try_get(3).map_err(failed)?,
                newest: row.try_get(4).map_err(failed)?,
            });
        }
    }
    close(connection).await;
    Ok(tallies)
}
