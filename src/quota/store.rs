//! The PostgreSQL that many wardens share: how much of a limit is leased, and to whom.
//!
//! One row per count and window. Leasing raises it under its lock and never above the limit, so that the sum of what all
//! wardens hold is never more, whatever they believe. Every call is bounded in time; a call that fails may have happened,
//! and the next one that succeeds tells what is held in all.

use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Postgres, Row as _, SqlSafeStr};
use thiserror::Error;
use uuid::Uuid;

use super::bucket::Name;
use super::grant::Granted;
use crate::policy::{Measure, Window};

/// Where leases are kept.
#[derive(Debug)]
pub(super) struct Store {
    pool: PgPool,
    /// Wardens of one environment share limits.
    environment: String,
    /// Who leases: the chain of our journal, which remembers what was used.
    holder: String,
}

#[derive(Debug, Error)]
pub(super) enum StoreError {
    #[error("the store did not answer within {} ms", PATIENCE.as_millis())]
    Late,
    #[error("the store failed: {0}")]
    Failed(String),
}

/// What is held of one count.
#[derive(Debug)]
pub(super) struct Lease {
    pub name: Name,
    pub start: i64,
    pub granted: u64,
}

impl Store {
    /// Connects when it is asked first.
    pub fn new(options: PgConnectOptions, environment: &str, holder: Uuid) -> Self {
        let options = options.application_name("bedrock-warden").disable_statement_logging();
        let pool =
            PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options);
        Self { pool, environment: environment.to_owned(), holder: holder.to_string() }
    }

    /// Brings the tables up to date, and returns what an earlier process of ours has leased in windows that began at
    /// `since` or later.
    pub async fn open(&self, since: i64) -> Result<Vec<Lease>, StoreError> {
        bounded(async {
            let migrations = vec![Migration::new(
                1,
                "quota".into(),
                MigrationType::Simple,
                include_str!("../../migrations/postgres/0001_quota.sql").into_sql_str(),
                false,
            )];
            let migrated = Migrator::with_migrations(migrations).run(&self.pool).await;
            migrated.map_err(|error| StoreError::Failed(error.to_string()))?;
            let rows = sqlx::query(
                "SELECT rule, measure, span, subject, starts, granted FROM warden_quota_lease
                 WHERE holder = $1 AND environment = $2 AND starts >= $3",
            )
            .bind(&self.holder)
            .bind(&self.environment)
            .bind(since)
            .fetch_all(&self.pool)
            .await?;
            let leases: Result<Vec<_>, sqlx::Error> = rows.iter().map(lease).collect();
            Ok(leases?.into_iter().flatten().collect())
        })
        .await
    }

    /// Leases up to `amount` of what is left of `limit` in the window that begins at `start`.
    pub async fn take(
        &self,
        name: &Name,
        start: i64,
        amount: u64,
        limit: u64,
    ) -> Result<Granted, StoreError> {
        bounded(async {
            let mut transaction = self.pool.begin().await?;
            // ORDER: makes the row or leaves it as it is, and holds its lock from here on.
            let row = self.about(sqlx::query(LOCK), name, start).fetch_one(&mut *transaction).await?;
            let taken = count(row.try_get(0)?);
            let granted = amount.min(limit.saturating_sub(taken));
            let lease = self.about(sqlx::query(LEASE), name, start).bind(whole(granted)).bind(&self.holder);
            let row = lease.fetch_one(&mut *transaction).await?;
            let total = count(row.try_get(0)?);
            transaction.commit().await?;
            Ok(Granted { total, taken: taken.saturating_add(granted), is_short: granted < amount })
        })
        .await
    }

    /// Returns `amount` of what is held of a count.
    pub async fn give_back(&self, name: &Name, start: i64, amount: u64) -> Result<(), StoreError> {
        bounded(async {
            let row = self.about(sqlx::query(RETURN), name, start).bind(whole(amount)).bind(&self.holder);
            row.execute(&self.pool).await?;
            Ok(())
        })
        .await
    }

    /// Deletes windows that began before `before` and are long over.
    pub async fn forget(&self, window: Window, before: i64) -> Result<(), StoreError> {
        bounded(async {
            for statement in FORGET {
                sqlx::query(statement).bind(window.name()).bind(before).execute(&self.pool).await?;
            }
            Ok(())
        })
        .await
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Binds the six columns that say which count is meant.
    fn about<'q>(&'q self, query: Statement<'q>, name: &'q Name, start: i64) -> Statement<'q> {
        query
            .bind(&self.environment)
            .bind(&name.rule)
            .bind(name.measure.name())
            .bind(name.window.name())
            .bind(&name.subject)
            .bind(start)
    }
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

const LOCK: &str = "INSERT INTO warden_quota_window AS known
        (environment, rule, measure, span, subject, starts, taken)
    VALUES ($1, $2, $3, $4, $5, $6, 0)
    ON CONFLICT (environment, rule, measure, span, subject, starts) DO UPDATE SET taken = known.taken
    RETURNING taken";

const LEASE: &str = "WITH raised AS (
        UPDATE warden_quota_window SET taken = taken + $7
        WHERE environment = $1 AND rule = $2 AND measure = $3 AND span = $4 AND subject = $5 AND starts = $6
    )
    INSERT INTO warden_quota_lease AS known
        (environment, rule, measure, span, subject, starts, granted, holder)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (holder, environment, rule, measure, span, subject, starts)
        DO UPDATE SET granted = known.granted + excluded.granted
    RETURNING granted";

/// The window's row first, as in leasing, so that the two never wait for each other.
const RETURN: &str = "WITH lowered AS (
        UPDATE warden_quota_window SET taken = taken - $7
        WHERE environment = $1 AND rule = $2 AND measure = $3 AND span = $4 AND subject = $5 AND starts = $6
        RETURNING taken
    )
    UPDATE warden_quota_lease SET granted = granted - $7
    WHERE holder = $8 AND environment = $1 AND rule = $2 AND measure = $3 AND span = $4 AND subject = $5
      AND starts = $6 AND EXISTS (SELECT FROM lowered)";

const FORGET: [&str; 2] = [
    "DELETE FROM warden_quota_lease WHERE span = $1 AND starts < $2",
    "DELETE FROM warden_quota_window WHERE span = $1 AND starts < $2",
];

/// `None` for what a newer warden wrote.
fn lease(row: &PgRow) -> Result<Option<Lease>, sqlx::Error> {
    let (measure, window): (String, String) = (row.try_get(1)?, row.try_get(2)?);
    let (Some(measure), Some(window)) = (Measure::named(&measure), Window::named(&window)) else {
        return Ok(None);
    };
    let name = Name { rule: row.try_get(0)?, measure, window, subject: row.try_get(3)? };
    Ok(Some(Lease { name, start: row.try_get(4)?, granted: count(row.try_get(5)?) }))
}

/// Never more than was written: what cannot be is nothing.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Limits are far below what does not fit.
fn whole(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

async fn bounded<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(StoreError::Late))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// How long one call may take. Nobody but the keeper waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
