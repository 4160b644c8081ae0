//! Stamps, by table and by property.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::proxy::fixture::principal;
use crate::sensitive::{DetectorSet, find};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn stamp() -> Stamp {
    Stamp::new(&principal(), Uuid::nil(), DIGEST)
}

fn ours() -> Map<String, Value> {
    let pairs = stamp().pairs.into_iter();
    pairs.map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn written(body: &str) -> Result<String, Refusal> {
    stamp().write(&Document::parse(body.as_bytes()).unwrap())
}

fn headers(list: &[&str]) -> HeaderMap {
    list.iter().map(|value| (METADATA, HeaderValue::from_str(value).unwrap())).collect()
}

fn placed(header: Option<&str>) -> Result<Value, Refusal> {
    let mut headers = headers(header.as_slice());
    stamp().place(&mut headers)?;
    Ok(serde_json::from_str(headers[METADATA].to_str().unwrap()).unwrap())
}

#[test]
fn only_the_metadata_changes_and_pairs_of_the_caller_keep_their_bytes() {
    let pairs = stamp().object(&[]);
    let inner = pairs.trim_start_matches('{');
    let table = [
        ("{}", format!("{{\"requestMetadata\":{pairs}}}")),
        (" { \"a\" : 1.0 } ", format!(" {{ \"a\" : 1.0 ,\"requestMetadata\":{pairs}}} ")),
        (r#"{"requestMetadata":{},"a":1}"#, format!("{{\"requestMetadata\":{pairs},\"a\":1}}")),
        (
            r#"{"requestMetadata" : { "k" :  "\u0076", "l":"w" } ,"a":1}"#,
            format!("{{\"requestMetadata\" : {{\"k\" :  \"\\u0076\",\"l\":\"w\",{inner} ,\"a\":1}}"),
        ),
    ];
    for (body, stamped) in table {
        assert_eq!(written(body).unwrap(), stamped);
    }
}

#[test]
fn nobody_writes_into_our_namespace() {
    for key in
        ["warden:team", "warden:other", "WARDEN:TEAM", " warden:x", r"warden\u003ateam", "\\u0057arden:"]
    {
        let pairs = format!(r#"{{"{key}":"forged","mine":"kept"}}"#);
        let stamped = written(&format!(r#"{{"requestMetadata":{pairs}}}"#)).unwrap();
        let stamped: Value = serde_json::from_str(&stamped).unwrap();
        let mut expected = Map::from_iter([("mine".to_owned(), json!("kept"))]);
        expected.extend(ours());
        assert_eq!(stamped["requestMetadata"], Value::Object(expected.clone()), "{key}");
        assert_eq!(placed(Some(&pairs)).unwrap(), Value::Object(expected), "{key}");
    }
    assert_eq!(placed(None).unwrap(), Value::Object(ours()));
}

#[test]
fn a_caller_has_twelve_pairs() {
    let pairs = |count: usize| -> Value {
        (0..count).map(|nth| (nth.to_string(), json!("v"))).collect::<Map<_, _>>().into()
    };
    for (count, fits) in [(12, true), (13, false)] {
        let body = json!({ "requestMetadata": pairs(count) }).to_string();
        assert_eq!(written(&body).is_ok(), fits, "{count}");
        assert_eq!(placed(Some(&pairs(count).to_string())).is_ok(), fits, "{count}");
    }
    let refusal = placed(Some(&pairs(13).to_string())).unwrap_err();
    assert!(matches!(refusal, Refusal::MetadataFull { room: 12 }) && !refusal.is_failure());
    let long = json!({ "k": "v".repeat(LONGEST_HEADER - 100) }).to_string();
    assert!(matches!(placed(Some(&long)), Err(Refusal::MetadataTooLong)));
}

#[test]
fn only_a_stamp_of_our_own_is_taken_for_one() {
    let body = written(r#"{"requestMetadata":{"mine":"kept"}}"#).unwrap();
    let places = |body: &str| stamp().places(&Document::parse(body.as_bytes()).unwrap());
    let texts: Vec<_> =
        places(&body).unwrap().iter().map(|at| body.get(at.start..at.end).unwrap().to_owned()).collect();
    let expected: Vec<_> =
        stamp().pairs.iter().flat_map(|(key, value)| [quoted(key), quoted(value)]).collect();
    assert_eq!(texts, expected);
    for forged in [
        body.replace("checkout", "refunds"),
        body.replace("\"mine\"", "\"warden:mine\""),
        body.replace("\"warden:team\"", "\"team\""),
        "{}".to_owned(),
    ] {
        assert!(places(&forged).is_err(), "{forged}");
    }
}

#[test]
fn metadata_in_a_header_is_searched_however_it_is_escaped() {
    let scanner = Scanner::new().unwrap();
    let none = DetectorSet::EMPTY;
    let plan = Plan::new(none, find("email").into_iter().collect(), none);
    let count = |value: &str| {
        let mut findings = Findings::default();
        let read = scan_metadata(&scanner, &plan, &headers(&[value]), &mut findings);
        read.map(|()| findings.iter().map(|(_, count)| count).sum::<u32>())
    };
    for (value, found) in [
        (r#"{"team":"a"}"#, 0),
        (r#"{"owner":"jane.doe@example.com"}"#, 1),
        (r#"{"owner":"jane.doe\u0040example.com"}"#, 1),
        (r#"{"jane.doe@example.com":"x"}"#, 1),
    ] {
        assert_eq!(count(value).unwrap(), found, "{value}");
    }
    for value in ["jane.doe@example.com", "[\"a\"]", r#"{"a":1}"#, r#"{"a":{"b":"c"}}"#, ""] {
        assert!(count(value).is_err(), "{value}");
    }
}

/// Keys as callers write them, some of them in our namespace.
fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "warden:[a-z]{0,6}", Just("warden:team".to_owned()), "\\PC{1,5}"]
}

proptest! {
    #[test]
    fn a_stamped_body_differs_by_its_metadata_only(
        before in proptest::collection::btree_map("[a-q]{1,4}", "\\PC{0,8}", 0..3),
        pairs in proptest::option::of(proptest::collection::btree_map(key(), "\\PC{0,8}", 0..12)),
        after in proptest::collection::btree_map("[s-z]{1,4}", "\\PC{0,8}", 0..3),
    ) {
        let mut body: Map<String, Value> = before.into_iter().map(|(k, v)| (k, v.into())).collect();
        if let Some(pairs) = &pairs {
            body.insert(MEMBER.to_owned(), json!(pairs));
        }
        body.extend(after.into_iter().map(|(k, v)| (k, v.into())));
        let stamped = written(&Value::Object(body.clone()).to_string()).unwrap();
        prop_assert!(stamp().places(&Document::parse(stamped.as_bytes()).unwrap()).is_ok());

        let mut stamped: Map<String, Value> = serde_json::from_str(&stamped).unwrap();
        let metadata = stamped.shift_remove(MEMBER).unwrap();
        body.shift_remove(MEMBER);
        prop_assert_eq!(stamped, body);
        let mut expected: Map<String, Value> =
            pairs.unwrap_or_default().into_iter().filter(|(key, _)| !is_ours(key)).map(|(k, v)| (k, v.into())).collect();
        expected.extend(ours());
        prop_assert_eq!(metadata, Value::Object(expected));
    }
}
