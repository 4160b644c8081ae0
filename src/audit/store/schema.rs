//! The schema of the journal and the identity of its log.
//!
//! Receives the writer's connection, returns after every migration that ships with this binary is applied. Must never
//! open a journal that a newer binary has changed: sqlx refuses versions it does not know.

use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqliteConnection};
use uuid::Uuid;

use crate::audit::JournalError;

pub(super) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), JournalError> {
    Migrator::with_migrations(vec![
        migration(1, "journal", include_str!("../../../migrations/sqlite/0001_journal.sql")),
        migration(2, "quota", include_str!("../../../migrations/sqlite/0002_quota.sql")),
    ])
    .run(connection)
    .await
    .map_err(|error| JournalError::Schema { path: path.into(), reason: error.to_string() })
}

fn migration(version: i64, name: &'static str, statements: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, statements.into_sql_str(), false)
}

/// The chain that new records belong to; `fresh` becomes its name when the file is new.
pub(super) async fn chain(
    connection: &mut SqliteConnection,
    fresh: Uuid,
    now_us: i64,
) -> Result<Uuid, JournalError> {
    let failed = |error: sqlx::Error| JournalError::Recovery(error.to_string());
    let newest = "SELECT chain_id FROM chain ORDER BY first_seq DESC LIMIT 1";
    let found: Option<String> =
        sqlx::query_scalar(newest).fetch_optional(&mut *connection).await.map_err(failed)?;
    if let Some(found) = found {
        return Uuid::parse_str(&found).map_err(|error| JournalError::Recovery(error.to_string()));
    }
    sqlx::query("INSERT INTO chain (chain_id, first_seq, opened_us) VALUES (?1, 0, ?2)")
        .bind(fresh.to_string())
        .bind(now_us)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(fresh)
}
