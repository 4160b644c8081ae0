//! A request's place in the journal, from its arrival to its end.
//!
//! Opened in memory before anything is known about the caller. Commits one intent and then one outcome, or one
//! refusal; the types allow nothing else. Dropped on any other way, even by a panic, it still leaves a record.

use std::mem;

use uuid::Uuid;

use super::record::{Arrival, DenialReason, Denied, EndState, Intent, Judgement, Outcome, Record, Request};
use super::status::new_id;
use super::{Journal, JournalError};
use crate::clock;

/// A request that was neither admitted nor refused yet.
#[derive(Debug)]
pub struct Entry {
    /// What is known so far. Filled in as the request path learns it.
    pub request: Request,
    ticket: Ticket,
}

/// An admitted request: its intent is durable, its outcome is not.
#[derive(Debug)]
pub struct OpenEntry {
    ticket: Ticket,
}

/// Proof that an intent is durable. Only the journal makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    request_id: Uuid,
    seq: i64,
}

impl Receipt {
    /// The request whose intent it proves.
    pub const fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// Position of the record in the journal.
    pub const fn seq(&self) -> i64 {
        self.seq
    }
}

/// The right to write the next record of a request. Taken when the record is handed over.
#[derive(Debug)]
struct Ticket {
    journal: Option<Journal>,
    request_id: Uuid,
}

impl Entry {
    /// Opens an entry under a new request identifier. Writes nothing yet.
    pub fn open(journal: &Journal, arrival: Arrival) -> Self {
        Self {
            request: Request { arrival, ..Request::default() },
            ticket: Ticket { journal: Some(journal.clone()), request_id: new_id(clock::now()) },
        }
    }

    /// Ours, never the client's: the decision identifier that the caller is told.
    pub const fn request_id(&self) -> Uuid {
        self.ticket.request_id
    }

    /// Makes the intent durable. Only then may anything go upstream.
    ///
    /// After an error nothing may be forwarded and nothing is left to be done: the journal records the refusal
    /// itself as soon as it can.
    pub async fn commit_intent(mut self, intent: Intent) -> Result<(Receipt, OpenEntry), JournalError> {
        let request_id = self.ticket.request_id;
        let Some(journal) = self.ticket.journal.take() else { return Err(JournalError::Closed) };
        let record = Record::Intent {
            request_id,
            request: Box::new(mem::take(&mut self.request)),
            intent: Box::new(intent),
        };
        let seq = journal.append(record).await?;
        // CRASH: from here to the outcome, a restart finds an intent without outcome and records it as unknown.
        Ok((Receipt { request_id, seq }, OpenEntry { ticket: Ticket { journal: Some(journal), request_id } }))
    }

    /// Makes the refusal durable. Only then may the caller be told about it.
    ///
    /// After an error the record is still written as soon as the journal can.
    pub async fn refuse(mut self, denied: Denied) -> Result<(), JournalError> {
        let Some(journal) = self.ticket.journal.take() else { return Err(JournalError::Closed) };
        let record = Record::Denied {
            request_id: self.ticket.request_id,
            request: Box::new(mem::take(&mut self.request)),
            denied: Box::new(denied),
        };
        journal.append(record).await.map(|_seq| ())
    }
}

impl OpenEntry {
    pub const fn request_id(&self) -> Uuid {
        self.ticket.request_id
    }

    /// Makes the outcome durable. Only then may the caller see the end of the answer.
    ///
    /// After an error the record is still written as soon as the journal can.
    pub async fn finish(mut self, outcome: Outcome) -> Result<(), JournalError> {
        let Some(journal) = self.ticket.journal.take() else { return Err(JournalError::Closed) };
        let record = Record::Outcome { request_id: self.ticket.request_id, outcome: Box::new(outcome) };
        journal.append(record).await.map(|_seq| ())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(journal) = self.ticket.journal.take() else { return };
        let denied = Denied {
            reason: DenialReason::Abandoned,
            http_status: 500,
            error_code: "InternalServerException".to_owned(),
            message: "the request ended before it was decided".to_owned(),
            judgement: Judgement::default(),
        };
        journal.submit(Record::Denied {
            request_id: self.ticket.request_id,
            request: Box::new(mem::take(&mut self.request)),
            denied: Box::new(denied),
        });
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        let Some(journal) = self.ticket.journal.take() else { return };
        let outcome = Box::new(Outcome::new(EndState::Abandoned));
        journal.submit(Record::Outcome { request_id: self.ticket.request_id, outcome });
    }
}
