//! The SQLite file under the journal: one connection, used by the writer task alone.
//!
//! Receives sealed rows and returns once they are on disk (WAL, `synchronous=FULL`), or says why they are not. After
//! any error it reads back what the file holds before it answers, because a failed `COMMIT` may have succeeded. It
//! must never write a record twice, leave a gap in `seq`, or report as durable what is not.

mod insert;
mod schema;

use std::path::Path;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use thiserror::Error;
use uuid::Uuid;

use self::insert::Statements;
use super::JournalError;
use super::record::{INTENT, SystemKind};
use super::seal::Sealed;

/// The open file.
pub(super) struct Store {
    connection: SqliteConnection,
    statements: Statements,
    /// INVARIANT: one more than the highest `seq` in the file; 0 when it is empty.
    next_seq: i64,
    #[cfg(test)]
    pub(super) faults: super::tests::Faults,
}

/// Why rows are not on disk. The file was read back: none of them is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum WriteError {
    /// No space, or a quota.
    #[error("no space: {0}")]
    Full(String),
    #[error("another process holds the database lock")]
    Busy,
    /// The file can no longer be trusted, or what it holds could not be read back.
    #[error("{0}")]
    Broken(String),
}

/// An intent without a terminal record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Orphan {
    pub seq: i64,
    pub request_id: Uuid,
}

impl Store {
    /// Opens or creates the file and brings its schema up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, JournalError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "0")
            .pragma("mmap_size", "0")
            .pragma("fullfsync", "1")
            .disable_statement_logging();
        let opened = |error: sqlx::Error| JournalError::Open { path: path.into(), reason: error.to_string() };
        let mut connection = options.connect().await.map_err(opened)?;
        refuse_old_sqlite(&mut connection).await?;
        schema::migrate(&mut connection, path).await?;
        let next_seq = read_next_seq(&mut connection).await.map_err(opened)?;
        Ok(Self {
            connection,
            statements: Statements::new(),
            next_seq,
            #[cfg(test)]
            faults: super::tests::Faults::default(),
        })
    }

    /// The identity of the log in this file, made with the file.
    pub(super) async fn chain(&mut self, fresh: Uuid, now_us: i64) -> Result<Uuid, JournalError> {
        schema::chain(&mut self.connection, fresh, now_us).await
    }

    /// Intents of earlier processes without a terminal record, oldest first.
    ///
    /// INVARIANT: recovery and `sidecar.start` are one transaction, so nothing before the last start is open.
    pub(super) async fn orphans(&mut self) -> Result<Vec<Orphan>, JournalError> {
        let rows = sqlx::query(
            "SELECT intent.seq, intent.request_id FROM record AS intent
             WHERE intent.kind = ?1
               AND intent.seq > coalesce((SELECT max(seq) FROM record WHERE kind = ?2 AND request_id IS NULL), -1)
               AND NOT EXISTS (SELECT 1 FROM record AS other
                               WHERE other.request_id = intent.request_id AND other.kind <> ?1)
             ORDER BY intent.seq",
        )
        .bind(INTENT)
        .bind(SystemKind::SidecarStart.name())
        .fetch_all(&mut self.connection)
        .await
        .map_err(|error| recovery(&error))?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get(1).map_err(|error| recovery(&error))?;
                let request_id =
                    Uuid::parse_str(&id).map_err(|error| JournalError::Recovery(error.to_string()))?;
                Ok(Orphan { seq: row.try_get(0).map_err(|error| recovery(&error))?, request_id })
            })
            .collect()
    }

    /// Writes the rows in one transaction and returns the `seq` of the first.
    pub(super) async fn write(&mut self, rows: &[Sealed]) -> Result<i64, WriteError> {
        let first = self.next_seq;
        let mut attempt = 1;
        loop {
            let Err(error) = self.transaction(first, rows).await else { break };
            let failure = Failure::of(&error);
            self.roll_back().await;
            // ORDER: read back before anything else. The error says nothing about what is in the file.
            if self.holds(first, rows).await? {
                break;
            }
            match failure {
                Failure::Full => return Err(WriteError::Full(error.to_string())),
                Failure::Busy if attempt == ATTEMPTS => return Err(WriteError::Busy),
                Failure::Other if attempt == ATTEMPTS => return Err(WriteError::Broken(error.to_string())),
                Failure::Lost => return Err(WriteError::Broken(error.to_string())),
                Failure::Busy | Failure::Other => attempt += 1,
            }
        }
        self.next_seq = first + i64::try_from(rows.len()).unwrap_or(i64::MAX);
        Ok(first)
    }

    /// Moves what the WAL holds into the database file. `Ok(true)` when nothing is left to move.
    pub(super) async fn checkpoint(&mut self) -> Result<bool, WriteError> {
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| checkpoint_failed(&error))?;
        let busy: i64 = row.try_get(0).map_err(|error| checkpoint_failed(&error))?;
        let frames: i64 = row.try_get(1).map_err(|error| checkpoint_failed(&error))?;
        let moved: i64 = row.try_get(2).map_err(|error| checkpoint_failed(&error))?;
        Ok(busy == 0 && frames == moved)
    }

    /// As [`Self::checkpoint`], and gives the WAL's space back. Does not wait for readers: `Ok(false)` when one is
    /// in the way.
    pub(super) async fn truncate_wal(&mut self) -> Result<bool, WriteError> {
        self.busy_timeout(Duration::ZERO).await?;
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut self.connection).await;
        self.busy_timeout(BUSY_TIMEOUT).await?;
        let busy: i64 = row.and_then(|row| row.try_get(0)).map_err(|error| checkpoint_failed(&error))?;
        Ok(busy == 0)
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }

    async fn transaction(&mut self, first: i64, rows: &[Sealed]) -> Result<(), sqlx::Error> {
        #[cfg(test)]
        self.faults.before_begin(&mut self.connection).await?;
        self.statements.begin_with(&mut self.connection, first, rows).await?;
        #[cfg(test)]
        self.faults.before_commit(&mut self.connection).await?;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }

    async fn roll_back(&mut self) {
        // Fails when SQLite has rolled back by itself, which is what we want.
        if let Err(error) = sqlx::query("ROLLBACK").execute(&mut self.connection).await {
            tracing::debug!(%error, "nothing to roll back");
        }
    }

    /// Whether the file holds exactly these rows from `first` on.
    async fn holds(&mut self, first: i64, rows: &[Sealed]) -> Result<bool, WriteError> {
        let unread =
            |error: sqlx::Error| WriteError::Broken(format!("the journal cannot be read back: {error}"));
        let next = read_next_seq(&mut self.connection).await.map_err(unread)?;
        if next == first {
            return Ok(rows.is_empty());
        }
        let last = sqlx::query("SELECT record FROM record WHERE seq = ?1")
            .bind(next - 1)
            .fetch_one(&mut self.connection)
            .await
            .map_err(unread)?;
        let last: String = last.try_get(0).map_err(unread)?;
        let ours = i64::try_from(rows.len()).is_ok_and(|count| next == first + count)
            && rows.last().is_some_and(|row| *row.text == *last);
        if ours {
            Ok(true)
        } else {
            Err(WriteError::Broken("another process writes this journal".to_owned()))
        }
    }

    async fn busy_timeout(&mut self, timeout: Duration) -> Result<(), WriteError> {
        let statement =
            if timeout.is_zero() { "PRAGMA busy_timeout = 0" } else { "PRAGMA busy_timeout = 250" };
        sqlx::query(statement)
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| checkpoint_failed(&error))?;
        Ok(())
    }
}

/// What an error of SQLite means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Full,
    Busy,
    /// The file may have lost what it acknowledged: no second attempt on the same descriptor.
    Lost,
    Other,
}

impl Failure {
    fn of(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code);
        let code = code.and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
        match (code & 0xff, code) {
            (SQLITE_FULL, _) | (_, IOERR_WRITE | IOERR_SHMSIZE) => Self::Full,
            (SQLITE_BUSY | SQLITE_LOCKED, _) => Self::Busy,
            (SQLITE_CORRUPT | SQLITE_NOTADB, _) | (_, IOERR_FSYNC | IOERR_DIR_FSYNC) => Self::Lost,
            _ => Self::Other,
        }
    }
}

/// `sqlite_version()` as three numbers.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

async fn refuse_old_sqlite(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await
        .map_err(|error| JournalError::SqliteVersion(error.to_string()))?;
    // FAIL-CLOSED: a version that cannot be read is too old.
    if version(&found).is_some_and(|found| found >= FIXED_SQLITE) {
        Ok(())
    } else {
        Err(JournalError::SqliteVersion(found))
    }
}

async fn read_next_seq(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(seq) + 1, 0) FROM record").fetch_one(connection).await
}

fn recovery(error: &sqlx::Error) -> JournalError {
    JournalError::Recovery(error.to_string())
}

fn checkpoint_failed(error: &sqlx::Error) -> WriteError {
    match Failure::of(error) {
        Failure::Full => WriteError::Full(error.to_string()),
        Failure::Busy => WriteError::Busy,
        Failure::Lost | Failure::Other => WriteError::Broken(format!("checkpoint failed: {error}")),
    }
}

/// The first release without the WAL-reset bug, which corrupts a database that two connections checkpoint.
const FIXED_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// A foreign lock must not freeze requests for SQLite's usual five seconds.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);
const ATTEMPTS: u32 = 2;

const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;
/// What quotas and file size limits look like.
const IOERR_WRITE: i32 = 778;
const IOERR_FSYNC: i32 = 1_034;
const IOERR_DIR_FSYNC: i32 = 1_290;
const IOERR_SHMSIZE: i32 = 4_874;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_versions_are_compared_as_numbers() {
        for (text, new_enough) in [
            ("3.51.3", true),
            ("3.51.2", false),
            ("3.9.9", false),
            ("3.100.0", true),
            ("4", false),
            ("", false),
        ] {
            assert_eq!(version(text).is_some_and(|found| found >= FIXED_SQLITE), new_enough, "{text}");
        }
    }
}
