//! Telemetry as its receivers read it: moto, Arize Phoenix, VictoriaMetrics, promtool.

mod away;
mod cloud_watch;
mod here;
mod latency;
mod phoenix;
pub mod prometheus;
mod sts;
pub mod traffic;
mod victoria_metrics;
