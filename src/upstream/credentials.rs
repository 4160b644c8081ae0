//! The warden's own AWS credentials: fetched by one task, ahead of expiry, and read by requests without waiting.
//!
//! `aws-config` asks its source on every call; per request that would be one metadata or STS call per prompt.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::identity::Identity;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::causes::causes;
use crate::clock;

/// How long before expiry new credentials are fetched.
const AHEAD: Duration = Duration::from_mins(5);
/// How often credentials without expiry are looked at again, so that a changed file or profile is noticed.
const RECHECK: Duration = Duration::from_mins(15);
const ATTEMPT: Duration = Duration::from_secs(10);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Why a request cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoCredentials {
    #[error("no AWS credentials have been obtained yet")]
    NeverObtained,
    #[error("the AWS credentials have expired and could not be renewed")]
    Expired,
}

/// The latest credentials, shared by all requests.
pub struct CredentialSource {
    provider: SharedCredentialsProvider,
    // Written by the task that runs `keep_fresh`, read by every request.
    latest: ArcSwapOption<Latest>,
}

struct Latest {
    identity: Identity,
    expiry: Option<SystemTime>,
}

impl CredentialSource {
    pub fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, latest: ArcSwapOption::empty() }
    }

    /// The standard AWS chain: environment, profiles, SSO, web identity, containers, instance metadata.
    pub async fn standard(region: String) -> Option<SharedCredentialsProvider> {
        let chain = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(region))
            .load()
            .await;
        chain.credentials_provider()
    }

    /// What to sign with at `now`. FAIL-CLOSED: never credentials that have expired.
    pub fn current(&self, now: SystemTime) -> Result<Identity, NoCredentials> {
        match &*self.latest.load() {
            None => Err(NoCredentials::NeverObtained),
            Some(latest) if latest.expiry.is_some_and(|expiry| expiry <= now) => Err(NoCredentials::Expired),
            Some(latest) => Ok(latest.identity.clone()),
        }
    }

    /// When the latest credentials end; `None` without an end, or before there are any.
    pub fn expiry(&self) -> Option<SystemTime> {
        self.latest.load().as_ref().and_then(|latest| latest.expiry)
    }

    /// Fetches credentials until `stop`. The one task that talks to the source.
    pub async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let wait = match tokio::time::timeout(ATTEMPT, self.provider.provide_credentials()).await {
                Ok(Ok(credentials)) => {
                    backoff = FIRST_BACKOFF;
                    self.adopt(credentials)
                }
                Ok(Err(error)) => {
                    tracing::warn!(reason = causes(&error), "cannot obtain AWS credentials");
                    next_backoff(&mut backoff)
                }
                Err(_) => {
                    tracing::warn!(reason = "no answer in time", "cannot obtain AWS credentials");
                    next_backoff(&mut backoff)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Publishes `credentials` and says how long they are good without another look.
    fn adopt(&self, credentials: Credentials) -> Duration {
        let expiry = credentials.expiry();
        let first = self.latest.load().is_none();
        self.latest.store(Some(Arc::new(Latest { identity: credentials.into(), expiry })));
        if first {
            tracing::info!("obtained AWS credentials");
        }
        let now = clock::system_now();
        match expiry.map(|expiry| expiry.duration_since(now).unwrap_or_default()) {
            Some(left) => left.saturating_sub(AHEAD).clamp(Duration::from_secs(1), RECHECK),
            None => RECHECK,
        }
    }
}

fn next_backoff(backoff: &mut Duration) -> Duration {
    let wait = *backoff;
    *backoff = (*backoff * 2).min(LONGEST_BACKOFF);
    wait
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CredentialSource").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{Result as Provided, future};
    use tokio_util::task::TaskTracker;

    use super::*;

    /// Hands out credentials that live for `seconds`, and fails the first `failures` times.
    #[derive(Debug)]
    struct Scripted {
        asked: Arc<AtomicU32>,
        failures: u32,
        seconds: u64,
    }

    impl ProvideCredentials for Scripted {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let nth = self.asked.fetch_add(1, Ordering::SeqCst);
            let answer: Provided = if nth < self.failures {
                Err(CredentialsError::not_loaded("not yet"))
            } else {
                let expiry = clock::system_now() + Duration::from_secs(self.seconds);
                Ok(Credentials::new(
                    "AKIAEXAMPLE",
                    "a secret",
                    Some("a secret token".to_owned()),
                    Some(expiry),
                    "scripted",
                ))
            };
            future::ProvideCredentials::ready(answer)
        }
    }

    async fn run(failures: u32, seconds: u64, pass: Duration) -> (Arc<CredentialSource>, u32) {
        let asked = Arc::new(AtomicU32::new(0));
        let script = Scripted { asked: Arc::clone(&asked), failures, seconds };
        let source = Arc::new(CredentialSource::new(SharedCredentialsProvider::new(script)));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(Arc::clone(&source).keep_fresh(stop.clone()));
        tokio::time::sleep(pass).await;
        stop.cancel();
        (source, asked.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn requests_never_ask_the_source() {
        let (source, asked) = run(0, 3600, Duration::from_secs(30)).await;
        let now = clock::system_now();
        assert!((0..100).all(|_| source.current(now).is_ok()));
        assert_eq!(asked, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_source_tells_when_its_credentials_end_and_never_shows_them() {
        let (source, _) = run(0, 3600, Duration::from_secs(1)).await;
        let left = source.expiry().unwrap().duration_since(clock::system_now()).unwrap();
        assert!((3590..=3600).contains(&left.as_secs()), "{left:?}");
        let identity = source.current(clock::system_now()).unwrap();
        for shown in [format!("{source:?}"), format!("{identity:?}")] {
            assert!(!shown.contains("a secret"), "{shown}");
        }
        let (never, _) = run(u32::MAX, 3600, Duration::from_secs(1)).await;
        assert_eq!(never.expiry(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_source_is_asked_again_with_growing_pauses() {
        let (source, asked) = run(3, 3600, Duration::from_secs(4)).await;
        assert_eq!(asked, 4, "after 0, 0.5, 1.5 and 3.5 seconds");
        assert!(source.current(clock::system_now()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn expired_credentials_never_sign_fails_closed() {
        let (source, _) = run(0, 3600, Duration::from_secs(1)).await;
        let later = clock::system_now() + Duration::from_secs(3601);
        assert_eq!(source.current(later).err(), Some(NoCredentials::Expired));
        let (never, _) = run(u32::MAX, 3600, Duration::from_secs(1)).await;
        assert_eq!(never.current(later).err(), Some(NoCredentials::NeverObtained));
    }
}
