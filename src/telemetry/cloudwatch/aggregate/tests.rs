#![expect(clippy::float_cmp, reason = "sums of whole numbers are exact")]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::telemetry::cloudwatch::batch::{Limits, split};
use crate::telemetry::cloudwatch::fixture::{Answer, event, finding, served};
use crate::telemetry::cloudwatch::{embedded, put_metric_data};
use crate::telemetry::names::label;
use crate::telemetry::{Caller, Upstream};

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// What was counted of each series: samples and sum, under names like `Requests` and `Requests Team=payments`.
fn told(events: &[Finished], budget: usize) -> BTreeMap<String, (f64, f64)> {
    let mut aggregate = Aggregate::new(budget, 150);
    for event in events {
        aggregate.record(event);
    }
    let mut past = Past::default();
    aggregate.end(&mut past);
    past.take().iter().map(|datum| (name(datum), totals(&datum.amount))).collect()
}

fn name(datum: &Datum) -> String {
    match &datum.label.of {
        None => datum.label.metric.name.to_owned(),
        Some((of, value)) => format!("{} {}={value}", datum.label.metric.name, of.name()),
    }
}

/// Samples and sum. Counted events have no number of samples of their own.
fn totals(amount: &Amount) -> (f64, f64) {
    match amount {
        Amount::Value(value) => (1.0, *value),
        Amount::Statistics { samples, sum, .. } => (*samples, *sum),
        Amount::Distribution { values, counts } => {
            (counts.iter().sum(), values.iter().zip(counts).map(|(value, count)| value * count).sum())
        }
    }
}

fn names(told: &BTreeMap<String, (f64, f64)>) -> Vec<&str> {
    told.keys().map(String::as_str).collect()
}

#[test]
fn a_served_stream_is_counted_as_bedrock_counts_it() {
    let told = told(&[served(MODEL, "payments", Operation::ConverseStream)], 500);
    let model = format!("ModelId={MODEL}");
    for (name, sum) in [
        ("Requests", 1.0),
        ("Requests Team=payments", 1.0),
        ("Invocations", 1.0),
        (&format!("Invocations {model}"), 1.0),
        ("Invocations Team=payments", 1.0),
        ("InvocationLatency", 800.0),
        (&format!("InvocationLatency {model}"), 800.0),
        ("TimeToFirstToken", 120.0),
        (&format!("TimeToFirstToken {model}"), 120.0),
        ("InputTokenCount", 100.0),
        (&format!("InputTokenCount {model}"), 100.0),
        ("InputTokenCount Team=payments", 100.0),
        ("OutputTokenCount", 20.0),
        (&format!("OutputTokenCount {model}"), 20.0),
        ("OutputTokenCount Team=payments", 20.0),
        ("AddedLatency", 2.0),
    ] {
        let (_, counted) = told[name];
        assert!((counted - sum).abs() < 1e-9, "{name}: {counted}");
    }
    assert_eq!(told.len(), 16, "nothing else: {:?}", names(&told));
}

#[test]
fn answers_are_sorted_as_bedrock_sorts_them() {
    for (answer, metric) in [
        (Answer::Status(200), Some("Invocations")),
        (Answer::Status(400), Some("InvocationClientErrors")),
        (Answer::Status(403), Some("InvocationClientErrors")),
        (Answer::Status(424), Some("InvocationClientErrors")),
        (Answer::Status(429), Some("InvocationThrottles")),
        (Answer::Status(500), Some("InvocationServerErrors")),
        (Answer::Status(503), Some("InvocationServerErrors")),
        (Answer::Nothing, None),
    ] {
        let mut event = served(MODEL, "payments", Operation::Converse);
        event.upstream = Some(Upstream { status: answer.status(), request_id: None });
        let told = told(&[event], 500);
        let invocations = told.keys().filter(|name| name.starts_with("Invocation") && !name.contains(' '));
        let outcomes: Vec<_> = invocations.filter(|name| !name.ends_with("Latency")).collect();
        assert_eq!(outcomes, metric.into_iter().collect::<Vec<_>>(), "{answer:?}");
        assert!(!told.contains_key("TimeToFirstToken"), "only of streams");
        assert!(told.contains_key("AddedLatency"), "{answer:?}");
    }
}

#[test]
fn what_never_left_is_no_invocation() {
    let mut listing = served(MODEL, "payments", Operation::ListFoundationModels);
    listing.model = None;
    let mut denied = event();
    denied.operation = Some(Operation::Converse);
    denied.decision = Decision::Deny;
    denied.end = EndState::Refused;
    denied.status = Some(StatusCode::FORBIDDEN);
    for event in [listing, denied] {
        let told = told(&[event], 500);
        assert!(
            !told.keys().any(|name| name.starts_with("Invocation") || name.contains("Token")),
            "{told:?}"
        );
    }
}

#[test]
fn rules_and_detectors_are_counted_by_name_and_requests_once() {
    let mut first = event();
    first.caller = Some(Caller { team: "payments".to_owned(), app: "checkout".to_owned() });
    first.violated = ["models", "limits", "models"].map(str::to_owned).to_vec();
    first.shadow = vec!["pii".to_owned()];
    first.edited = vec!["cap".to_owned()];
    first.findings = vec![finding("EMAIL", 3), finding("IBAN", 2)];
    let told = told(&[first.clone(), first], 500);
    for (name, sum) in [
        ("PolicyDenials", 2.0),
        ("PolicyDenials Team=payments", 2.0),
        ("PolicyDenials Rule=models", 2.0),
        ("PolicyDenials Rule=limits", 2.0),
        ("ShadowDenials", 2.0),
        ("ShadowDenials Rule=pii", 2.0),
        ("PolicyEdits Rule=cap", 2.0),
        ("Findings", 10.0),
        ("Findings Detector=EMAIL", 6.0),
        ("Findings Detector=IBAN", 4.0),
    ] {
        assert_eq!(told[name].1, sum, "{name}");
    }
}

#[test]
fn only_what_the_warden_got_wrong_is_its_failure() {
    use Decision as D;
    use EndState as E;
    for (decision, end, status, failed) in [
        (D::Allow, E::Complete, Some(200), false),
        (D::Allow, E::UpstreamAbort, Some(503), false),
        (D::Deny, E::Refused, Some(403), false),
        (D::Error, E::Refused, Some(400), false),
        (D::Error, E::Refused, Some(503), true),
        (D::Error, E::NotForwarded, Some(503), true),
        (D::Error, E::Complete, Some(503), true),
        (D::Error, E::Abandoned, None, true),
    ] {
        let mut event = event();
        event.decision = decision;
        event.end = end;
        event.status = status.map(|status| StatusCode::from_u16(status).unwrap());
        let told = told(&[event], 500);
        assert_eq!(told.contains_key("WardenFailures"), failed, "{decision:?} {end:?} {status:?}");
        assert!(told.contains_key("UnauthenticatedRequests"));
    }
}

#[test]
fn a_model_is_named_once_bedrock_answered_for_it() {
    let mut failed = served(MODEL, "payments", Operation::Converse);
    failed.end = EndState::UpstreamAbort;
    failed.status = Some(StatusCode::BAD_REQUEST);
    failed.upstream = Some(Upstream { status: failed.status, request_id: None });
    let other = format!("InvocationClientErrors ModelId={}", label::OTHER);
    let named = format!("InvocationClientErrors ModelId={MODEL}");

    let before = told(&[failed.clone()], 500);
    assert!(before.contains_key(&other) && !before.contains_key(&named));
    let after = told(&[served(MODEL, "payments", Operation::Converse), failed], 500);
    assert!(!after.contains_key(&other) && after.contains_key(&named));
}

#[test]
fn an_interval_begins_empty_and_keeps_what_is_known() {
    let mut aggregate = Aggregate::new(500, 150);
    let mut past = Past::default();
    let request = served(MODEL, "payments", Operation::Converse);
    for round in 0..4 {
        aggregate.record(&request);
        aggregate.end(&mut past);
        let data = past.take();
        let requests = data.iter().find(|datum| name(datum) == "Requests").unwrap();
        assert_eq!(requests.amount, Amount::Value(1.0), "round {round}");
        aggregate.end(&mut past);
        assert!(past.take().is_empty(), "round {round}");
    }
}

/// Anything that may be told of, with names that overflow small budgets.
fn any_event() -> impl Strategy<Value = Finished> {
    let answer = prop_oneof![Just(None), (100_u16..600).prop_map(Some)];
    let names = |kind: &'static str| (0..40_u32).prop_map(move |nth| format!("{kind}{nth}"));
    let lists = (
        proptest::collection::vec(names("rule-é"), 0..4),
        proptest::collection::vec((names("D"), 0..9_u32), 0..4),
    );
    let tokens = (proptest::option::of(0..100_000_u64), proptest::option::of(0..9_u64));
    (
        names("amazon.m"),
        proptest::option::of(names("team ")),
        answer,
        0..5_usize,
        0..200_000_000_u64,
        lists,
        tokens,
    )
        .prop_map(|(model, team, answer, operation, micros, (rules, found), (input, cached))| {
            let mut event = served(&model, "", Operation::ALL[operation]);
            event.caller = team.map(|team| Caller { team, app: "app".to_owned() });
            event.upstream =
                answer.map(|code| Upstream { status: StatusCode::from_u16(code).ok(), request_id: None });
            event.timings.upstream = Some(Duration::from_micros(micros));
            event.timings.total = Duration::from_micros(micros + micros % 977);
            event.violated = rules;
            event.findings = found.iter().map(|(detector, count)| finding(detector, *count)).collect();
            event.tokens.input = input;
            event.tokens.cache_read = cached;
            event
        })
}

fn assert_limits(data: &[Datum], limits: Limits, distinct: usize) -> Result<(), TestCaseError> {
    let batches = split(SystemTime::UNIX_EPOCH, data.to_vec(), limits);
    prop_assert_eq!(batches.iter().map(|batch| batch.data.len()).sum::<usize>(), data.len());
    for batch in &batches {
        prop_assert!(!batch.data.is_empty() && batch.data.len() <= limits.data);
        prop_assert!(batch.bytes <= limits.bytes, "{} bytes", batch.bytes);
        let of = &batch.data[0].label.of;
        prop_assert!(limits.mixed || batch.data.iter().all(|datum| datum.label.of == *of));
        for datum in &batch.data {
            if let Amount::Distribution { values, counts } = &datum.amount {
                prop_assert!(values.len() <= distinct && counts.len() == values.len());
            }
            if let Some((_, value)) = &datum.label.of {
                prop_assert!(value.is_ascii() && (1..=1024).contains(&value.len()));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_recorded_the_sums_are_kept_and_every_bound_holds(
        events in proptest::collection::vec(any_event(), 0..300),
        budget in 50_usize..400,
        small in any::<bool>(),
    ) {
        let (distinct, limits) = if small {
            (embedded::DISTINCT, embedded::LIMITS)
        } else {
            (put_metric_data::DISTINCT, put_metric_data::LIMITS)
        };
        let mut aggregate = Aggregate::new(budget, distinct);
        let mut past = Past::default();
        let mut deployment: BTreeMap<&str, f64> = BTreeMap::new();
        let mut by_team: BTreeMap<&str, f64> = BTreeMap::new();
        let mut series = std::collections::BTreeSet::new();
        // Intervals end wherever they end.
        for interval in events.chunks(70) {
            for event in interval {
                aggregate.record(event);
            }
            aggregate.end(&mut past);
            let data = past.take();
            assert_limits(&data, limits, distinct)?;
            for datum in &data {
                let sums = match datum.label.of {
                    None => &mut deployment,
                    Some((Dimension::Team, _)) => &mut by_team,
                    Some(_) => continue,
                };
                *sums.entry(datum.label.metric.name).or_default() += totals(&datum.amount).1;
            }
            series.extend(data.iter().map(name));
        }
        prop_assert!(series.len() <= budget, "{} series of {}", series.len(), budget);

        let sum = |of: &dyn Fn(&Finished) -> f64| events.iter().map(of).sum::<f64>();
        let calls = |event: &Finished| event.operation.unwrap().is_inference();
        let status = |event: &Finished| event.upstream.as_ref().and_then(|upstream| upstream.status);
        let invoked = |event: &Finished| calls(event) && status(event).is_some_and(|status| status.is_success());
        let one = |yes: bool| f64::from(u8::from(yes));
        for (metric, expected) in [
            (&metrics::REQUESTS, sum(&|_| 1.0)),
            (&metrics::UNAUTHENTICATED, sum(&|event| one(event.caller.is_none()))),
            (&metrics::INVOCATIONS, sum(&|event| one(invoked(event)))),
            (&metrics::THROTTLES, sum(&|event| one(calls(event) && status(event).is_some_and(|status| status == 429)))),
            (&metrics::POLICY_DENIALS, sum(&|event| one(!event.violated.is_empty()))),
            (&metrics::FINDINGS, sum(&|event| event.findings.iter().map(|found| f64::from(found.count)).sum())),
            (&metrics::INPUT_TOKENS, sum(&|event| if invoked(event) { float(event.tokens.input.unwrap_or(0)) } else { 0.0 })),
            (&metrics::CACHE_READ_TOKENS, sum(&|event| if invoked(event) { float(event.tokens.cache_read.unwrap_or(0)) } else { 0.0 })),
            (&metrics::INVOCATION_LATENCY, sum(&|event| if invoked(event) { milliseconds(event.timings.upstream.unwrap()) } else { 0.0 })),
            (&metrics::ADDED_LATENCY, sum(&|event| if event.upstream.is_some() { milliseconds(event.timings.added()) } else { 0.0 })),
        ] {
            let told = deployment.get(metric.name).copied().unwrap_or_default();
            prop_assert!((told - expected).abs() <= expected * 1e-9, "{}: {} is not {}", metric.name, told, expected);
        }
        let proven = sum(&|event| one(event.caller.is_some()));
        prop_assert_eq!(by_team.get("Requests").copied().unwrap_or_default(), proven, "over the budget means other, not gone");
    }
}
