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
    for kind in [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json;charset=\"utf-8\"",
        "application/json;",
    ] {
        assert!(check_media_type(&headers(&[(&CONTENT_TYPE, kind)])).is_ok(), "{kind}");
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
        assert!(check_media_type(&headers(&[(&CONTENT_TYPE, kind)])).is_err(), "{kind}");
    }
    assert!(check_media_type(&headers(&[])).is_ok());
    let two = headers(&[(&CONTENT_TYPE, "application/json"), (&CONTENT_TYPE, "text/plain")]);
    assert!(check_media_type(&two).is_err());
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
