//! What is measured, under which names, with which attributes.

use std::collections::BTreeMap;

use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};

use super::*;
use crate::telemetry::names::otel;
use crate::telemetry::otlp::instruments::SERIES;
use crate::telemetry::{JournalVitals, Vitals, VitalsSource};

/// One series: attributes in order, and its sum or value; for histograms count and bounds too.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    attributes: String,
    value: f64,
    count: u64,
    bounds: Vec<f64>,
}

/// Unit and series, by name.
type Metrics = BTreeMap<String, (String, Vec<Series>)>;

#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Metrics>>);

impl PushMetricExporter for Seen {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut seen = self.0.lock().unwrap();
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            seen.insert(metric.name().to_owned(), (metric.unit().to_owned(), series(metric)));
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn series(metric: &Metric) -> Vec<Series> {
    #[expect(clippy::cast_precision_loss, reason = "small numbers of a test")]
    match metric.data() {
        AggregatedMetrics::F64(data) => series_of(data, |value| *value),
        AggregatedMetrics::U64(data) => series_of(data, |value| *value as f64),
        AggregatedMetrics::I64(data) => series_of(data, |value| *value as f64),
    }
}

fn series_of<T: Copy>(data: &MetricData<T>, value: fn(&T) -> f64) -> Vec<Series> {
    let plain = |attributes: Vec<KeyValue>, number: T| Series {
        attributes: shown(attributes),
        value: value(&number),
        count: 0,
        bounds: Vec::new(),
    };
    let mut all: Vec<_> = match data {
        MetricData::Gauge(gauge) => gauge
            .data_points()
            .map(|point| plain(point.attributes().cloned().collect(), point.value()))
            .collect(),
        MetricData::Sum(sum) => sum
            .data_points()
            .map(|point| plain(point.attributes().cloned().collect(), point.value()))
            .collect(),
        MetricData::Histogram(histogram) => histogram
            .data_points()
            .map(|point| Series {
                attributes: shown(point.attributes().cloned().collect()),
                value: value(&point.sum()),
                count: point.count(),
                bounds: point.bounds().collect(),
            })
            .collect(),
        MetricData::ExponentialHistogram(_) => panic!("none of ours"),
    };
    all.sort_by(|a, b| a.attributes.cmp(&b.attributes));
    all
}

fn shown(mut attributes: Vec<KeyValue>) -> String {
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    let pairs = attributes.iter().map(|pair| format!("{}={}", pair.key, pair.value));
    pairs.collect::<Vec<_>>().join(" ")
}

struct Measured {
    telemetry: Arc<Telemetry>,
    seen: Seen,
}

impl Measured {
    fn new() -> Self {
        let seen = Seen::default();
        let resource = Resource::builder_empty().build();
        let provider = meter_provider(seen.clone(), Duration::from_hours(1), resource);
        let instruments = Instruments::new(provider, Servers::of(&upstream()), Arc::default());
        let otlp = Otlp { traces: Traces::default(), instruments: Some(instruments) };
        Self { telemetry: Arc::new(Telemetry::new(None, otlp, None)), seen }
    }

    fn instruments(&self) -> &Instruments {
        self.telemetry.otlp.instruments.as_ref().unwrap()
    }

    fn exchange(&self, change: impl FnOnce(&mut Finished)) {
        change(&mut open(&self.telemetry, &HeaderMap::new()).event);
    }

    fn collect(&self) -> Metrics {
        self.instruments().closing().force_flush().unwrap();
        self.seen.0.lock().unwrap().clone()
    }
}

#[test]
fn a_streamed_answer_is_measured_as_the_conventions_ask() {
    let measured = Measured::new();
    measured.exchange(|event| {
        learn(event, Operation::ConverseStream);
        answered(event, StatusCode::OK);
    });
    let seen = measured.collect();
    let of = |name: &str| {
        let (unit, series) = &seen[name];
        assert_eq!(series.len(), 1, "{name}: {series:?}");
        (unit.as_str(), series[0].clone())
    };
    let (unit, duration) = of("gen_ai.client.operation.duration");
    assert_eq!((unit, duration.value, duration.count), ("s", 0.9, 1));
    assert_eq!(duration.bounds, otel::DURATION.buckets);
    assert_eq!(
        duration.attributes,
        format!(
            "gen_ai.operation.name=chat gen_ai.provider.name=aws.bedrock gen_ai.request.model={CANONICAL} \
             gen_ai.response.model={CANONICAL} server.address=bedrock-runtime.eu-west-1.amazonaws.com server.port=443"
        )
    );
    let (unit, first) = of("gen_ai.client.operation.time_to_first_chunk");
    assert_eq!((unit, first.value, first.bounds.len()), ("s", 0.1, 14));
    let (_, per) = of("gen_ai.client.operation.time_per_output_chunk");
    assert!(
        (per.value - 0.2).abs() < 1e-9,
        "800 ms from the first byte to the last, for four further tokens"
    );
    let (unit, tokens) = &seen["gen_ai.client.token.usage"];
    assert_eq!(unit, "{token}");
    let by_kind: Vec<_> = tokens
        .iter()
        .map(|series| (series.attributes.contains("gen_ai.token.type=input"), series.value))
        .collect();
    assert_eq!(by_kind, [(true, 117.0), (false, 5.0)]);
    assert_eq!(tokens[0].bounds, otel::TOKEN_USAGE.buckets);
}

#[test]
fn what_is_decided_is_counted() {
    let measured = Measured::new();
    measured.exchange(|event| {
        learn(event, Operation::InvokeModel);
        event.decision = Decision::Deny;
        event.end = EndState::NotForwarded;
        event.violated = vec!["org/models".to_owned(), "org/limits".to_owned()];
        event.findings = vec![finding(Direction::In, 3)];
    });
    measured.exchange(|event| {
        learn(event, Operation::Converse);
        answered(event, StatusCode::OK);
        event.findings = vec![finding(Direction::Out, 2)];
    });
    let seen = measured.collect();
    let of = |name: &str| -> Vec<_> {
        seen[name].1.iter().map(|series| (series.attributes.clone(), series.value)).collect()
    };
    let row = |attributes: &str, value: f64| (attributes.to_owned(), value);
    assert_eq!(
        of("warden.requests"),
        [
            row("warden.decision=allow warden.end=complete warden.operation=Converse", 1.0),
            row("warden.decision=deny warden.end=not_forwarded warden.operation=InvokeModel", 1.0),
        ]
    );
    assert_eq!(
        of("warden.policy.denials"),
        [row("warden.rule.id=org/limits", 1.0), row("warden.rule.id=org/models", 1.0)]
    );
    assert_eq!(
        of("warden.findings"),
        [
            row("warden.finding.direction=in warden.finding.type=EMAIL", 3.0),
            row("warden.finding.direction=out warden.finding.type=EMAIL", 2.0),
        ]
    );
    let (unit, added) = &seen["warden.added_latency"];
    assert_eq!((unit.as_str(), added.len(), added[0].count), ("s", 1, 1), "of what was forwarded only");
    assert_eq!(added[0].bounds, otel::ADDED.buckets);
    assert!(!seen.contains_key("gen_ai.client.operation.time_to_first_chunk"), "not of whole answers");
}

#[test]
fn a_model_that_bedrock_did_not_answer_for_has_no_series() {
    let measured = Measured::new();
    for nth in 0..10 {
        measured.exchange(|event| {
            learn(event, Operation::Converse);
            event.model = ModelReference::parse(&format!("anthropic.claude-invented-{nth}")).ok();
            answered(event, StatusCode::BAD_REQUEST);
            event.error = Some("ValidationException".to_owned());
        });
    }
    let seen = measured.collect();
    let (_, duration) = &seen["gen_ai.client.operation.duration"];
    assert_eq!((duration.len(), duration[0].count), (1, 10));
    let attributes = &duration[0].attributes;
    assert!(attributes.contains("gen_ai.request.model=other"), "{attributes}");
    assert!(attributes.contains("error.type=ValidationException"), "{attributes}");
}

#[test]
fn gauges_ask_their_source_when_metrics_are_collected() {
    let measured = Measured::new();
    let vitals = || {
        Some(Vitals {
            in_flight: 3,
            journal: JournalVitals {
                queued: 2,
                lag: Duration::from_millis(250),
                unshipped: 7,
                ..JournalVitals::default()
            },
            ..Vitals::default()
        })
    };
    assert!(
        !measured.collect().contains_key("warden.requests.in_flight"),
        "nothing is told before it is known"
    );
    measured.instruments().watch(VitalsSource::new(vitals));
    let seen = measured.collect();
    for (name, unit, value) in [
        ("warden.requests.in_flight", "{request}", 3.0),
        ("warden.journal.queued", "{record}", 2.0),
        ("warden.journal.lag", "s", 0.25),
        ("warden.journal.unshipped", "{record}", 7.0),
    ] {
        let (told, series) = &seen[name];
        assert_eq!((told.as_str(), series[0].value), (unit, value), "{name}");
    }
}

#[test]
fn series_are_bounded_by_the_sdk_too() {
    let measured = Measured::new();
    for nth in 0..2 * SERIES {
        measured.exchange(|event| event.violated = vec![format!("rule/{nth}")]);
    }
    let seen = measured.collect();
    let (_, denials) = &seen["warden.policy.denials"];
    assert!(denials.len() <= SERIES + 1, "{}", denials.len());
    assert!(denials.iter().any(|series| series.attributes == "otel.metric.overflow=true"));
}

#[test]
fn every_instrument_has_one_name() {
    let mut names: Vec<_> = otel::ALL.iter().map(|instrument| instrument.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), otel::ALL.len());
}
