//! `warden.yaml` and its environment overlay, read into one validated [`Config`].
//!
//! The only place that reads the environment. Everything is read before anything fails, so that an operator sees every
//! mistake at once; paths come out absolute or relative to the working directory, never to the file.

mod otlp;
mod policies;
pub mod policy_folder;
mod quotas;
mod settings;
mod telemetry;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::yaml::{Diagnostics, Source};

pub use otlp::{Batches, Otlp, Receiver, Sampler};
pub use policies::{Place, Policies, PolicySource, RemoteSource, policy_digest};
pub use quotas::QuotaStore;
use settings::Settings;
pub use telemetry::{CloudWatch, CloudWatchWay, EmfOutput, Telemetry};
pub use values::Endpoint;
use values::{
    address, base_path, boolean, bytes, duration, endpoint, endpoint_below, loopback_address, region, word,
};

/// Everything `serve` needs to know, with no unresolved state.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    /// Health, and nothing else for now. Never on the data listener.
    pub admin: SocketAddr,
    pub upstream: Upstream,
    pub policies: Policies,
    /// The digest that policies must have, `sha256:…`.
    pub policies_sha256: Option<String>,
    pub callers: PathBuf,
    pub master_key: PathBuf,
    /// What policies call `env`.
    pub environment: String,
    pub audit: Audit,
    /// Where limits are shared with other wardens.
    pub quota_store: Option<QuotaStore>,
    pub limits: Limits,
    /// How long a drain waits for exchanges in flight.
    pub drain: Duration,
    pub log: LogFormat,
    pub telemetry: Telemetry,
}

/// Where applications connect.
#[derive(Debug, Clone)]
pub struct Listen {
    pub address: SocketAddr,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Plain HTTP for callers on this machine that cannot be given a CA. SigV4 callers only.
    pub plain: Option<SocketAddr>,
    /// What all paths begin with, as callers sign them: empty, or `/a/b`. Bedrock is called without it.
    pub base_path: String,
}

/// Where Bedrock is.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub region: String,
    pub endpoint: Endpoint,
    pub control_plane_endpoint: Endpoint,
    /// Where stored prompts are read.
    pub agent_endpoint: Endpoint,
    /// Certificates to trust beside the system's, PEM.
    pub ca: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// From the request's last byte to the answer's head. Models may think for minutes.
    pub answer_timeout: Duration,
    /// Between two pieces of an answer.
    pub idle_timeout: Duration,
    /// How long what stands behind a name that can be pointed at another model is believed without asking again.
    pub recheck: Duration,
    /// The role that is assumed anew for every principal, so that AWS's own logs tell them apart.
    pub assume_role: Option<AssumeRole>,
    /// Whether requests carry who called and what was decided as Bedrock's `requestMetadata`.
    pub request_metadata: bool,
}

/// A role that Bedrock is called with.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    pub arn: String,
    pub external_id: Option<String>,
    /// How long one session lasts.
    pub duration: Duration,
    /// Where AWS STS is.
    pub endpoint: Endpoint,
}

/// The record.
#[derive(Debug, Clone)]
pub struct Audit {
    pub journal: PathBuf,
    /// How long a request waits for its record to be durable before it is refused.
    pub deadline: Duration,
}

/// Bounds on what callers can make the warden hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connections: usize,
    /// Largest request body.
    pub body_bytes: usize,
    /// Request bodies held at one time, all callers together.
    pub buffered_bytes: usize,
    /// Largest unary answer.
    pub answer_bytes: usize,
    pub header_timeout: Duration,
    /// Longest pause inside a request body.
    pub body_timeout: Duration,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads `file`. `environment` holds the process's variables; those named `WARDEN_…` override keys.
    pub fn load(file: &Path, environment: &[(String, String)]) -> Result<Self, Diagnostics> {
        let path = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => {
                Self::parse(&Source::new(path, text), file.parent().unwrap_or(Path::new("")), environment)
            }
            Err(error) => {
                let mut diagnostics = Diagnostics::default();
                let source = Source::new(path, "");
                diagnostics.push(
                    source
                        .error(0..0, format!("cannot read the configuration: {error}"))
                        .help("`bedrock-warden init DIR` makes a working set-up"),
                );
                Err(diagnostics)
            }
        }
    }

    /// Reads the text of a configuration whose relative paths start at `folder`.
    pub fn parse(
        source: &Source,
        folder: &Path,
        environment: &[(String, String)],
    ) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::default();
        let mut settings = Settings::open(source, environment, &mut diagnostics);
        let config = Self::assemble(&mut settings, folder);
        match config {
            Some(config) if diagnostics.errors() == 0 => Ok(config),
            Some(_) | None => Err(diagnostics),
        }
    }

    fn assemble(settings: &mut Settings<'_>, folder: &Path) -> Option<Self> {
        // ORDER: every section is read before any `?` gives up, so that all mistakes are reported.
        let listen = Listen::read(settings, folder);
        let admin = settings.optional("admin.address", address);
        let upstream = Upstream::read(settings, folder);
        let policies = Policies::read(settings, folder);
        let policies_sha256 = settings.optional("policies_sha256", policy_digest);
        let callers = settings.path("callers", folder);
        let master_key = settings.optional_path("master_key", folder);
        let environment = settings.optional("environment", word);
        let audit = Audit::read(settings, folder);
        let quota_store = QuotaStore::read(settings);
        let limits = Limits::read(settings);
        let drain = settings.optional("drain", duration);
        let log = settings.optional("log.format", values::log_format);
        let environment = environment.unwrap_or_else(|| "default".to_owned());
        let telemetry = Telemetry::read(settings, &environment);
        let (listen, upstream, audit) = (listen?, upstream?, audit?);
        upstream.refuse_loop(settings, &listen);
        Some(Self {
            listen,
            admin: admin.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9440))),
            upstream,
            policies: policies?,
            policies_sha256,
            callers: callers?,
            master_key: master_key.unwrap_or_else(|| folder.join("master.key")),
            environment,
            audit,
            quota_store,
            limits,
            drain: drain.unwrap_or(Duration::from_secs(30)),
            log: log.unwrap_or(LogFormat::Text),
            telemetry,
        })
    }
}

impl Listen {
    fn read(settings: &mut Settings<'_>, folder: &Path) -> Option<Self> {
        let listen_address = settings.required("listen.address", address);
        let certificate = settings.path("listen.tls.certificate", folder);
        let key = settings.path("listen.tls.key", folder);
        let plain = settings.optional("listen.plain.address", loopback_address);
        let base_path = settings.optional("listen.base_path", base_path);
        let (certificate, key) = (certificate?, key?);
        Some(Self {
            address: listen_address?,
            certificate,
            key,
            plain,
            base_path: base_path.unwrap_or_default(),
        })
    }
}

impl Upstream {
    fn read(settings: &mut Settings<'_>, folder: &Path) -> Option<Self> {
        let region = settings.required("upstream.region", region);
        let runtime = settings.optional("upstream.endpoint", endpoint_below);
        let control_plane = settings.optional("upstream.control_plane_endpoint", endpoint_below);
        let agent = settings.optional("upstream.agent_endpoint", endpoint_below);
        let ca = settings.optional_path("upstream.ca", folder);
        let connect_timeout = settings.optional("upstream.connect_timeout", duration);
        let answer_timeout = settings.optional("upstream.answer_timeout", duration);
        let idle_timeout = settings.optional("upstream.idle_timeout", duration);
        let recheck = settings.optional("upstream.recheck", values::recheck);
        let request_metadata = settings.optional("upstream.request_metadata", boolean);
        let region = region?;
        Some(Self {
            assume_role: AssumeRole::read(settings, &region),
            request_metadata: request_metadata.unwrap_or(false),
            endpoint: runtime.unwrap_or_else(|| Endpoint::aws("bedrock-runtime", &region)),
            control_plane_endpoint: control_plane.unwrap_or_else(|| Endpoint::aws("bedrock", &region)),
            agent_endpoint: agent.unwrap_or_else(|| Endpoint::aws("bedrock-agent", &region)),
            region,
            ca,
            connect_timeout: connect_timeout.unwrap_or(Duration::from_secs(5)),
            answer_timeout: answer_timeout.unwrap_or(Duration::from_mins(5)),
            idle_timeout: idle_timeout.unwrap_or(Duration::from_mins(1)),
            recheck: recheck.unwrap_or(Duration::from_mins(1)),
        })
    }

    /// A pod-wide `AWS_ENDPOINT_URL…` must not make the warden call itself.
    fn refuse_loop(&self, settings: &mut Settings<'_>, listen: &Listen) {
        let own = [Some(listen.address), listen.plain];
        let sts = self.assume_role.as_ref().map(|role| ("upstream.assume_role.endpoint", &role.endpoint));
        let bedrock = [
            ("upstream.endpoint", &self.endpoint),
            ("upstream.control_plane_endpoint", &self.control_plane_endpoint),
            ("upstream.agent_endpoint", &self.agent_endpoint),
        ];
        for (key, endpoint) in bedrock.into_iter().chain(sts) {
            if own.iter().flatten().any(|address| endpoint.is(*address)) {
                settings.refuse(key, "is the warden's own listener: every request would come back to it");
            }
        }
    }
}

impl AssumeRole {
    fn read(settings: &mut Settings<'_>, region: &str) -> Option<Self> {
        let external_id = settings.optional("upstream.assume_role.external_id", values::external_id);
        let duration = settings.optional("upstream.assume_role.duration", values::session_duration);
        let sts = settings.optional("upstream.assume_role.endpoint", endpoint);
        if !settings.has_section("upstream.assume_role") {
            return None;
        }
        let arn = settings.required("upstream.assume_role.arn", values::role_arn)?;
        Some(Self {
            arn,
            external_id,
            duration: duration.unwrap_or(Duration::from_hours(1)),
            endpoint: sts.unwrap_or_else(|| Endpoint::aws("sts", region)),
        })
    }
}

impl Audit {
    fn read(settings: &mut Settings<'_>, folder: &Path) -> Option<Self> {
        let journal = settings.path("audit.journal", folder);
        let deadline = settings.optional("audit.deadline", duration);
        settings.optional("audit.mode", |text| values::only(text, "strict"));
        settings.optional("audit.content", |text| values::only(text, "metadata"));
        Some(Self { journal: journal?, deadline: deadline.unwrap_or(Duration::from_millis(500)) })
    }
}

impl Limits {
    fn read(settings: &mut Settings<'_>) -> Self {
        let mut count = |key, default| settings.optional(key, bytes).unwrap_or(default);
        let connections = count("limits.connections", 10_000);
        // Bedrock itself takes 25,000,000 bytes (botocore model).
        let body_bytes = count("limits.body_bytes", 25_000_000);
        let buffered_bytes = count("limits.buffered_bytes", 256 * 1024 * 1024);
        let answer_bytes = count("limits.answer_bytes", 64 * 1024 * 1024);
        let header_timeout = settings.optional("limits.header_timeout", duration);
        let body_timeout = settings.optional("limits.body_timeout", duration);
        Self {
            connections,
            body_bytes,
            buffered_bytes: buffered_bytes.max(body_bytes),
            answer_bytes,
            header_timeout: header_timeout.unwrap_or(Duration::from_secs(10)),
            body_timeout: body_timeout.unwrap_or(Duration::from_secs(30)),
        }
    }
}

/// The process's environment, with names and values that are text.
#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
