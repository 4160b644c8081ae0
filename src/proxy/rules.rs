//! The policies and callers in force. Swapped whole by a reload; one exchange keeps the ones it began with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::clock;
use crate::identity::Callers;
use crate::policy::{Mode, PolicySet};
use crate::telemetry::Metrics;

/// What the request path reads. A reload that fails leaves the last good ones in place.
#[derive(Debug)]
pub struct Rules {
    // Written by the reload task only.
    policies: ArcSwapOption<PolicySet>,
    callers: ArcSwap<Callers>,
    // Why the files on disk are not the rules in force. Written by the reload task; held for a copy.
    problem: Mutex<Option<String>>,
    // What is to be said of rules that are in force all the same. Written by the reload task; held for a copy.
    notice: Mutex<Option<String>>,
    // When either was last swapped. Written by the reload task only.
    loaded: ArcSwap<SystemTime>,
}

impl Rules {
    pub fn new(policies: Option<PolicySet>, callers: Callers) -> Self {
        Self {
            policies: ArcSwapOption::from_pointee(policies),
            callers: ArcSwap::from_pointee(callers),
            problem: Mutex::new(None),
            notice: Mutex::new(None),
            loaded: ArcSwap::from_pointee(clock::system_now()),
        }
    }

    /// `None` until there are policies: no policy, no traffic.
    pub fn policies(&self) -> Option<Arc<PolicySet>> {
        self.policies.load_full()
    }

    pub fn callers(&self) -> Arc<Callers> {
        self.callers.load_full()
    }

    pub fn replace_policies(&self, policies: PolicySet) {
        self.policies.store(Some(Arc::new(policies)));
        self.loaded.store(Arc::new(clock::system_now()));
    }

    pub fn replace_callers(&self, callers: Callers) {
        self.callers.store(Arc::new(callers));
        self.loaded.store(Arc::new(clock::system_now()));
    }

    /// When the rules in force were loaded.
    pub fn loaded(&self) -> SystemTime {
        **self.loaded.load()
    }

    /// Lets metrics show every rule and every caller, also those that nothing has happened to yet.
    pub fn announce(&self, metrics: &Metrics) {
        if let Some(policies) = self.policies() {
            for (rule, mode) in policies.rules() {
                metrics.know_rule(rule.as_str(), mode == Mode::Shadow);
            }
            for exception in policies.exceptions() {
                metrics.know_exception(&exception.id, exception.break_glass);
            }
        }
        for (team, app) in self.callers().apps() {
            metrics.know_caller(team, app);
        }
    }

    /// Why the files on disk are not in force, for readiness.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// What an operator must know of the rules in force: their source is away, or their time is over.
    pub fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_notice(&self, notice: Option<String>) {
        *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }
}
