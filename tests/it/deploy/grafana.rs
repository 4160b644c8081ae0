//! `deploy/grafana/bedrock-warden.json`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bedrock_warden::telemetry::names::prometheus;
use serde_json::{Value, json};

use super::{promql, text};
use crate::support::receivers::Promtool;

const INPUT: &str = "${DS_PROMETHEUS}";

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    assert_eq!((&dashboard["id"], &dashboard["uid"]), (&Value::Null, &json!("bedrock-warden")));
    assert_eq!(dashboard["__inputs"][0]["name"], "DS_PROMETHEUS");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "panels share an id");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["environment", "instance"]);
    let charts = panels.iter().filter(|panel| panel["type"] != "row");
    let targets = charts.clone().flat_map(|panel| panel["targets"].as_array().unwrap());
    for asking in charts.chain(targets).chain(variables) {
        assert_eq!(asking["datasource"]["uid"], INPUT, "{asking}");
    }
}

#[test]
fn panels_lie_beside_each_other() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(side("x") + side("w") <= 24, "{}", panel["title"]);
        for x in side("x")..side("x") + side("w") {
            for y in side("y")..side("y") + side("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn expressions_use_the_metrics_and_labels_there_are() {
    for Target { expression, legend } in targets() {
        promql::check(&expression);
        for label in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
            assert!(promql::kept(&expression).contains(&label), "`{label}` is not kept: {expression}");
        }
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let targets = targets();
    let shown: Vec<_> = targets.iter().flat_map(|target| promql::uses(&target.expression)).collect();
    for instrument in prometheus::ALL {
        assert!(shown.iter().any(|used| used.instrument == instrument), "{} is not shown", instrument.name);
    }
}

#[test]
fn prometheus_can_parse_every_expression() {
    let Some(promtool) = Promtool::find() else { return };
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    for (number, Target { expression, .. }) in targets().iter().enumerate() {
        let expression = expression.replace("$__rate_interval", "5m").replace(['$'], "");
        writeln!(rules, "  - record: panel:{number}\n    expr: {}", json!(expression)).unwrap();
    }
    let checked = promtool.check_rules(&rules);
    assert_eq!(checked.code, 0, "{}{}\n{rules}", checked.stdout, checked.stderr);
}

pub struct Target {
    pub expression: String,
    pub legend: String,
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/bedrock-warden.json")).unwrap()
}

pub fn targets() -> Vec<Target> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    targets
        .map(|target| Target { expression: text(&target["expr"]), legend: text(&target["legendFormat"]) })
        .collect()
}
