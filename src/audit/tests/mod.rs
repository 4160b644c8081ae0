//! The journal against real SQLite files, with faults injected below the writer.

mod durability;
mod entries;
mod faults;
mod recovery;
mod sealing;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;

/// What goes wrong in the next transactions, in order.
#[derive(Debug, Clone, Default)]
pub(in crate::audit) struct Faults(Arc<Mutex<VecDeque<Fault>>>);

#[derive(Debug, Clone)]
pub(in crate::audit) enum Fault {
    /// `COMMIT` reports an error although it happened.
    FailedButPersisted,
    /// `COMMIT` reports an error and did not happen.
    FailedNotPersisted,
    /// Nothing: the transaction after a fault is honest.
    Honest,
    /// The database may not grow beyond this many pages: SQLite itself answers `SQLITE_FULL`.
    MaxPages(u32),
    /// The transaction stops before `COMMIT`: says so on the first, goes on with the second.
    Stall { reached: Arc<Notify>, resume: Arc<Notify> },
}

impl Faults {
    pub(super) fn inject(&self, fault: Fault) {
        self.0.lock().unwrap().push_back(fault);
    }

    fn next(&self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut queue = self.0.lock().unwrap();
        queue.front().is_some_and(wanted).then(|| queue.pop_front()).flatten()
    }

    pub(in crate::audit) async fn before_begin(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        if let Some(Fault::MaxPages(pages)) = self.next(|fault| matches!(fault, Fault::MaxPages(_))) {
            let pragma = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
            sqlx::query(pragma).fetch_one(connection).await?;
        }
        Ok(())
    }

    pub(in crate::audit) async fn before_commit(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let lie = || Err(sqlx::Error::Protocol("injected".to_owned()));
        match self.next(|fault| !matches!(fault, Fault::MaxPages(_))) {
            Some(Fault::FailedButPersisted) => {
                sqlx::query("COMMIT").execute(connection).await?;
                lie()
            }
            Some(Fault::FailedNotPersisted) => {
                sqlx::query("ROLLBACK").execute(connection).await?;
                lie()
            }
            Some(Fault::Stall { reached, resume }) => {
                reached.notify_one();
                resume.notified().await;
                Ok(())
            }
            Some(Fault::Honest | Fault::MaxPages(_)) | None => Ok(()),
        }
    }
}

/// A folder with a journal in it.
struct Place {
    folder: TempDir,
    faults: Faults,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), faults: Faults::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.db")
    }

    fn options(&self) -> JournalOptions {
        JournalOptions {
            reserve_bytes: 0,
            deadline: std::time::Duration::from_secs(20),
            faults: self.faults.clone(),
            ..JournalOptions::default()
        }
    }

    /// After a pretended crash the thread of the old connection may still be letting go of the file. A dead process has
    /// no such thread.
    async fn open(&self) -> Journal {
        for _ in 0..500 {
            match Journal::open(&self.path(), self.options()).await {
                Err(JournalError::Recovery(reason)) if reason.contains("another process") => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                opened => return opened.unwrap(),
            }
        }
        panic!("the old connection was never closed");
    }

    async fn rows(&self) -> Vec<Value> {
        rows(&self.path()).await
    }
}

/// Every record as it is in the file, with `seq` added.
async fn rows(path: &Path) -> Vec<Value> {
    let mut connection = SqliteConnectOptions::new().filename(path).read_only(true).connect().await.unwrap();
    sqlx::query("SELECT seq, record FROM record ORDER BY seq")
        .fetch_all(&mut connection)
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let mut record: Value = serde_json::from_str(row.get::<&str, _>(1)).unwrap();
            record["seq"] = Value::from(row.get::<i64, _>(0));
            record
        })
        .collect()
}

fn kinds(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

/// INVARIANT of the journal: `seq` has no gaps, and every request has exactly one intent or denial, and exactly one
/// terminal record.
fn assert_sound(rows: &[Value]) {
    use std::collections::BTreeMap;
    let mut requests: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["seq"], index, "gapless");
        let Some(id) = row["request_id"].as_str() else { continue };
        let counts = requests.entry(id).or_default();
        match row["kind"].as_str().unwrap() {
            "request.intent" => counts.0 += 1,
            "request.denied" => *counts = (counts.0 + 1, counts.1 + 1),
            "request.outcome" | "request.unknown" => counts.1 += 1,
            other => panic!("unexpected kind {other}"),
        }
    }
    for (id, counts) in requests {
        assert_eq!(counts, (1, 1), "request {id}: openings and endings");
    }
}

fn arrival() -> Arrival {
    Arrival {
        source_ip: Some("10.1.2.3".parse().unwrap()),
        user_agent: Some("Boto3/1.44".to_owned()),
        client_invocation_id: Some("5f6e".to_owned()),
        claimed_credential_id: Some("AKIAWARDEN".to_owned()),
    }
}

fn entry(journal: &Journal) -> Entry {
    let mut entry = Entry::open(journal, arrival());
    entry.request.caller = Some(Caller {
        team: "payments".to_owned(),
        app: "checkout".to_owned(),
        credential_kind: "sigv4".to_owned(),
        credential_id: "AKIAWARDEN".to_owned(),
    });
    entry.request.target = Some(Target {
        operation: "Converse".to_owned(),
        region: "us-east-1".to_owned(),
        model: Some(Model {
            requested: "us.anthropic.claude-sonnet".to_owned(),
            resolved: "anthropic.claude-sonnet".to_owned(),
            provider: Some("anthropic".to_owned()),
            geography: Some("us".to_owned()),
            behind: Vec::new(),
        }),
    });
    entry
}

fn denied() -> Denied {
    Denied {
        reason: DenialReason::Deny,
        http_status: 403,
        error_code: "AccessDeniedException".to_owned(),
        message: "not for this team".to_owned(),
        judgement: Judgement {
            violated: vec![RuleHit {
                rule: "models".to_owned(),
                at: "teams/payments.yaml:7".to_owned(),
                ..RuleHit::default()
            }],
            ..Judgement::default()
        },
    }
}

fn complete() -> Outcome {
    Outcome { http_status: Some(200), ..Outcome::new(EndState::Complete) }
}
