//! `deploy/cloudwatch/`: the dashboard, and the template with the alarms.

use std::collections::BTreeSet;

use bedrock_warden::telemetry::names::{CloudWatchMetric, cloudwatch};
use serde_json::Value;

use super::{file, text};
use crate::support::obtain::required;
use crate::support::process::{clean_command, finish};
use crate::support::receivers::{Moto, NAMESPACE};

/// What the dashboard's variable replaces.
const PATTERN: &str = "DEPLOYMENT_NAME";

#[test]
fn the_dashboard_shows_metrics_and_dimensions_there_are() {
    let shown = shown();
    for (name, dimensions) in &shown {
        let metric = metric(name);
        let (deployment, others) = dimensions.split_first().unwrap();
        assert_eq!(deployment, cloudwatch::DEPLOYMENT);
        let listed = metric.by.iter().any(|dimension| others == [dimension.name()]);
        assert!(others.is_empty() || listed, "{name} by {others:?}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let shown: BTreeSet<_> = shown().into_iter().map(|(name, _)| name).collect();
    for metric in cloudwatch::ALL {
        assert!(shown.contains(metric.name), "{} is not shown", metric.name);
    }
}

#[test]
fn the_template_has_the_same_dashboard() {
    let template = text("cloudwatch/alarms.yaml");
    let (_, inline) = template.split_once("DashboardBody: !Sub |\n").unwrap();
    let inline = inline.replace("${Deployment}", "default").replace("${AWS::Region}", "us-east-1");
    assert!(!inline.contains("${"), "an unknown placeholder");
    assert_eq!(serde_json::from_str::<Value>(&inline).unwrap(), dashboard());
}

#[test]
fn alarms_watch_metrics_there_are() {
    let template = text("cloudwatch/alarms.yaml");
    let mut watched: Vec<_> =
        template.lines().filter_map(|line| line.trim().strip_prefix("MetricName: ")).collect();
    watched.sort_unstable();
    watched.dedup();
    let wanted = [
        cloudwatch::SERVER_ERRORS,
        cloudwatch::JOURNAL_LAG,
        cloudwatch::JOURNAL_LOST,
        cloudwatch::POLICY_DENIALS,
        cloudwatch::REQUESTS,
        cloudwatch::UNSHIPPED_RECORDS,
        cloudwatch::FAILURES,
    ];
    assert_eq!(watched, wanted.map(|metric| metric.name));
    for line in template.lines().filter(|line| line.trim().starts_with("Dimensions:")) {
        assert!(line.contains("[{ Name: Deployment, Value: !Ref Deployment }]"), "{line}");
    }
    assert!(template.contains(&format!("Default: {NAMESPACE}\n")));
}

#[test]
fn cloudformation_takes_the_template() {
    let Some(environment) = required(Moto::environment()) else { return };
    let home = tempfile::tempdir().unwrap();
    let mut lint = clean_command(environment.program("cfn-lint"), home.path());
    let checked =
        finish(lint.arg("--non-zero-exit-code").arg("informational").arg(file("cloudwatch/alarms.yaml")));
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

fn dashboard() -> Value {
    serde_json::from_str(&text("cloudwatch/dashboard.json")).unwrap()
}

#[track_caller]
fn metric(name: &str) -> &'static CloudWatchMetric {
    let found = cloudwatch::ALL.iter().find(|metric| metric.name == name);
    found.unwrap_or_else(|| panic!("no metric `{name}`"))
}

/// Every metric on the dashboard with the names of its dimensions.
fn shown() -> Vec<(String, Vec<String>)> {
    let dashboard = dashboard();
    let widgets = dashboard["widgets"].as_array().unwrap();
    let charts = widgets.iter().filter(|widget| widget["type"] == "metric");
    let metrics = charts.flat_map(|widget| widget["properties"]["metrics"].as_array().unwrap());
    metrics.map(|metric| named(metric.as_array().unwrap())).collect()
}

/// `[namespace, name, dimension, value, …, options]`, or one search.
fn named(metric: &[Value]) -> (String, Vec<String>) {
    if let Some(expression) = metric[0]["expression"].as_str() {
        return searched(expression);
    }
    let texts: Vec<_> = metric.iter().filter_map(Value::as_str).collect();
    assert_eq!((texts[0], texts[3]), (NAMESPACE, PATTERN));
    (texts[1].to_owned(), texts[2..].iter().step_by(2).map(|text| (*text).to_owned()).collect())
}

/// `SEARCH('{namespace,dimension,…} MetricName="…" Deployment="…"', …)`.
fn searched(expression: &str) -> (String, Vec<String>) {
    let (schema, rest) = expression.strip_prefix("SEARCH('{").unwrap().split_once('}').unwrap();
    let mut schema = schema.split(',').map(str::to_owned);
    assert_eq!(schema.next().as_deref(), Some(NAMESPACE));
    assert!(rest.contains(&format!("Deployment=\"{PATTERN}\"")), "{expression}");
    let name = rest.split("MetricName=\"").nth(1).unwrap().split('"').next().unwrap();
    (name.to_owned(), schema.collect())
}
