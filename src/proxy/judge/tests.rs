//! What headers say about a body, by table, and what a stamp may not change, by property.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::policy;
use crate::proxy::fixture::{context, principal};
use crate::yaml::{Diagnostics, Source};

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
fn a_body_that_configures_a_guardrail_needs_one_that_is_named() {
    let named: [(&HeaderName, &str); 2] = [(&GUARDRAIL_IDENTIFIER, "gr1"), (&GUARDRAIL_VERSION, "1")];
    let judged = |rules: &str, list: &[(&HeaderName, &str)], config: &str| {
        let sources = ["org", "team/payments"].map(|scope| {
            let path = if scope == "org" { "org.yaml" } else { "teams/payments.yaml" };
            Source::new(path, format!("version: 1\nscope: {scope}\nallow: {{ models: \"*\" }}\n{rules}"))
        });
        let policies = policy::compile(&sources, crate::clock::now(), &mut Diagnostics::default()).unwrap();
        let body = format!(r#"{{"inputText":"hi","amazon-bedrock-guardrailConfig":{config}}}"#);
        let subject = Subject {
            principal: &principal(),
            operation: Operation::InvokeModelWithResponseStream,
            model: Some(&ModelReference::parse("amazon.titan-text-express-v1").unwrap()),
            guardrail: None,
            context: &context(),
            headers: &headers(list),
            body: &Bytes::from(body),
            stamp: None,
        };
        judge(&policies, &Scanner::new().unwrap(), &subject, &mut Judgement::default())
            .map(|sendable| sendable.guardrail)
    };
    let gr1 = || GuardrailReference::parse("gr1:1");
    let (demanded, injected) =
        ("guardrail: { oneOf: [gr1:1] }\n", "guardrail: { oneOf: [gr1:1], missing: inject }\n");
    assert!(matches!(judged("", &[], "{}"), Err(Refusal::UnnamedGuardrail)));
    assert_eq!(
        judged("", &named, r#"{"tagSuffix":"x","streamProcessingMode":"ASYNCHRONOUS"}"#).unwrap(),
        gr1()
    );
    assert!(matches!(judged(demanded, &[], "{}"), Err(Refusal::Denied)));
    assert_eq!(judged(demanded, &named, r#"{"streamProcessingMode":"SYNCHRONOUS"}"#).unwrap(), gr1());
    assert_eq!(judged(injected, &[], "{}").unwrap(), gr1());
    for config in [r#"{"tagSuffix":"x"}"#, r#"{"streamProcessingMode":"ASYNCHRONOUS"}"#] {
        assert!(matches!(judged(demanded, &named, config), Err(Refusal::Denied)), "{config}");
        assert!(matches!(judged(injected, &[], config), Err(Refusal::Denied)), "{config}");
    }
    let marked = "guardrail: { oneOf: [gr1:1], parts: marked }\n";
    assert_eq!(judged(marked, &named, r#"{"tagSuffix":"x"}"#).unwrap(), gr1());
}

/// A floor and a team that grant everything, with a rule about every kind of sensitive data in prompts.
fn policies(action: &str) -> PolicySet {
    let detect = "[email, phone, credit_card, iban, us_ssn, ip_address, aws_access_key, aws_secret_key, private_key, jwt]";
    let rules =
        format!("allow: {{ models: \"*\" }}\nsensitive: {{ id: pii, detect: {detect}, prompt: {action} }}\n");
    let sources = ["org", "team/payments"].map(|scope| {
        let path = if scope == "org" { "org.yaml" } else { "teams/payments.yaml" };
        Source::new(path, format!("version: 1\nscope: {scope}\n{rules}"))
    });
    let mut diagnostics = Diagnostics::default();
    policy::compile(&sources, crate::clock::now(), &mut diagnostics)
        .unwrap_or_else(|| panic!("{diagnostics}"))
}

/// Judges a Converse body of payments/checkout. Returns the body that may be sent.
fn judged(policies: &PolicySet, body: &Bytes, stamp: Option<&Stamp>) -> (Result<Bytes, Refusal>, Judgement) {
    let scanner = Scanner::new().unwrap();
    let context = context();
    let subject = Subject {
        principal: &principal(),
        operation: Operation::Converse,
        model: Some(&ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0").unwrap()),
        guardrail: None,
        context: &context,
        headers: &HeaderMap::new(),
        body,
        stamp,
    };
    let mut judgement = Judgement::default();
    let sendable = judge(policies, &scanner, &subject, &mut judgement);
    (sendable.map(|sendable| sendable.body), judgement)
}

#[test]
fn no_rule_is_about_what_we_stamp_ourselves() {
    let policies = policies("deny");
    let stamp = Stamp::new(&principal(), Uuid::nil(), "4111 1111 1111 1111");
    let body = Bytes::from(r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#);
    let (sent, judgement) = judged(&policies, &body, Some(&stamp));
    assert!(sent.unwrap().windows(19).any(|at| at == b"4111 1111 1111 1111"));
    assert!(judgement.repairs.is_empty() && judgement.findings.is_empty());
    // The same digits are the caller's own when they stand in a pair of the caller's.
    let own = r#"{"requestMetadata":{"card":"4111 1111 1111 1111"},"messages":[]}"#;
    let (sent, judgement) = judged(&policies, &Bytes::from(own), Some(&stamp));
    assert!(matches!(sent, Err(Refusal::Denied)) && !judgement.findings.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stamp_changes_neither_decision_nor_repairs_nor_any_other_byte(
        text in prop_oneof!["[ -~]{0,40}", Just("mail jane.doe@example.com".to_owned())],
        pairs in proptest::collection::btree_map("[a-z]{1,4}|warden:[a-z]{1,4}", "[a-z@.]{0,20}|jane.doe@example.com", 0..4),
        action in prop_oneof![Just("deny"), Just("redact"), Just("report")],
        id in any::<u128>(),
    ) {
        let policies = policies(action);
        let body = serde_json::json!({
            "messages": [{ "role": "user", "content": [{ "text": text }] }],
            "requestMetadata": pairs,
        });
        let body = Bytes::from(body.to_string());
        let stamp = Stamp::new(&principal(), Uuid::from_u128(id), policies.digest());
        let (plain, unstamped) = judged(&policies, &body, None);
        let (sent, stamped) = judged(&policies, &body, Some(&stamp));
        prop_assert_eq!(stamped.repairs, unstamped.repairs);
        prop_assert_eq!(&stamped.findings, &unstamped.findings);
        match (plain, sent) {
            (Ok(plain), Ok(sent)) => {
                let expected = stamp.write(&Document::parse(&plain).unwrap()).unwrap();
                prop_assert_eq!(sent, expected.as_bytes());
                prop_assert!(stamped.sent.is_some(), "the call must be signed over the stamped body");
            }
            (Err(_), Err(_)) => prop_assert!(stamped.denial.is_some()),
            (plain, sent) => {
                // A forged pair that a rule would refuse is gone with the stamp, and so is the refusal.
                prop_assert!(plain.is_err() && sent.is_ok() && pairs.keys().any(|key| key.starts_with("warden:")));
            }
        }
    }
}
