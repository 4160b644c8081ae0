#![expect(clippy::float_cmp, reason = "sums of whole numbers are exact")]

use std::time::{Duration, SystemTime};

use super::*;
use crate::bedrock::operation::Operation;
use crate::telemetry::cloudwatch::aggregate::{Aggregate, Past};
use crate::telemetry::cloudwatch::batch::split;
use crate::telemetry::cloudwatch::fixture::{finding, served};

const LINE: usize = 16 * 1024;

fn form() -> Form {
    Form {
        namespace: "BedrockWarden".to_owned(),
        deployment: "prod".to_owned(),
        high_resolution: false,
        log_group: None,
    }
}

/// An interval with full distributions, long names and everything that can be told.
fn batches() -> Vec<Batch> {
    let mut aggregate = Aggregate::new(2_000, DISTINCT);
    for nth in 0..4_000_u64 {
        let team = format!("team \"{}\" {}", nth % 7, "x".repeat(900));
        let mut event = served(&format!("amazon.model-{}", nth % 9), &team, Operation::ConverseStream);
        event.timings.upstream = Some(Duration::from_micros(nth * nth * 37));
        event.timings.first_byte = Some(Duration::from_micros(nth * 1_777));
        event.timings.total = Duration::from_micros(nth * nth * 38);
        event.tokens.input = Some(nth);
        event.tokens.cache_read = Some(nth);
        event.violated = vec![format!("rule-{}", nth % 20)];
        event.findings = vec![finding("EMAIL", 1)];
        aggregate.record(&event);
    }
    let mut past = Past::default();
    aggregate.end(&mut past);
    split(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123), past.take(), LIMITS)
}

/// Checks a document against the specification, and that it says nothing besides. Returns its metrics' names.
fn check(line: &[u8]) -> Vec<String> {
    assert!(line.len() <= LINE, "{} bytes", line.len());
    let (end, text) = line.split_last().unwrap();
    assert!(*end == b'\n' && !text.contains(&b'\n'), "one line");
    let document: Value = serde_json::from_slice(text).unwrap();
    let root = document.as_object().unwrap();
    assert_eq!(document["_aws"]["Timestamp"], json!(1_700_000_000_123_u64));
    let directives = document["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    let directive = directives[0].as_object().unwrap();
    assert_eq!(directive.keys().collect::<Vec<_>>(), ["Namespace", "Dimensions", "Metrics"]);
    assert_eq!(directive["Namespace"], "BedrockWarden");

    let sets = directive["Dimensions"].as_array().unwrap();
    assert_eq!(sets.len(), 1);
    let dimensions: Vec<_> = sets[0].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(dimensions[0] == "Deployment" && dimensions.len() <= 2, "never crossed: {dimensions:?}");
    assert!(dimensions.iter().all(|name| root[*name].is_string()));

    let metrics = directive["Metrics"].as_array().unwrap();
    assert!((1..=100).contains(&metrics.len()));
    let mut names = Vec::new();
    for metric in metrics {
        assert!(matches!(metric["Unit"].as_str().unwrap(), "Count" | "Milliseconds"));
        let name = metric["Name"].as_str().unwrap();
        check_target(&root[name]);
        names.push(name.to_owned());
    }
    assert_eq!(root.len(), 1 + dimensions.len() + names.len(), "nothing besides");
    names
}

fn check_target(target: &Value) {
    let numbers =
        |value: &Value| value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect::<Vec<_>>();
    match target.as_object() {
        None => assert!(target.is_number()),
        Some(set) if set.contains_key("Values") => {
            let (values, counts) = (numbers(&set["Values"]), numbers(&set["Counts"]));
            assert!(values.len() <= 100 && values.len() == counts.len());
            let sum: f64 = values.iter().zip(&counts).map(|(value, count)| value * count).sum();
            assert!((set["Sum"].as_f64().unwrap() - sum).abs() <= sum * 1e-9);
            assert_eq!(set["Count"].as_f64().unwrap(), counts.iter().sum::<f64>());
            assert!(set["Min"].as_f64().unwrap() <= set["Max"].as_f64().unwrap());
        }
        Some(set) => {
            assert_eq!(set.keys().collect::<Vec<_>>(), ["Count", "Sum", "Min", "Max"]);
            assert!(set.values().all(Value::is_number));
        }
    }
}

#[test]
fn every_line_is_a_document_of_the_specification() {
    let (form, batches) = (form(), batches());
    let told: usize = batches.iter().map(|batch| check(&form.line(batch)).len()).sum();
    assert_eq!(told, batches.iter().map(|batch| batch.data.len()).sum::<usize>());
    assert!(batches.iter().any(|batch| matches!(
        &batch.data[0].amount,
        Amount::Distribution { values, .. } if values.len() > 50
    )));
}

#[test]
fn sizes_are_estimated_from_above() {
    let form = form();
    for batch in batches() {
        let line = form.line(&batch);
        assert!(line.len() <= batch.bytes, "{} bytes, {} estimated", line.len(), batch.bytes);
    }
}

#[test]
fn short_intervals_and_the_agent_are_told_of() {
    let form = Form { high_resolution: true, log_group: Some("/bedrock-warden/prod".to_owned()), ..form() };
    let document: Value = serde_json::from_slice(&form.line(&batches()[0])).unwrap();
    assert_eq!(document["_aws"]["LogGroupName"], "/bedrock-warden/prod");
    assert_eq!(document["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["StorageResolution"], 1);
}
