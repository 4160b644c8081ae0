//! The `telemetry` section: who is told what, and where.
//!
//! OpenTelemetry is configured by its own standard variables; this section only turns it on.

use std::net::SocketAddr;
use std::time::Duration;

use super::settings::Settings;
use super::values::{address, boolean, endpoint, namespace, word};
use super::{Endpoint, Otlp, values};

/// Where telemetry goes, beside the log.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// `/metrics` on the admin listener.
    pub prometheus: bool,
    pub cloudwatch: Option<CloudWatch>,
    pub otlp: Option<Otlp>,
}

/// CloudWatch metrics, aggregated in the process and sent once per interval.
#[derive(Debug, Clone)]
pub struct CloudWatch {
    pub namespace: String,
    /// Value of the dimension that every metric carries.
    pub deployment: String,
    pub interval: Duration,
    /// Most metrics of the process, counted as CloudWatch bills them: a name with its dimensions.
    pub series: usize,
    pub way: CloudWatchWay,
}

/// How metrics reach CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudWatchWay {
    /// The API, by default at AWS's endpoint of the region.
    PutMetricData { endpoint: Option<Endpoint> },
    /// Embedded metric format, one JSON line at a time, without API calls.
    EmbeddedMetricFormat(EmfOutput),
}

/// Where lines in the embedded metric format go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmfOutput {
    Stdout,
    /// The TCP port of the CloudWatch agent.
    Agent(SocketAddr),
}

impl Telemetry {
    pub(super) fn read(settings: &mut Settings<'_>, environment: &str) -> Self {
        let prometheus = settings.optional("telemetry.prometheus", boolean);
        Self {
            prometheus: prometheus.unwrap_or(true),
            cloudwatch: CloudWatch::read(settings, environment),
            otlp: Otlp::read(settings),
        }
    }
}

impl CloudWatch {
    /// Whether intervals are shorter than the minutes that CloudWatch keeps by default.
    pub fn high_resolution(&self) -> bool {
        self.interval < Duration::from_mins(1)
    }

    fn read(settings: &mut Settings<'_>, environment: &str) -> Option<Self> {
        let mode = settings.optional("telemetry.cloudwatch.mode", values::cloudwatch_mode);
        let name = settings.optional("telemetry.cloudwatch.namespace", namespace);
        let deployment = settings.optional("telemetry.cloudwatch.deployment", word);
        let interval = settings.optional("telemetry.cloudwatch.interval", values::flush_interval);
        let series = settings.optional("telemetry.cloudwatch.series", values::series_budget);
        let endpoint = settings.optional("telemetry.cloudwatch.endpoint", endpoint);
        let agent = settings.optional("telemetry.cloudwatch.agent", address);
        if !settings.has_section("telemetry.cloudwatch") {
            return None;
        }
        let way = match mode.unwrap_or(values::CloudWatchMode::PutMetricData) {
            values::CloudWatchMode::Off => return None,
            values::CloudWatchMode::PutMetricData => CloudWatchWay::PutMetricData { endpoint },
            values::CloudWatchMode::Emf => {
                CloudWatchWay::EmbeddedMetricFormat(agent.map_or(EmfOutput::Stdout, EmfOutput::Agent))
            }
        };
        Some(Self {
            namespace: name.unwrap_or_else(|| "BedrockWarden".to_owned()),
            deployment: deployment.unwrap_or_else(|| environment.to_owned()),
            interval: interval.unwrap_or(Duration::from_mins(1)),
            series: series.unwrap_or(500),
            way,
        })
    }
}
