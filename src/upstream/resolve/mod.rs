//! From a name that hides its model to the models behind it.
//!
//! Receives a parsed reference of a proven caller, returns it with everything that stands behind it, or why that cannot be
//! said. FAIL-CLOSED: there is no partial result. Answers are cached within the bounds of [`cache`]; one question about one
//! reference is in flight at a time, few in all, and fewer for one caller. Failures of ours or of the way are never cached.

pub mod cache;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::{Found, Lookup, ResolutionError};
use crate::identity::Principal;

use super::lookup::{ControlPlane, Reply};
use cache::{Cache, Known};

/// Why it is not known what stands behind a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResolveError {
    #[error(transparent)]
    Resolution(#[from] ResolutionError),
    #[error("there is no such model; AWS knows none of that name")]
    NotFound,
    #[error(
        "the warden may not look up what stands behind the model; its role needs `bedrock:{operation}`, or the policies' \
         catalog.yaml an alias"
    )]
    Forbidden { operation: &'static str },
    #[error("what stands behind the model could not be looked up; try again")]
    Unavailable,
    #[error("too many models of this application are being looked up; try again")]
    Busy,
}

/// Resolves references through the control plane `C`.
#[derive(Debug)]
pub struct Resolver<C> {
    control: C,
    // Held for single look-ups and insertions, never across an await.
    cache: Mutex<Cache>,
    flights: Mutex<Flights>,
    questions: Semaphore,
}

/// Questions that are being asked.
#[derive(Debug, Default)]
struct Flights {
    by_reference: HashMap<String, Arc<Flight>>,
    /// How many of them each caller began.
    by_caller: HashMap<String, usize>,
}

type Flight = OnceCell<Result<Found, ResolveError>>;

impl<C: ControlPlane + Send + Sync> Resolver<C> {
    /// `recheck` is how long it is believed what a name that can be pointed elsewhere leads to.
    pub fn new(control: C, recheck: Duration) -> Self {
        Self {
            control,
            cache: Mutex::new(Cache::new(recheck)),
            flights: Mutex::default(),
            questions: Semaphore::new(MOST_QUESTIONS),
        }
    }

    /// `reference` with everything behind it. A reference that says it all is returned as it is. `caller` is on
    /// whose behalf AWS is asked.
    pub async fn resolve(
        &self,
        caller: &Principal,
        reference: &ModelReference,
    ) -> Result<ModelReference, ResolveError> {
        if reference.is_resolved() {
            return Ok(reference.clone());
        }
        match tokio::time::timeout(DEADLINE, self.follow(caller, reference, &[])).await {
            Ok(resolved) => resolved,
            Err(_) => Err(ResolveError::Unavailable),
        }
    }

    fn follow<'a>(
        &'a self,
        caller: &'a Principal,
        reference: &'a ModelReference,
        chain: &'a [&'a str],
    ) -> Pin<Box<dyn Future<Output = Result<ModelReference, ResolveError>> + Send + 'a>> {
        Box::pin(async move {
            if reference.is_resolved() {
                return Ok(reference.clone());
            }
            let chain = reference.follow(chain)?;
            let found = match reference.found() {
                Some(found) => found.clone(),
                None => self.answer(caller, reference).await?,
            };
            let mut models = Vec::with_capacity(found.models().len());
            for next in found.models() {
                models.push(self.follow(caller, next, &chain).await?);
            }
            Ok(reference.clone().with(found.with_models(models)))
        })
    }

    /// What the control plane says about one reference, from memory, from a question in flight, or from a new one.
    async fn answer(&self, caller: &Principal, reference: &ModelReference) -> Result<Found, ResolveError> {
        let joined = match self.join(caller, reference)? {
            Joined::Known(Known::Found(found)) => return Ok(found),
            Joined::Known(Known::Absent) => return Err(ResolveError::NotFound),
            Joined::Flying(joined) => joined,
        };
        joined.flight.get_or_init(|| self.ask(caller, reference)).await.clone()
    }

    /// INVARIANT: one lock for both looks, so that an answer is either remembered or still in flight.
    fn join(&self, caller: &Principal, reference: &ModelReference) -> Result<Joined<'_>, ResolveError> {
        let mut flights = lock(&self.flights);
        let key = key(reference);
        if let Some(known) = lock(&self.cache).recall(&key, Instant::now()) {
            return Ok(Joined::Known(known));
        }
        let first = !flights.by_reference.contains_key(&key);
        if first {
            let begun = flights.by_caller.entry(name_of(caller)).or_default();
            if *begun >= MOST_OF_ONE_CALLER {
                return Err(ResolveError::Busy);
            }
            *begun += 1;
        }
        let flight = Arc::clone(flights.by_reference.entry(key.clone()).or_default());
        let caller = first.then(|| name_of(caller));
        Ok(Joined::Flying(Passenger { flights: &self.flights, key, flight, caller }))
    }

    /// Asks all questions about a reference. What is certain is remembered before anybody hears of it.
    async fn ask(&self, caller: &Principal, reference: &ModelReference) -> Result<Found, ResolveError> {
        let mut all: Option<Found> = None;
        let asked = Instant::now();
        for lookup in Lookup::all(reference)? {
            match self.ask_one(caller, &lookup).await {
                Ok(found) => all = Some(all.map_or(found.clone(), |all| all.and(found))),
                Err(ResolveError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        let known = all.clone().map_or(Known::Absent, Known::Found);
        lock(&self.cache).remember(&key(reference), known, reference.lifetime(), asked);
        all.ok_or(ResolveError::NotFound)
    }

    async fn ask_one(&self, caller: &Principal, lookup: &Lookup) -> Result<Found, ResolveError> {
        let _turn = self.questions.acquire().await.map_err(|_| ResolveError::Unavailable)?;
        match self.control.ask(caller, lookup).await {
            Ok(reply) => read(lookup, &reply),
            Err(error) => {
                tracing::warn!(%error, operation = lookup.operation(), "a model could not be looked up");
                Err(ResolveError::Unavailable)
            }
        }
    }
}

/// Sorts answers by what they mean. FAIL-CLOSED: "there is none" is believed only in AWS's own words.
fn read(lookup: &Lookup, reply: &Reply) -> Result<Found, ResolveError> {
    let operation = lookup.operation();
    match (reply.status, reply.error.as_deref()) {
        (StatusCode::OK, _) => lookup.read(&reply.body).map_err(|error| {
            tracing::warn!(%error, operation, "an answer about a model is not understood");
            error.into()
        }),
        (StatusCode::NOT_FOUND, Some("ResourceNotFoundException"))
        | (StatusCode::BAD_REQUEST, Some("ValidationException")) => Err(ResolveError::NotFound),
        (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, error) => {
            tracing::warn!(operation, error, "AWS does not let the warden look up a model");
            Err(ResolveError::Forbidden { operation })
        }
        (status, error) => {
            tracing::warn!(operation, status = status.as_u16(), error, "a model could not be looked up");
            Err(ResolveError::Unavailable)
        }
    }
}

enum Joined<'r> {
    Known(Known),
    Flying(Passenger<'r>),
}

/// One request that waits for an answer. The last one out closes the flight, whether it landed or was given up.
struct Passenger<'r> {
    flights: &'r Mutex<Flights>,
    key: String,
    flight: Arc<Flight>,
    /// Whose flight it is, for the one who began it.
    caller: Option<String>,
}

impl Drop for Passenger<'_> {
    fn drop(&mut self) {
        let mut flights = lock(self.flights);
        if let Some(caller) = &self.caller
            && let Some(begun) = flights.by_caller.get_mut(caller)
        {
            *begun -= 1;
            if *begun == 0 {
                flights.by_caller.remove(caller);
            }
        }
        // The table's and our own.
        let last = Arc::strong_count(&self.flight) <= 2;
        let landed = self.flight.initialized();
        let current =
            flights.by_reference.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight));
        if current && (last || landed) {
            flights.by_reference.remove(&self.key);
        }
    }
}

/// What an answer is remembered under. One name can be that of several resources.
fn key(reference: &ModelReference) -> String {
    match reference.sought() {
        // No reference holds a space.
        Some(kind) => format!("{kind} {}", reference.raw()),
        None => reference.raw().to_owned(),
    }
}

/// The application that a question counts for.
fn name_of(caller: &Principal) -> String {
    format!("{}/{}", caller.team, caller.app)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For a whole chain. Long enough for one slow answer, short enough for callers not to give up first.
const DEADLINE: Duration = Duration::from_secs(10);

/// Questions in flight, all callers together: AWS allows an account few of them each second.
const MOST_QUESTIONS: usize = 8;

/// Questions in flight that one application began.
const MOST_OF_ONE_CALLER: usize = 4;

#[cfg(test)]
mod tests;
