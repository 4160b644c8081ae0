//! OpenTelemetry over OTLP/HTTP, from its own standard variables.
//!
//! Receives the environment and `telemetry.otlp`, returns every value that the SDK is given, validated: the SDK itself
//! only falls back to defaults in silence. Headers are not read here: they hold credentials, and the exporter takes
//! `OTEL_EXPORTER_OTLP_HEADERS` straight from the environment.

use std::time::Duration;

use super::settings::Settings;
use super::values::{boolean, milliseconds, otlp_endpoint, share, whole};

/// OpenTelemetry over OTLP/HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Otlp {
    /// `service.name` of the resource.
    pub service_name: String,
    /// `None` when `OTEL_TRACES_EXPORTER` is `none`: contexts are passed on, nothing is told.
    pub traces: Option<Receiver>,
    pub sampler: Sampler,
    pub batches: Batches,
    /// `None` when `OTEL_METRICS_EXPORTER` is `none`.
    pub metrics: Option<Receiver>,
    /// How often metrics are sent.
    pub interval: Duration,
}

/// Where one signal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The whole URL, path included.
    pub url: String,
    /// How long one batch may take, retries included.
    pub timeout: Duration,
    pub gzip: bool,
}

/// Which traces are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// Whether a caller's own decision holds.
    pub follow_parent: bool,
    /// Of the others, from 0 to 1.
    pub share: f64,
}

/// How spans wait for their export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Most spans that wait; further ones are dropped.
    pub queue: usize,
    /// Most spans of one request to the receiver.
    pub size: usize,
    pub delay: Duration,
}

impl Otlp {
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let endpoint = settings.optional("telemetry.otlp.endpoint", otlp_endpoint);
        let enabled = settings.optional("telemetry.otlp.enabled", boolean);
        let asked = settings.has_section("telemetry.otlp") || settings.has_variable("OTEL_EXPORTER_OTLP_");
        // A host-wide environment must not keep a warden from starting that was told not to use it.
        if !enabled.unwrap_or(asked) || settings.variable_is("OTEL_SDK_DISABLED", "true") {
            return None;
        }
        let mut traces = Receiver::read(settings, "TRACES", "/v1/traces", endpoint.as_deref());
        let metrics = Receiver::read(settings, "METRICS", "/v1/metrics", endpoint.as_deref());
        if let (Some(traces), Some(bound)) =
            (&mut traces, settings.standard("OTEL_BSP_EXPORT_TIMEOUT", milliseconds))
        {
            traces.timeout = traces.timeout.min(bound);
        }
        Some(Self {
            service_name: service_name(settings),
            traces,
            sampler: Sampler::read(settings),
            batches: Batches::read(settings),
            metrics,
            interval: settings
                .standard("OTEL_METRIC_EXPORT_INTERVAL", milliseconds)
                .unwrap_or(Duration::from_mins(1)),
        })
    }
}

impl Receiver {
    /// `None` when the signal is turned off, or when something about it is wrong and was reported.
    fn read(settings: &mut Settings<'_>, signal: &str, path: &str, endpoint: Option<&str>) -> Option<Self> {
        let on = settings.standard(&format!("OTEL_{signal}_EXPORTER"), exporter).unwrap_or(true);
        if !on {
            return None;
        }
        either(settings, signal, "PROTOCOL", protocol);
        // The signal's own URL is taken as it is; a base URL gets the signal's path.
        let own = settings.standard(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"), |text| {
            otlp_endpoint(text).map(|_| text.to_owned())
        });
        let base = settings.standard("OTEL_EXPORTER_OTLP_ENDPOINT", otlp_endpoint);
        let below = |base: &str| format!("{base}{path}");
        let url = match (endpoint, own, base) {
            (Some(endpoint), _, _) => below(endpoint),
            (None, Some(own), _) => own,
            (None, None, base) => below(base.as_deref().unwrap_or("http://localhost:4318")),
        };
        Some(Self {
            url,
            timeout: either(settings, signal, "TIMEOUT", milliseconds).unwrap_or(Duration::from_secs(10)),
            gzip: either(settings, signal, "COMPRESSION", compression).unwrap_or(false),
        })
    }
}

impl Sampler {
    fn read(settings: &mut Settings<'_>) -> Self {
        let argument = settings.standard("OTEL_TRACES_SAMPLER_ARG", share);
        let sampler = settings.standard("OTEL_TRACES_SAMPLER", |text| {
            let (follow_parent, root) = match text.strip_prefix("parentbased_") {
                Some(root) => (true, root),
                None => (false, text),
            };
            let share = match root {
                "always_on" => 1.0,
                "always_off" => 0.0,
                "traceidratio" => argument.unwrap_or(1.0),
                _ => {
                    return Err(format!(
                        "must be `always_on`, `always_off` or `traceidratio`, or one of these after `parentbased_`, not `{text}`"
                    ));
                }
            };
            Ok(Self { follow_parent, share })
        });
        sampler.unwrap_or(Self { follow_parent: true, share: 1.0 })
    }
}

impl Batches {
    fn read(settings: &mut Settings<'_>) -> Self {
        let queue = settings.standard("OTEL_BSP_MAX_QUEUE_SIZE", whole).unwrap_or(2048);
        let size = settings.standard("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", whole).unwrap_or(512);
        let delay = settings.standard("OTEL_BSP_SCHEDULE_DELAY", milliseconds);
        Self { queue, size: size.min(queue), delay: delay.unwrap_or(Duration::from_secs(5)) }
    }
}

/// The value for one signal, or else for all of them.
fn either<T>(
    settings: &mut Settings<'_>,
    signal: &str,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let own = format!("OTEL_EXPORTER_OTLP_{signal}_{name}");
    if settings.has_standard(&own) {
        return settings.standard(&own, parse);
    }
    settings.standard(&format!("OTEL_EXPORTER_OTLP_{name}"), parse)
}

fn service_name(settings: &mut Settings<'_>) -> String {
    let named = settings.standard("OTEL_SERVICE_NAME", |text| Ok(text.to_owned()));
    let among = settings.standard("OTEL_RESOURCE_ATTRIBUTES", |text| {
        let mut pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        Ok(pairs.rfind(|(key, _)| key.trim() == "service.name").map(|(_, value)| value.trim().to_owned()))
    });
    named.or(among.flatten()).unwrap_or_else(|| "bedrock-warden".to_owned())
}

fn exporter(text: &str) -> Result<bool, String> {
    match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("must be `otlp` or `none`, not `{text}`")),
    }
}

fn protocol(text: &str) -> Result<(), String> {
    match text {
        "http/protobuf" => Ok(()),
        _ => Err(format!(
            "must be `http/protobuf`, not `{text}`: OTLP is spoken over HTTP, usually on port 4318; \
             `WARDEN_TELEMETRY_OTLP_ENABLED=false` turns it off"
        )),
    }
}

fn compression(text: &str) -> Result<bool, String> {
    match text {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("must be `gzip` or `none`, not `{text}`")),
    }
}
