//! VictoriaMetrics: takes metrics by OTLP/HTTP and answers PromQL.

use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::{Receiver, percent_encoded, receiver_command};
use crate::support::obtain::{debian, required};

pub struct VictoriaMetrics {
    receiver: Receiver,
    _home: TempDir,
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
        let at = now.saturating_sub(Duration::from_secs(seconds_ago)).as_millis();
        let labels = labels.join("&extra_label=");
        let target = format!("/api/v1/import/prometheus?timestamp={at}&extra_label={labels}");
        assert_eq!(self.receiver.post(&target, exposition).status, 204);
    }

    /// The values of an instant query's series, of everything received so far.
    pub fn query(&self, promql: &str) -> Vec<f64> {
        self.receiver.get("/internal/force_flush").assert_ok();
        let query = percent_encoded(promql);
        let answer = self.receiver.get(&format!("/api/v1/query?latency_offset=1ms&query={query}"));
        let answer = answer.assert_ok().json();
        let series = answer["data"]["result"].as_array().unwrap();
        series.iter().map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// The value of a query that answers one series, or nothing.
    pub fn value(&self, promql: &str) -> Option<f64> {
        let values = self.query(promql);
        assert!(values.len() <= 1, "{promql}: {values:?}");
        values.first().copied()
    }
}
