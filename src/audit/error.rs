//! Why the journal could not be opened, or why a record is not durable.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    #[error(
        "the journal `{path}` is in use by another process (hint: one warden per journal; its lock is `{lock}`)"
    )]
    InUse { path: PathBuf, lock: PathBuf },
    #[error("the journal `{path}` cannot be opened: {reason}")]
    Open { path: PathBuf, reason: String },
    #[error("the schema of the journal `{path}` cannot be brought up to date: {reason}")]
    Schema { path: PathBuf, reason: String },
    #[error(
        "sqlite {0} is older than 3.51.3, which can corrupt a journal (hint: build with the bundled sqlite)"
    )]
    SqliteVersion(String),
    #[error("records of an earlier run cannot be recovered: {0}")]
    Recovery(String),
    #[error("the record was not durable within {deadline_ms} ms")]
    Deadline { deadline_ms: u128 },
    #[error("the journal cannot write: {0}")]
    Degraded(String),
    #[error(
        "the journal's volume has only {free_bytes} bytes left (hint: free space on it, or move the journal)"
    )]
    LowSpace { free_bytes: u64 },
    #[error("the journal has failed and must be restarted: {0}")]
    Failed(String),
    #[error("the journal is closed")]
    Closed,
}
