//! Telemetry as its receivers read it: moto, Arize Phoenix, VictoriaMetrics, promtool.

mod cloud_watch;
mod here;
mod prometheus;
mod sts;
mod traffic;
