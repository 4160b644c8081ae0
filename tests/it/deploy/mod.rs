//! The dashboards and alarms in `deploy/`, held together with the tables in `telemetry::names`.
//!
//! Nothing is shown that is not sent, with labels that it does not have; and nothing is sent that is not shown.

mod cloud_watch;
mod grafana;
mod promql;
mod shown;

use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "deploy", name].iter().collect()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}
