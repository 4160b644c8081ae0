//! What headers say about a body, by table.

use super::*;
use crate::sensitive::find;

fn headers(list: &[(&HeaderName, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    map
}

#[test]
fn only_json_is_judged() {
    let accepted = |operation, kinds: &[&str]| {
        let list: Vec<_> = kinds.iter().map(|kind| (&CONTENT_TYPE, *kind)).collect();
        check_media_type(operation, &headers(&list)).is_ok()
    };
    for kind in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json;charset=\"utf-8\"",
        "application/json;",
    ] {
        assert!(accepted(Operation::Converse, &[kind]), "{kind}");
        assert!(accepted(Operation::InvokeModel, &[kind]), "{kind}");
    }
    for kind in [
        "",
        "text/plain",
        "application/json, text/plain",
        "text/plain; application/json",
        "application/cbor",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=utf-7",
        "multipart/form-data; boundary=a",
    ] {
        assert!(!accepted(Operation::ConverseStream, &[kind]), "{kind}");
        assert!(!accepted(Operation::InvokeModel, &[kind]), "{kind}");
    }
    assert!(accepted(Operation::InvokeModelWithResponseStream, &["application/octet-stream"]));
    assert!(!accepted(Operation::Converse, &["application/octet-stream"]));
    assert!(accepted(Operation::InvokeModel, &[]) && accepted(Operation::Converse, &[]));
    assert!(!accepted(Operation::InvokeModel, &["application/json", "text/plain"]));
}

#[test]
fn any_word_but_one_asks_for_the_trace() {
    assert!(trace_leak(&headers(&[])).is_empty());
    assert!(trace_leak(&headers(&[(&TRACE, "DISABLED")])).is_empty());
    for word in ["ENABLED", "ENABLED_FULL", "disabled", ""] {
        assert!(trace_leak(&headers(&[(&TRACE, word)])).contains(&Leak::Trace), "{word}");
    }
    assert!(!trace_leak(&headers(&[(&TRACE, "DISABLED"), (&TRACE, "ENABLED")])).is_empty());
}

#[test]
fn metadata_in_a_header_is_searched_however_it_is_escaped() {
    let scanner = Scanner::new().unwrap();
    let detectors: DetectorSet = find("email").into_iter().collect();
    let count = |value: &str| {
        let mut findings = Findings::default();
        let read = scan_metadata(&scanner, detectors, &headers(&[(&METADATA, value)]), &mut findings);
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
