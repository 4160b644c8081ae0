//! What headers say about a body, by table.

use super::*;

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
