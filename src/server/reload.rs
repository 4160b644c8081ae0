//! Loads policies and callers, and loads them again when their files change.
//!
//! At start a mistake stops the process. Later a mistake leaves the last good rules in force, is logged, and shows in
//! readiness until it is mended.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::audit::Journal;
use crate::clock;
use crate::config::{Config, policy_folder};
use crate::identity::keys::MasterKeyError;
use crate::identity::{Callers, MasterKey};
use crate::policy::{self, PolicySet};
use crate::proxy::Rules;
use crate::telemetry::Telemetry;
use crate::upstream::Upstream;
use crate::yaml::{Diagnostics, Source};

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
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
}

/// The files that rules come from.
#[derive(Debug, Clone)]
pub struct RuleFiles {
    policies: PathBuf,
    callers: PathBuf,
    master_key: PathBuf,
}

impl RuleFiles {
    pub fn of(config: &Config) -> Self {
        Self {
            policies: config.policies.clone(),
            callers: config.callers.clone(),
            master_key: config.master_key.clone(),
        }
    }

    pub fn load(&self) -> Result<Rules, LoadError> {
        let policies = match self.policy_sources()? {
            sources if sources.is_empty() => None,
            sources => Some(compile(&sources)?),
        };
        let callers = self.parse_callers(&self.caller_source()?)?;
        Ok(Rules::new(policies, callers))
    }

    fn policy_sources(&self) -> Result<Vec<Source>, LoadError> {
        policy_folder::read_folder(&self.policies).map_err(|error| LoadError::Unreadable {
            path: self.policies.display().to_string(),
            reason: error.to_string(),
        })
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

fn compile(sources: &[Source]) -> Result<PolicySet, LoadError> {
    let mut diagnostics = Diagnostics::default();
    let policies = policy::compile(sources, clock::now(), &mut diagnostics);
    policies.ok_or(LoadError::Mistakes(diagnostics))
}

/// Watches the files and swaps rules, until `stop`.
pub struct Reload {
    pub files: RuleFiles,
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
    policies: Option<Vec<(Arc<str>, Arc<str>)>>,
    callers: Option<Arc<str>>,
}

impl Reload {
    pub async fn run(mut self, stop: CancellationToken) {
        // INVARIANT: the first look compares with nothing, so that a change made since the start is not missed.
        let mut seen = Seen { policies: None, callers: None };
        let mut problems: [Option<String>; 2] = [None, None];
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => false,
                Some(()) = self.hangup.recv() => true,
            };
            if asked {
                tracing::info!("reload asked for by signal");
            }
            let [policies, callers] = &mut problems;
            self.look_at_policies(&mut seen, policies).await;
            self.look_at_callers(&mut seen, callers);
            let all: Vec<_> = problems.iter().flatten().cloned().collect();
            self.rules.set_problem((!all.is_empty()).then(|| all.join("; ")));
        }
    }

    async fn look_at_policies(&self, seen: &mut Seen, problem: &mut Option<String>) {
        let sources = match self.files.policy_sources() {
            Ok(sources) => sources,
            Err(error) => return report(problem, "policies", &error),
        };
        let texts = sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
        if seen.policies.as_ref() == Some(&texts) {
            return;
        }
        seen.policies = Some(texts);
        if sources.is_empty() {
            return report(problem, "policies", &LoadError::NoPolicies);
        }
        match compile(&sources) {
            Err(error) => report(problem, "policies", &error),
            Ok(policies) => {
                *problem = None;
                let before = self.rules.policies();
                let before = before.as_deref().map(PolicySet::digest);
                if before != Some(policies.digest()) {
                    self.adopt(policies, before).await;
                }
            }
        }
    }

    /// ORDER: the record first, so that no decision names a policy that the journal does not know.
    async fn adopt(&self, policies: PolicySet, before: Option<&str>) {
        let digest = policies.digest().to_owned();
        if let Err(error) = self.journal.note(crate::proxy::records::policy_load(before, &digest)).await {
            tracing::error!(%error, "new policies are not used: their load could not be recorded");
            return;
        }
        self.rules.replace_policies(policies);
        self.announce();
        tracing::info!(policy.digest = digest, "policies reloaded");
    }

    fn announce(&self) {
        if let Some(metrics) = self.telemetry.metrics() {
            self.rules.announce(metrics);
        }
    }

    fn look_at_callers(&self, seen: &mut Seen, problem: &mut Option<String>) {
        let source = match self.files.caller_source() {
            Ok(source) => source,
            Err(error) => return report(problem, "callers", &error),
        };
        if seen.callers.as_ref() == Some(&source.text) {
            return;
        }
        let first = seen.callers.replace(source.text.clone()).is_none();
        match self.files.parse_callers(&source) {
            Err(error) => report(problem, "callers", &error),
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
    let text = format!("{what} on disk are not in force: {error}");
    if problem.as_ref() != Some(&text) {
        tracing::error!("{text}");
    }
    *problem = Some(text);
}
