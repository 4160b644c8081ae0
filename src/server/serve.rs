//! The life of the process: load, open, bind, serve, drain.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::query::{QueryError, tallies};
use crate::audit::{Journal, JournalError, JournalOptions};
use crate::config::{self, Config, Policies, PolicySource};
use crate::fetch::Remote;
use crate::identity::{MasterKey, RecordKey};
use crate::proxy::{Proxy, Rules, records};
use crate::quota::{Keeper, Ledger};
use crate::sensitive::ScannerError;
use crate::telemetry::cloudwatch::CloudWatch;
use crate::telemetry::{Metrics, MetricsError, Otlp, OtlpError, Telemetry, VitalsSource};
use crate::tls::{self, TlsError};
use crate::upstream::{CredentialSource, Upstream};

use super::admin;
use super::listener::{ListenError, Listener};
use super::reload::{LoadError, Reload, RuleFiles};
use super::source::keep_fetched;

/// Connections of the admin listener.
const ADMIN_CONNECTIONS: usize = 64;

/// How long before the end of a drain what would go on is ended, so that callers and records are told.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why the warden does not start or did not stop cleanly.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("no source of AWS credentials is configured; set a profile, a role or `AWS_ACCESS_KEY_ID`")]
    NoCredentialSource,
    #[error("the journal cannot be used: {0}")]
    Journal(#[from] JournalError),
    #[error("what quotas have counted cannot be read: {0}")]
    Counts(#[from] QueryError),
    #[error(transparent)]
    Scanner(#[from] ScannerError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    #[error("metrics cannot be written to stdout: {0}")]
    MetricLines(std::io::Error),
    #[error("signals cannot be received: {0}")]
    Signal(std::io::Error),
}

impl ServeError {
    /// Whether the operator can mend it in files or arguments.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Load(_) | Self::Tls(_) | Self::Listen(_) | Self::NoCredentialSource | Self::Otlp(_) => true,
            Self::Journal(_)
            | Self::Counts(_)
            | Self::Scanner(_)
            | Self::Metrics(_)
            | Self::MetricLines(_)
            | Self::Signal(_) => false,
        }
    }
}

/// SIGTERM and ctrl-c. ORDER: caught before anybody is told that the warden is ready; until then they end the process.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    pub fn catch() -> Result<Self, ServeError> {
        let caught = |kind| signal(kind).map_err(ServeError::Signal);
        Ok(Self { terminate: caught(SignalKind::terminate())?, interrupt: caught(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The task that leases parts of shared limits, where limits are shared.
struct Leases {
    stop: CancellationToken,
    keeper: TaskTracker,
}

impl Leases {
    /// The counts that an earlier process left, and what it has leased. ORDER: after the journal has recorded what that process
    /// left open, and before anybody can ask.
    async fn open(config: &Config, journal: &Journal) -> Result<(Arc<Ledger>, Self), QueryError> {
        let quotas = if config.quota_store.is_some() { Ledger::sharing() } else { Ledger::default() };
        let quotas = Arc::new(quotas);
        quotas.restore(tallies(&config.audit.journal).await?);
        let leases = Self { stop: CancellationToken::new(), keeper: TaskTracker::new() };
        if let Some(store) = &config.quota_store {
            let mut keeper = Keeper::new(Arc::clone(&quotas), store, &config.environment, journal.chain_id());
            keeper.open().await;
            leases.keeper.spawn(keeper.run(leases.stop.clone()));
        }
        leases.keeper.close();
        Ok((quotas, leases))
    }

    /// Returns what was not used.
    async fn close(&self) {
        self.stop.cancel();
        self.keeper.wait().await;
    }
}

/// A warden that is serving.
pub struct Warden {
    proxy: Arc<Proxy>,
    config: Config,
    urls: Vec<(&'static str, String)>,
    stop: CancellationToken,
    // Listeners and connections: end when `stop` is cancelled and the last exchange is answered.
    connections: TaskTracker,
    // Everything that must be over before the journal is closed.
    background: TaskTracker,
    // Parts of shared limits: returned when nobody can use them any more.
    leases: Leases,
}

impl Warden {
    /// Starts with the standard AWS credential chain.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        let provider = CredentialSource::standard(config.upstream.region.clone())
            .await
            .ok_or(ServeError::NoCredentialSource)?;
        Self::start_with(config, provider).await
    }

    /// ORDER: everything that can be wrong is looked at before a port is bound, and ports are bound before anything
    /// is promised.
    pub async fn start_with(config: Config, provider: SharedCredentialsProvider) -> Result<Self, ServeError> {
        let files = RuleFiles::of(&config)?;
        let fetched = files.fetched();
        let loaded = files.load()?;
        let tls = tls::server_config(&config.listen.certificate, &config.listen.key)?;
        let certificate_until = tls::expiry(&config.listen.certificate)?;
        let record_key = RecordKey::of(&MasterKey::load(&config.master_key).map_err(LoadError::from)?);
        let telemetry = Arc::new(telemetry(&config, &loaded.rules, &provider)?);
        let credentials = Arc::new(CredentialSource::new(provider));
        let background = TaskTracker::new();
        let remote = remote(&config, &credentials)?;
        let own = Arc::clone(&credentials);
        let upstream = Upstream::new(config.upstream.clone(), &config.environment, own, background.clone())?;
        let upstream = Arc::new(upstream);
        let mut options = JournalOptions::with_deadline(config.audit.deadline);
        options.start = started_with(&config);
        let journal = Journal::open(&config.audit.journal, options).await?;
        let (quotas, leases) = Leases::open(&config, &journal).await?;
        // ORDER: before anything is served, so that a crash does not let an older bundle back in.
        files.keep(&loaded)?;
        let (rules, bundle, rejected) = loaded.parts();
        let rules = Arc::new(rules);
        record_policies(&journal, &rules, rejected.as_ref()).await?;

        let connections = Arc::new(Semaphore::new(config.limits.connections));
        let admin_connections = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
        let timeout = config.limits.header_timeout;
        let data =
            Listener::bind(config.listen.address, Some(tls), Arc::clone(&connections), timeout).await?;
        let plain = match config.listen.plain {
            Some(address) => Some(Listener::bind(address, None, connections, timeout).await?),
            None => None,
        };
        let admin = Listener::bind(config.admin, None, admin_connections, timeout).await?;
        let mut urls = vec![("data", data.url())];
        urls.extend(plain.as_ref().map(|plain| ("plain", plain.url())));
        urls.push(("admin", admin.url()));

        // ORDER: caught before anybody is told that the warden is ready; until then SIGHUP ends the process.
        let hangup = signal(SignalKind::hangup()).map_err(ServeError::Signal)?;
        let stop = CancellationToken::new();
        let proxy = Proxy::new(
            &config,
            Arc::clone(&rules),
            journal.clone(),
            Arc::clone(&upstream),
            record_key,
            Arc::clone(&telemetry),
            background.clone(),
        )?
        .with_certificate_until(certificate_until)
        .with_quotas(quotas);
        let proxy = Arc::new(proxy);
        let watched = Arc::downgrade(&proxy);
        let vitals = VitalsSource::new(move || watched.upgrade().map(|proxy| proxy.vitals()));
        telemetry.otlp.watch(vitals.clone());
        let cloudwatch = telemetry.cloudwatch();
        let reload = Reload { files, bundle, rules, upstream, journal, telemetry, hangup };
        let connections = TaskTracker::new();
        let warden = Self { proxy, config, urls, stop, connections, background, leases };
        if let Some((remote, fetched)) = remote.zip(fetched) {
            warden.background.spawn(keep_fetched(remote, fetched, warden.stop.clone()));
        }
        warden.background.spawn(credentials.keep_fresh(warden.stop.clone()));
        if let Some(cloudwatch) = cloudwatch {
            warden.background.spawn(cloudwatch.run(vitals, warden.stop.clone()));
        }
        warden.background.spawn(reload.run(warden.stop.clone()));
        warden.serve_data(data);
        if let Some(plain) = plain {
            warden.serve_data(plain);
        }
        warden.serve_admin(admin);
        Ok(warden)
    }

    /// One line per listener: its name and URL.
    pub fn listeners(&self) -> Vec<String> {
        self.urls.iter().map(|(name, url)| format!("{name} {url}")).collect()
    }

    /// URL of the listener called `data`, `plain` or `admin`.
    pub fn url(&self, name: &str) -> Option<&str> {
        self.urls.iter().find(|(known, _)| *known == name).map(|(_, url)| url.as_str())
    }

    fn serve_data(&self, listener: Listener) {
        let proxy = Arc::clone(&self.proxy);
        let handle = move |peer, request| Arc::clone(&proxy).handle(peer, request);
        self.connections.spawn(listener.serve(handle, self.stop.clone(), self.connections.clone()));
    }

    fn serve_admin(&self, listener: Listener) {
        let proxy = Arc::clone(&self.proxy);
        let handle = move |_, request: http::Request<Incoming>| {
            let proxy = Arc::clone(&proxy);
            async move { admin::answer(&proxy, &request) }
        };
        self.connections.spawn(listener.serve(handle, self.stop.clone(), self.connections.clone()));
    }

    /// Serves until the first of `signals`, then drains. A second one ends the drain at once.
    pub async fn run_until(self, mut signals: StopSignals) -> Result<(), ServeError> {
        signals.next().await;
        tracing::info!(deadline_s = self.config.drain.as_secs(), "draining");
        tokio::select! {
            drained = self.drain() => drained,
            () = signals.next() => {
                tracing::warn!("second signal: exchanges in flight are cut off");
                Ok(())
            }
        }
    }

    /// Stops accepting, finishes what is in flight within the deadline, and closes the journal.
    pub async fn drain(self) -> Result<(), ServeError> {
        self.proxy.begin_drain();
        self.stop.cancel();
        self.connections.close();
        self.background.close();
        let mut finished = pin!(async {
            self.connections.wait().await;
            self.background.wait().await;
        });
        let last_words = LAST_WORDS.min(self.config.drain / 2);
        let patience = self.config.drain.saturating_sub(last_words);
        let mut done = tokio::time::timeout(patience, &mut finished).await.is_ok();
        if !done {
            self.proxy.end_drain();
            done = tokio::time::timeout(last_words, finished).await.is_ok();
        }
        if !done {
            // CRASH: their intents have no outcome, so the next start records them as `unknown`.
            tracing::warn!("exchanges still in flight after the drain deadline are cut off");
        }
        self.leases.close().await;
        self.proxy.close_journal().await;
        self.proxy.close_telemetry().await;
        tracing::info!("drained");
        Ok(())
    }
}

/// Everything that exchanges are told to, as far as the configuration turns it on. CloudWatch is told what the others drop.
fn telemetry(
    config: &Config,
    rules: &Rules,
    provider: &SharedCredentialsProvider,
) -> Result<Telemetry, ServeError> {
    let config::Telemetry { prometheus, cloudwatch, otlp } = &config.telemetry;
    let metrics = if *prometheus { Some(Metrics::new()?) } else { None };
    if let Some(metrics) = &metrics {
        rules.announce(metrics);
    }
    let otlp = match otlp {
        Some(otlp) => Otlp::start(otlp, &config.upstream)?,
        None => Otlp::default(),
    };
    let cloudwatch = match cloudwatch {
        Some(settings) => {
            let others = otlp.exporters().map(|(_, health)| health).collect();
            let exporter = CloudWatch::new(settings, &config.upstream.region, provider.clone(), others);
            Some(Arc::new(exporter.map_err(ServeError::MetricLines)?))
        }
        None => None,
    };
    Ok(Telemetry::new(metrics, otlp, cloudwatch))
}

/// The source that policies are fetched from, where they are.
fn remote(config: &Config, credentials: &Arc<CredentialSource>) -> Result<Option<Remote>, TlsError> {
    let Policies::Signed { source: PolicySource::Remote(source), .. } = &config.policies else {
        return Ok(None);
    };
    Remote::new(source.clone(), &config.upstream, Arc::clone(credentials)).map(Some)
}

/// Which policies a start begins with, and why not with others.
async fn record_policies(
    journal: &Journal,
    rules: &Rules,
    rejected: Option<&LoadError>,
) -> Result<(), JournalError> {
    let Some(policies) = rules.policies() else {
        tracing::error!("there are no policies: nothing is allowed until there are");
        return Ok(());
    };
    journal.note(records::policy_load(None, policies.digest())).await?;
    if let Some(error) = rejected {
        let event = records::policy_rejected(Some(policies.digest()), &error.to_string());
        journal.note(event).await?;
        tracing::error!(%error, "the policies on disk are not used: the last good ones are");
    }
    Ok(())
}

/// What the record says of a start, beside its time.
fn started_with(config: &Config) -> BTreeMap<String, String> {
    let role = config.upstream.assume_role.as_ref().map(|role| ("assume_role", role.arn.clone()));
    let told = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("environment", config.environment.clone()),
        ("region", config.upstream.region.clone()),
        ("endpoint", config.upstream.endpoint.to_string()),
        ("control_plane_endpoint", config.upstream.control_plane_endpoint.to_string()),
        ("agent_endpoint", config.upstream.agent_endpoint.to_string()),
        // Stamped bodies are longer than those received, under a decision that changed nothing.
        ("request_metadata", config.upstream.request_metadata.to_string()),
    ];
    told.into_iter().chain(role).map(|(name, value)| (name.to_owned(), value)).collect()
}

impl std::fmt::Debug for Warden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Warden").field("urls", &self.urls).finish_non_exhaustive()
    }
}
