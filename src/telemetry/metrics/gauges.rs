//! The state of the process, as gauges.
//!
//! Receives the vitals of the moment of a scrape. A fact without a value is shown as the help text of its gauge says.

use std::time::{Duration, SystemTime};

use prometheus::{Error, Gauge, IntCounter, IntGauge, Registry};

use super::family::Family;
use super::{names, or_none};
use crate::telemetry::Vitals;

#[derive(Debug)]
pub(super) struct Gauges {
    in_flight: Family<IntGauge, 0>,
    journal_ready: Family<IntGauge, 0>,
    journal_queued: Family<IntGauge, 0>,
    journal_lag: Family<Gauge, 0>,
    journal_written: Family<IntCounter, 0>,
    journal_lost: Family<IntCounter, 0>,
    journal_unshipped: Family<IntGauge, 0>,
    policy: Family<IntGauge, 1>,
    quota_used: Family<Gauge, 1>,
    reload_successful: Family<IntGauge, 0>,
    reload_time: Family<Gauge, 0>,
    credentials_expiry: Family<Gauge, 0>,
    certificate_expiry: Family<Gauge, 0>,
}

impl Gauges {
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let build = Family::<IntGauge, 1>::register(registry, &names::BUILD)?;
        build.with([env!("CARGO_PKG_VERSION")], |gauge| gauge.set(1));
        Ok(Self {
            in_flight: Family::register(registry, &names::IN_FLIGHT)?,
            journal_ready: Family::register(registry, &names::JOURNAL_READY)?,
            journal_queued: Family::register(registry, &names::JOURNAL_QUEUED)?,
            journal_lag: Family::register(registry, &names::JOURNAL_LAG)?,
            journal_written: Family::register(registry, &names::JOURNAL_WRITTEN)?,
            journal_lost: Family::register(registry, &names::JOURNAL_LOST)?,
            journal_unshipped: Family::register(registry, &names::JOURNAL_UNSHIPPED)?,
            policy: Family::register(registry, &names::POLICY)?,
            quota_used: Family::register(registry, &names::QUOTA_USED)?,
            reload_successful: Family::register(registry, &names::RELOAD_SUCCESSFUL)?,
            reload_time: Family::register(registry, &names::RELOAD_TIME)?,
            credentials_expiry: Family::register(registry, &names::CREDENTIALS_EXPIRY)?,
            certificate_expiry: Family::register(registry, &names::CERTIFICATE_EXPIRY)?,
        })
    }

    pub fn set(&self, vitals: &Vitals) {
        let journal = &vitals.journal;
        set_count(&self.in_flight, vitals.in_flight);
        set_count(&self.journal_ready, journal.ready.into());
        set_count(&self.journal_queued, journal.queued);
        self.journal_lag.with([], |gauge| gauge.set(journal.lag.as_secs_f64()));
        self.journal_written.with([], |counter| raise(counter, journal.written));
        self.journal_lost.with([], |counter| raise(counter, journal.lost));
        set_count(&self.journal_unshipped, journal.unshipped);
        self.policy.clear();
        let digest = vitals.policy_digest.as_deref();
        self.policy.with([or_none(digest)], |gauge| gauge.set(digest.is_some().into()));
        self.quota_used.clear();
        if vitals.quotas.is_empty() {
            self.quota_used.show([or_none(None)]);
        }
        for (rule, ratio) in &vitals.quotas {
            self.quota_used.with([rule], |gauge| gauge.set(*ratio));
        }
        set_count(&self.reload_successful, vitals.reload_succeeded.into());
        set_time(&self.reload_time, vitals.rules_loaded);
        set_time(&self.credentials_expiry, vitals.credentials_expire);
        set_time(&self.certificate_expiry, vitals.certificate_expires);
    }
}

fn set_count(gauge: &Family<IntGauge, 0>, count: u64) {
    gauge.with([], |gauge| gauge.set(i64::try_from(count).unwrap_or(i64::MAX)));
}

/// Seconds since 1970; 0 for no time.
fn set_time(gauge: &Family<Gauge, 0>, time: Option<SystemTime>) {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    gauge.with([], |gauge| gauge.set(since.unwrap_or(Duration::ZERO).as_secs_f64()));
}

/// Brings a counter up to what somebody else has counted.
pub(super) fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}
