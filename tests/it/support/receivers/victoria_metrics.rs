//! VictoriaMetrics: takes metrics by OTLP/HTTP and answers PromQL.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Receiver, percent_encoded, receiver_command};
use crate::support::obtain::{debian, required};

pub struct VictoriaMetrics {
    receiver: Receiver,
    _home: TempDir,
}

/// One series of an answer and its value.
#[derive(Debug, Clone)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl VictoriaMetrics {
    /// `None` where it cannot be had, which has been said.
    pub fn start() -> Option<Self> {
        let program = required(debian::program("victoria-metrics"))?;
        let home = tempfile::tempdir().unwrap();
        let mut command = receiver_command(&program, home.path());
        command
            .args(["-httpListenAddr=127.0.0.1:0", "-memory.allowedBytes=256MB"])
            .arg("-opentelemetry.usePrometheusNaming")
            .arg(format!("-storageDataPath={}", home.path().join("data").display()));
        let receiver = Receiver::start("victoria-metrics", &mut command, "started server at http://");
        Some(Self { receiver, _home: home })
    }

    /// For `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`.
    pub fn metrics_endpoint(&self) -> String {
        self.receiver.url("/opentelemetry/v1/metrics")
    }

    /// Takes an answer of `/metrics` as scraped some seconds ago from a target with `labels`, such as `instance=a`.
    pub fn import(&self, exposition: &str, seconds_ago: u64, labels: &[&str]) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let at = (now - Duration::from_secs(seconds_ago)).as_millis();
        let labels: String = labels.iter().map(|label| format!("&extra_label={label}")).collect();
        let target = format!("/api/v1/import/prometheus?timestamp={at}{labels}");
        assert_eq!(self.receiver.post(&target, exposition).status, 204);
    }

    /// What an instant query answers, of everything received so far.
    pub fn query(&self, promql: &str) -> Vec<Sample> {
        self.receiver.get("/internal/force_flush").assert_ok();
        let query = percent_encoded(promql);
        let answer = self.receiver.get(&format!("/api/v1/query?latency_offset=1ms&query={query}"));
        let answer = answer.assert_ok().json();
        let series = answer["data"]["result"].as_array().unwrap();
        let labels = |labels: &serde_json::Value| serde_json::from_value(labels.clone()).unwrap();
        let value = |value: &serde_json::Value| value[1].as_str().unwrap().parse().unwrap();
        series
            .iter()
            .map(|series| Sample { labels: labels(&series["metric"]), value: value(&series["value"]) })
            .collect()
    }

    /// The value of a query that answers one series, or nothing.
    pub fn value(&self, promql: &str) -> Option<f64> {
        let samples = self.query(promql);
        assert!(samples.len() <= 1, "{promql}: {samples:?}");
        samples.first().map(|sample| sample.value)
    }
}
