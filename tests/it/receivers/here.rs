//! The receivers themselves: each starts, and understands what is said to it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};

use crate::support::receivers::{Moto, NAMESPACE, Promtool, VictoriaMetrics};

#[test]
fn moto_adds_up_what_the_sdk_for_rust_sends_through_the_bridge() {
    let Some(moto) = Moto::start() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(moto.cloudwatch_endpoint())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIA", "secret", None, None, "tests"))
        .build();
    let client = aws_sdk_cloudwatch::Client::from_conf(config);
    let dimension = Dimension::builder().name("Deployment").value("test").build();
    let datum = |value| {
        MetricDatum::builder()
            .metric_name("Requests")
            .dimensions(dimension.clone())
            .timestamp(SystemTime::now().into())
            .unit(StandardUnit::Count)
            .set_values(Some(vec![value, 1.0]))
            .set_counts(Some(vec![3.0, 1.0]))
            .build()
    };
    // Small requests are sent as they are, large ones in gzip.
    for count in [1, 500] {
        let data: Vec<_> = (0..count).map(|_| datum(2.0)).collect();
        let put = client.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data));
        runtime.block_on(put.send()).unwrap();
    }
    let dimensions = [("Deployment", "test")];
    assert_eq!(moto.puts(), 2);
    assert_exactly(moto.sum("Requests", &dimensions), 7.0 * 501.0);
    assert_exactly(moto.samples("Requests", &dimensions), 4.0 * 501.0);
    assert_exactly(moto.sum("Requests", &[("Deployment", "other")]), 0.0);
    let series: Vec<_> = moto.series(NAMESPACE).into_iter().collect();
    assert_eq!((series.len(), series[0].metric.as_str(), series[0].dimensions.len()), (1, "Requests", 1));
}

#[test]
fn victoria_metrics_starts_empty() {
    let Some(metrics) = VictoriaMetrics::start() else { return };
    assert_eq!(metrics.value("warden_requests_total"), None);
}

#[test]
fn promtool_complains_of_what_is_wrong() {
    let Some(promtool) = Promtool::find() else { return };
    let good = "# HELP warden_requests_total Requests.\n# TYPE warden_requests_total counter\nwarden_requests_total 1\n";
    assert_eq!(promtool.check_metrics(good).code, 0);
    assert_ne!(promtool.check_metrics("# TYPE warden_requests counter\nwarden_requests 1\n").code, 0);
    let rules =
        |expression: &str| format!("groups:\n- name: g\n  rules:\n  - {{record: r, expr: '{expression}'}}\n");
    assert_eq!(promtool.check_rules(&rules("rate(a[5m])")).code, 0);
    assert_ne!(promtool.check_rules(&rules("rate(a[5m]")).code, 0);
}

#[track_caller]
fn assert_exactly(found: f64, expected: f64) {
    assert!((found - expected).abs() < f64::EPSILON, "{found}, not {expected}");
}
