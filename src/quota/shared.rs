//! What the request path and the keeper of leases tell each other: which counts want more, and that more has come.
//!
//! Requests leave wishes here and never talk to the store themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::bucket::Name;
use super::ledger::Key;

/// A part of a limit that is to be leased.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub shard: usize,
    pub key: Key,
    pub name: Arc<Name>,
    /// Of the window for which it is wanted.
    pub start: i64,
    pub amount: u64,
    pub limit: u64,
}

/// One per ledger whose limits are shared.
#[derive(Debug)]
pub(super) struct Shared {
    // Held to add to it or to take it whole.
    wants: Mutex<Vec<Want>>,
    /// Rung when something was wanted.
    pub bell: Notify,
    /// Rung when something was granted, or is known not to be.
    pub granted: Notify,
    /// Whether the store answered when it was asked last.
    is_up: AtomicBool,
}

impl Default for Shared {
    fn default() -> Self {
        // Until it was asked, it may answer.
        Self {
            wants: Mutex::default(),
            bell: Notify::new(),
            granted: Notify::new(),
            is_up: AtomicBool::new(true),
        }
    }
}

impl Shared {
    pub fn want(&self, mut wants: Vec<Want>) {
        if wants.is_empty() {
            return;
        }
        self.wants.lock().unwrap_or_else(PoisonError::into_inner).append(&mut wants);
        self.bell.notify_one();
    }

    pub fn take(&self) -> Vec<Want> {
        std::mem::take(&mut *self.wants.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Returns what was known before.
    pub fn set_up(&self, is_up: bool) -> bool {
        self.is_up.swap(is_up, Ordering::Relaxed)
    }
}
