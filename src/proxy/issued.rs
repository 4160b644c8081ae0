//! The placeholders of one exchange, as its request and its answer share them.
//!
//! Cheap to clone. A session adds to it while its answer is being restored. SECRET: in memory only; what stands behind the
//! placeholders is wiped with the last clone, and never written down.

use std::sync::{Arc, Mutex, PoisonError};

use crate::sensitive::Tokens;

/// What was tokenised in a request.
#[derive(Debug, Clone, Default)]
pub struct Issued {
    // Held while one text is read or written; a panic elsewhere cannot leave it half changed.
    tokens: Arc<Mutex<Tokens>>,
}

impl Issued {
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens: Arc::new(Mutex::new(tokens)) }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Tokens) -> T) -> T {
        work(&mut self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_empty(&self) -> bool {
        self.with(|tokens| tokens.is_empty())
    }
}
