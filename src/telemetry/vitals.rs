//! The state of the process at one moment: what gauges show.
//!
//! Put together by the request path, which knows every part; read by whoever exports gauges. Plain values.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Whoever knows the state of the process, asked when it is shown; has no answer any more when the process ends.
#[derive(Clone)]
pub struct VitalsSource(Arc<dyn Fn() -> Option<Vitals> + Send + Sync>);

impl VitalsSource {
    pub fn new(source: impl Fn() -> Option<Vitals> + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    pub fn now(&self) -> Option<Vitals> {
        (self.0)()
    }
}

impl fmt::Debug for VitalsSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VitalsSource").finish_non_exhaustive()
    }
}

/// What gauges show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vitals {
    /// Exchanges that have begun and are not over.
    pub in_flight: u64,
    pub journal: JournalVitals,
    /// `None` when no policies are loaded.
    pub policy_digest: Option<String>,
    /// Rules of quotas, and the part of its limit that the fullest count of each has used.
    pub quotas: Vec<(String, f64)>,
    /// Whether the files on disk are the rules in force.
    pub reload_succeeded: bool,
    /// When the rules in force were loaded.
    pub rules_loaded: Option<SystemTime>,
    /// When the warden's own AWS credentials end; `None` for credentials without an end.
    pub credentials_expire: Option<SystemTime>,
    /// When the certificate of the data listener ends.
    pub certificate_expires: Option<SystemTime>,
}

/// The record's own health.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JournalVitals {
    /// Whether requests can be admitted.
    pub ready: bool,
    /// Records handed over and not yet on disk.
    pub queued: u64,
    /// How long the oldest record of the latest commit waited to be on disk.
    pub lag: Duration,
    /// Records on disk, since the start.
    pub written: u64,
    /// Records that could not even be queued, since the start.
    pub lost: u64,
    /// Records that exist in this journal and nowhere else.
    pub unshipped: u64,
}
