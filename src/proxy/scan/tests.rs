//! A detector that only watches hides nothing from one that acts: in requests and in answers that come whole.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::bedrock::format::Format;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::policy::{self, Facts, Inquiry, PolicySet};
use crate::proxy::answer::{self, Filtered};
use crate::proxy::fixture::{context, principal};
use crate::proxy::judge::{Judgement, Subject, judge};
use crate::proxy::refuse::Refusal;
use crate::sensitive::{DetectorSet, Progress, Redactor, Scanner, Tokens, find};
use crate::yaml::{Diagnostics, Source};

/// The address claims what stands in it.
const TEXT: &str = "see https://crm.example.com/u/bob@mail.example.com/x";
const CLEAN: &str = "see https://crm.example.com/u/{EMAIL}/x";

fn policies(sensitive: &str) -> PolicySet {
    let sources = [
        ("org.yaml", format!("version: 1\nscope: org\nallow: {{ models: \"*\" }}\nsensitive:\n{sensitive}")),
        ("teams/payments.yaml", "version: 1\nscope: team/payments\nallow: { models: \"*\" }\n".to_owned()),
    ];
    let sources = sources.map(|(path, text)| Source::new(path, text));
    let mut diagnostics = Diagnostics::default();
    policy::compile(&sources, crate::clock::now(), &mut diagnostics)
        .unwrap_or_else(|| panic!("{diagnostics}"))
}

/// Rules that watch for addresses, and one about mail.
fn mail(direction: &str, action: &str, more: &str) -> PolicySet {
    policies(&format!(
        "  - {{ id: addresses, detect: [url], {direction}: report }}\n  - {{ id: mail, detect: [email], \
         {direction}: {action}{more} }}\n"
    ))
}

fn model() -> ModelReference {
    ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0").unwrap()
}

fn asked(policies: &PolicySet, text: &str) -> (Result<String, Refusal>, Judgement) {
    let body = json!({"messages": [{"role": "user", "content": [{"text": text}]}]}).to_string();
    let subject = Subject {
        principal: &principal(),
        operation: Operation::Converse,
        model: Some(&model()),
        guardrail: None,
        context: &context(),
        headers: &HeaderMap::new(),
        body: &Bytes::from(body),
        stamp: None,
    };
    let mut judgement = Judgement::default();
    let sendable = judge(policies, policies.scanner(), &subject, &mut judgement);
    let text = sendable.map(|sendable| {
        let body: Value = serde_json::from_slice(&sendable.body).unwrap();
        body.pointer("/messages/0/content/0/text").unwrap().as_str().unwrap().to_owned()
    });
    (text, judgement)
}

fn answered(policies: &PolicySet, said: &Value) -> Filtered {
    let body = json!({
        "output": {"message": {"role": "assistant", "content": [said]}},
        "stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    });
    let (principal, model, context, facts) = (principal(), model(), context(), Facts::default());
    let inquiry = Inquiry {
        principal: &principal,
        operation: Operation::Converse,
        model: Some(&model),
        context: &context,
        facts: &facts,
    };
    let format = Format::of(Operation::Converse, Some(&model)).unwrap();
    let body = Bytes::from(body.to_string());
    answer::filter(format, policies, policies.scanner(), &inquiry, body, &Tokens::default()).unwrap()
}

fn content(filtered: &Filtered) -> Value {
    let body: Value = serde_json::from_slice(&filtered.body).unwrap();
    body.pointer("/output/message/content/0").unwrap().clone()
}

fn set(names: &[&str]) -> DetectorSet {
    names.iter().map(|name| find(name).unwrap()).collect()
}

#[test]
fn what_a_prompt_is_only_watched_for_hides_nothing_that_must_go() {
    let (sent, judgement) = asked(&mail("prompt", "redact", ""), TEXT);
    assert_eq!(sent.unwrap(), CLEAN);
    assert_eq!(judgement.findings.detectors(), set(&["url", "email"]));
    let (sent, judgement) = asked(&mail("prompt", "deny", ""), TEXT);
    assert!(matches!(sent, Err(Refusal::Denied)));
    assert_eq!(judgement.findings.detectors(), set(&["url", "email"]));
    // A shadow rule reports, whatever it would do.
    let (sent, judgement) = asked(&mail("prompt", "redact", ", mode: shadow"), TEXT);
    assert_eq!(sent.unwrap(), TEXT);
    assert_eq!(judgement.findings.detectors(), set(&["url"]));
}

#[test]
fn a_rule_that_does_not_concern_the_request_acts_on_nothing_in_it() {
    let rules = "  - { id: addresses, detect: [url], prompt: redact, when: { env: dev } }\n  \
                 - { id: mail, detect: [email], prompt: redact }\n";
    let (sent, judgement) = asked(&policies(rules), TEXT);
    assert_eq!(sent.unwrap(), CLEAN);
    assert_eq!(judgement.findings.detectors(), set(&["url", "email"]));
    let (sent, _) = asked(&policies(&rules.replace("env: dev", "env: prod")), TEXT);
    assert_eq!(sent.unwrap(), "see {URL}");
}

#[test]
fn a_rule_that_asks_what_was_found_is_asked_again_once_that_has_changed() {
    // As long as the address is taken for all there is, no rule acts on mail; then both do.
    let rules = "  - { id: addresses, detect: [url], prompt: report }\n  - { id: mail, detect: [email], prompt: redact, \
                 when: 'context.findings.contains(\"url\")' }\n";
    let (sent, judgement) = asked(&policies(rules), TEXT);
    assert_eq!(sent.unwrap(), CLEAN);
    assert_eq!(judgement.findings.detectors(), set(&["url", "email"]));
}

#[test]
fn what_an_answer_is_only_watched_for_hides_nothing_that_must_go() {
    let text = json!({"text": TEXT});
    let tool = json!({"toolUse": {"toolUseId": "t1", "name": "open", "input": {"at": TEXT}}});
    let redacting = mail("response", "redact", "");
    let filtered = answered(&redacting, &text);
    assert_eq!(content(&filtered), json!({"text": CLEAN}));
    assert_eq!(filtered.findings.detectors(), set(&["url", "email"]));
    let filtered = answered(&redacting, &tool);
    assert_eq!(content(&filtered).pointer("/toolUse/input/at").unwrap(), CLEAN);
    for content in [&text, &tool] {
        let filtered = answered(&mail("response", "deny", ""), content);
        assert!(filtered.edited && !filtered.verdict.violations.is_empty());
        assert!(!String::from_utf8_lossy(&filtered.body).contains("bob@"));
    }
    let filtered = answered(&mail("response", "redact", ", mode: shadow"), &text);
    assert!(!filtered.edited && filtered.verdict.shadow.is_empty());
    assert_eq!(filtered.findings.detectors(), set(&["url"]));
}

/// Values that stand in each other, or side by side.
fn text() -> impl Strategy<Value = String> {
    let part = select(vec![
        TEXT,
        "bob@mail.example.com",
        "4111 1111 1111 1111",
        "https://pay.example.com/?card=4111111111111111&ssn=219-09-9999",
        "ssh://root@52.98.176.142:22/x",
        "password: bob@mail.example.com",
        "+1 662-237-5048",
        "words",
        "api_key=AKIAQ3EGT7SRK4LMWZ2P",
        "\u{200b}",
    ]);
    let between = select(vec![" ", "", ",", "/", "\n"]);
    prop::collection::vec((part, between), 0..5)
        .prop_map(|parts| parts.into_iter().flat_map(|(part, between)| [part, between]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_answer_that_comes_whole_reads_as_one_that_streams(
        text in text(),
        actions in prop::collection::vec(select(vec!["report", "redact", "redact", "deny", ""]), 7),
    ) {
        let names = ["url", "email", "credit_card", "us_ssn", "ip_address", "password", "aws_access_key"];
        let rules = names.iter().zip(&actions).filter(|(_, action)| !action.is_empty());
        let rule = |(name, action): (&&str, &&str)| {
            format!("  - {{ id: {}, detect: [{name}], response: {action} }}\n", name.replace('_', "-"))
        };
        let rules = rules.map(rule).collect::<Vec<_>>().concat();
        prop_assume!(!rules.is_empty() && !text.is_empty());
        let policies = policies(&rules);
        let filtered = answered(&policies, &json!({"text": text}));
        let (principal, model, context, facts) = (principal(), model(), context(), Facts::default());
        let operation = Operation::ConverseStream;
        let inquiry =
            Inquiry { principal: &principal, operation, model: Some(&model), context: &context, facts: &facts };
        let plan = policies.answer_plan(&inquiry);
        let scanner = Scanner::new().unwrap();
        let mut redactor = Redactor::new(&scanner, &plan, None);
        let mut out = String::new();
        let going = text.chars().all(|letter| {
            redactor.push(letter.encode_utf8(&mut [0; 4]), &mut out) == Progress::Going
        });
        let going = going && redactor.finish(&mut out) == Progress::Going;
        prop_assert_eq!(going, filtered.verdict.violations.is_empty());
        if going {
            let content = content(&filtered);
            prop_assert_eq!(content.get("text").unwrap(), &out);
            prop_assert_eq!(&filtered.findings, redactor.findings());
        }
    }
}
