//! Keeps what is leased ahead of what is used, so that requests find room in memory.
//!
//! Receives the wishes that requests leave, asks the store, and hands out what it grants. When the store is away, what was
//! leased lasts, and this keeps trying. At the end it returns what was not used. The only part of the process that talks to
//! the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ledger::Ledger;
use super::shared::{Shared, Want};
use super::store::{Store, StoreError};
use crate::config::QuotaStore;
use crate::policy::Window;

/// Leases for one ledger. Lives until the last exchange is over.
#[derive(Debug)]
pub struct Keeper {
    ledger: Arc<Ledger>,
    store: Store,
    /// Whether the tables are there and earlier leases are taken over.
    is_open: bool,
    /// Turns since old windows were last deleted.
    turns: u32,
}

impl Keeper {
    /// `holder` is the chain of the journal that the ledger was restored from.
    pub fn new(ledger: Arc<Ledger>, store: &QuotaStore, environment: &str, holder: Uuid) -> Self {
        let store = Store::new(store.options(), environment, holder);
        Self { ledger, store, is_open: false, turns: 0 }
    }

    /// Takes over what an earlier process of ours has leased. A store that is away is tried again later.
    pub async fn open(&mut self) {
        let opened = self.try_open().await;
        self.told(opened);
    }

    /// Leases until `stop`, then returns what was not used.
    pub async fn run(mut self, stop: CancellationToken) {
        let ledger = Arc::clone(&self.ledger);
        let Some(shared) = ledger.shared() else { return };
        loop {
            let ticked = tokio::select! {
                () = stop.cancelled() => break,
                () = shared.bell.notified() => false,
                () = tokio::time::sleep(TICK) => true,
            };
            self.turn(shared, ticked).await;
        }
        if timeout(FAREWELL, self.give_back()).await.is_err() {
            tracing::warn!(
                "unused parts of quotas could not all be returned; they come back with the next start"
            );
        }
        self.store.close().await;
    }

    async fn turn(&mut self, shared: &Shared, ticked: bool) {
        if ticked && shared.is_up() {
            // What others return can be had again, and windows come to their end.
            shared.want(self.ledger.look_ahead());
            self.forget_now_and_then().await;
        }
        let wants = shared.take();
        // ORDER: whatever happens, those who wait are told, and may ask again.
        let asked = self.ask(&wants, ticked).await;
        if asked.is_err() {
            self.ledger.ask_again(&wants);
        }
        self.told(asked);
        shared.granted.notify_waiters();
    }

    async fn ask(&mut self, wants: &[Want], ticked: bool) -> Result<(), StoreError> {
        let was_up = self.ledger.shared().is_some_and(Shared::is_up);
        if !self.is_open || (ticked && !was_up) {
            self.try_open().await?;
        }
        for want in wants {
            let granted = self.store.take(&want.name, want.start, want.amount, want.limit).await?;
            self.ledger.grant(want, granted);
        }
        Ok(())
    }

    async fn try_open(&mut self) -> Result<(), StoreError> {
        let leases = self.store.open(self.ledger.oldest_window()).await?;
        self.ledger.adopt(leases);
        self.is_open = true;
        Ok(())
    }

    fn told(&self, asked: Result<(), StoreError>) {
        let Some(shared) = self.ledger.shared() else { return };
        let was_up = shared.set_up(asked.is_ok());
        match asked {
            Ok(()) if !was_up => tracing::info!("the store of quotas answers again"),
            Err(error) if was_up => {
                tracing::warn!(%error, "the store of quotas is away; what was leased from it lasts");
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn forget_now_and_then(&mut self) {
        self.turns += 1;
        if self.turns < TURNS_OF_AN_HOUR {
            return;
        }
        self.turns = 0;
        for window in Window::ALL {
            if let Err(error) = self.store.forget(window, self.ledger.long_over(window)).await {
                tracing::debug!(%error, "old windows were not deleted");
            }
        }
    }

    async fn give_back(&self) {
        for (name, start, amount) in self.ledger.unused() {
            if let Err(error) = self.store.give_back(&name, start, amount).await {
                return tracing::warn!(%error, "unused parts of quotas are not returned; they come back with the next start");
            }
        }
    }
}

/// How often windows are looked at, and a store that is away is tried.
const TICK: Duration = Duration::from_secs(1);
const TURNS_OF_AN_HOUR: u32 = 3_600;
/// How long a drain waits for unused parts to be returned.
const FAREWELL: Duration = Duration::from_secs(5);
