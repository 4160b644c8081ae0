//! What holds for every policy and every request.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::fixture::{HAIKU, ROUTER, Request, compiled};
use super::{GuardrailReference, PolicySet, Violation};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::{Leak, Modality, Parameter};

const MODELS: [&str; 6] = [
    HAIKU,
    "us.anthropic.claude-3-haiku-20240307-v1:0",
    "eu.anthropic.claude-3-haiku-20240307-v1:0",
    "amazon.nova-lite-v1:0",
    "global.amazon.nova-lite-v1:0",
    ROUTER,
];
const PATTERNS: [&str; 5] = ["*haiku*", "us.*", "amazon.*", "*", ROUTER];
const TEXTS: [&str; 5] = [
    "context.content.turns > 2",
    "context.params has temperature && context.params.temperature > 50500",
    "!context.params.stream || context.env == \"dev\"",
    "context.model.geos.containsAny([\"us\"])",
    "action in Warden::Action::\"Infer\" && principal in Warden::Team::\"payments\"",
];
const DETECTORS: [&str; 3] = ["email", "phone", "private_key"];
const GUARDRAILS: [&str; 3] = ["a1:1", "b1:2", "c1:DRAFT"];

/// An item of a section other than `allow`.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub level: usize,
    pub section: &'static str,
    pub body: String,
    pub shadow: bool,
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    subsequence(words, 1..=words.len()).prop_map(|words| list(&words))
}

/// A mapping of one clause, or a Cedar condition.
fn clauses() -> impl Strategy<Value = String> {
    let mapping = prop_oneof![
        select(vec!["prod", "dev"]).prop_map(|env| format!("env: {env}")),
        select(PATTERNS.to_vec()).prop_map(|pattern| format!("model: \"{pattern}\"")),
        select(vec!["10.0.0.0/8", "0.0.0.0/0"]).prop_map(|range| format!("source: {range}")),
        any::<bool>().prop_map(|stream| format!("stream: {stream}")),
        Just("tools: \"bash*\"".to_owned()),
        Just("action: Converse*".to_owned()),
        Just("hours: \"22:00-06:00 UTC\"".to_owned()),
        Just("kind: [profile, router]".to_owned()),
    ];
    prop_oneof![
        4 => mapping.prop_map(|clause| format!("{{ {clause} }}")),
        1 => select(TEXTS.to_vec()).prop_map(|text| format!("'{text}'")),
    ]
}

fn bound() -> impl Strategy<Value = String> {
    let numbers = (option::of(0..40_u32), option::of(60..100_u32), option::of(40..60_u32));
    let over = select(vec!["deny", "clamp"]);
    let parameter = select(vec!["maxTokens", "temperature", "topP"]);
    (parameter, numbers, over).prop_filter_map("needs a bound", |(parameter, (min, max, default), over)| {
        min.or(max)?;
        let part = |name: &str, value: Option<u32>| {
            value.map_or(String::new(), |value| format!("{name}: {value}, "))
        };
        let numbers = part("min", min) + &part("max", max) + &part("default", default);
        Some(format!("{parameter}: {{ {numbers}over: {over} }}"))
    })
}

fn section() -> impl Strategy<Value = (&'static str, String)> {
    let prompts = select(vec!["report", "tokenize", "redact", "deny"]);
    let responses = select(vec!["report", "redact", "deny"]);
    prop_oneof![
        select(PATTERNS[..3].to_vec()).prop_map(|pattern| ("deny", format!("models: [\"{pattern}\"]"))),
        some_of(&["us", "eu", "global", "us-east-1"])
            .prop_map(|places| ("residency", format!("in: [{places}]"))),
        bound().prop_map(|bound| ("limits", bound)),
        (2..4_u32).prop_map(|turns| ("limits", format!("turns: {turns}"))),
        some_of(&["text", "image"]).prop_map(|kinds| ("content", format!("modalities: [{kinds}]"))),
        (some_of(&GUARDRAILS), select(vec!["deny", "inject"]), select(vec!["all", "marked"])).prop_map(
            |(one_of, missing, parts)| {
                ("guardrail", format!("oneOf: [{one_of}], missing: {missing}, parts: {parts}"))
            }
        ),
        (some_of(&DETECTORS), prompts, responses).prop_map(|(detect, prompt, response)| {
            ("sensitive", format!("detect: [{detect}], prompt: {prompt}, response: {response}"))
        }),
    ]
}

pub(super) fn item() -> impl Strategy<Value = Item> {
    let condition = (option::of(clauses()), option::of(clauses()));
    (0..3_usize, section(), condition, any::<bool>()).prop_map(
        |(level, (section, body), (when, unless), shadow)| {
            // A guardrail list without a condition could contradict another one, which is refused when read.
            let when = when.or((section == "guardrail").then(|| "{ source: 0.0.0.0/0 }".to_owned()));
            let clause = |name: &str, text: Option<String>| {
                text.map_or(String::new(), |text| format!(", {name}: {text}"))
            };
            let mode = if shadow { ", mode: shadow" } else { "" };
            let body = format!("{body}{}{}{mode}", clause("when", when), clause("unless", unless));
            Item { level, section, body, shadow }
        },
    )
}

/// The items as files, each called by its place in `names`.
fn set(items: &[Item], names: &[usize]) -> PolicySet {
    let allow = format!("allow: {{ models: [\"*\", \"{ROUTER}\"] }}");
    let called: Vec<(&Item, usize)> = items.iter().zip(names.iter().copied()).collect();
    files(&[allow.clone(), allow.clone(), allow], &called, "")
}

/// A set of three levels with their `allow`, items called by numbers, and exceptions unless that text is empty.
pub(super) fn files(allow: &[String; 3], items: &[(&Item, usize)], exceptions: &str) -> PolicySet {
    let scopes = [
        ("org.yaml", "org"),
        ("teams/payments.yaml", "team/payments"),
        ("apps/payments/checkout.yaml", "app/payments/checkout"),
    ];
    let mut files: Vec<(&str, String)> = Vec::new();
    for (level, ((path, scope), allow)) in scopes.iter().zip(allow).enumerate() {
        let mut text = format!("version: 1\nscope: {scope}\n{allow}\n");
        // Residency of its own, so that the floor that holds without one does not come and go with the items.
        let mut residency = "residency:\n".to_owned();
        if level == 0 {
            text.push_str(
                "residency:\n  - { id: written, in: [us, eu, global], unless: { kind: router } }\n",
            );
            residency.clear();
        }
        for section in ["residency", "deny", "limits", "content", "guardrail", "sensitive"] {
            let mut heading =
                if section == "residency" { residency.clone() } else { format!("{section}:\n") };
            for (item, name) in
                items.iter().filter(|(item, _)| item.level == level && item.section == section)
            {
                let line = format!("{heading}  - {{ id: r{name}, {} }}\n", item.body);
                text.push_str(&line);
                heading.clear();
            }
        }
        files.push((*path, text));
    }
    if !exceptions.is_empty() {
        files.push(("exceptions.yaml", exceptions.to_owned()));
    }
    let texts: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let (set, reported) = compiled(&texts);
    set.unwrap_or_else(|| panic!("{reported:#?}\n{files:#?}"))
}

fn in_order(items: &[Item]) -> PolicySet {
    set(items, &(0..items.len()).collect::<Vec<_>>())
}

pub(super) fn request() -> impl Strategy<Value = Request> {
    let settings =
        vec((select(vec![Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP]), 0..120_u32), 0..5);
    let findings = vec((select(DETECTORS.to_vec()), 0..3_u32), 0..3);
    let content = (any::<bool>(), any::<bool>(), 0..4_u32);
    let around = (any::<bool>(), any::<bool>(), 0..24_u32);
    let leaks = vec(select(Leak::ALL.to_vec()), 0..2);
    let guardrail = (option::of(select(vec!["a1:1", "b1:2", "x9:1"])), leaks);
    let runtime = select(Operation::granted().filter(|one| one.takes_model()).collect::<Vec<_>>());
    (select(MODELS.to_vec()), runtime, settings, findings, content, around, guardrail).prop_map(
        |(model, operation, settings, findings, (image, tool, turns), (dev, outside, hour), asked)| {
            let mut request = Request::new(model);
            request.model = ModelReference::parse(model).unwrap();
            request.operation = operation;
            request.facts.stream = operation.is_streaming();
            for (parameter, value) in settings {
                request.facts.settings.entry(parameter).or_default().push(f64::from(value));
                request.facts.insertable.remove(&parameter);
            }
            for (detector, count) in findings {
                request = request.found(detector, count);
            }
            request.facts.modalities.extend(image.then_some(Modality::Image));
            request.facts.tools.extend(tool.then(|| "bash_20250124".to_owned()));
            request.facts.turns = turns;
            let (guardrail, leaks) = asked;
            request.facts.guardrail = guardrail.and_then(GuardrailReference::parse);
            request.facts.leaks.extend(leaks);
            if dev {
                request.context.environment = "dev".to_owned();
            }
            if outside {
                request.context.source = "192.0.2.1".parse().unwrap();
            }
            request.context.now = format!("2026-11-20T{hour:02}:30:00Z").parse().unwrap();
            request
        },
    )
}

/// Violations without the line numbers, which move with the order of the items.
fn without_places(violations: &[Violation]) -> Vec<Violation> {
    violations.iter().cloned().map(|violation| Violation { at: String::new(), ..violation }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_repaired_request_needs_no_repair(items in vec(item(), 0..8), request in request()) {
        let set = in_order(&items);
        let repairs = set.repair(&request.inquiry());
        let repaired = request.clone().with(|sent| sent.facts = request.facts.apply(&repairs));
        prop_assert_eq!(set.repair(&repaired.inquiry()), vec![]);
        if set.verify(&request.inquiry()).is_allowed() {
            prop_assert!(repairs.iter().all(|repair| matches!(repair, super::Repair::Set { previous: None, .. })), "{:?}", repairs);
            prop_assert!(set.verify(&repaired.inquiry()).is_allowed());
        }
    }

    #[test]
    fn one_more_rule_never_lets_more_be_sent(items in vec(item(), 1..6), request in request()) {
        let more = in_order(&items);
        let fewer = in_order(&items[1..]);
        let repaired = request.facts.apply(&more.repair(&request.inquiry()));
        for facts in [request.facts.clone(), repaired] {
            let sent = request.clone().with(|sent| sent.facts = facts);
            if more.verify(&sent.inquiry()).is_allowed() {
                prop_assert!(fewer.verify(&sent.inquiry()).is_allowed());
            }
        }
    }

    #[test]
    fn what_is_denied_plainly_is_denied_after_every_repair(items in vec(item(), 0..8), request in request()) {
        let set = in_order(&items);
        if set.denies_plainly(&request.inquiry()) {
            let repaired = request.facts.apply(&set.repair(&request.inquiry()));
            for facts in [request.facts.clone(), repaired] {
                let sent = request.clone().with(|sent| sent.facts = facts);
                prop_assert!(!set.verify(&sent.inquiry()).is_allowed());
            }
        }
    }

    #[test]
    fn shadow_rules_change_nothing(items in vec(item(), 0..8), request in request()) {
        let with = in_order(&items);
        let names: Vec<usize> = (0..items.len()).filter(|&index| !items[index].shadow).collect();
        let enforced: Vec<Item> = items.iter().filter(|item| !item.shadow).cloned().collect();
        let without = set(&enforced, &names);
        let inquiry = request.inquiry();
        prop_assert_eq!(with.repair(&inquiry), without.repair(&inquiry));
        let (left, right) = (with.verify(&inquiry), without.verify(&inquiry));
        prop_assert_eq!(without_places(&left.violations), without_places(&right.violations));
        prop_assert_eq!(left.granted_by, right.granted_by);
        prop_assert_eq!(with.answer_filters(&inquiry), without.answer_filters(&inquiry));
        let (left, right) = (with.judge_answer(&inquiry, &request.facts.findings), without.judge_answer(&inquiry, &request.facts.findings));
        prop_assert_eq!(left.redact, right.redact);
        prop_assert_eq!(without_places(&left.violations), without_places(&right.violations));
    }

    #[test]
    fn the_order_of_rules_changes_nothing(
        (items, shuffled) in vec(item(), 0..8).prop_flat_map(|items| {
            let named: Vec<(usize, Item)> = items.iter().cloned().enumerate().collect();
            (Just(items), Just(named).prop_shuffle())
        }),
        request in request(),
    ) {
        let ordered = in_order(&items);
        let (names, items): (Vec<usize>, Vec<Item>) = shuffled.into_iter().unzip();
        let shuffled = set(&items, &names);
        let inquiry = request.inquiry();
        prop_assert_eq!(ordered.repair(&inquiry), shuffled.repair(&inquiry));
        let (left, right) = (ordered.verify(&inquiry), shuffled.verify(&inquiry));
        prop_assert_eq!(without_places(&left.violations), without_places(&right.violations));
        prop_assert_eq!(without_places(&left.shadow), without_places(&right.shadow));
    }

    #[test]
    fn what_is_allowed_without_tools_is_listed(items in vec(item(), 0..6), request in request()) {
        let set = in_order(&items);
        let request = request.with(|request| request.facts.tools.clear());
        if set.verify(&request.inquiry()).is_allowed() {
            prop_assert!(set.may_use(&request.principal, &request.model, &request.context));
        }
    }

    #[test]
    fn an_answer_that_is_passed_on_holds_nothing_that_a_rule_refuses(items in vec(item(), 0..8), request in request()) {
        let set = in_order(&items);
        let judged = set.judge_answer(&request.inquiry(), &request.facts.findings);
        if set.answer_filters(&request.inquiry()).is_empty() {
            prop_assert!(judged.violations.is_empty() && judged.redact.is_empty());
        }
        if judged.violations.is_empty() {
            let repair = super::Repair::Redact { detectors: judged.redact, rule: super::RuleId::new(&super::Scope::Org, super::Section::Sensitive, None) };
            let sent = request.facts.apply(&[repair]).findings;
            let again = set.judge_answer(&request.inquiry(), &sent);
            prop_assert!(again.violations.is_empty() && again.redact.is_empty());
        }
    }
}
