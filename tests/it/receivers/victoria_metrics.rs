//! Metrics by OTLP, as VictoriaMetrics answers for them in PromQL.

use crate::support::call::HAIKU;
use crate::support::eventually;
use crate::support::receivers::VictoriaMetrics;

use super::prometheus::exact;
use super::traffic::{self, DENIED, DENY_RULE, FORWARDED, REQUESTS, STREAMED, THROTTLED, UNPROVEN};

#[test]
fn the_instruments_can_be_queried_with_the_right_counts() {
    let Some(metrics) = VictoriaMetrics::start() else { return };
    let mut warden = traffic::setup()
        .setting("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &metrics.metrics_endpoint())
        .setting("OTEL_TRACES_EXPORTER", "none")
        .setting("OTEL_METRIC_EXPORT_INTERVAL", "500")
        .start();
    traffic::send(&warden);
    // Sent by the interval, while the warden serves.
    eventually("the requests to be in VictoriaMetrics", || {
        metrics.value("sum(warden_requests_total)") == Some(f64::from(REQUESTS))
    });
    warden.terminate();
    warden.wait_for_exit();
    let tokens = traffic::tokens(&warden);
    let chat = format!("gen_ai_operation_name=\"chat\",gen_ai_request_model=\"{HAIKU}\"");
    for (query, expected) in [
        (format!("sum(gen_ai_client_operation_duration_seconds_count{{{chat}}})"), f64::from(FORWARDED)),
        (
            "sum(gen_ai_client_operation_duration_seconds_count{error_type=\"ThrottlingException\"})"
                .to_owned(),
            f64::from(THROTTLED),
        ),
        (
            "sum(gen_ai_client_operation_duration_seconds_bucket{le=\"+Inf\"})".to_owned(),
            f64::from(FORWARDED),
        ),
        (token_sum("input"), exact(tokens.input)),
        (token_sum("output"), exact(tokens.output)),
        ("sum(gen_ai_client_operation_time_to_first_chunk_seconds_count)".to_owned(), f64::from(STREAMED)),
        ("sum(warden_requests_total)".to_owned(), f64::from(REQUESTS)),
        ("sum(warden_requests_total{warden_decision=\"deny\"})".to_owned(), f64::from(DENIED + UNPROVEN)),
        (format!("sum(warden_policy_denials_total{{warden_rule_id=\"{DENY_RULE}\"}})"), f64::from(DENIED)),
        ("sum(warden_added_latency_seconds_count)".to_owned(), f64::from(FORWARDED)),
    ] {
        assert_eq!(metrics.value(&query), Some(expected), "{query}");
    }
}

fn token_sum(kind: &str) -> String {
    format!("sum(gen_ai_client_token_usage_sum{{gen_ai_token_type=\"{kind}\"}})")
}
