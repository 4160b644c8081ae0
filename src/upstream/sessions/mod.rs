//! Sessions of the configured role, one for every principal, so that AWS's own logs tell principals apart.
//!
//! Receives a principal, returns what to sign with. STS is asked once for all who wait, ahead of expiry while the old
//! session still serves, and not again until a pause is over after it has failed. Must never hand out the session of
//! another principal, an expired one, or the warden's own credentials.

mod name;
mod sts;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::identity::Identity;
use thiserror::Error;
use tokio::sync::Mutex as Gate;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::identity::Principal;

use super::credentials::NoCredentials;

pub use name::SessionName;
pub use sts::Sts;

/// How long before its end a session is renewed: a fifth of its life, and not more than this.
const AHEAD: Duration = Duration::from_mins(5);
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// Failures in a row after which readiness speaks of them.
const PERSISTENT: u32 = 3;

/// Why a principal has no session. Texts hold AWS's error code and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoSession {
    #[error("the role cannot be assumed: {0}")]
    OwnCredentials(#[from] NoCredentials),
    #[error("the role cannot be assumed: AWS STS answered `{code}`")]
    Refused { code: String },
    #[error("the role cannot be assumed: AWS STS did not answer in time")]
    Timeout,
    #[error("the role cannot be assumed: AWS STS cannot be reached")]
    Unreachable,
    #[error("the role cannot be assumed: AWS STS gave no session that can be used")]
    Unusable,
}

/// Whom a session is for, as AWS gets to know it.
#[derive(Debug)]
pub struct Whose {
    /// Session name and source identity.
    pub name: SessionName,
    pub team: String,
    pub app: String,
}

/// Who gives sessions out.
pub trait Assume: Send + Sync + 'static {
    fn assume(&self, whose: &Whose) -> impl Future<Output = Result<Credentials, NoSession>> + Send;
}

/// The sessions of all principals that have called.
pub struct Sessions<S> {
    source: S,
    // By team, then by application. Held for a look or an insertion, never while STS is asked.
    slots: Mutex<HashMap<String, HashMap<String, Arc<Slot>>>>,
    /// Where renewals run.
    tasks: TaskTracker,
    clock: fn() -> SystemTime,
}

/// One principal's session.
struct Slot {
    whose: Whose,
    // Written by whoever holds the gate, read by every request.
    session: ArcSwapOption<Session>,
    failure: ArcSwapOption<Failure>,
    // Held while STS is asked.
    gate: Arc<Gate<()>>,
}

struct Session {
    identity: Identity,
    expiry: SystemTime,
    renew_from: SystemTime,
}

/// The last attempt failed.
struct Failure {
    reason: NoSession,
    /// In a row.
    count: u32,
    /// When STS may be asked again.
    retry_from: Instant,
}

impl<S: Assume> Sessions<S> {
    /// `clock` tells the time that sessions expire by.
    pub fn new(source: S, tasks: TaskTracker, clock: fn() -> SystemTime) -> Arc<Self> {
        Arc::new(Self { source, slots: Mutex::default(), tasks, clock })
    }

    /// What to sign with for `principal`. Waits for STS when there is no session that could be used meanwhile.
    /// FAIL-CLOSED: without a session there is nothing to sign with.
    pub async fn of(self: &Arc<Self>, principal: &Principal) -> Result<Identity, NoSession> {
        let slot = self.slot(principal);
        let now = (self.clock)();
        if let Some(session) = slot.usable(now) {
            if session.renew_from <= now {
                self.renew_in_background(&slot);
            }
            return Ok(session.identity.clone());
        }
        let _gate = slot.gate.lock().await;
        // Whoever was in here before may have got a session for all, or learnt that there is none for now.
        if let Some(session) = slot.usable((self.clock)()) {
            return Ok(session.identity.clone());
        }
        slot.check_pause()?;
        self.renew(&slot).await
    }

    /// Forgets the sessions of principals that are not `known` any more.
    pub fn retain(&self, known: impl Fn(&str, &str) -> bool) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|team, apps| {
            apps.retain(|app, _| known(team, app));
            !apps.is_empty()
        });
    }

    /// Why nobody can be served: every principal that has called lacks a session, and asking has failed again and again.
    /// A failure of some is theirs alone (a trust policy may look at tags) and is in the log and in their records.
    ///
    /// Asks again where it is time to. Whoever is told that we are not ready sends no requests, so that nothing else would
    /// find out that the role can be assumed again.
    pub fn problem(self: &Arc<Self>) -> Option<NoSession> {
        let slots: Vec<_> = {
            let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.values().flat_map(HashMap::values).map(Arc::clone).collect()
        };
        let now = (self.clock)();
        let mut first = None;
        for slot in &slots {
            let failure = slot.failure.load_full().filter(|failure| failure.count >= PERSISTENT)?;
            if slot.usable(now).is_some() {
                return None;
            }
            first.get_or_insert_with(|| failure.reason.clone());
        }
        for slot in &slots {
            self.renew_in_background(slot);
        }
        first
    }

    fn slot(&self, principal: &Principal) -> Arc<Slot> {
        let Principal { team, app, .. } = principal;
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(team).and_then(|apps| apps.get(app)) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::new(team, app));
        slots.entry(team.clone()).or_default().insert(app.clone(), Arc::clone(&slot));
        slot
    }

    fn renew_in_background(self: &Arc<Self>, slot: &Arc<Slot>) {
        let Ok(gate) = Arc::clone(&slot.gate).try_lock_owned() else { return };
        if slot.check_pause().is_err() {
            return;
        }
        let (sessions, slot) = (Arc::clone(self), Arc::clone(slot));
        self.tasks.spawn(async move {
            drop(sessions.renew(&slot).await);
            drop(gate);
        });
    }

    /// Asks STS. Only for whoever holds the slot's gate.
    async fn renew(&self, slot: &Slot) -> Result<Identity, NoSession> {
        let given = self.source.assume(&slot.whose).await;
        match given.and_then(|credentials| Session::of(credentials, (self.clock)())) {
            Ok(session) => {
                let identity = session.identity.clone();
                tracing::info!(session = %slot.whose.name, "assumed the role");
                slot.failure.store(None);
                slot.session.store(Some(Arc::new(session)));
                Ok(identity)
            }
            Err(reason) => {
                slot.failed(reason.clone());
                Err(reason)
            }
        }
    }
}

impl Slot {
    fn new(team: &str, app: &str) -> Self {
        Self {
            whose: Whose { name: SessionName::of(team, app), team: team.to_owned(), app: app.to_owned() },
            session: ArcSwapOption::empty(),
            failure: ArcSwapOption::empty(),
            gate: Arc::default(),
        }
    }

    fn usable(&self, now: SystemTime) -> Option<Arc<Session>> {
        self.session.load_full().filter(|session| session.expiry > now)
    }

    /// Why STS is not to be asked yet.
    fn check_pause(&self) -> Result<(), NoSession> {
        match &*self.failure.load() {
            Some(failure) if failure.retry_from > Instant::now() => Err(failure.reason.clone()),
            Some(_) | None => Ok(()),
        }
    }

    fn failed(&self, reason: NoSession) {
        let before = self.failure.load().as_ref().map_or(0, |failure| failure.count);
        let pause = FIRST_BACKOFF.saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX));
        let retry_from = Instant::now() + pause.min(LONGEST_BACKOFF);
        let failure = Failure { reason, count: before.saturating_add(1), retry_from };
        self.failure.store(Some(Arc::new(failure)));
    }
}

impl Session {
    /// FAIL-CLOSED: a session without end is none of STS's, and one that is over is of no use.
    fn of(credentials: Credentials, now: SystemTime) -> Result<Self, NoSession> {
        let expiry = credentials.expiry().ok_or(NoSession::Unusable)?;
        let life =
            expiry.duration_since(now).ok().filter(|life| !life.is_zero()).ok_or(NoSession::Unusable)?;
        Ok(Self { identity: credentials.into(), expiry, renew_from: expiry - AHEAD.min(life / 5) })
    }
}

impl<S> fmt::Debug for Sessions<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
