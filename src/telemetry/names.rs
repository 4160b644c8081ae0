//! Every metric name, label, unit and attribute there is, in one place.
//!
//! Exporters, the dashboards in `deploy/` and their tests read these tables; nothing else spells a name. Prometheus
//! names follow its own guidelines (base units, `_total`), CloudWatch names are those of `AWS/Bedrock` wherever they
//! mean the same, OpenTelemetry names are those of the semantic conventions 1.41.1 (GenAI, AWS Bedrock).

/// How a Prometheus metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// One Prometheus metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instrument {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// From a millisecond to five minutes: models may think for minutes.
const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// From fifty microseconds to a second: what the warden adds.
const OWN_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];
/// From a millisecond to a second: one token of a stream.
const TOKEN_SECONDS: &[f64] = &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Instrument {
    Instrument { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Instrument {
    Instrument { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Instrument {
    Instrument { name, kind: Kind::Histogram(buckets), labels, help }
}

/// What `/metrics` shows.
pub mod prometheus {
    use super::{Instrument, OWN_SECONDS, SECONDS, TOKEN_SECONDS, counter, gauge, histogram};

    pub const REQUESTS: Instrument = counter(
        "warden_requests_total",
        &["operation", "decision", "end"],
        "Requests that are over, by what was decided and how they ended.",
    );
    pub const CALLER_REQUESTS: Instrument = counter(
        "warden_caller_requests_total",
        &["team", "app", "decision"],
        "Requests by who sent them; `none` when nobody is proven to have.",
    );
    pub const MODEL_REQUESTS: Instrument = counter(
        "warden_model_requests_total",
        &["team", "model", "decision"],
        "Requests by team and model; a model is `other` until Bedrock has answered a request for it.",
    );
    pub const ERRORS: Instrument =
        counter("warden_errors_total", &["operation", "error"], "Errors that callers received, by name.");
    pub const TOKENS: Instrument = counter(
        "warden_tokens_total",
        &["team", "model", "type"],
        "Tokens that Bedrock counted: input, output, cache_read, cache_write.",
    );
    pub const COST: Instrument = counter(
        "warden_cost_dollars_total",
        &["team", "model"],
        "What tokens cost in US dollars: an estimate at list prices. Models without a known price cost nothing here.",
    );
    pub const DENIALS: Instrument = counter(
        "warden_policy_denials_total",
        &["rule"],
        "Requests and answers that a rule refused; a request counts for every rule it violates.",
    );
    pub const SHADOW_DENIALS: Instrument = counter(
        "warden_policy_shadow_denials_total",
        &["rule"],
        "Requests and answers that a rule in shadow mode would have refused.",
    );
    pub const EXCEPTIONS: Instrument = counter(
        "warden_policy_exceptions_total",
        &["exception"],
        "Requests that an exception let pass although a rule would have refused them.",
    );
    pub const BREAK_GLASS: Instrument = counter(
        "warden_break_glass_total",
        &["exception"],
        "Requests that passed because the caller broke the glass of an exception. Worth waking somebody.",
    );
    pub const EDITS: Instrument =
        counter("warden_policy_edits_total", &["rule"], "Requests that a rule changed.");
    pub const FINDINGS: Instrument = counter(
        "warden_findings_total",
        &["detector", "direction"],
        "Strings in which a detector of sensitive data matched.",
    );
    pub const DURATION: Instrument = histogram(
        "warden_request_duration_seconds",
        SECONDS,
        &["operation"],
        "From the request's head to the end of the exchange.",
    );
    pub const OVERHEAD: Instrument = histogram(
        "warden_overhead_seconds",
        OWN_SECONDS,
        &["operation"],
        "The warden's own share of forwarded requests: everything but waiting for Bedrock.",
    );
    pub const UPSTREAM_DURATION: Instrument = histogram(
        "warden_upstream_duration_seconds",
        SECONDS,
        &["operation"],
        "From sending a request to the last byte of Bedrock's answer.",
    );
    pub const FIRST_TOKEN: Instrument = histogram(
        "warden_time_to_first_token_seconds",
        SECONDS,
        &["operation"],
        "From sending a request to the first byte of a streamed answer.",
    );
    pub const PER_TOKEN: Instrument = histogram(
        "warden_time_per_output_token_seconds",
        TOKEN_SECONDS,
        &["operation"],
        "Time between the tokens of streamed answers, after the first.",
    );
    pub const ANSWER_HOLD: Instrument = histogram(
        "warden_answer_hold_seconds",
        SECONDS,
        &["operation"],
        "The longest that text of a streamed answer was held back until it was known to hold nothing that must go.",
    );
    pub const UPSTREAM_RESPONSES: Instrument = counter(
        "warden_upstream_responses_total",
        &["code"],
        "Bedrock's answers to forwarded requests, by HTTP status; `none` without one.",
    );
    pub const IN_FLIGHT: Instrument =
        gauge("warden_requests_in_flight", &[], "Requests that have begun and are not over.");
    pub const JOURNAL_READY: Instrument =
        gauge("warden_journal_ready", &[], "1 when the journal admits requests.");
    pub const JOURNAL_QUEUED: Instrument =
        gauge("warden_journal_queued_records", &[], "Records handed over and not yet on disk.");
    pub const JOURNAL_LAG: Instrument = gauge(
        "warden_journal_lag_seconds",
        &[],
        "How long the oldest record of the latest commit waited to be on disk.",
    );
    pub const JOURNAL_WRITTEN: Instrument =
        counter("warden_journal_records_total", &[], "Records made durable.");
    pub const JOURNAL_LOST: Instrument =
        counter("warden_journal_lost_records_total", &[], "Records that could not even be queued.");
    pub const JOURNAL_UNSHIPPED: Instrument = gauge(
        "warden_journal_unshipped_records",
        &[],
        "Records that exist in this journal and nowhere else; without a shared store, all of them.",
    );
    pub const POLICY: Instrument = gauge(
        "warden_policy_info",
        &["digest"],
        "1 for the policies in force; 0 and `none` while there are none and nothing is allowed.",
    );
    pub const RELOAD_SUCCESSFUL: Instrument = gauge(
        "warden_config_last_reload_successful",
        &[],
        "1 when the policy and caller files on disk are in force.",
    );
    pub const RELOAD_TIME: Instrument = gauge(
        "warden_config_last_reload_success_timestamp_seconds",
        &[],
        "When the policies and callers in force were loaded.",
    );
    pub const CREDENTIALS_EXPIRY: Instrument = gauge(
        "warden_credentials_expiry_timestamp_seconds",
        &[],
        "When the warden's own AWS credentials end; 0 without an end, or before there are any.",
    );
    pub const CERTIFICATE_EXPIRY: Instrument = gauge(
        "warden_certificate_expiry_timestamp_seconds",
        &[],
        "When the certificate of the data listener ends; 0 when its file does not say.",
    );
    pub const EXPORTED: Instrument = counter(
        "warden_telemetry_exports_total",
        &["exporter", "result"],
        "Batches of telemetry that were sent, by result: success, failure.",
    );
    pub const DROPPED: Instrument = counter(
        "warden_telemetry_dropped_total",
        &["exporter"],
        "Data points and spans that were dropped, because a receiver was away or a budget was full.",
    );
    pub const BUILD: Instrument = gauge("warden_build_info", &["version"], "1 for the running version.");

    pub const ALL: &[Instrument] = &[
        REQUESTS,
        CALLER_REQUESTS,
        MODEL_REQUESTS,
        ERRORS,
        TOKENS,
        COST,
        DENIALS,
        SHADOW_DENIALS,
        EXCEPTIONS,
        BREAK_GLASS,
        EDITS,
        FINDINGS,
        DURATION,
        OVERHEAD,
        UPSTREAM_DURATION,
        FIRST_TOKEN,
        PER_TOKEN,
        ANSWER_HOLD,
        UPSTREAM_RESPONSES,
        IN_FLIGHT,
        JOURNAL_READY,
        JOURNAL_QUEUED,
        JOURNAL_LAG,
        JOURNAL_WRITTEN,
        JOURNAL_LOST,
        JOURNAL_UNSHIPPED,
        POLICY,
        RELOAD_SUCCESSFUL,
        RELOAD_TIME,
        CREDENTIALS_EXPIRY,
        CERTIFICATE_EXPIRY,
        EXPORTED,
        DROPPED,
        BUILD,
    ];
}

/// A unit as CloudWatch spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
}

/// What a CloudWatch metric is broken down by, beside the deployment. Never two of them at once: every combination is
/// billed as a metric of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    ModelId,
    Team,
    Rule,
    Detector,
}

impl Dimension {
    pub const ALL: [Self; 4] = [Self::ModelId, Self::Team, Self::Rule, Self::Detector];

    /// The metrics that are broken down by it, in the order of [`cloudwatch::ALL`].
    pub fn metrics(self) -> impl Iterator<Item = &'static CloudWatchMetric> {
        cloudwatch::ALL.iter().filter(move |metric| metric.by.contains(&self))
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelId => "ModelId",
            Self::Team => "Team",
            Self::Rule => "Rule",
            Self::Detector => "Detector",
        }
    }
}

/// One CloudWatch metric. Every one is there for the deployment as a whole, and once more for each of `by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudWatchMetric {
    pub name: &'static str,
    pub unit: Unit,
    pub by: &'static [Dimension],
    /// Where it stands in [`cloudwatch::ALL`].
    pub position: usize,
}

/// What is sent to CloudWatch.
pub mod cloudwatch {
    use super::Dimension::{Detector, ModelId, Rule, Team};
    use super::{CloudWatchMetric, Dimension, Unit};

    /// The dimension that every metric carries: the `environment` of the configuration, unless it is named.
    pub const DEPLOYMENT: &str = "Deployment";

    const fn count(position: usize, name: &'static str, by: &'static [Dimension]) -> CloudWatchMetric {
        CloudWatchMetric { name, unit: Unit::Count, by, position }
    }

    const fn milliseconds(position: usize, name: &'static str, by: &'static [Dimension]) -> CloudWatchMetric {
        CloudWatchMetric { name, unit: Unit::Milliseconds, by, position }
    }

    // The names of AWS/Bedrock, with its meaning: calls of models that Bedrock answered. `Invocations` are successful
    // ones; throttled ones are neither invocations nor errors.
    pub const INVOCATIONS: CloudWatchMetric = count(0, "Invocations", &[ModelId, Team]);
    pub const INVOCATION_LATENCY: CloudWatchMetric = milliseconds(1, "InvocationLatency", &[ModelId]);
    pub const CLIENT_ERRORS: CloudWatchMetric = count(2, "InvocationClientErrors", &[ModelId]);
    pub const SERVER_ERRORS: CloudWatchMetric = count(3, "InvocationServerErrors", &[ModelId]);
    pub const THROTTLES: CloudWatchMetric = count(4, "InvocationThrottles", &[ModelId]);
    pub const INPUT_TOKENS: CloudWatchMetric = count(5, "InputTokenCount", &[ModelId, Team]);
    pub const OUTPUT_TOKENS: CloudWatchMetric = count(6, "OutputTokenCount", &[ModelId, Team]);
    pub const CACHE_READ_TOKENS: CloudWatchMetric = count(7, "CacheReadInputTokenCount", &[ModelId]);
    pub const CACHE_WRITE_TOKENS: CloudWatchMetric = count(8, "CacheWriteInputTokenCount", &[ModelId]);
    pub const TIME_TO_FIRST_TOKEN: CloudWatchMetric = milliseconds(9, "TimeToFirstToken", &[ModelId]);

    // Ours.
    pub const REQUESTS: CloudWatchMetric = count(10, "Requests", &[Team]);
    pub const POLICY_DENIALS: CloudWatchMetric = count(11, "PolicyDenials", &[Rule, Team]);
    pub const SHADOW_DENIALS: CloudWatchMetric = count(12, "ShadowDenials", &[Rule]);
    pub const POLICY_EDITS: CloudWatchMetric = count(13, "PolicyEdits", &[Rule]);
    pub const FINDINGS: CloudWatchMetric = count(14, "Findings", &[Detector]);
    pub const UNAUTHENTICATED: CloudWatchMetric = count(15, "UnauthenticatedRequests", &[]);
    pub const FAILURES: CloudWatchMetric = count(16, "WardenFailures", &[]);
    pub const ADDED_LATENCY: CloudWatchMetric = milliseconds(17, "AddedLatency", &[]);
    pub const JOURNAL_LAG: CloudWatchMetric = milliseconds(18, "JournalLag", &[]);
    pub const JOURNAL_LOST: CloudWatchMetric = count(19, "JournalLostRecords", &[]);
    pub const UNSHIPPED_RECORDS: CloudWatchMetric = count(20, "UnshippedRecords", &[]);
    pub const TELEMETRY_DROPPED: CloudWatchMetric = count(21, "TelemetryDropped", &[]);

    pub const ALL: &[CloudWatchMetric] = &[
        INVOCATIONS,
        INVOCATION_LATENCY,
        CLIENT_ERRORS,
        SERVER_ERRORS,
        THROTTLES,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        CACHE_READ_TOKENS,
        CACHE_WRITE_TOKENS,
        TIME_TO_FIRST_TOKEN,
        REQUESTS,
        POLICY_DENIALS,
        SHADOW_DENIALS,
        POLICY_EDITS,
        FINDINGS,
        UNAUTHENTICATED,
        FAILURES,
        ADDED_LATENCY,
        JOURNAL_LAG,
        JOURNAL_LOST,
        UNSHIPPED_RECORDS,
        TELEMETRY_DROPPED,
    ];

    /// Series that are always there: every metric for the deployment, and [`super::label::OTHER`] for every breakdown.
    /// A budget cannot be smaller.
    pub fn fixed_series() -> usize {
        ALL.iter().map(|metric| 1 + metric.by.len()).sum()
    }
}

/// What is sent by OTLP. Keys and instruments are those of the semantic conventions 1.41.1 (GenAI, AWS Bedrock, HTTP);
/// what they have no word for begins with `warden.`.
pub mod otel {
    use super::OWN_SECONDS;

    /// The instrumentation scope of all spans and instruments.
    pub const SCOPE: &str = "bedrock-warden";
    pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.1";
    /// `gen_ai.provider.name` of Bedrock.
    pub const PROVIDER: &str = "aws.bedrock";

    /// Attribute keys.
    pub mod key {
        pub const OPERATION: &str = "gen_ai.operation.name";
        pub const PROVIDER: &str = "gen_ai.provider.name";
        pub const REQUEST_MODEL: &str = "gen_ai.request.model";
        pub const MAX_TOKENS: &str = "gen_ai.request.max_tokens";
        pub const TEMPERATURE: &str = "gen_ai.request.temperature";
        pub const TOP_P: &str = "gen_ai.request.top_p";
        pub const TOP_K: &str = "gen_ai.request.top_k";
        pub const STREAM: &str = "gen_ai.request.stream";
        pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
        pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
        pub const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
        pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
        pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
        pub const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
        pub const CACHE_WRITE_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
        pub const TOKEN_TYPE: &str = "gen_ai.token.type";
        pub const GUARDRAIL: &str = "aws.bedrock.guardrail.id";
        pub const AWS_REQUEST_ID: &str = "aws.request_id";
        pub const SERVER_ADDRESS: &str = "server.address";
        pub const SERVER_PORT: &str = "server.port";
        pub const ERROR: &str = "error.type";
        pub const HTTP_METHOD: &str = "http.request.method";
        pub const HTTP_ROUTE: &str = "http.route";
        pub const HTTP_STATUS: &str = "http.response.status_code";
        pub const URL_PATH: &str = "url.path";
        pub const URL_SCHEME: &str = "url.scheme";
        pub const SERVICE_VERSION: &str = "service.version";
        pub const SERVICE_INSTANCE: &str = "service.instance.id";
        /// AWS's own name of the operation.
        pub const WARDEN_OPERATION: &str = "warden.operation";
        pub const DECISION: &str = "warden.decision";
        /// How the exchange ended.
        pub const END: &str = "warden.end";
        /// The model that the caller named, on the span around the exchange. `gen_ai.request.model` would make receivers
        /// take that span for a call of its own.
        pub const ASKED_MODEL: &str = "warden.model";
        /// Rules that refused the request or its answer, or else those that changed it.
        pub const RULES: &str = "warden.rule.ids";
        pub const SHADOW_RULES: &str = "warden.shadow_rule.ids";
        pub const RULE: &str = "warden.rule.id";
        pub const POLICY_DIGEST: &str = "warden.policy.digest";
        pub const TEAM: &str = "warden.team";
        pub const APP: &str = "warden.app";
        /// The record's identifier, and the request id that the caller received.
        pub const AUDIT_ID: &str = "warden.audit.id";
        /// Name of the error that the caller received.
        pub const CALLER_ERROR: &str = "warden.error";
        pub const FINDING: &str = "warden.finding.type";
        /// `in` for requests, `out` for answers.
        pub const FINDING_DIRECTION: &str = "warden.finding.direction";
        pub const FINDING_COUNT: &str = "warden.finding.count";
    }

    /// Names of span events.
    pub mod event {
        pub const DENIAL: &str = "warden.denial";
        pub const EDIT: &str = "warden.edit";
        pub const FINDING: &str = "warden.finding";
    }

    /// One instrument.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct OtelInstrument {
        pub name: &'static str,
        /// As UCUM writes it.
        pub unit: &'static str,
        /// Of a histogram; empty for anything else.
        pub buckets: &'static [f64],
        pub help: &'static str,
    }

    const fn histogram(
        name: &'static str,
        unit: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> OtelInstrument {
        OtelInstrument { name, unit, buckets, help }
    }

    const fn plain(name: &'static str, unit: &'static str, help: &'static str) -> OtelInstrument {
        OtelInstrument { name, unit, buckets: &[], help }
    }

    // The buckets that the conventions ask for.
    const OPERATION_SECONDS: &[f64] =
        &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
    const TOKENS: &[f64] = &[
        1.0,
        4.0,
        16.0,
        64.0,
        256.0,
        1024.0,
        4096.0,
        16384.0,
        65536.0,
        262_144.0,
        1_048_576.0,
        4_194_304.0,
        16_777_216.0,
        67_108_864.0,
    ];

    pub const DURATION: OtelInstrument = histogram(
        "gen_ai.client.operation.duration",
        "s",
        OPERATION_SECONDS,
        "From sending a request to the last byte of Bedrock's answer.",
    );
    pub const TOKEN_USAGE: OtelInstrument =
        histogram("gen_ai.client.token.usage", "{token}", TOKENS, "Tokens that Bedrock counted.");
    pub const FIRST_CHUNK: OtelInstrument = histogram(
        "gen_ai.client.operation.time_to_first_chunk",
        "s",
        OPERATION_SECONDS,
        "From sending a request to the first byte of a streamed answer.",
    );
    pub const PER_CHUNK: OtelInstrument = histogram(
        "gen_ai.client.operation.time_per_output_chunk",
        "s",
        OPERATION_SECONDS,
        "Mean time between the tokens of a streamed answer: first to last byte, over its tokens after the first.",
    );
    pub const REQUESTS: OtelInstrument = plain(
        "warden.requests",
        "{request}",
        "Requests that are over, by what was decided and how they ended.",
    );
    pub const DENIALS: OtelInstrument = plain(
        "warden.policy.denials",
        "{denial}",
        "Requests and answers that a rule refused; a request counts for every rule it violates.",
    );
    pub const FINDINGS: OtelInstrument =
        plain("warden.findings", "{finding}", "Strings in which a detector of sensitive data matched.");
    pub const ADDED: OtelInstrument = histogram(
        "warden.added_latency",
        "s",
        OWN_SECONDS,
        "The warden's own share of forwarded requests: everything but waiting for Bedrock.",
    );
    pub const IN_FLIGHT: OtelInstrument =
        plain("warden.requests.in_flight", "{request}", "Requests that have begun and are not over.");
    pub const JOURNAL_QUEUED: OtelInstrument =
        plain("warden.journal.queued", "{record}", "Records handed over and not yet on disk.");
    pub const JOURNAL_LAG: OtelInstrument = plain(
        "warden.journal.lag",
        "s",
        "How long the oldest record of the latest commit waited to be on disk.",
    );
    pub const JOURNAL_UNSHIPPED: OtelInstrument = plain(
        "warden.journal.unshipped",
        "{record}",
        "Records that exist in this journal and nowhere else; without a shared store, all of them.",
    );

    pub const ALL: &[OtelInstrument] = &[
        DURATION,
        TOKEN_USAGE,
        FIRST_CHUNK,
        PER_CHUNK,
        REQUESTS,
        DENIALS,
        FINDINGS,
        ADDED,
        IN_FLIGHT,
        JOURNAL_QUEUED,
        JOURNAL_LAG,
        JOURNAL_UNSHIPPED,
    ];
}

/// The exporters that tell of themselves on `/metrics`, as its labels name them.
pub mod exporter {
    pub const CLOUDWATCH: &str = "cloudwatch";
    pub const EMF: &str = "emf";
    pub const OTLP_TRACES: &str = "otlp_traces";
    pub const OTLP_METRICS: &str = "otlp_metrics";

    pub const ALL: [&str; 4] = [CLOUDWATCH, EMF, OTLP_TRACES, OTLP_METRICS];

    /// How sending a batch ends: well, and not.
    pub const RESULTS: [&str; 2] = ["success", "failure"];
}

/// What a label says where its value is not one of ours to know.
pub mod label {
    /// A value outside the bounded set: another model, or one above the budget.
    pub const OTHER: &str = "other";
    /// No value: nobody proved who was calling, no operation was recognised, no answer came.
    pub const NONE: &str = "none";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloudwatch_metrics_know_where_they_stand() {
        let positions: Vec<_> = cloudwatch::ALL.iter().map(|metric| metric.position).collect();
        assert_eq!(positions, (0..cloudwatch::ALL.len()).collect::<Vec<_>>());
        let broken_down: usize = Dimension::ALL.into_iter().map(|one| one.metrics().count()).sum();
        assert_eq!(cloudwatch::fixed_series(), cloudwatch::ALL.len() + broken_down);
        assert!(cloudwatch::fixed_series() <= 50, "the smallest budget of the configuration");
    }
}
