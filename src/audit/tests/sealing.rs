//! Canonical bytes: sorted, bounded, and never a reason to fail.

use proptest::prelude::*;
use uuid::Uuid;

use super::super::record::{ExceptionUse, Record};
use super::super::seal::{MAX_RECORD_BYTES, Stamp, seal};
use super::*;

fn stamp() -> Stamp {
    Stamp {
        event_id: Uuid::from_u128(1),
        boot_id: Uuid::from_u128(2),
        chain_id: Uuid::from_u128(3),
        ts_us: 1_700_000_000_000_000,
        ts_mono_ns: 5,
    }
}

#[test]
fn evidence_is_json_with_sorted_keys_and_whole_numbers_without_fraction() {
    let outcome = Outcome {
        tokens: Tokens { input: Some(12), output: Some(3), ..Tokens::default() },
        timings: Timings { latency_ms: 40, ttft_ms: Some(9), ..Timings::default() },
        ..complete()
    };
    let record = Record::Outcome { request_id: Uuid::from_u128(9), outcome: Box::new(outcome) };
    assert_eq!(
        &*seal(&record, &stamp()).text,
        concat!(
            r#"{"boot_id":"00000000-0000-0000-0000-000000000002","chain_id":"00000000-0000-0000-0000-000000000003","#,
            r#""end_state":"complete","event_id":"00000000-0000-0000-0000-000000000001","frames":0,"http_status":200,"#,
            r#""in_tokens":12,"kind":"request.outcome","latency_ms":40,"out_bytes":0,"out_tokens":3,"#,
            r#""request_id":"00000000-0000-0000-0000-000000000009","schema_v":1,"ts_mono_ns":5,"#,
            r#""ts_us":1700000000000000,"ttft_ms":9}"#,
        )
    );
}

#[test]
fn parameters_are_recorded_before_and_after_with_every_spelling() {
    let content = Content {
        settings: Settings::from([
            ("temperature".to_owned(), vec![0.7]),
            ("max_tokens".to_owned(), vec![4_000.0, 8_000.0]),
        ]),
        guardrail: Some("gr-1:2".to_owned()),
        ..Content::default()
    };
    let request = Request { content: Some(content), ..Request::default() };
    let intent = Intent {
        settings: Settings::from([("max_tokens".to_owned(), vec![1_000.0])]),
        forwarded_hmac: [0xab; 32],
        ..Intent::default()
    };
    let record = Record::Intent {
        request_id: Uuid::from_u128(9),
        request: Box::new(request),
        intent: Box::new(intent),
    };
    let value: Value = serde_json::from_str(&seal(&record, &stamp()).text).unwrap();
    assert_eq!(
        value["params"].to_string(),
        r#"{"after":{"max_tokens":1000},"before":{"max_tokens":[4000,8000],"temperature":0.7}}"#
    );
    assert_eq!(value["guardrail"].to_string(), r#"{"before":"gr-1:2"}"#);
    assert_eq!(value["in_hmac"], "ab".repeat(32));
}

#[test]
fn long_lists_are_cut_and_counted() {
    let mut denied = denied();
    denied.judgement.granted_by = (0..500).map(|number| format!("rule-{number}")).collect();
    let record =
        Record::Denied { request_id: Uuid::from_u128(9), request: Box::default(), denied: Box::new(denied) };
    let sealed = seal(&record, &stamp());
    let value: Value = serde_json::from_str(&sealed.text).unwrap();
    assert_eq!(value["granted_by"].as_array().unwrap().len(), 64);
    assert_eq!(value["granted_by_omitted"], 436);
    assert_eq!(sealed.rules.len(), 1 + 64);
}

#[test]
fn long_texts_are_cut_between_characters() {
    let arrival = Arrival { user_agent: Some("é".repeat(10_000)), ..Arrival::default() };
    let record = Record::Denied {
        request_id: Uuid::from_u128(9),
        request: Box::new(Request { arrival, ..Request::default() }),
        denied: Box::new(denied()),
    };
    let value: Value = serde_json::from_str(&seal(&record, &stamp()).text).unwrap();
    let kept = value["user_agent"].as_str().unwrap();
    assert!(kept.len() <= 256 && kept.ends_with("é…"), "{kept}");
}

/// Texts that grow when they are escaped.
fn hostile() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["\u{1}", "\"", "\\", "é", "x", "😀"]), 0_usize..3_000)
        .prop_map(|(part, times)| part.repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_request_is_too_long_to_be_recorded(texts in prop::collection::vec(hostile(), 24), length in 0_usize..400) {
        let text = |index: usize| texts[index].clone();
        let hit = RuleHit { rule: text(0), at: text(1), value: Some(text(2)), bound: Some(text(3)), controls: vec![text(3); 20] };
        let judgement = Judgement {
            policy_digest: Some(text(4)),
            granted_by: vec![text(5); length],
            violated: vec![hit.clone(); length],
            shadow: vec![hit; length],
            exceptions: vec![ExceptionUse { id: text(5), break_glass: true }; length],
            findings: vec![Finding { direction: Direction::Out, detector: text(6), count: 1 }; length],
        };
        let request = Request {
            arrival: Arrival {
                source_ip: None,
                user_agent: Some(text(7)),
                client_invocation_id: Some(text(8)),
                claimed_credential_id: Some(text(9)),
            },
            caller: Some(Caller {
                team: text(10), app: text(11), credential_kind: text(12), credential_id: text(13),
            }),
            target: Some(Target {
                operation: text(14),
                region: text(15),
                model: Some(Model {
                    requested: text(16), resolved: text(17), provider: Some(text(18)), geography: Some(text(19)),
                    behind: vec![text(23); length],
                }),
            }),
            content: Some(Content {
                modalities: vec![text(20); length],
                settings: (0..length).map(|number| (format!("{number}{}", text(21)), vec![0.1; length])).collect(),
                guardrail: Some(text(22)),
                uninspected: vec![
                    Uninspected { kind: text(3), count: 1, bytes: 2, paths: vec![text(4); length] };
                    length
                ],
                ..Content::default()
            }),
        };
        let intent = Intent {
            judgement: judgement.clone(),
            edits: vec![
                Edit { field: text(23), from: Some(text(0)), to: Some(text(1)), rule: text(2) };
                length
            ],
            guardrail: Some(text(3)),
            ..Intent::default()
        };
        let denied = Denied { message: text(0), error_code: text(1), judgement: judgement.clone(), ..denied() };
        let outcome = Outcome {
            upstream_request_id: Some(text(0)),
            error_code: Some(text(1)),
            stop_reason: Some(text(2)),
            judgement,
            ..complete()
        };
        let mut system = System::new(SystemKind::ConfigChange);
        for number in 0..length {
            system = system.with(&format!("{number}{}", text(0)), text(1));
        }
        let request_id = Uuid::from_u128(9);
        for record in [
            Record::Intent { request_id, request: Box::new(request.clone()), intent: Box::new(intent) },
            Record::Denied { request_id, request: Box::new(request), denied: Box::new(denied) },
            Record::Outcome { request_id, outcome: Box::new(outcome) },
            Record::System(system),
        ] {
            let sealed = seal(&record, &stamp());
            prop_assert!(sealed.text.len() <= MAX_RECORD_BYTES, "{} bytes", sealed.text.len());
            let value: Value = serde_json::from_str(&sealed.text).unwrap();
            let mut sorted = value.clone();
            sorted.sort_all_objects();
            prop_assert_eq!(sorted.to_string(), &*sealed.text);
        }
    }
}
