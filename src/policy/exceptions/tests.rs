use proptest::collection::vec;
use proptest::prelude::*;

use crate::bedrock::view::Parameter;
use crate::policy::PolicySet;
use crate::policy::fixture::{HAIKU, Request, compiled};

const OPUS: &str = "anthropic.claude-3-opus-20240229-v1:0";
const ORG: &str = "version: 1
scope: org
allow: { models: [\"anthropic.claude-3-haiku-*\"] }
residency: { in: [us], locked: true }
limits:
  - maxTokens: { max: 16384, over: clamp }
    temperature: 0.5
deny: { id: tools, when: { tools: \"bash*\" } }
sensitive:
  - { id: mail, detect: [email], prompt: redact, unread: report }
  - { id: keys, detect: [private_key], prompt: deny, unread: report }
";
const TEAM: &str = "version: 1
scope: team/payments
allow: { models: [\"*\"] }
";

fn exception(body: &str) -> String {
    let meta = "until: 2026-12-15T00:00:00Z, owner: jane, approvedBy: ciso, ticket: T-1, reason: a test";
    format!(
        "version: 1\nscope: exceptions\nexceptions:\n  - {{ id: SEC-1, for: {{ team: payments }}, {meta}, {body} }}\n"
    )
}

fn read(body: &str) -> (Option<PolicySet>, Vec<String>) {
    compiled(&[("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("exceptions.yaml", &exception(body))])
}

fn set(body: &str) -> PolicySet {
    let (set, reported) = read(body);
    set.unwrap_or_else(|| panic!("{reported:#?}"))
}

/// Violated rules, and the exceptions that were needed, of a request that is not repaired.
fn verified(set: &PolicySet, request: &Request) -> (Vec<String>, Vec<String>) {
    let verdict = set.verify(&request.inquiry());
    let violated = verdict.violations.iter().map(|one| one.rule.to_string()).collect();
    (violated, verdict.exceptions.iter().map(|one| one.id.to_string()).collect())
}

/// A call that keeps every limit.
fn call(model: &str) -> Request {
    Request::new(model).set(Parameter::MaxTokens, &[100.0])
}

fn tokens(count: f64) -> Request {
    Request::new(HAIKU).set(Parameter::MaxTokens, &[count])
}

#[test]
fn an_exception_waives_what_it_names_for_whom_it_names_while_it_lasts() {
    let set = set("waive: [org/limits.maxTokens], instead: { limits: { maxTokens: 64000 } }");
    let none: Vec<String> = Vec::new();
    let used = vec!["SEC-1".to_owned()];
    let limits = vec!["org/limits".to_owned()];
    assert_eq!(verified(&set, &tokens(60000.0)), (none.clone(), used.clone()));
    assert_eq!(verified(&set, &tokens(16000.0)), (none.clone(), none.clone()), "not needed");
    assert_eq!(verified(&set, &tokens(64001.0)), (limits.clone(), none.clone()));
    let warm = tokens(60000.0).set(Parameter::Temperature, &[0.9]);
    assert_eq!(verified(&set, &warm), (limits.clone(), used.clone()), "another field of the rule");
    let late = tokens(60000.0).with(|request| request.context.now = "2026-12-15T00:00:00Z".parse().unwrap());
    assert_eq!(verified(&set, &late), (limits.clone(), none.clone()));
    let last =
        tokens(60000.0).with(|request| request.context.now = "2026-12-14T23:59:59.9Z".parse().unwrap());
    assert_eq!(verified(&set, &last), (none, used));
    let message = &set.verify(&tokens(64001.0).inquiry()).violations[0].message;
    assert_eq!(
        message,
        "maxTokens 64001 is over 16384 (exception SEC-1 does not help: maxTokens 64001 is over 64000)"
    );
}

#[test]
fn an_exception_for_one_app_leaves_its_neighbours_alone() {
    let text = exception("waive: [org/limits.maxTokens]")
        .replace("{ team: payments }", "{ team: payments, app: eval }");
    let files = [("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("exceptions.yaml", &*text)];
    let set = compiled(&files).0.unwrap();
    assert_eq!(verified(&set, &tokens(60000.0)).0, ["org/limits"]);
    let eval = tokens(60000.0).with(|request| request.principal.app = "eval".to_owned());
    assert_eq!(verified(&set, &eval).1, ["SEC-1"]);
}

#[test]
fn a_waived_bound_is_not_clamped_and_the_terms_are() {
    let set =
        set("waive: [org/limits.maxTokens], instead: { limits: { maxTokens: { max: 64000, over: clamp } } }");
    let forwarded = |count: f64| {
        let request = tokens(count);
        let facts = request.facts.apply(&set.repair(&request.inquiry()));
        let violated = verified(&set, &request.clone().with(|request| request.facts = facts.clone())).0;
        assert_eq!(violated, Vec::<String>::new());
        facts.settings[&Parameter::MaxTokens].clone()
    };
    assert_eq!(forwarded(60000.0), [60000.0]);
    assert_eq!(forwarded(90000.0), [64000.0]);
}

#[test]
fn break_glass_stays_shut_until_it_is_invoked_by_its_name() {
    let set = set("waive: [org/deny/tools], breakGlass: true");
    let invoked = |by: Option<&str>| {
        let request = call(HAIKU).with(|request| {
            request.facts.tools = vec!["bash_20250124".to_owned()];
            request.context.break_glass = by.map(str::to_owned);
        });
        verified(&set, &request).0.is_empty()
    };
    assert!(!invoked(None));
    assert!(!invoked(Some("SEC-2")));
    assert!(invoked(Some("SEC-1")));
    assert!(set.exceptions().next().unwrap().break_glass);
}

#[test]
fn waiving_allow_grants_what_its_terms_list_and_no_more() {
    let set = set(&format!("waive: [org/allow], instead: {{ allow: {{ models: [{OPUS}] }} }}"));
    assert_eq!(verified(&set, &call(OPUS)), (vec![], vec!["SEC-1".to_owned()]));
    assert_eq!(verified(&set, &call("amazon.nova-lite-v1:0")).0, ["org/allow"]);
    assert_eq!(verified(&set, &call(HAIKU)), (vec![], vec![]));
}

#[test]
fn a_waived_denial_leaves_other_rules_their_redactions() {
    let both = "waive: [org/sensitive/keys], instead: { sensitive: { id: t, detect: [private_key], prompt: redact, unread: report } }";
    let set = set(both);
    let request = call(HAIKU).found("private_key", 1).found("email", 1);
    assert_eq!(verified(&set, &request).0, ["org/sensitive/keys", "org/sensitive/mail"]);
    let repairs = set.repair(&request.inquiry());
    let mended = request.clone().with(|sent| sent.facts = request.facts.apply(&repairs));
    assert_eq!(verified(&set, &mended).0, Vec::<String>::new());
    assert!(mended.facts.findings.is_empty());
}

#[test]
fn exceptions_say_everything_that_is_wrong_with_them() {
    let table = [
        (
            "waive: [org/limits.maxTokns]",
            "there is no rule `org/limits.maxTokns` for this exception to waive (did you mean `org/limits.maxTokens`?)",
        ),
        (
            "waive: [org/residency]",
            "`org/residency` is locked, and no exception can waive it (locked at org.yaml:4)",
        ),
        ("waive: [org/allow]", "an exception that waives `allow` must say what it grants"),
        (
            "waive: [org/limits], instead: { allow: { models: [\"*\"] } }",
            "`instead.allow` grants nothing unless `allow` is waived",
        ),
        (
            "waive: [org/limits], instead: { limits: { maxTokens: 5, mode: shadow } }",
            "the terms of an exception are enforced",
        ),
        (
            "waive: [org/limits], instead: { limits: { maxTokens: 5, locked: true } }",
            "`locked` belongs to org.yaml only",
        ),
        ("waive: []", "waive must not be empty"),
        ("instead: { limits: { maxTokens: 5 } }", "an exception needs `waive`"),
    ];
    for (body, expected) in table {
        let (set, reported) = read(body);
        assert!(set.is_none(), "{body}");
        assert!(reported.iter().any(|one| one.contains(expected)), "{body}: {reported:#?}");
    }
    let all = exception("waive: [org/limits]");
    for (from, to, expected) in [
        ("id: SEC-1", "id: payments", "`payments` is a scope"),
        ("team: payments", "team: paymnts", "did you mean `payments`?"),
        ("2026-12-15T00:00:00Z", "soon", "until must be a moment in whole seconds"),
        ("2026-12-15T00:00:00Z", "2027-02-19T00:00:00Z", "lasts longer than 90 days from now"),
        (", ticket: T-1", "", "an exception needs `ticket`"),
        (", reason: a test", "", "an exception needs `reason`"),
        (", owner: jane", "", "an exception needs `owner`"),
        (", approvedBy: ciso", "", "an exception needs `approvedBy`"),
        ("until: 2026-12-15T00:00:00Z, ", "", "an exception needs `until`"),
    ] {
        let text = all.replace(from, to);
        let (set, reported) =
            compiled(&[("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("exceptions.yaml", &text)]);
        assert!(set.is_none(), "{text}");
        assert!(reported.iter().any(|one| one.contains(expected)), "{text}: {reported:#?}");
    }
}

#[test]
fn an_exception_that_is_over_is_warned_about_and_waives_nothing() {
    let text = exception("waive: [org/limits]").replace("2026-12-15", "2026-11-01");
    let (set, reported) =
        compiled(&[("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("exceptions.yaml", &text)]);
    assert!(reported[0].contains("is over since 2026-11-01T00:00:00Z and waives nothing"), "{reported:?}");
    assert_eq!(verified(&set.unwrap(), &tokens(60000.0)).0, ["org/limits"]);
}

#[test]
fn the_floor_says_how_long_exceptions_may_last() {
    let org = format!("{ORG}exceptions: {{ maxDays: 7 }}\n");
    let text = exception("waive: [org/limits]");
    let (set, reported) =
        compiled(&[("org.yaml", &org), ("teams/payments.yaml", TEAM), ("exceptions.yaml", &text)]);
    assert!(set.is_none() && reported[0].contains("lasts longer than 7 days from now"), "{reported:?}");
}

const WAIVERS: [&str; 6] = [
    "org/limits",
    "org/limits.maxTokens",
    "org/deny/tools",
    "org/sensitive/mail",
    "org/sensitive/keys",
    "org/limits.temperature",
];
const TERMS: [&str; 7] = [
    "limits: { maxTokens: 20 }",
    "limits: { maxTokens: { max: 50000, over: clamp } }",
    "deny: { id: t, when: { env: dev } }",
    "sensitive: { id: t, detect: [email], prompt: deny, unread: report }",
    "sensitive: { id: t, detect: [private_key], prompt: redact, unread: report }",
    "limits: { temperature: 0.9 }",
    "guardrail: { oneOf: [\"a1:1\"], missing: inject }",
];

fn one_exception(index: usize, waived: usize, terms: Option<usize>, glass: bool) -> String {
    let meta = "until: 2026-12-15T00:00:00Z, owner: jane, approvedBy: ciso, ticket: T-1, reason: a test";
    let terms = terms.map_or(String::new(), |index| format!(", instead: {{ {} }}", TERMS[index]));
    let waived = WAIVERS[waived];
    format!(
        "  - {{ id: E{index}, for: {{ team: payments }}, {meta}, waive: [{waived}], breakGlass: {glass}{terms} }}\n"
    )
}

fn with_exceptions(exceptions: &[(usize, Option<usize>, bool)], names: &[usize]) -> PolicySet {
    let items: String = exceptions
        .iter()
        .zip(names)
        .map(|((waived, terms, glass), name)| one_exception(*name, *waived, *terms, *glass))
        .collect();
    let text = format!("version: 1\nscope: exceptions\nexceptions:\n{items}");
    let mut files = vec![("org.yaml", ORG), ("teams/payments.yaml", TEAM)];
    if !exceptions.is_empty() {
        files.push(("exceptions.yaml", &text));
    }
    let (set, reported) = compiled(&files);
    set.unwrap_or_else(|| panic!("{reported:#?}\n{text}"))
}

fn request() -> impl Strategy<Value = Request> {
    let numbers =
        (prop::sample::select(vec![10.0, 30.0, 20000.0, 60000.0]), prop::sample::select(vec![0.1, 0.7, 1.0]));
    (numbers, any::<(bool, bool, bool, bool)>(), 0..3_usize).prop_map(
        |((tokens, heat), (bash, mail, key, dev), glass)| {
            let mut request = Request::new(HAIKU)
                .set(Parameter::MaxTokens, &[tokens])
                .set(Parameter::Temperature, &[heat])
                .found("email", u32::from(mail))
                .found("private_key", u32::from(key));
            request.facts.tools.extend(bash.then(|| "bash".to_owned()));
            if dev {
                request.context.environment = "dev".to_owned();
            }
            request.context.break_glass = Some(format!("E{glass}"));
            request
        },
    )
}

fn an_exception() -> impl Strategy<Value = (usize, Option<usize>, bool)> {
    (0..WAIVERS.len(), prop::option::of(0..TERMS.len()), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn removing_an_exception_never_lets_more_be_sent(exceptions in vec(an_exception(), 1..4), request in request()) {
        let names: Vec<usize> = (0..exceptions.len()).collect();
        let all = with_exceptions(&exceptions, &names);
        let fewer = with_exceptions(&exceptions[1..], &names[1..]);
        if fewer.verify(&request.inquiry()).is_allowed() {
            prop_assert!(all.verify(&request.inquiry()).is_allowed());
        }
    }

    #[test]
    fn what_no_exception_was_needed_for_could_be_sent_without_any(exceptions in vec(an_exception(), 1..4), request in request()) {
        let names: Vec<usize> = (0..exceptions.len()).collect();
        let verdict = with_exceptions(&exceptions, &names).verify(&request.inquiry());
        let bare = with_exceptions(&[], &[]).verify(&request.inquiry());
        if verdict.is_allowed() && verdict.exceptions.is_empty() {
            prop_assert!(bare.is_allowed());
        }
        if bare.is_allowed() {
            prop_assert!(verdict.is_allowed() && verdict.exceptions.is_empty());
        }
    }

    #[test]
    fn a_request_that_was_repaired_under_exceptions_needs_no_repair(exceptions in vec(an_exception(), 0..4), request in request()) {
        let names: Vec<usize> = (0..exceptions.len()).collect();
        let set = with_exceptions(&exceptions, &names);
        let repairs = set.repair(&request.inquiry());
        let repaired = request.clone().with(|sent| sent.facts = request.facts.apply(&repairs));
        prop_assert_eq!(set.repair(&repaired.inquiry()), vec![]);
    }
}
