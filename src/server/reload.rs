//! Loads policies and callers, and loads them again when their files change.
//!
//! A mistake leaves the last good rules in force, is logged and recorded, and shows in readiness until it is mended. At
//! start those are the policies that were in force before; where there are none, a mistake stops the process, and so does
//! one in the callers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::audit::Journal;
use crate::bundle::{BundleError, KeyError, Manifest};
use crate::clock;
use crate::config::Config;
use crate::identity::keys::MasterKeyError;
use crate::identity::{Callers, MasterKey};
use crate::policy::PolicySet;
use crate::proxy::Rules;
use crate::telemetry::Telemetry;
use crate::upstream::Upstream;
use crate::yaml::{Diagnostics, Source};

use super::origin::{Candidate, Fetched, Origin};
use super::policies::{LastGood, prepare};

/// How often files are looked at. A revoked key is out within this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// Why rules cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error("{0}")]
    Mistakes(Diagnostics),
    #[error("cannot read `{path}`: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("there are no policy files")]
    NoPolicies,
    #[error("{count} of the policies' tests {}: {names}", if *.count == 1 { "fails" } else { "fail" })]
    Tests { count: usize, names: String },
    #[error("the policies' tests did not come to their end in {} seconds", .0.as_secs())]
    Late(Duration),
    #[error("their digest is `{found}`, and only `{pinned}` may be used (`policies_sha256`)")]
    Pin { pinned: String, found: String },
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    PublicKey(#[from] KeyError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
}

/// The files that rules come from.
#[derive(Debug, Clone)]
pub struct RuleFiles {
    origin: Origin,
    callers: PathBuf,
    master_key: PathBuf,
    last_good: LastGood,
}

/// Rules to start with.
#[derive(Debug)]
pub struct Loaded {
    pub rules: Rules,
    /// What the policies were made of.
    used: Option<Used>,
    /// Why the files on disk are not used, and what was used before is.
    pub rejected: Option<LoadError>,
}

/// A candidate that became policies, and the manifest of a bundle.
#[derive(Debug)]
struct Used {
    candidate: Candidate,
    manifest: Option<Manifest>,
}

impl Loaded {
    /// The rules, the manifest of the bundle they come from, and why others are not used.
    pub fn parts(self) -> (Rules, Option<Manifest>, Option<LoadError>) {
        (self.rules, self.used.and_then(|used| used.manifest), self.rejected)
    }
}

impl RuleFiles {
    pub fn of(config: &Config) -> Result<Self, LoadError> {
        Ok(Self {
            origin: Origin::of(config)?,
            callers: config.callers.clone(),
            master_key: config.master_key.clone(),
            last_good: LastGood::beside(&config.audit.journal),
        })
    }

    pub fn load(&self) -> Result<Loaded, LoadError> {
        let (found, rejected) = match self.origin.read()? {
            Some(candidate) if candidate.files.is_empty() => (None, None),
            Some(candidate) => match self.judge(candidate) {
                Ok(found) => (Some(found), None),
                Err(error) => match self.last_good() {
                    Some(found) => (Some(found), Some(error)),
                    None => return Err(error),
                },
            },
            // What is fetched is not waited for: what was in force goes on.
            None => (self.last_good(), None),
        };
        let (policies, used) = found.unzip();
        let callers = self.parse_callers(&self.caller_source()?)?;
        let rules = Rules::new(policies, callers);
        rules.set_problem(rejected.as_ref().map(|error| not_in_force(self.origin.what(), error)));
        Ok(Loaded { rules, used, rejected })
    }

    /// The policies that a candidate becomes.
    fn judge(&self, candidate: Candidate) -> Result<(PolicySet, Used), LoadError> {
        // ORDER: nothing reads files that are not proven.
        let manifest = self.origin.admit(&candidate, clock::now())?;
        let policies = prepare(&candidate.files)?;
        Ok((policies, Used { candidate, manifest }))
    }

    /// The policies that were in force before, where those on disk are none. INVARIANT: only for files that are there and
    /// wrong, or not fetched yet; policies that somebody took away do not come back.
    fn last_good(&self) -> Option<(PolicySet, Used)> {
        let judged = self.judge(self.last_good.candidate()?);
        judged.inspect_err(|error| tracing::warn!(%error, "the last good policies cannot be used")).ok()
    }

    /// Keeps what the policies in force were made of, for the next start.
    pub fn keep(&self, loaded: &Loaded) -> Result<(), LoadError> {
        if let Some(Used { candidate, manifest }) = &loaded.used {
            self.origin.accept(candidate, manifest.as_ref())?;
            self.last_good.keep(candidate);
        }
        Ok(())
    }

    /// Where fetched bundles are put; `None` when nothing is fetched.
    pub(super) fn fetched(&self) -> Option<Arc<Fetched>> {
        self.origin.fetched()
    }

    fn caller_source(&self) -> Result<Source, LoadError> {
        read(&self.callers)
    }

    fn parse_callers(&self, source: &Source) -> Result<Callers, LoadError> {
        let master = MasterKey::load(&self.master_key)?;
        let mut diagnostics = Diagnostics::default();
        let callers = Callers::parse(source, &master, &mut diagnostics);
        callers.ok_or(LoadError::Mistakes(diagnostics))
    }
}

fn read(path: &Path) -> Result<Source, LoadError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| LoadError::Unreadable { path: shown.clone(), reason: error.to_string() })?;
    Ok(Source::new(shown, text))
}

/// Watches the files and swaps rules, until `stop`.
pub struct Reload {
    pub files: RuleFiles,
    /// Manifest of the bundle in force.
    pub bundle: Option<Manifest>,
    pub rules: Arc<Rules>,
    /// Forgets callers that are gone.
    pub upstream: Arc<Upstream>,
    pub journal: Journal,
    pub telemetry: Arc<Telemetry>,
    /// Asks for a look at once.
    pub hangup: Signal,
}

/// What was last looked at, whether it was good or not.
struct Seen {
    policies: Option<Candidate>,
    callers: Option<Arc<str>>,
}

/// What is not as it should be.
#[derive(Default)]
struct Problems {
    policies: Option<String>,
    callers: Option<String>,
    /// Of policies that are in force all the same.
    notice: Option<String>,
}

impl Reload {
    pub async fn run(mut self, stop: CancellationToken) {
        // INVARIANT: the first look compares with nothing, so that a change made since the start is not missed.
        let mut seen = Seen { policies: None, callers: None };
        let mut problems = Problems::default();
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => false,
                Some(()) = self.hangup.recv() => true,
            };
            if asked {
                tracing::info!("reload asked for by signal");
            }
            self.look_at_policies(&mut seen, &mut problems.policies).await;
            self.look_at_callers(&mut seen, &mut problems.callers);
            self.look_at_source(&mut problems.notice);
            self.tell(&problems);
        }
    }

    /// Whoever can write to a source that many wardens share must not be able to take all of them out of service: what is
    /// fetched and wrong is only said, as long as there are policies in force.
    fn tell(&self, problems: &Problems) {
        let Problems { policies, callers, notice } = problems;
        let serves = self.files.fetched().is_some() && self.rules.policies().is_some();
        let (rejected, said) = if serves { (&None, policies) } else { (policies, &None) };
        let joined = |all: [&Option<String>; 2]| {
            let all: Vec<_> = all.into_iter().flatten().cloned().collect();
            (!all.is_empty()).then(|| all.join("; "))
        };
        self.rules.set_problem(joined([rejected, callers]));
        self.rules.set_notice(joined([said, notice]));
    }

    async fn look_at_policies(&mut self, seen: &mut Seen, problem: &mut Option<String>) {
        let candidate = match self.files.origin.read() {
            Ok(Some(candidate)) => candidate,
            Ok(None) => return,
            Err(error) => return report(problem, self.files.origin.what(), &error),
        };
        if seen.policies.as_ref().is_some_and(|seen| seen.is(&candidate)) {
            return;
        }
        seen.policies = Some(candidate.clone());
        if candidate.files.is_empty() {
            return report(problem, self.files.origin.what(), &LoadError::NoPolicies);
        }
        match tokio::task::block_in_place(|| self.files.judge(candidate)) {
            Err(error) => {
                report(problem, self.files.origin.what(), &error);
                self.note_rejected(&error).await;
            }
            Ok((policies, used)) => {
                // ORDER: before they come into force, so that a crash does not let an older bundle back in.
                if let Err(error) = self.files.origin.accept(&used.candidate, used.manifest.as_ref()) {
                    return report(problem, self.files.origin.what(), &error.into());
                }
                *problem = None;
                let before = self.rules.policies();
                let before = before.as_deref().map(PolicySet::digest);
                if before != Some(policies.digest()) && !self.adopt(policies, before).await {
                    // The next look tries again.
                    seen.policies = None;
                    return;
                }
                self.files.last_good.keep(&used.candidate);
                self.bundle = used.manifest;
            }
        }
    }

    /// A source that is away, or a bundle whose time is over, stops nothing: the policies in force stay so, and it is said.
    fn look_at_source(&self, notice: &mut Option<String>) {
        let away = self.files.fetched().and_then(|fetched| fetched.problem());
        let away = away.map(|reason| format!("the source of policies cannot be read: {reason}"));
        let over = self.bundle.as_ref().filter(|bundle| bundle.is_over(clock::now()));
        let over = over.map(|bundle| {
            format!("the bundle in force, revision {}, was good until {}", bundle.revision, bundle.not_after)
        });
        let all: Vec<_> = away.into_iter().chain(over).collect();
        let next = (!all.is_empty()).then(|| all.join("; "));
        if *notice != next {
            if let Some(next) = &next {
                tracing::warn!("{next}");
            } else {
                tracing::info!("the source of policies is in order again");
            }
            *notice = next;
        }
    }

    /// ORDER: the record first, so that no decision names a policy that the journal does not know.
    async fn adopt(&self, policies: PolicySet, before: Option<&str>) -> bool {
        let digest = policies.digest().to_owned();
        if let Err(error) = self.journal.note(crate::proxy::records::policy_load(before, &digest)).await {
            tracing::error!(%error, "new policies are not used: their load could not be recorded");
            return false;
        }
        self.rules.replace_policies(policies);
        self.announce();
        tracing::info!(policy.digest = digest, "policies reloaded");
        true
    }

    async fn note_rejected(&self, error: &LoadError) {
        let policies = self.rules.policies();
        let in_force = policies.as_deref().map(PolicySet::digest);
        let event = crate::proxy::records::policy_rejected(in_force, &error.to_string());
        if let Err(error) = self.journal.note(event).await {
            tracing::error!(%error, "that policies were rejected could not be recorded");
        }
    }

    fn announce(&self) {
        if let Some(metrics) = self.telemetry.metrics() {
            self.rules.announce(metrics);
        }
    }

    fn look_at_callers(&self, seen: &mut Seen, problem: &mut Option<String>) {
        let source = match self.files.caller_source() {
            Ok(source) => source,
            Err(error) => return report(problem, "callers on disk", &error),
        };
        if seen.callers.as_ref() == Some(&source.text) {
            return;
        }
        let first = seen.callers.replace(source.text.clone()).is_none();
        match self.files.parse_callers(&source) {
            Err(error) => report(problem, "callers on disk", &error),
            Ok(callers) => {
                *problem = None;
                self.rules.replace_callers(callers);
                // ORDER: after nobody who is gone can come in any more.
                let callers = self.rules.callers();
                let names: HashSet<_> = callers.apps().collect();
                self.upstream.retain(|team, app| names.contains(&(team, app)));
                self.announce();
                if !first {
                    tracing::info!("callers reloaded");
                }
            }
        }
    }
}

fn report(problem: &mut Option<String>, what: &str, error: &LoadError) {
    let text = not_in_force(what, error);
    if problem.as_ref() != Some(&text) {
        tracing::error!("{text}");
    }
    *problem = Some(text);
}

fn not_in_force(what: &str, error: &LoadError) -> String {
    format!("{what} are not in force: {error}")
}
